"""Frames of pandas: what is gathered is what was scattered."""
import pickle

import accrete
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy", reason="numpy is not installed")
pd = pytest.importorskip("pandas", reason="pandas is not installed")

KEYS = 3
TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=5)
INTS = st.integers(-100, 100)
MOMENTS = st.integers(-(1 << 40), 1 << 40)


def _optional(values):
    return st.one_of(st.none(), values)


def _series(values, make):
    return st.lists(values, min_size=20, max_size=20).map(make)


def _object(values):
    return pd.Series(values, dtype=object)


def _categorical(values):
    return pd.Series(pd.Categorical(values, categories=["b", "a", "unused"], ordered=values[0] is None))


COLUMNS = {
    **{name: _series(st.integers(0, 100), lambda values, name=name: pd.Series(values, dtype=name))
       for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")},
    **{name: _series(st.floats(width=16), lambda values, name=name: pd.Series(values, dtype=name))
       for name in ("float16", "float32", "float64")},
    **{name: _series(_optional(INTS.filter(lambda value: value >= 0)), lambda values, name=name: pd.Series(values, dtype=name))
       for name in ("Int8", "UInt16", "Int32", "UInt64", "Float64")},
    "bool": _series(st.booleans(), pd.Series),
    "boolean": _series(_optional(st.booleans()), lambda values: pd.Series(values, dtype="boolean")),
    "text": _series(_optional(TEXT), _object),
    "bytes": _series(_optional(st.binary(max_size=5)), lambda values: _object([*values[:-1], b"last"])),
    "nothing": _series(st.none(), _object),
    "string": _series(_optional(TEXT), lambda values: pd.Series(values, dtype="string")),
    "python string": _series(_optional(TEXT), lambda values: pd.Series(values, dtype="string[python]")),
    "inferred": _series(TEXT, pd.Series),
    "datetime": _series(_optional(MOMENTS), lambda values: pd.Series(pd.to_datetime(values, unit="us"))),
    "zone": _series(_optional(MOMENTS), lambda values: pd.Series(pd.to_datetime(values, unit="us", utc=True)).dt.tz_convert("Asia/Kolkata")),
    "offset": _series(MOMENTS, lambda values: pd.Series(pd.to_datetime(values, unit="us", utc=True)).dt.tz_convert("-03:30")),
    "timedelta": _series(_optional(MOMENTS), lambda values: pd.Series(pd.to_timedelta(values, unit="us"))),
    "category": _series(st.sampled_from(["a", "b", None]), _categorical),
    "number category": _series(INTS, lambda values: pd.Series(values, dtype="category")),
    "period": _series(_optional(INTS), lambda values: pd.Series([pd.NaT if value is None else pd.Period(ordinal=value, freq="M") for value in values], dtype="period[M]")),
    "interval": _series(INTS, lambda values: pd.Series(pd.arrays.IntervalArray.from_arrays(values, [value + 1 for value in values], closed="left"))),
    "cut": _series(INTS, lambda values: pd.Series(pd.cut(values, [-101, -50, 0, 50, 101]))),
}
FRAMES = st.builds(
    lambda columns, index: pd.DataFrame(columns).set_axis(index, axis=0),
    st.fixed_dictionaries({}, optional=COLUMNS),
    st.one_of(
        st.just(pd.RangeIndex(20)),
        st.just(pd.Index([f"row {i}" for i in range(20)], name="rows")),
        st.just(pd.date_range("2001-03-04", periods=20, freq="h", tz="UTC", name="when")),
        st.just(pd.MultiIndex.from_arrays([range(20), list("ab" * 10), [1.5] * 20], names=["first", None, "first"])),
        st.just(pd.CategoricalIndex(list("ab" * 10), categories=["b", "c", "a"])),
        st.just(pd.interval_range(0, 20)),
        st.just(pd.period_range("2001", periods=20, freq="D")),
        st.just(pd.timedelta_range("1s", periods=20)),
    ),
)
CODES = st.lists(st.integers(0, KEYS - 1), min_size=20, max_size=20).map(np.array)


def _assert_gathered(store, key, expected):
    got = store.gather(key, to="pandas")
    pd.testing.assert_frame_equal(
        got, expected, check_freq=False, check_column_type=len(expected.columns) > 0,
        check_index_type="equiv" if len(expected) else False,  # old pandas has none for levels without values
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(frame=FRAMES, codes=CODES)
def test_what_is_gathered_is_what_was_scattered(frame, codes):
    with accrete.memory() as store:
        store.scatter(frame, codes, KEYS)
        for key in range(KEYS):
            _assert_gathered(store, key, frame[codes == key])
        store.scatter(frame.iloc[::-1], codes[::-1], KEYS)
        for key in range(KEYS):
            _assert_gathered(store, key, pd.concat([frame[codes == key], frame[codes == key].iloc[::-1]]))


@pytest.fixture
def frame():
    return pd.DataFrame({"key": ["a", "b", "a", None], "number": [1, 2, 3, 4], "real": [0.5, None, 1.5, 2.5], "again": ["x"] * 4})


def test_rows_go_to_the_key_that_a_column_has(store, frame):
    frame = frame.dropna(subset=["key"])
    store.scatter(frame, "key")
    assert store.keys() == ["a", "b"]
    _assert_gathered(store, "a", frame[frame["key"] == "a"])
    store.scatter(frame, by="key")
    assert store.gather("a")["number"].tolist() == [1, 3, 1, 3]


def test_an_int_and_several_columns_are_packed_keys(frame):
    with accrete.memory() as store:
        store.scatter(frame, "number")
        assert [accrete.unpack_key(key) for key in store.keys()] == [1, 2, 3, 4]
        assert store.gather(3)["key"].tolist() == ["a"]
    with accrete.memory() as store:
        store.scatter(frame.iloc[:3], ["key", "number"])
        assert [accrete.unpack_key(key) for key in store.keys()] == [("a", 1), ("a", 3), ("b", 2)]
        assert len(store.gather(("b", 2))) == 1


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "uint64", "bool", "category"])
def test_keys_of_any_width_are_ints(dtype):
    values = [0, 1, 1, 0]
    with accrete.memory() as store:
        store.scatter(pd.DataFrame({"key": pd.Series(values, dtype=dtype), "row": range(4)}), "key")
        assert [store.gather(key)["row"].tolist() for key in (0, 1)] == [[0, 3], [1, 2]]


