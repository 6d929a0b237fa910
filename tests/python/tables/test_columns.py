"""Which columns are of one type, and what joins those that are: nothing is read as what it was not."""
import datetime
import json
import pickle

import accrete
import pytest

np = pytest.importorskip("numpy", reason="numpy is not installed")
pd = pytest.importorskip("pandas", reason="pandas is not installed")

ID = (b"writer-of-tables", 1)


def _frame(values, **options):
    return pd.DataFrame({"a": pd.Series(values, **options)})


def _objects(*values):
    return _frame(list(values), dtype=object)


def _scatter(store, *tables, **options):
    for table in tables:
        store.scatter(table, [0] * len(table), 1, **options)


def _intervals(closed):
    return _frame(pd.arrays.IntervalArray.from_tuples([(0, 1)], closed=closed))


def _categories(*values, ordered=False):
    categories = [value for value in dict.fromkeys(values) if value is not None]
    index = pd.Index(categories, dtype=None if categories else pd.Index(["text"]).dtype)
    return _frame(pd.Categorical(values, categories=index, ordered=ordered))


class _Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('unpickled')",)


@pytest.mark.parametrize(("first", "then"), [
    (_frame(pd.period_range("2001", periods=1, freq="M")), _frame(pd.period_range("2001", periods=1, freq="D"))),
    (_frame(pd.period_range("2001", periods=1, freq="M")), _frame([7])),
    (_frame([7]), _frame(pd.period_range("2001", periods=1, freq="M"))),
    (_intervals("right"), _intervals("left")),
    (_frame(pd.arrays.SparseArray([0, 1])), _frame([0, 1])),
    (_frame(pd.arrays.SparseArray([0, 1])), _frame(pd.arrays.SparseArray([0, 1], fill_value=1))),
    (_frame(pd.arrays.SparseArray([0, 1])), _frame([None], dtype="Int64")),
    (_frame(pd.Categorical(pd.period_range("2001", periods=1, freq="M"))),
     _frame(pd.Categorical(pd.period_range("2001", periods=1, freq="D")))),
])
def test_equal_numbers_of_other_types_are_not_joined(store, first, then):
    _scatter(store, first)
    before = store.get(0)
    with pytest.raises(accrete.TypeMismatchError):
        _scatter(store, then)
    assert store.get(0) == before
    with accrete.memory() as other:
        _scatter(other, then)
        store.append(0, other.get(0))
    with pytest.raises(accrete.TypeMismatchError):
        store.gather(0)


@pytest.mark.parametrize("values", [[0.0, 1.5, np.nan], [1, 0, 2], [True, False]], ids=["floats", "ints", "bools"])
def test_a_sparse_column_comes_back_whatever_value_is_not_stored(store, values):
    fills = {"f": (0.0, 1.0, np.float64(1), np.nan, -2.5, np.inf), "i": (0, 1, np.int64(1)), "b": (True, False, np.True_)}
    for fill in fills[np.array(values).dtype.kind]:
        frame = _frame(pd.arrays.SparseArray(values, fill_value=fill))
        store.drop()
        store.set_attribute("table.schema", None)
        _scatter(store, frame)
        got = store.gather(0)
        pd.testing.assert_frame_equal(got, frame)
        assert got["a"].dtype == frame["a"].dtype


@pytest.mark.parametrize("values", [["a", "b"], np.array([1, 2], "M8[ns]")], ids=["texts", "times"])
def test_a_sparse_column_that_could_not_be_restored_is_refused(store, values):
    with pytest.raises(TypeError, match="Sparse"):
        _scatter(store, _frame(pd.arrays.SparseArray(values, fill_value=values[0])))
    assert store.keys() == [] and store.attributes() == []


@pytest.mark.parametrize(("first", "then"), [(None, "pickle"), ("pickle", None)])
def test_bytes_and_pickles_are_not_one_type(store, first, then):
    _scatter(store, _objects(b"x"), objects=first)
    with pytest.raises(accrete.TypeMismatchError, match="pickle"):
        _scatter(store, _objects(pickle.dumps(_Bomb())), objects=then)


def test_how_objects_are_stored_does_not_depend_on_what_they_are(store):
    tables = [_objects(b"b", None), _objects("text", 1), _objects(None, None), _objects(pickle.dumps(_Bomb()), {1})]
    _scatter(store, *tables, objects="pickle")
    pd.testing.assert_frame_equal(store.gather(0, unpickle=True), pd.concat(tables))
    with pytest.raises(accrete.InvalidArgumentError, match="unpickle=True"):
        store.gather(0)


