"""Numeric and Columns: arrays of numpy."""

import array
import gc
import threading
import weakref
from fractions import Fraction

import accrete
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy")

DTYPES = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "c8", "c16", "?"]
FLIGHT = np.dtype([("delay", "f4"), ("late", "?"), ("distance", "i8")], align=True)


@pytest.fixture
def store():
    with accrete.memory() as store:
        yield store


def equal(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_comes_back_bit_for_bit(store, dtype):
    numeric = accrete.Numeric(store, dtype)
    raw = np.random.default_rng(1).integers(0, 2 if dtype == "?" else 256, 16 * 7, np.uint8)
    array = raw.view(dtype)
    numeric.append("k", array)
    numeric.append("k", array[::2])
    got = numeric.get("k")
    assert equal(got, np.concatenate([array, array[::2]]))
    assert got.flags.writeable and got.flags.owndata
    assert numeric.size("k") == len(got)


def test_structures_are_elements_without_the_gaps_between_their_fields(store):
    numeric = accrete.Numeric(store, FLIGHT)
    flights = np.array([(1.5, True, 100), (-2, False, 200)], FLIGHT)
    numeric.append({"SEA": flights, "SFO": flights[1:]})
    got = numeric.get("SEA")
    assert got.dtype == FLIGHT and got.tolist() == flights.tolist()
    assert numeric.get("SFO").tolist() == flights[1:].tolist()
    packed = accrete.Numeric(store, np.dtype([(name, FLIGHT[name]) for name in FLIGHT.names]))
    assert packed.get("SEA").tolist() == flights.tolist()


@given(st.lists(st.lists(st.floats(width=32), max_size=50), max_size=10))
@settings(deadline=None, max_examples=50)
def test_pieces_are_joined(pieces):
    with accrete.memory() as store:
        numeric = accrete.Numeric(store, "f4")
        for piece in pieces:
            numeric.append("k", np.array(piece, "f4"))
        assert equal(numeric.get("k"), np.concatenate([np.array(piece, "f4") for piece in [[], *pieces]]))


def test_a_large_array_comes_back(store):
    numeric = accrete.Numeric(accrete.compressed(store, "lz4"), "i8")
    array = np.arange(5_000_000)
    numeric.append("k", array)
    assert equal(numeric.get("k"), array)
    room = np.zeros(len(array) + 1, "i8")
    assert numeric.get_into("k", room) == len(array)
    assert equal(room[:-1], array) and room[-1] == 0


def test_a_missing_key_has_no_elements_and_no_elements_make_an_empty_value(store):
    numeric = accrete.Numeric(store, "f8")
    assert numeric.size("k") is None and equal(numeric.get("k"), np.empty(0))
    numeric.append("k", [])
    assert numeric.size("k") == 0 and equal(numeric.get("k"), np.empty(0))


def test_lists_are_converted_and_arrays_of_another_byte_order_as_well(store):
    numeric = accrete.Numeric(store, ">i4")
    numeric.append("k", [1, 2])
    numeric.append("k", np.array([3], ">i4"))
    numeric.append("k", np.array([4], "<i4"))
    numeric.append("k", np.array(5, "<i4"))
    assert numeric.get("k").tolist() == [1, 2, 3, 4, 5]


def test_another_dtype_is_refused_and_nothing_is_stored(store):
    accrete.Numeric(store, "i4").append("k", [1])
    other = accrete.Numeric(store, "f4")
    for attempt in (
        lambda: other.append({"new": [1.0], "k": [2.0]}),
        lambda: other.append("new", np.array([1.0])),
        lambda: other.append("new", np.array([1])),
        lambda: other.get("k"),
        lambda: other.size("k"),
        lambda: other.get_into("k", np.zeros(1)),
    ):
        with pytest.raises(accrete.TypeMismatchError) as error:
            attempt()
        assert isinstance(error.value, TypeError)
    assert accrete.Numeric(store, "i4").get("k").tolist() == [1]
    assert other.get("new").size == 0


def test_what_has_a_dtype_is_not_converted(store):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    numeric = accrete.Numeric(store, "i4")
    for series in (pd.Series([1.5, float("nan")]), pd.Series([1 << 40]), pd.Series([1], dtype="Int64")):
        with pytest.raises(accrete.TypeMismatchError):
            numeric.append({"k": [1], "other": series})
    numeric.append("k", pd.Series([1, 2], dtype="i4"))
    numeric.append("k", np.float64(3))
    assert numeric.get("k").tolist() == [1, 2, 3] and "other" not in store


@pytest.mark.parametrize(("dtype", "numbers"), [
    ("i4", [1.5]), ("i4", 1.5), ("i1", [1, 300]), ("u8", [-1.0]), ("i4", array.array("d", [float("nan")])), ("?", [2]),
    ("i1", memoryview(array.array("i", [300]))), ("i4", np.float64("nan")), ("i4", np.int64(1 << 40)), ("i4", "12"),
], ids=str)
def test_numbers_that_a_dtype_has_not_are_refused_and_not_made_others(store, dtype, numbers):
    numeric = accrete.Numeric(store, dtype)
    with pytest.raises(accrete.InvalidArgumentError, match="numbers of"):
        numeric.append({"k": [1], "other": numbers})
    assert store.keys() == []


def test_numbers_that_a_dtype_has_are_converted_from_whatever_they_are(store):
    numeric = accrete.Numeric(store, "i8")
    for numbers in ([1.0, True], (2**53 + 1, 1.0), array.array("d", [3]), range(2), memoryview(b"ab"), [Fraction(4)], np.int8(5)):
        numeric.append("k", numbers)
    assert numeric.get("k").tolist() == [1, 1, 2**53 + 1, 1, 3, 0, 1, 97, 98, 4, 5]
    flags = accrete.Numeric(store, "?")
    flags.append("flags", [1, 0, True])
    assert flags.get("flags").tolist() == [True, False, True]


def test_nulls_of_pyarrow_are_no_numbers(store):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    numeric = accrete.Numeric(store, "i8")
    with pytest.raises(accrete.InvalidArgumentError):
        numeric.append("k", pa.array([1, None]))
    numeric.append("k", pa.array([2**63 - 1]))
    assert numeric.get("k").tolist() == [2**63 - 1]


@pytest.mark.parametrize("dtype", ["O", "U5", "S5", "f2", "g", "M8[s]", "V8", [("a", "O")], [("a", "i4", 2)], "V0"])
def test_what_is_no_number_is_refused_in_words(store, dtype):
    with pytest.raises(TypeError, match="cannot be stored"):
        accrete.Numeric(store, dtype)


def test_masked_elements_are_no_numbers(store):
    numeric = accrete.Numeric(store, "i8")
    with pytest.raises(TypeError, match="filled"):
        numeric.append("k", np.ma.array([1, 2], mask=[False, True]))
    numeric.append("k", np.ma.array([1, 2]))
    assert numeric.get("k").tolist() == [1, 2]
    columns = accrete.Columns(store)
    with pytest.raises(TypeError, match="filled"):
        columns.append("t", {"a": np.arange(2), "b": np.ma.array([1, 2], mask=[False, True])})
    assert columns.rows("t") is None


def test_what_is_appended_is_flat(store):
    with pytest.raises(accrete.InvalidArgumentError, match="ravel"):
        accrete.Numeric(store, "i8").append("k", np.zeros((2, 2), "i8"))
    assert "k" not in store


def test_expect_size_and_an_id_count_elements_and_batches(store):
    numeric = accrete.Numeric(store, "i8")
    numeric.append("k", [1, 2], expect_size=0)
    with pytest.raises(accrete.SizeMismatchError):
        numeric.append("k", [3], expect_size=1)
    numeric.append("k", [3], expect_size=2, id=(b"w" * 16, 1))
    numeric.append("k", [3], id=(b"w" * 16, 1))
    assert numeric.get("k").tolist() == [1, 2, 3]


def test_damage_is_found_wherever_it_is(store):
    accrete.Numeric(store, "i2").append("k", [1, 2, 3])
    value = store.get("k")
    for at in range(len(value)):
        for broken in (value[:at], value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]):
            with accrete.memory() as other:
                other.append("k", broken)
                numeric = accrete.Numeric(other, "i2")
                if broken:
                    with pytest.raises((accrete.CorruptionError, accrete.TypeMismatchError)):
                        numeric.get("k")
                else:
                    assert numeric.get("k").size == 0