def test_negative_keys_and_categories_are_what_they_stand_for():
    with accrete.memory() as store:
        store.scatter(pd.DataFrame({"key": pd.array([-300, 7], dtype="int16")}), "key")
        assert [accrete.unpack_key(key) for key in store.keys()] == [-300, 7]
    with accrete.memory() as store:
        store.scatter(pd.DataFrame({"key": pd.Categorical(["b", "a", "b"])}), "key")
        assert store.keys() == ["a", "b"]


def test_a_null_is_no_key_unless_one_is_named(frame):
    with accrete.memory() as store:
        with pytest.raises(accrete.InvalidArgumentError, match="null_key"):
            store.scatter(frame, "key")
        assert store.keys() == [] and store.attributes() == []
        store.scatter(frame, "key", null_key="none")
        assert store.gather("none")["number"].tolist() == [4]


@pytest.mark.parametrize(("by", "n", "error"), [
    ([0, 1, 2, -1], 3, accrete.InvalidArgumentError),
    ([0, 1, 2, 3], 3, accrete.InvalidArgumentError),
    ([0, 1, 2], 3, accrete.InvalidArgumentError),
    ([0, 1, 2, 0, 1], 3, accrete.InvalidArgumentError),
    ([0, 1, 2, 0], None, accrete.InvalidArgumentError),
    ([0.0, 1.0, 2.0, 0.0], 3, TypeError),
    ("missing", None, accrete.InvalidArgumentError),
    ("key", 4, accrete.InvalidArgumentError),
    ("real", None, accrete.InvalidArgumentError),
])
def test_what_is_no_key_is_an_error_and_appends_nothing(frame, by, n, error):
    with accrete.memory() as store:
        with pytest.raises(error):
            store.scatter(frame, by, n, null_key="none")
        assert store.keys() == []