def test_categories_that_are_objects_are_pickled(store):
    tables = [_frame(pd.Categorical(pd.Index(values, dtype=object))) for values in (["a", 1], [b"a", (1, 2)])]
    with pytest.raises(TypeError):
        _scatter(store, tables[0])
    _scatter(store, *tables, objects="pickle")
    with pytest.raises(accrete.InvalidArgumentError, match="unpickle=True"):
        store.gather(0)
    got = store.gather(0, unpickle=True)["a"]
    assert got.tolist() == ["a", 1, b"a", (1, 2)] and got.dtype == "category"


def test_pickles_are_no_keys(store):
    for frame in (_objects("x"), _frame(pd.Categorical(pd.Index(["x"], dtype=object)))):
        with pytest.raises(accrete.InvalidArgumentError, match="pickled"):
            store.scatter(frame, "a", objects="pickle")
    assert store.keys() == [] and store.attributes() == []


@pytest.mark.parametrize("key", ["", "x" * 1025], ids=["empty", "long"])
def test_a_table_whose_keys_are_none_does_not_decide_the_columns(store, key):
    with pytest.raises(accrete.InvalidKeyError):
        store.scatter(pd.DataFrame({"key": ["a", key], "number": [1, 2]}), "key")
    with pytest.raises(accrete.InvalidKeyError):
        store.scatter(pd.DataFrame({"key": ["a", None]}), "key", null_key=key)
    assert (store.keys(), store.attributes()) == ([], [])


def test_nulls_among_pickles_are_none(store):
    pa = pytest.importorskip("pyarrow", "14", reason="there is no pyarrow, 14 or newer")
    field = pa.field("a", pa.large_binary(), metadata={"accrete.pickle": "5"})
    store.scatter(pa.table([pa.array([None, pickle.dumps(3)], field.type)], schema=pa.schema([field])), [0, 0], 1)
    assert store.gather(0, to="pandas", unpickle=True)["a"].tolist() == [None, 3]


@pytest.mark.parametrize("tables", [
    [_categories(True), _categories(True, False)],
    [_frame(pd.Categorical(pd.interval_range(first, first + 2))) for first in (0, 1, 7)],
    [_frame(pd.Categorical(pd.period_range(first, periods=2, freq="M"))) for first in ("2001-01", "2001-02")],
    [_categories(None), _categories("a"), _categories("b", None)],
    [_categories(True, False, ordered=True)] * 2,
    [_frame(pd.cut([1, 2], [0, 1, 2]))] * 2,
    [_categories(None, ordered=True), _categories("a", "b", ordered=True), _categories(None, ordered=True)],
], ids=str)
def test_categories_of_any_type_are_joined(store, tables):
    _scatter(store, *tables)
    got = store.gather(0)["a"]
    assert [value for value in got if not pd.isna(value)] == [
        value for table in tables for value in table["a"] if not pd.isna(value)]
    assert len(got) == sum(map(len, tables)) and got.cat.categories.is_unique
    assert got.cat.ordered == tables[0]["a"].cat.ordered


@pytest.mark.parametrize("ordered", [
    [_frame(pd.cut([1, 2], [0, 1, 2])), _frame(pd.cut([5, 9], [4, 6, 9]))],
    [_categories(True, False, ordered=True), _categories(True, ordered=True)],
    [_frame(pd.Categorical([f"{i:06}" for i in range(first, first + 30_000)], ordered=True)) for first in (0, 1)],
    [_categories(None, ordered=True), _categories("a", "b", ordered=True), _categories("b", "c", ordered=True)],
], ids=["intervals", "bools", "many", "after none"])
def test_ordered_categories_that_differ_are_refused_at_scatter(store, ordered):
    *first, last = ordered
    _scatter(store, *first, first[-1])
    with pytest.raises(accrete.TypeMismatchError, match="ordered"):
        _scatter(store, last)
    assert len(store.gather(0)) == sum(map(len, first)) + len(first[-1])


