"""Encode and what is made of it: compression, pickle, Python and Numpy."""

import pickle
import struct
import threading

import accrete
import pytest
from accrete import partd
from accrete.partd import Buffer, Dict, Encode, File, Pickle, Python
from hypothesis import given, settings
from hypothesis import strategies as st

numbers = st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.none())
texts = st.text("ab\ud800é", max_size=3)
hashable = st.one_of(numbers, texts, st.binary(max_size=3), st.tuples(numbers, texts))
objects = st.recursive(
    st.one_of(hashable, st.binary(max_size=3).map(bytearray)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner, inner), st.dictionaries(hashable, inner, max_size=3), st.sets(hashable, max_size=3)
    ),
    max_leaves=5,
)


def same(one, other):
    """Equal, and of the same types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return len(one) == len(other) and all(map(same, one, other)) and all(map(same, one.values(), other.values()))
    return one == other


@settings(deadline=None, max_examples=40)
@given(lists=st.lists(st.lists(objects, max_size=4), max_size=3))
@pytest.mark.parametrize("kind", [Python, Pickle])
def test_lists_come_back_as_they_were_where_partd_makes_lists_of_tuples(kind, lists):
    store = kind(Dict())
    for items in lists:
        store.append({"x": items})
    assert same(store.get("x"), [item for items in lists for item in items])


def test_python_reads_what_partd_wrote():
    msgpack = pytest.importorskip("msgpack", reason="msgpack is not installed")
    under = Dict()
    for old in (msgpack.packb([1, "a"], use_bin_type=True), pickle.dumps([{2}], protocol=4), msgpack.packb([{1: 2}])):
        under.append({"x": partd.utils.frame(old)})
    store = Python(under)
    store.append({"x": [(3,)]})
    assert store.get("x") == [1, "a", {2}, {1: 2}, (3,)]


@pytest.mark.parametrize("name", ["ZLib", "BZ2", "Snappy", "Blosc", "LZ4", "Zstd"])
def test_compressed_bytes_come_back(name, tmp_path):
    kind = getattr(partd.compressed, name, None)
    if kind is None:
        pytest.skip(f"the package for {name} is not installed")
    store = kind(str(tmp_path))
    pieces = [b"", b"abc", bytes(100_000), b""]
    for piece in pieces:
        store.append({"x": piece})
    assert store.get(["x", "y"]) == [b"".join(pieces), b""]
    assert len(File(str(tmp_path)).get("x")) < 50_000


@pytest.mark.parametrize("name", ["ZLib", "BZ2", "Snappy", "Blosc", "Pickle", "Python"])
def test_what_partds_encoding_has_written_is_read(name, tmp_path):
    theirs = pytest.importorskip("partd", reason="partd is not installed")
    if not hasattr(theirs, name):
        pytest.skip(f"the package for {name} is not installed")
    value = [[1, 2], [3]] if name in ("Pickle", "Python") else [b"abc" * 10, b"d" * 100]
    for piece in value:
        getattr(theirs, name)(str(tmp_path)).append({"x": piece})
    own = getattr(partd, name)(str(tmp_path))
    own.append({"x": value[0]})
    assert own.get("x") == value[0] + value[1] + value[0]


def damaged(value):
    """The value cut at each length, and with each byte changed."""
    for size in range(1, len(value)):
        yield value[:size]
    for i in range(len(value)):
        yield value[:i] + bytes([value[i] ^ 0x10]) + value[i + 1 :]


def test_a_value_that_is_cut_or_changed_is_an_error():
    under = Dict()
    store = Pickle(under)
    store.append({"x": [1, "abc"]})
    for value in damaged(under.get("x")):
        under.data["x"] = [value]
        with pytest.raises(accrete.CorruptionError):
            store.get("x")


def test_a_frame_of_partds_that_is_cut_is_an_error_where_partd_returns_a_part():
    value = partd.utils.frame(b"abc")
    assert value == struct.pack("<Q", 3) + b"abc"
    for size in range(1, len(value)):
        with pytest.raises(accrete.CorruptionError):
            list(partd.utils.framesplit(value[:size]))


def test_an_error_of_the_callers_encode_appends_nothing_and_one_of_decode_is_raised():
    under = Dict()
    store = Encode(lambda value: value.encode(), lambda piece: 1 / len(piece), list, under)
    with pytest.raises(AttributeError):
        store.append({"x": "text", "y": 3})
    assert not under.data
    store.append({"x": "text", "y": ""})
    assert store.get("x") == [0.25]
    with pytest.raises(ZeroDivisionError):
        store.get(["x", "y"])


def test_pop_decodes_where_partd_gives_the_raw_bytes(tmp_path):
    store = Pickle(str(tmp_path))
    store.append({"x": [1], "y": [2]})
    assert store.pop(["x", "z"]) == [[1], []]
    assert store.get(["x", "y"]) == [[], [2]]


def test_an_encoding_is_pickled_with_all_that_it_has(tmp_path):
    store = Pickle(Buffer(Dict(), File(str(tmp_path))))
    store.append({"x": [1]}, fsync=True)
    copy = pickle.loads(pickle.dumps(store))
    copy.append({"x": [2]})
    assert copy.get("x") == [1, 2]
    store.drop()
    assert store.get("x") == []


# Numpy


@pytest.fixture
def arrays():
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    return {
        "i4": np.arange(5, dtype="i4"),
        ("t", "f8"): np.linspace(0, 1, 4),
        "times": np.array(["2000-01-01", "NaT"], dtype="M8[us]"),
        "texts": np.array(["a", "é", "", None, "a"], dtype=object),
        "objects": np.array([(1, 2), [3], {4: 5}, 1.5], dtype=object),
        "pairs": np.array([[1], [2]], dtype=object).ravel(),
        "fixed": np.array(["ab", "c"], dtype="U2"),
        "structs": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        "big": np.arange(3, dtype=">i8"),
        "empty": np.array([], dtype="i2"),
    }


def test_arrays_come_back_with_their_dtypes_where_partd_makes_lists_of_tuples_and_loses_fields(arrays, tmp_path):
    np = pytest.importorskip("numpy")
    store = partd.Numpy(str(tmp_path))
    for _ in range(2):
        store.append(arrays)
    for key, array in arrays.items():
        expected = np.concatenate([array, array])
        found = store.get(key)
        assert found.dtype == array.dtype
        assert same(found.tolist(), expected.tolist()) or key == "times"
        assert key != "times" or (found.view("i8") == expected.view("i8")).all()
    assert (np.fromfile(store.partd.filename("i4"), "i4") == np.tile(arrays["i4"], 2)).all()


def test_numpy_reads_what_partd_wrote(arrays, tmp_path):
    np = pytest.importorskip("numpy")
    theirs = pytest.importorskip("partd", reason="partd is not installed")
    readable = {key: array for key, array in arrays.items() if key not in ("structs", "objects", "empty")}
    theirs.Numpy(str(tmp_path)).append(readable)
    own = partd.Numpy(str(tmp_path))
    for key, array in readable.items():
        np.testing.assert_array_equal(own.get(key), array)


def test_numpy_refuses_what_would_mix_up_where_partd_does_not(arrays, tmp_path):
    store = partd.Numpy(str(tmp_path))
    store.append({"x": arrays["i4"]})
    for other in (store, partd.Numpy(str(tmp_path))):
        with pytest.raises(accrete.TypeMismatchError):
            other.append({"y": arrays["i4"], "x": arrays["big"]})
    with pytest.raises(ValueError):
        store.append({"x.dtype": arrays["i4"]})
    assert len(store.get("x")) == 5
    with pytest.raises(KeyError):
        store.get("y")
    with open(store.partd.filename("x"), "ab") as file:
        file.write(b"1")
    with pytest.raises(accrete.CorruptionError):
        store.get("x")


def test_numpy_deletes_the_array_too_where_partd_leaves_it(arrays, tmp_path):
    store = partd.Numpy(str(tmp_path))
    store.append({"x": arrays["i4"]})
    store.delete("x")
    store.append({"x": arrays["big"]})
    assert store.get("x").tolist() == [0, 1, 2]


@pytest.mark.parametrize("nested", [lambda key: key, lambda key: ("t", key), lambda key: (("t", key),)], ids=["", "in", "inner"])
def test_equal_numbers_have_one_dtype_as_they_have_one_value(tmp_path, nested):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    store = partd.Numpy(str(tmp_path))
    for equal in ((7, 7.0, np.int8(7), np.float32(7)), (1, True, np.float64(1)), (np.float32(0.1), float(np.float32(0.1)))):
        for key in equal:
            store.append({nested(key): np.array([5], "i8")})
            with pytest.raises(accrete.TypeMismatchError):
                store.append({nested(key): np.array([5], "f4")})
        for key in equal:
            assert store.get(nested(key)).tolist() == [5] * len(equal)
        store.delete(nested(equal[-1]))
        with pytest.raises(KeyError):
            store.get(nested(equal[0]))


@pytest.mark.parametrize("nested", [lambda key: key, lambda key: ("t", key), lambda key: (("t", key),)], ids=["", "in", "inner"])
def test_keys_of_one_text_have_each_its_dtype(tmp_path, nested):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    for store in (partd.Numpy(str(tmp_path)), partd.Numpy(Dict())):
        keys = [nested(key) for key in (1, "1", b"1", "b'1'", None, "None", 1.5, "1.5", (), "()", ("1",), "x", ("x",))]
        arrays = {key: np.array([i], f"S{i + 1}" if i % 2 else "i8") for i, key in enumerate(keys)}
        store.append(arrays)
        for key, array in arrays.items():
            assert store.get(key).dtype == array.dtype
            assert store.get(key).tolist() == array.tolist()
        for key in keys:
            store.delete(key)
            with pytest.raises(KeyError):
                store.get(key)
            del arrays[key]
            assert [found.tolist() for found in store.get(list(arrays))] == [array.tolist() for array in arrays.values()]


@pytest.mark.parametrize("key", ["x.dtype", ("t", "x.dtype"), ("t", ("x.dtype",)), ("1.dtype", ()), ("t", ("1.dtype", ()))])
def test_numpy_refuses_the_keys_of_dtypes(key):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    with pytest.raises(ValueError, match="another key's dtype"):
        partd.Numpy(Dict()).append({key: np.array([1])})


def test_numpy_reads_numbers_keys_that_partd_wrote(tmp_path):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    theirs = pytest.importorskip("partd", reason="partd is not installed")
    arrays = {key: np.array([i, i], "i4") for i, key in enumerate([7, 2.0, ("t", 3), ("t", ("u", 4)), None, b"x"])}
    theirs.Numpy(str(tmp_path)).append(arrays)
    own = partd.Numpy(str(tmp_path))
    own.append(arrays)
    for key, array in arrays.items():
        assert own.get(key).tolist() == array.tolist() * 2
        with pytest.raises(accrete.TypeMismatchError):
            own.append({key: np.array([1.5])})
        own.delete(key)
        own.append({key: np.array([1.5])})
        assert own.get(key).tolist() == [1.5]


def test_a_dtype_that_is_no_literal_is_not_run_where_partd_evaluates_it():
    pytest.importorskip("numpy", reason="numpy is not installed")
    with pytest.raises((ValueError, SyntaxError)):
        partd.numpy.parse_dtype(b"[__import__('os').system('exit 1')]")


def test_an_encoding_that_goes_leaves_the_store_that_it_was_over_where_partds_removes_it(arrays):
    file = File()
    store = partd.Numpy(Buffer(Dict(), file))
    store.append({"x": arrays["i4"]})
    store.partd.flush()
    del store
    partd.Numpy(file).append({"x": arrays["i4"]})
    assert len(partd.Numpy(file).get("x")) == 10


def test_a_dtype_that_another_store_of_the_directory_has_set_anew_is_the_keys(tmp_path):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    one, other = (partd.Numpy(File(str(tmp_path))) for _ in range(2))
    one.append({"x": np.array([1], "i4")})
    other.delete("x")
    other.append({"x": np.array([1.5])})
    with pytest.raises(accrete.TypeMismatchError):
        one.append({"x": np.array([2], "i4")})
    other.delete("x")
    one.append({"x": np.array([3], "i4")})
    assert other.get("x").tolist() == [3]


def test_threads_that_append_at_once_never_bring_two_dtypes_under_one_key(tmp_path):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    for i in range(100):
        barrier = threading.Barrier(2)
        appended = []

        def append(dtype):
            store = partd.Numpy(File(str(tmp_path / str(i))))
            barrier.wait()
            try:
                store.append({"x": np.array([1, 2, 3], dtype)})
                appended.append(dtype)
            except accrete.TypeMismatchError:
                pass

        threads = [threading.Thread(target=append, args=(dtype,)) for dtype in ("i4", "f8")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(appended) == 1
        assert partd.Numpy(File(str(tmp_path / str(i)))).get("x").tolist() == [1, 2, 3]
