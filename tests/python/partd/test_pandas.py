"""PandasBlocks and PandasColumns."""

import pickle
import threading

import accrete
import pytest
from accrete import partd
from accrete.partd import Buffer, Dict, File
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy", reason="numpy is not installed")
pd = pytest.importorskip("pandas", reason="pandas is not installed")
try:
    import pyarrow as pa
except ImportError:
    pa = None


def frames():
    """Of many kinds; a name says what is special."""
    n = 6
    texts = ["a", "é", "", "a", None, "long " * 20]
    plain = {"i": np.arange(n), "j": np.arange(n) * 2, "x": np.linspace(0, 1, n), "b": np.arange(n) % 2 == 0}
    found = {
        "plain": pd.DataFrame(plain),
        "several of one dtype": pd.DataFrame(np.arange(2 * n, dtype="f4").reshape(n, 2), columns=["p", "q"]),
        "texts": pd.DataFrame({"t": texts, "u": texts[::-1], "i": range(n)}),
        "objects": pd.DataFrame({"t": pd.Series(texts, dtype=object), "o": [(1, 2), [3], {4}, None, 1.5, b"x"]}),
        "missing": pd.DataFrame({"t": pd.Series(["a", None, np.nan, pd.NA, "", "b"], dtype=object)}),
        "string": pd.DataFrame({"t": pd.array(texts, dtype="string")}),
        "categories": pd.DataFrame({"c": pd.Categorical(texts), "d": pd.Categorical(range(n), ordered=True)}),
        "times": pd.DataFrame({"t": pd.date_range("2000", periods=n), "d": pd.to_timedelta(range(n), unit="s"), "i": 1}),
        "zones": pd.DataFrame({c: pd.date_range("2000", periods=n, tz="Europe/Berlin") for c in "tu"}),
        "masked": pd.DataFrame({"i": pd.array([1, None] * 3, dtype="Int64"), "b": pd.array([True, None] * 3, dtype="boolean")}),
        "periods": pd.DataFrame({"p": pd.period_range("2000", periods=n, freq="D"), "q": pd.interval_range(0, n)}),
        "sparse": pd.DataFrame({"s": pd.arrays.SparseArray([0, 0, 1] * 2)}),
        "duplicate names": pd.DataFrame(np.arange(3 * n).reshape(n, 3), columns=["a", "a", "b"]),
        "no rows": pd.DataFrame(plain).iloc[:0],
        "no columns": pd.DataFrame(index=range(n)),
        "nothing": pd.DataFrame(),
        "numbers as names": pd.DataFrame(np.ones((n, 3))),
        "many-level columns": pd.DataFrame(np.ones((n, 2)), columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        "complex": pd.DataFrame({"c": np.arange(n) * 1j, "h": np.arange(n, dtype="f2"), "u": np.arange(n, dtype="u1")}),
        "transposed": pd.DataFrame(np.arange(2 * n).reshape(2, n).T, columns=["p", "q"]),
    }
    if pa is not None and hasattr(pd, "ArrowDtype"):
        found["arrow"] = pd.DataFrame(
            {
                "s": pd.Series(texts, dtype=pd.ArrowDtype(pa.string())),
                "i": pd.Series([1, None] * 3, dtype=pd.ArrowDtype(pa.int32())),
                "p": pd.Series(texts, dtype="string[pyarrow]"),
            }
        )
    indices = {
        "range": pd.RangeIndex(3, 9, name="r"), "step": pd.RangeIndex(0, 12, 2), "int": pd.Index([5, 3, 1, 1, 0, -1]),
        "float": pd.Index(np.arange(6) / 2, name="f"), "text": pd.Index(list("abcabc"), name=("a", 1)),
        "object": pd.Index(["a", 1, (2,), None, 1.5, b"x"]), "time": pd.date_range("2000", periods=6, name="t"),
        "no freq": pd.DatetimeIndex(["2000-01-02", "2000-01-01", None] * 2), "tz": pd.date_range("2000", periods=6, tz="UTC"),
        "delta": pd.to_timedelta([3, 1, 2] * 2, unit="s"), "category": pd.CategoricalIndex(list("abcabc"), name="c"),
        "levels": pd.MultiIndex.from_product([["a", "b"], [1, 2, 3]], names=["p", "q"]),
        "period": pd.period_range("2000", periods=6, freq="D"), "interval": pd.interval_range(0, 6), "bool": pd.Index([True, False] * 3),
    }
    for name, index in indices.items():
        found["index: " + name] = pd.DataFrame({"x": range(6)}, index=index)
    return found


FRAMES = frames()


@pytest.mark.parametrize("name", FRAMES)
def test_frames_come_back_as_pandas_joins_them(name):
    df = FRAMES[name]
    store = partd.PandasBlocks(Dict())
    for count in (1, 3):
        store.append({"x": df})
        if count == 3:
            store.append({"x": df.iloc[1:3]})
            store.append({"x": df.iloc[:0]})
        expected = pd.concat([df] if count == 1 else [df, df, df.iloc[1:3], df.iloc[:0]])
        found = store.get("x")
        pd.testing.assert_frame_equal(found, expected)
        assert [type(v) for v in found.get("o", [])] == [type(v) for v in expected.get("o", [])]


@pytest.mark.parametrize("name", FRAMES)
def test_serialize_and_deserialize_are_inverse(name):
    df = FRAMES[name]
    pd.testing.assert_frame_equal(partd.pandas.deserialize(partd.pandas.serialize(df)), df)


@pytest.mark.parametrize("name", FRAMES)
def test_frames_that_partd_wrote_are_read_and_ours_follow(name, tmp_path):
    theirs = pytest.importorskip("partd", reason="partd is not installed")
    df = FRAMES[name]
    try:
        theirs.PandasBlocks(str(tmp_path)).append({"x": df})
        expected = theirs.PandasBlocks(str(tmp_path)).get("x")
    except Exception as error:
        pytest.skip(f"partd cannot: {error!r}")
    own = partd.PandasBlocks(str(tmp_path))
    found = own.get("x")
    if name == "objects":  # partd makes lists of tuples
        expected = df
    pd.testing.assert_frame_equal(found, expected, check_freq=False, check_index_type=name != "index: object")
    own.append({"x": df})
    assert len(own.get("x")) == 2 * len(df)


def test_pieces_of_several_schemas_are_joined_in_order():
    parts = [FRAMES[name] for name in ("plain", "texts", "plain", "no rows", "objects", "texts")]
    store = partd.PandasBlocks(Dict())
    for part in parts:
        store.append({"x": part})
    pd.testing.assert_frame_equal(store.get("x"), pd.concat(parts))
    assert store.get("y").equals(pd.DataFrame())


@pytest.mark.skipif(pa is None, reason="pyarrow is not installed")
def test_arrays_of_arrow_that_are_cut_out_of_others_or_have_bytes_under_what_is_missing():
    offsets = pa.py_buffer(np.array([0, 1, 3, 6], dtype="i8"))
    hidden = pa.Array.from_buffers(pa.large_string(), 3, [pa.py_buffer(b"\x05"), offsets, pa.py_buffer(b"abbccc")])
    whole = pa.chunked_array([pa.array(["x", None, "yy"], pa.large_string()), hidden, hidden[1:]])
    store = partd.PandasBlocks(Dict())
    parts = []
    for array in (whole, whole[:0], whole[2:5], whole[1:2]):
        parts.append(pd.DataFrame({"t": pd.array(array, dtype="string[pyarrow]")}))
        store.append({"x": parts[-1]})
    pd.testing.assert_frame_equal(store.get("x"), pd.concat(parts))
    assert store.get("x")["t"].isna().sum() == 5


def test_categories_that_differ_are_joined_as_pandas_does():
    parts = [pd.DataFrame({"c": pd.Categorical(list(values))}) for values in ("ab", "bc", "ba")]
    store = partd.PandasBlocks(Dict())
    for part in parts:
        store.append({"x": part})
    pd.testing.assert_frame_equal(store.get("x"), pd.concat(parts))


@pytest.mark.parametrize("arrays", [
    lambda: [pd.array([1, None], dtype="Int64"), pd.array([1.5, None], dtype="Float64")],
    lambda: [pd.array([True, None], dtype="boolean"), pd.array([2, None], dtype="Int64")],
    lambda: [pd.period_range("2000", periods=2, freq=freq).array for freq in "MD"],
    lambda: [pd.interval_range(0, 2, closed=closed).array for closed in ("left", "right")],
    lambda: [pd.arrays.SparseArray([5, 1], fill_value=fill) for fill in (0, 5)],
    lambda: [pd.array([1, None], dtype="Int64"), np.array([(1,), "x"], dtype=object)],
], ids=["Int64, Float64", "boolean, Int64", "periods", "intervals", "sparse", "Int64, object"])
@pytest.mark.filterwarnings("ignore:Concatenating sparse arrays")
def test_extension_arrays_whose_dtypes_differ_are_joined_as_pandas_does(arrays):
    blocks = partd.PandasBlocks(Dict())
    frames = [pd.DataFrame({"a": array}) for array in arrays()]
    for frame in frames:
        blocks.append({"k": frame})
    pd.testing.assert_frame_equal(blocks.get("k"), pd.concat(frames))


def test_what_comes_back_may_be_changed():
    store = partd.PandasBlocks(Dict())
    store.append({"x": FRAMES["plain"]})
    found = store.get("x")
    found["i"] += 1
    found.loc[0, "x"] = 7
    pd.testing.assert_frame_equal(store.get("x"), FRAMES["plain"])


columns = st.lists(
    st.sampled_from(["i8", "f4", "bool", "object", "category", "M8[ns]", "string", "Int64"]), min_size=0, max_size=5
)


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(dtypes=columns, cuts=st.lists(st.integers(0, 20), max_size=6), seed=st.integers(0, 99), shuffled=st.booleans())
def test_a_shuffled_frame_has_the_rows_of_the_frame_as_with_partd(dtypes, cuts, seed, shuffled):
    random = np.random.default_rng(seed)
    numbers = random.integers(0, 5, (20, len(dtypes)))
    data = {
        f"c{i}": pd.Series(numbers[:, i].astype(str) if dtype in ("object", "string") else numbers[:, i]).astype(dtype)
        for i, dtype in enumerate(dtypes)
    }
    df = pd.DataFrame(data, index=random.permutation(20) if shuffled else None)
    edges = [0, *sorted(cuts), 20]
    parts = [df.iloc[a:b] for a, b in zip(edges, edges[1:])]
    modules = [partd]
    try:
        import partd as theirs

        modules.append(theirs)
    except ImportError:
        pass
    for module in modules:
        store = module.PandasBlocks(module.Dict())
        for part in parts:
            store.append({0: part})
        pd.testing.assert_frame_equal(store.get(0), pd.concat(parts), check_freq=False)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4", "M8[ns]"])
def test_integers_of_all_ranges_come_back_as_they_were(dtype):
    random = np.random.default_rng(0)
    info = np.iinfo("i8" if dtype[0] == "M" else dtype)
    ranges = [(info.min, info.max), (info.max, info.max), (info.min, info.min + 100), (info.max - 100, info.max), (0, 100)]
    ranges += [(max(-span, info.min), span) for span in (2**8 - 1, 2**8, 2**16 - 1, 2**16, 2**32 - 1, 2**32) if span <= info.max]
    store = partd.PandasBlocks(Dict())
    parts = []
    for low, high in ranges:
        ends = np.array([low, high], dtype="u8" if dtype == "u8" else "i8")[random.integers(0, 2, (9, 2))]
        parts.append(pd.DataFrame(ends.astype(dtype, copy=False), columns=["a", "b"]))
        parts.append(parts[-1].iloc[:0])
        store.append({"x": parts[-2]})
        store.append({"x": parts[-1]})
    pd.testing.assert_frame_equal(store.get("x"), pd.concat(parts))


def test_numbers_that_are_nearly_the_same_take_little_memory():
    under = Dict()
    store = partd.PandasBlocks(under)
    store.append({"x": pd.DataFrame({"a": np.arange(1000) % 50 + 2**40, "b": np.full(1000, 7, "i4"), "c": ["text"] * 1000})})
    assert len(under.get("x")) < 1000 * (1 + 0 + 4) + 1000


@pytest.mark.parametrize("name", ["plain", "texts", "objects", "categories", "index: levels"])
def test_a_value_that_is_cut_or_changed_is_an_error_and_never_other_rows(name):
    under = Dict()
    store = partd.PandasBlocks(under)
    store.append({"x": FRAMES[name]})
    value = under.get("x")
    for i in range(1, len(value), 7):
        for bad in (value[:i], value[:i] + bytes([value[i] ^ 4]) + value[i + 1 :]):
            under.data["x"] = [bad]
            with pytest.raises(accrete.CorruptionError):
                store.get("x")


def test_a_frame_of_partds_that_is_damaged_is_an_error():
    under = Dict()
    for bad in (b"", b"abc", partd.utils.frame(b"not a pickle"), partd.utils.frame(pickle.dumps([None] * 3))):
        under.data["x"] = [partd.utils.frame(bad)]
        with pytest.raises(accrete.CorruptionError):
            partd.PandasBlocks(under).get("x")


def test_what_cannot_be_pickled_is_an_error_and_nothing_is_appended():
    store = partd.PandasBlocks(Dict())
    with pytest.raises(Exception, match="pickle"):
        store.append({"x": FRAMES["plain"], "y": pd.DataFrame({"o": [threading.Lock()]})})
    assert not len(store.get("x"))


def test_threads_may_append_frames_of_several_schemas_through_one_store():
    store = partd.PandasBlocks(Dict())
    names = ["plain", "texts", "objects", "categories"]

    def append(name):
        for i in range(50):
            store.append({name: FRAMES[name], (name, i % 3): FRAMES[names[i % 4]]})

    threads = [threading.Thread(target=append, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name in names:
        pd.testing.assert_frame_equal(store.get(name), pd.concat([FRAMES[name]] * 50))


def test_as_dask_calls_it(tmp_path):
    store = partd.PandasBlocks(Buffer(Dict(), File(str(tmp_path)), available_memory=20_000))
    random = np.random.default_rng(0)
    inputs = []
    for _ in range(8):
        df = pd.DataFrame({"x": random.random(500), "name": random.choice(["a", "b"], 500), "_partitions": random.integers(0, 8, 500)})
        inputs.append(df)
        groups = df.groupby("_partitions")
        store.append({key: groups.get_group(key) for key in groups.groups}, fsync=True)
    copy = pickle.loads(pickle.dumps(store))
    for key in range(8):
        expected = pd.concat([df[df["_partitions"] == key] for df in inputs])
        pd.testing.assert_frame_equal(copy.get(key), expected)


# PandasColumns

COLUMN_FRAMES = [
    "plain", "texts", "objects", "string", "categories", "times", "zones", "masked", "no rows", "index: range", "index: int",
    "index: text", "index: no freq", "index: tz", "index: category", "index: levels",
]


@pytest.mark.parametrize("name", COLUMN_FRAMES)
def test_columns_come_back_where_partd_fails_or_loses_types(name, tmp_path):
    df = FRAMES[name]
    store = partd.PandasColumns(str(tmp_path))
    for _ in range(2):
        store.append({"x": df, ("y", 1): df})
    expected = pd.concat([df, df])
    for key in ("x", ("y", 1)):
        pd.testing.assert_frame_equal(store.get(key), expected, check_index_type="equiv")
    one = df.columns[:1].tolist()
    pd.testing.assert_frame_equal(store.get(["x"], columns=one)[0], expected[one], check_index_type="equiv")


def test_columns_that_partd_wrote_are_read(tmp_path):
    theirs = pytest.importorskip("partd", reason="partd is not installed")
    df = FRAMES["plain"]
    theirs.PandasColumns(str(tmp_path)).append({"x": df})
    pd.testing.assert_frame_equal(partd.PandasColumns(str(tmp_path)).get("x"), df, check_index_type="equiv")


def test_columns_that_would_mix_up_are_refused_where_partd_mixes_them(tmp_path):
    store = partd.PandasColumns(str(tmp_path))
    store.append({"x": FRAMES["plain"]})
    for other in (store, partd.PandasColumns(str(tmp_path))):
        with pytest.raises(ValueError):
            other.append({"x": FRAMES["texts"]})
    for columns in (["a", "a"], [1, "1"], [".index", "a"]):
        with pytest.raises(ValueError):
            store.append({"y": pd.DataFrame(np.ones((2, 2)), columns=columns)})
    with pytest.raises(KeyError):
        store.get("y")
    store.delete("x")
    store.append({"x": FRAMES["texts"]})
    pd.testing.assert_frame_equal(store.get("x"), FRAMES["texts"], check_index_type="equiv")


def test_columns_of_keys_that_are_tuples_stay_apart_where_partd_mixes_them(tmp_path):
    for store in (partd.PandasColumns(str(tmp_path)), partd.PandasColumns(Dict())):
        keys = ["a", ("a",), (("a",),), ("a", "b"), ("a", ("b",)), (), 1, "1"]
        frames = {key: pd.DataFrame({"c": [i]}) for i, key in enumerate(keys)}
        frames["m"] = pd.DataFrame({("b", "c"): [10], ("b", 1.0): [1.5]})
        frames["m", "b"] = pd.DataFrame({"c": [11]})
        for key, frame in frames.items():
            store.append({key: frame})
        while frames:
            for key, frame in frames.items():
                pd.testing.assert_frame_equal(store.get(key), frame, check_index_type="equiv")
            deleted, _ = frames.popitem()
            store.delete(deleted)
            with pytest.raises(KeyError):
                store.get(deleted)


def test_columns_whose_name_is_missing_are_the_same_ones_again():
    for name in (np.nan, pd.NaT, pd.NA):
        store = partd.PandasColumns(Dict())
        frame = pd.DataFrame([[1], [2]], columns=[name])
        for _ in range(2):
            store.append({"x": frame})
        pd.testing.assert_frame_equal(store.get("x"), pd.concat([frame, frame]), check_index_type="equiv")


def test_columns_of_tuples_that_partd_wrote_are_read_and_ours_follow(tmp_path):
    theirs = pytest.importorskip("partd", reason="partd is not installed")
    frames = {("x",): FRAMES["plain"], ("y", 1): FRAMES["plain"], "z": pd.DataFrame({("b", "c"): [10], ("b", "d"): [1.5]})}
    theirs.PandasColumns(str(tmp_path)).append(frames)
    own = partd.PandasColumns(str(tmp_path))
    own.append(frames)
    for key, frame in frames.items():
        pd.testing.assert_frame_equal(own.get(key), pd.concat([frame, frame]), check_index_type="equiv")


@pytest.mark.parametrize("names", [("a", "b"), (None, "x"), (1, True), (1, 1.0), ((1, "x"), (True, "x"))])
@pytest.mark.parametrize("axis", ["columns", "index"])
def test_a_name_that_is_changed_in_place_is_the_new_one(names, axis):
    store = partd.PandasBlocks(Dict())
    frame = pd.DataFrame({"a": [1, 2]})
    for key, name in enumerate(names):
        getattr(frame, axis).name = name
        store.append({key: frame})
    for key, name in enumerate(names):
        got = getattr(store.get(key), axis).name
        assert (repr(got), type(got)) == (repr(name), type(name))


def test_columns_of_two_stores_of_one_directory_are_those_that_are_there(tmp_path):
    one, other = (partd.PandasColumns(File(str(tmp_path))) for _ in range(2))
    one.append({"x": pd.DataFrame({"a": [1]})})
    other.delete("x")
    other.append({"x": pd.DataFrame({"b": [1.5]})})
    with pytest.raises(ValueError):
        one.append({"x": pd.DataFrame({"a": [2]})})
    one.append({"x": pd.DataFrame({"b": [2.5]})})
    assert list(one.get("x")["b"]) == [1.5, 2.5]


class FailingDict(Dict):
    """Fails once, when it is to store something for the n-th time."""

    def __init__(self, n):
        super().__init__()
        self.left = n

    def _count(self):
        self.left -= 1
        if self.left == 0:
            raise OSError("the disk is full")

    def append(self, *args, **kwargs):
        self._count()
        super().append(*args, **kwargs)

    def _iset(self, *args, **kwargs):
        self._count()
        super()._iset(*args, **kwargs)


def test_columns_can_be_appended_again_wherever_it_has_failed():
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5]}, index=pd.Index([5, 6], name="row"))
    for n in range(1, 10):
        store = partd.PandasColumns(FailingDict(n))
        has_failed = False
        try:
            store.append({"x": frame})
        except OSError:
            has_failed = True
            store.append({"x": frame})
        pd.testing.assert_frame_equal(store.get("x"), frame)
        if not has_failed:
            break
    assert n > 2 and not has_failed