def test_codes_that_are_masked_are_none(store):
    with pytest.raises(TypeError, match="masked"):
        store.scatter(pd.DataFrame({"a": [1, 2]}), np.ma.array([0, 1], mask=[False, True]), 2)
    assert store.keys() == []


def test_equal_strings_are_one_object_and_arrays_can_be_written_to():
    frame = pd.DataFrame({"text": np.array([f"word {i % 2}" for i in range(10)], dtype=object), "number": range(10)})
    frame["text"] = frame["text"].astype(object)
    with accrete.memory() as store:
        store.scatter(frame, [0] * 10, 1)
        got = store.gather(0)
    assert len({id(text) for text in got["text"]}) == 2
    got.loc[3, "number"] = 99
    got.loc[4, "text"] = "other"
    assert got["number"].tolist() == [0, 1, 2, 99, 4, 5, 6, 7, 8, 9] and got["text"][4] == "other"


def test_a_missing_key_has_the_columns_and_no_rows(store, frame):
    with pytest.raises(accrete.InvalidArgumentError, match="no table"):
        store.gather("a")
    store.scatter(frame.iloc[:0], [], 1)
    assert store.keys() == []
    pd.testing.assert_frame_equal(store.gather(0), frame.iloc[:0])
    store.scatter(frame, [0] * 4, 1)
    pd.testing.assert_frame_equal(store.gather("missing"), frame.iloc[:0])


def test_several_keys_are_one_frame(store, frame):
    codes = np.array([1, 0, 1, 2])
    store.scatter(frame, codes, 3)
    expected = pd.concat([frame[codes == key] for key in (2, 1)])
    pd.testing.assert_frame_equal(store.gather([2, 1]), expected)


def test_the_index_can_be_left_out(store, frame):
    store.scatter(frame, [0, 1, 0, 1], 2, index=False)
    pd.testing.assert_frame_equal(store.gather(1), frame.iloc[[1, 3]].reset_index(drop=True))


@pytest.mark.parametrize("change", [
    lambda frame: frame.drop(columns="real"),
    lambda frame: frame.assign(more=1),
    lambda frame: frame.rename(columns={"real": "unreal"}),
    lambda frame: frame.assign(number=frame["number"].astype("int32")),
    lambda frame: frame.assign(key=frame["key"].astype("category")),
    lambda frame: frame[["number", "key", "real", "again"]],
    lambda frame: frame.set_index("again"),
])
def test_other_columns_than_those_stored_append_nothing(store, frame, change):
    store.scatter(frame, [0] * 4, 1)
    before = store.get(0)
    with pytest.raises(accrete.TypeMismatchError):
        store.scatter(change(frame), [0] * 4, 1)
    assert store.get(0) == before


def test_ordered_categories_have_one_order(store):
    def frame(categories):
        return pd.DataFrame({"size": pd.Categorical(["S", "L"], categories=categories, ordered=True)})

    store.scatter(frame(["S", "L"]), [0, 0], 1)
    with pytest.raises(accrete.TypeMismatchError, match="ordered"):
        store.scatter(frame(["L", "S"]), [0, 0], 1)
    assert store.gather(0)["size"].max() == "L"


def test_categories_that_differ_are_joined_in_the_order_in_which_they_came(store):
    for categories in (["a", "b"], ["c", "b"], [f"more {i}" for i in range(200)]):
        values = categories[-1:] + [None]
        store.scatter(pd.DataFrame({"category": pd.Categorical(values, categories=categories)}), [0, 0], 1)
    got = store.gather(0)["category"]
    assert got.cat.categories.tolist() == ["a", "b", "c", *(f"more {i}" for i in range(200))]
    assert got.tolist()[::2] == ["b", "b", "more 199"] and got.isna().tolist() == [False, True] * 3