def test_a_table_with_an_id_is_one_append(url):
    rows = 100_000
    frame = pd.DataFrame({"number": np.arange(rows)})
    codes = frame["number"] % 40
    try:
        server = accrete.Server(url, options=["--max-message", "1MiB"])
    except accrete.NotFoundError as error:
        pytest.skip(str(error))
    with server, accrete.open(url) as store:
        for _ in range(2):
            store.scatter(frame[:50_000], codes[:50_000], 40, id=ID)
        assert len(store.gather(list(range(40)))) == 50_000
        with pytest.raises(accrete.TooLargeError, match="smaller tables"):
            store.scatter(frame, codes, 40, id=(b"another writer--", 1))
        assert len(store.gather(list(range(40)))) == 50_000
        assert store.last_sequence(b"another writer--") is None
    with accrete.open(url) as store:  # without the server's limit
        store.scatter(frame, codes, 40, id=ID)
        assert len(store.gather(list(range(40)))) == 50_000


def test_all_batches_of_a_reader_are_one_append_with_an_id(store):
    pa = pytest.importorskip("pyarrow", "14", reason="there is no pyarrow, 14 or newer")
    table = pa.table({"number": range(100), "key": [f"key {i % 7}" for i in range(100)]})
    for _ in range(2):
        batches = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=9))
        store.scatter(batches, "key", id=ID)
    assert store.last_sequence(ID[0]) == 1
    assert sorted(pa.table(store.gather([f"key {i}" for i in range(7)]))["number"].to_pylist()) == list(range(100))
    with pytest.raises(accrete.InvalidArgumentError, match="fewer codes"):
        store.scatter(pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=9)), [0] * 99, 1,
                      id=(ID[0], 2))
    assert store.last_sequence(ID[0]) == 1


def test_keys_are_made_for_the_codes_that_occur():
    with accrete.memory() as store:
        codes = [3, 1 << 40, 3, (1 << 32) + 3]
        store.scatter(pd.DataFrame({"row": range(4)}), codes, 1 << 60)
        assert {accrete.unpack_key(key) for key in store.keys()} == set(codes)
        assert [store.gather(code)["row"].tolist() for code in (3, 1 << 40, (1 << 32) + 3)] == [[0, 2], [1], [3]]


@pytest.mark.parametrize("labels", [
    pd.Index([True, False]), pd.date_range("2001-03-25", periods=2, tz="Europe/Paris", name="when"),
    pd.DatetimeIndex(["2001-02-03", "2001-02-03 04:05:06.000000007"]), pd.to_timedelta([1, 10**15 + 1]),
    pd.Index([0.1, float("nan")]), pd.Index([5, 6], dtype="int64", name=3), pd.Index(["a", "b"], dtype="string"),
    pd.Index(["__index_level_0__", "__index_level_0___"]),
], ids=str)
def test_labels_are_what_they_were(store, labels):
    frame = pd.DataFrame([[1, 2]], columns=labels)
    _scatter(store, frame)
    pd.testing.assert_frame_equal(store.gather(0), frame, check_freq=False)


@pytest.mark.parametrize("labels", [
    pd.Index(["a", 1], dtype=object), pd.CategoricalIndex(["a", "b"]), pd.Index([None, "a"], dtype=object),
    pd.Index([("a", 1), ("b", 2)], tupleize_cols=False), pd.interval_range(0, 2), pd.Index(["a", "b"], name=("x", "y")),
], ids=str)
def test_labels_that_cannot_be_restored_are_errors(store, labels):
    with pytest.raises(TypeError, match="columns"):
        _scatter(store, pd.DataFrame([[1, 2]], columns=labels))
    assert store.keys() == []


@pytest.mark.parametrize("name", ["5", 5, "__index_level_0__", None])
@pytest.mark.parametrize("label", [5, 6])
def test_an_index_is_not_taken_for_a_column_of_its_name(store, name, label):
    frame = pd.DataFrame({label: [1, 2]}, index=pd.Index([8, 9], name=name))
    _scatter(store, frame)
    pd.testing.assert_frame_equal(store.gather(0), frame)


def test_an_index_whose_name_cannot_be_stored_is_an_error(store):
    with pytest.raises(TypeError, match="rename_axis"):
        _scatter(store, pd.DataFrame({"a": [1]}, index=pd.Index([1], name=("x", 1))))


def test_a_zone_with_seconds_is_an_error(store):
    zone = datetime.timezone(datetime.timedelta(hours=1, seconds=1))
    with pytest.raises(TypeError, match="seconds"):
        _scatter(store, _frame(pd.DatetimeIndex(["2001-02-03"]).tz_localize("UTC").tz_convert(zone)))