def test_an_array_that_grows_while_it_is_read_comes_back_whole(store):
    numeric = accrete.Numeric(store, "i8")
    numeric.append("k", np.arange(1000))

    def append():
        for _ in range(2000):
            numeric.append("k", np.arange(1000))

    thread = threading.Thread(target=append)
    thread.start()
    while thread.is_alive():
        got = numeric.get("k")
        assert len(got) % 1000 == 0 and (got.reshape(-1, 1000) == np.arange(1000)).all()
    thread.join()
    assert numeric.size("k") == 2_001_000


def test_a_store_that_was_closed_is_refused(store):
    numeric = accrete.Numeric(store, "i8")
    columns = accrete.Columns(store)
    store.close()
    for attempt in (lambda: numeric.append("k", [1]), lambda: columns.append("k", {"a": [1]}), lambda: columns.rows("k")):
        with pytest.raises(accrete.InvalidArgumentError, match="closed"):
            attempt()


@pytest.mark.parametrize("kind", [lambda store: accrete.Numeric(store, "i4"), accrete.Columns], ids=["numeric", "columns"])
def test_a_store_that_keeps_its_view_is_collected(kind):
    store = accrete.memory()
    store.view = kind(store)
    is_there = weakref.ref(store)
    del store
    gc.collect()
    assert is_there() is None