@pytest.mark.parametrize("pieces", [
    [[b"x", None], [None, None], [b"", b"z"]], [["x", None], [None, None]], [[None, None], [b"x", None], [None, None]],
    [[None, None], [None, None], ["x", None], ["y", "z"]], [[], [b"x"]], [[None]],
], ids=str)
def test_nulls_alone_fit_strings_and_bytes(store, pieces):
    for values in pieces:
        store.scatter(pd.DataFrame({"objects": pd.Series(values, dtype=object)}), [0] * len(values), 1)
    assert store.gather(0)["objects"].tolist() == [value for values in pieces for value in values]


@pytest.mark.parametrize(("values", "others"), [("x", b"x"), (b"x", "x")])
def test_after_nulls_the_first_decides_between_strings_and_bytes(store, values, others):
    for value in (None, values):
        store.scatter(pd.DataFrame({"objects": pd.Series([value], dtype=object)}), [0], 1)
    with pytest.raises(accrete.TypeMismatchError):
        store.scatter(pd.DataFrame({"objects": pd.Series([others], dtype=object)}), [0], 1)
    assert store.gather(0)["objects"].tolist() == [None, values]


def test_objects_are_refused_unless_they_may_be_pickled(store):
    frame = pd.DataFrame({"object": [{"a": 1}, [2], None, "text"]})
    with pytest.raises(TypeError, match="'object' holds Python objects, such as a dict"):
        store.scatter(frame, [0] * 4, 1)
    assert store.keys() == []
    store.scatter(frame, [0] * 4, 1, objects="pickle")
    with pytest.raises(accrete.InvalidArgumentError, match="unpickle=True"):
        store.gather(0)
    pd.testing.assert_frame_equal(store.gather(0, unpickle=True), frame)


class _Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('unpickled')",)


def test_what_is_not_asked_to_be_unpickled_is_not(store):
    store.scatter(pd.DataFrame({"object": [_Bomb()]}), [0], 1, objects="pickle")
    with pytest.raises(accrete.InvalidArgumentError):
        store.gather(0)
    assert store.gather(0, to="arrow").num_rows == 1


@pytest.mark.parametrize(("frame", "error"), [
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), accrete.InvalidArgumentError),
    (pd.DataFrame([[1, 2]], columns=["1", 1]), accrete.InvalidArgumentError),
    (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])), TypeError),
    (pd.DataFrame({"a": [1j]}), TypeError),
    (pd.DataFrame({"a": ["\ud800"]}, dtype=object), accrete.InvalidArgumentError),
    ([1, 2, 3], TypeError),
    (pd.Series([1]), (TypeError, accrete.InvalidArgumentError)),
])
def test_what_is_no_table_is_an_error(store, frame, error):
    with pytest.raises(error):
        store.scatter(frame, [0], 1)
    assert store.keys() == []


def test_names_of_columns_are_of_the_type_that_they_had(store):
    frame = pd.DataFrame([[1.0, 2.0]], columns=pd.Index([10, 20], name="numbers"))
    store.scatter(frame, [0], 1)
    pd.testing.assert_frame_equal(store.gather(0), frame)


def test_a_frame_of_no_columns_has_its_rows(store):
    frame = pd.DataFrame(index=pd.Index([1, 2, 3]))
    store.scatter(frame, [0, 0, 0], 1)
    assert len(store.gather(0)) == 3
    with accrete.memory() as other:
        other.scatter(frame, [0, 0, 0], 1, index=False)
        assert len(other.gather(0)) == 3


def test_a_gathered_frame_can_be_pickled(store, frame):
    store.scatter(frame, [0] * 4, 1)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(store.gather(0))), frame)