@pytest.mark.parametrize("metadata", [
    "{", "5", "[]", '"x"', '{"columns": 5}', '{"columns": [5]}', '{"index_columns": ["missing"]}', '{"index_columns": [[]]}',
    '{"index_columns": [{"kind": "range", "start": 0, "stop": 1, "step": 0}]}', "[" * 100_000,
    '{"index_columns": [{"kind": "range", "start": 0, "stop": 1e30, "step": "x"}]}',
    '{"index_columns": [{"kind": "range", "start": 0, "stop": 100000000000000000000000, "step": 1}]}',
    '{"column_indexes": [{"pandas_type": "bool", "numpy_type": "bool"}]}',
    '{"column_indexes": [{"pandas_type": "datetimetz", "numpy_type": "datetime64[ns]", "metadata": {"timezone": "UTC"}}]}',
    '{"columns": [{"field_name": "a", "metadata": 5}]}', '{"columns": [{"field_name": "a", "name": ["a"]}]}',
    '{"columns": [{"field_name": "a", "numpy_type": "Sparse[x"}]}',
    '{"columns": [{"field_name": "a", "numpy_type": "period[nothing]"}]}',
    '{"columns": [{"field_name": "s", "numpy_type": "string[nothing]"}]}',
    '{"columns": [{"field_name": "c", "metadata": {"categories_type": "nothing"}}]}',
    '{"columns": [{"field_name": "c", "metadata": {"categories_type": "int64"}}]}',
    '{"columns": [{"field_name": "c", "metadata": {"categories_type": 5}}]}',
])
def test_metadata_of_pandas_that_make_no_sense_are_damaged(store, metadata):
    pa = pytest.importorskip("pyarrow", "14", reason="there is no pyarrow, 14 or newer")
    table = pa.table({"a": [1], "s": ["x"], "c": pa.array(["x"]).dictionary_encode()})
    _scatter(store, table.replace_schema_metadata({"pandas": metadata}))
    with pytest.raises(accrete.CorruptionError):
        store.gather(0)
    assert pa.table(store.gather(0, to="arrow")).num_rows == 1


def test_a_range_that_others_have_described_is_the_index(store):
    pa = pytest.importorskip("pyarrow", "14", reason="there is no pyarrow, 14 or newer")
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(10, 14, 2, name="r"))
    table = pa.Table.from_pandas(frame)
    assert json.loads(table.schema.metadata[b"pandas"])["index_columns"][0]["kind"] == "range"
    _scatter(store, table)
    pd.testing.assert_frame_equal(store.gather(0), frame, check_index_type="exact" if len(frame) else False)
    _scatter(store, table)
    assert store.gather(0).index.tolist() == [0, 1, 2, 3] and store.gather(0).index.name == "r"


@pytest.mark.parametrize("null_at", [None, 250_000])
def test_long_chunks_of_strings_are_one_append(store, null_at):
    pytest.importorskip("pyarrow", "14", reason="there is no pyarrow, 14 or newer")
    rows = 300_000
    texts = pd.Series([f"k{i % 5}" for i in range(rows)], dtype="string[pyarrow]")
    if null_at is not None:
        texts[null_at] = pd.NA
    frame = pd.DataFrame({"key": pd.concat([texts[:140_000], texts[140_000:]]), "number": np.arange(rows)})
    assert frame["key"].array.__arrow_array__().num_chunks > 1
    if null_at is None:
        store.scatter(frame, "key")
        for i in range(5):
            pd.testing.assert_frame_equal(store.gather(f"k{i}"), frame[i::5])
    else:
        with pytest.raises(accrete.InvalidArgumentError, match="null"):
            store.scatter(frame, "key")
        assert len(store) == 0
    for codes in (np.zeros(rows - 1, int), np.zeros(rows + 1, int)):
        with pytest.raises(accrete.InvalidArgumentError, match="codes than rows"):
            store.scatter(frame, codes, 1)
    assert 0 not in store


def test_strings_of_an_old_pyarrow_survive_and_its_other_columns_are_errors_in_words(store, monkeypatch):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from accrete import _frames

    monkeypatch.setattr(_frames, "_has_c_interface", lambda _: False)
    frame = pd.DataFrame({"text": pd.array(["x", pd.NA, "y"], dtype="string[pyarrow]")})
    store.scatter(frame, [0, 0, 0], 1)
    pd.testing.assert_frame_equal(store.gather(0), frame)
    with pytest.raises(accrete.UnsupportedError, match="'number' .*14"):
        store.scatter(pd.DataFrame({"number": pd.array([1], dtype=pd.ArrowDtype(pa.int64()))}), [0], 1)