def test_closing_the_store_lets_go_of_the_dataset_though_views_of_it_are_there(url):
    with accrete.open(url, buffer=True) as store:
        numeric = accrete.Numeric(store, "i8")
        columns = accrete.Columns(store)
        numeric.append("k", [1])
    with accrete.open(url, buffer=True) as other:
        assert accrete.Numeric(other, "i8").get("k").tolist() == [1]
    assert numeric.store.closed and columns.store.closed


def test_columns_grow_by_rows_and_are_read_by_name(store):
    events = accrete.Columns(store)
    rows = {"delay": np.array([1.5, -2], "f4"), "distance": np.array([100, 200]), "late": [True, False]}
    events.append("SEA", rows)
    events.append("SEA", dict(reversed(rows.items())))
    assert events.columns("SEA") == {"delay": np.dtype("f4"), "distance": np.dtype("i8"), "late": np.dtype("?")}
    assert events.rows("SEA") == 4 and events.keys() == ["SEA"]
    assert equal(events.get("SEA", "delay"), np.array([1.5, -2, 1.5, -2], "f4"))
    assert [a.tolist() for a in events.get("SEA", ["late", "distance"]).values()] == [
        [True, False] * 2, [100, 200] * 2,
    ]
    assert list(events.get("SEA")) == list(rows)
    assert equal(accrete.Numeric(store, "i8").get("SEA\0distance"), np.array([100, 200] * 2))
    events.erase("SEA")
    assert events.get("SEA") == {} and events.rows("SEA") is None and not len(store)
    assert events.get("SEA", "delay").size == 0 and events.get("SEA", ["delay"]) == {}


def test_columns_that_differ_are_refused_and_nothing_is_stored(store):
    events = accrete.Columns(store)
    events.append("k", {"a": [1], "b": [2.5]})
    for rows in ({"a": [1]}, {"a": [1], "b": [2]}, {"a": [1], "b": [2.5], "c": [1]}):
        with pytest.raises(accrete.TypeMismatchError):
            events.append("k", rows)
    for rows in ({"a": [1], "b": [2.5, 3.5]}, {}, {"a b": [1]}, {"": [1]}):
        with pytest.raises(accrete.InvalidArgumentError):
            events.append("k", rows)
    with pytest.raises(TypeError, match="cannot be stored"):
        events.append("k", {"a": ["text"]})
    with pytest.raises(accrete.InvalidArgumentError, match="no column 'c'"):
        events.get("k", ["a", "c"])
    assert events.rows("k") == 1 and events.get("k", "a").tolist() == [1]
