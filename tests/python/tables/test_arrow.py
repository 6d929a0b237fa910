"""Tables of other libraries than pandas: what one has scattered all can read."""
import datetime
import decimal
import io
import struct

import accrete
import ipc_writer
import pytest

pa = pytest.importorskip("pyarrow", "14", reason="there is no pyarrow, 14 or newer")
np = pytest.importorskip("numpy", reason="numpy is not installed")

ROWS = 420
KEYS = 7
CODES = np.arange(ROWS) % KEYS


def _every(step, value):
    """A value of each row, but for every so many, which are null."""
    return [None if i % step == 0 else value(i) for i in range(ROWS)]


def _columns():
    moment = datetime.datetime(2001, 2, 3, 4, 5, 6, 789)
    day = datetime.timedelta(days=1)
    yield from ((str(type), pa.array(_every(5, lambda i: i % 100), type)) for type in (
        pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64(), pa.float32(),
        pa.float64(), pa.duration("s"), pa.duration("ms"), pa.duration("us"), pa.duration("ns")))
    yield "float16", pa.array(np.arange(ROWS).astype("float16"))
    yield "null", pa.nulls(ROWS)
    yield "bool", pa.array([i % 3 == 0 for i in range(ROWS)])
    yield "bool with nulls", pa.array(_every(4, lambda i: i % 3 == 0))
    yield from ((str(type), pa.array(_every(6, lambda i: "é" * (i % 4)), type)) for type in (pa.string(), pa.large_string()))
    yield from ((str(type), pa.array(_every(6, lambda i: b"\0" * (i % 4)), type)) for type in (pa.binary(), pa.large_binary()))
    yield "fixed binary", pa.array(_every(3, lambda i: b"abc"), pa.binary(3))
    yield "decimal", pa.array(_every(3, lambda i: decimal.Decimal(-i) / 100), pa.decimal128(10, 2))
    yield "large decimal", pa.array(_every(3, lambda i: decimal.Decimal(i) / 1000), pa.decimal256(60, 3))
    yield from ((str(type), pa.array(_every(3, lambda i: (moment + i * day).date()), type)) for type in (pa.date32(), pa.date64()))
    yield from ((str(type), pa.array(_every(3, lambda i: datetime.time(i % 24)), type)) for type in (
        pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")))
    yield from ((str(type), pa.array(_every(3, lambda i: (moment + i * day).replace(microsecond=0)), type)) for type in (
        pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us", "Europe/Paris"), pa.timestamp("ns", "+05:30")))
    yield "interval", pa.array(_every(3, lambda i: (i, i, i)), pa.month_day_nano_interval())
    yield "list", pa.array(_every(7, lambda i: list(range(i % 4))))
    yield "lists in lists", pa.array(_every(5, lambda i: [[str(j)] * j for j in range(i % 3)]), pa.large_list(pa.list_(pa.string())))
    yield "pairs", pa.array(_every(3, lambda i: [i, None]), pa.list_(pa.int32(), 2))
    yield "struct", pa.array(_every(4, lambda i: {"a": i, "b": {"c": f"z{i}", "d": [i]}}))
    yield "map", pa.array(_every(2, lambda i: [("key", i), ("other", None)]), pa.map_(pa.string(), pa.int64()))
    yield "dictionary", pa.array(_every(4, lambda i: "abc"[i % 3])).dictionary_encode()
    yield "dictionary of decimals", pa.array(_every(4, lambda i: decimal.Decimal(i % 3))).dictionary_encode()
    yield "dictionary in a list", pa.ListArray.from_arrays(
        pa.array(range(ROWS + 1), pa.int32()), pa.array(["q", "r"] * (ROWS // 2)).dictionary_encode())


@pytest.fixture(scope="module")
def table():
    return pa.table(dict(_columns())).replace_schema_metadata({"who": "a test"})


def _assert_equal(got, expected):
    got.validate(full=True)
    assert got.schema.names == expected.schema.names
    for name in expected.schema.names:
        assert got[name].type == expected[name].type, name
        assert got[name].to_pylist() == expected[name].to_pylist(), name


SOURCES = {
    "table": lambda table: table,
    "slice": lambda table: table.slice(3),
    "chunks": lambda table: pa.concat_tables([table.slice(0, 100), table.slice(100, 1), table.slice(101)]),
    "reader": lambda table: pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=50)),
    "batch": lambda table: table.combine_chunks().to_batches()[0],
}


@pytest.mark.parametrize("source", SOURCES)
def test_every_type_survives_from_any_source(store, table, source):
    first = 3 if source == "slice" else 0
    store.scatter(SOURCES[source](table), CODES[first:], KEYS)
    for key in range(KEYS):
        expected = table.slice(first).filter(pa.array(CODES[first:] == key))
        got = pa.table(store.gather(key))
        _assert_equal(got, expected)
        assert got.schema.metadata == {b"who": b"a test"}
    assert pa.table(store.gather(KEYS)).schema == pa.table(store.gather(0)).schema


class _Stream:
    """A table that gives one stream to all who ask."""

    def __init__(self, table):
        self.stream = table.__arrow_c_stream__()

    def __arrow_c_stream__(self, requested_schema=None):
        return self.stream


def test_a_stream_that_somebody_else_has_taken_is_an_error(store):
    taken = _Stream(pa.table({"a": [1]}))
    assert pa.table(taken).num_rows == 1
    with pytest.raises(accrete.InvalidArgumentError, match="read already"):
        store.scatter(taken, "a")
    assert (store.keys(), store.attributes()) == ([], [])


@pytest.mark.parametrize("batches", [1, 3])
@pytest.mark.parametrize("id", [None, (b"a writer of it--", 1)], ids=["", "id"])
def test_codes_that_no_row_has_are_told_before_the_last_rows_are_appended(store, batches, id):
    table = pa.table({"number": range(batches * 10)})
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=10))
    with pytest.raises(accrete.InvalidArgumentError, match="more codes"):
        store.scatter(reader, [0] * (batches * 10 + 1), 1, id=id)
    before = 0 if id or batches == 1 else 20
    assert (pa.table(store.gather(0)).num_rows if 0 in store else 0) == before
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=10))
    store.scatter(reader, [1] * (batches * 10), 2, id=id)
    assert pa.table(store.gather(1))["number"].to_pylist() == list(range(batches * 10))


def _strings_and_lists():
    """The same rows, as libraries that differ in the width of offsets have them."""
    rows = [{"s": "é" * i, "b": b"\0" * i, "l": [[str(i)]] * i, "d": "xy"[i % 2]} for i in range(4)]

    def table(text, binary, list_of):
        return pa.table({
            "s": pa.array([row["s"] for row in rows], text()),
            "b": pa.array([row["b"] for row in rows], binary()),
            "l": pa.array([row["l"] for row in rows], list_of(list_of(text()))),
            "d": pa.array([row["d"] for row in rows], text()).dictionary_encode(),
        })

    yield "small", table(pa.string, pa.binary, pa.list_)
    yield "large", table(pa.large_string, pa.large_binary, pa.large_list)
    if hasattr(pa, "string_view"):
        table_of_views = table(pa.string, pa.binary, pa.list_)
        for name, type in (("s", pa.string_view()), ("b", pa.binary_view())):
            position = table_of_views.column_names.index(name)
            values = pa.array(table_of_views[name].to_pylist(), type)
            table_of_views = table_of_views.set_column(position, name, values)
        yield "views", table_of_views


WIDTHS = dict(_strings_and_lists())


@pytest.mark.parametrize("first", WIDTHS)
@pytest.mark.parametrize("second", WIDTHS)
def test_tables_that_differ_in_the_width_of_offsets_are_joined(store, first, second):
    for name in (first, second, first):
        store.scatter(WIDTHS[name], "d")
    got = pa.table(store.gather("x"))
    assert got.to_pylist() == WIDTHS["small"].filter(pa.array([True, False] * 2)).to_pylist() * 3
    other = accrete.memory()
    other.scatter(WIDTHS[first], "d")
    assert got.schema == pa.table(other.gather("x")).schema


@pytest.mark.parametrize("second", WIDTHS)
def test_a_frame_and_a_table_of_another_library_are_joined(second):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    table = WIDTHS[second].select(["s", "d"])
    frame = pd.DataFrame({"s": table["s"].to_pylist(), "d": pd.Categorical(table["d"].to_pylist())})
    for one, other in ((frame, table), (table, frame), (frame.assign(s=None), table), (table, frame.assign(s=None))):
        store = accrete.memory()
        for each in (one, other):
            store.scatter(each, "d", index=False)
        want = [pa.table(each) if each is table else pa.Table.from_pandas(each) for each in (one, other)]
        assert pa.table(store.gather("y"))["s"].to_pylist() == [value for each in want for value in each["s"].to_pylist()[1::2]]


def test_nulls_that_were_gathered_are_those_of_any_type_again(store):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    store.scatter(pd.DataFrame({"a": pd.Series([None] * 1000, dtype=object)}), [0] * 1000, 1, index=False)
    nulls = store.gather(0, to="arrow")
    other = accrete.memory()
    other.scatter(pa.table({"a": pa.array([b"x"], pa.large_binary())}), [0], 1)
    other.scatter(nulls, [0] * 1000, 1)
    assert pa.table(other.gather(0))["a"].to_pylist() == [b"x"] + [None] * 1000


def test_pyarrow_reads_a_value_as_it_is_stored(store, table):
    for _ in range(2):
        store.scatter(table, CODES, KEYS)
    value = io.BytesIO(store.get(2))
    pieces = []
    while value.tell() < len(value.getbuffer()):
        pieces.append(pa.ipc.open_stream(value).read_all())
    _assert_equal(pa.concat_tables(pieces), pa.concat_tables([table.filter(pa.array(CODES == 2))] * 2))


def test_streams_that_others_have_written_can_be_appended(store, table):
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=100)
    store.append(0, sink.getvalue())
    store.scatter(table.slice(0, 10), [0] * 10, 1)
    store.append(0, sink.getvalue())
    _assert_equal(pa.table(store.gather(0)), pa.concat_tables([table, table.slice(0, 10), table]))
    for size in (1, len(sink.getvalue()) // 2, len(sink.getvalue()) - 8):
        store.append("cut", sink.getvalue()[:size])
        with pytest.raises(accrete.CorruptionError):
            store.gather("cut")
        store.erase("cut")


def _stream(table):
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _dictionary(values, indexes=(0, 1), type=pa.int8()):
    return pa.DictionaryArray.from_arrays(pa.array(indexes, type), pa.array(values))


def _with_one_id(first, second):
    """Two columns of dictionaries that share the id 0, and the first's values."""
    table = pa.table({"a": _dictionary(first), "b": _dictionary(second)})
    schema, dictionary, _, batch, end = ipc_writer.messages(_stream(table))
    ids = [at for at in range(0, len(schema) - 8, 4) if schema[at:at + 8] == struct.pack("<q", 1)]
    for at in ids:
        yield schema[:at] + bytes(8) + schema[at + 8:] + dictionary + batch + end


@pytest.mark.parametrize(("first", "second"), [
    (pa.array([1, 2], pa.int8()), pa.array(["xxxxxxxx", "yyyyyyyy"])),
    (pa.array([1, 2], pa.int8()), pa.array([1, 2], pa.int64())),
    (pa.array([1, 2], pa.int8()), pa.array([{"x": 1}, {"x": 2}])),
], ids=["strings", "wider", "structs"])
def test_columns_that_share_a_dictionary_have_its_type(store, first, second):
    refused = 0
    for stream in _with_one_id(first, second):
        store.erase(0)
        store.append(0, stream)
        try:
            pa.table(store.gather(0, to="arrow")).validate(full=True)
        except accrete.CorruptionError as error:
            refused += "has not the type" in str(error)
    assert refused == 1
    shared = []
    for stream in _with_one_id(second, second):
        store.erase(0)
        store.append(0, stream)
        try:
            shared.append(pa.table(store.gather(0, to="arrow")).to_pydict())
        except accrete.CorruptionError:
            pass
    assert {"a": second.to_pylist(), "b": second.to_pylist()} in shared


def test_indexes_of_any_width_and_sign_are_joined(store):
    names = [f"name {i}" for i in range(200)]
    types = (pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64())
    for type in types:
        indexes = [1, None, 127 if type == pa.int8() else 150]
        store.scatter(pa.table({"a": _dictionary(names, indexes, type)}), [0] * 3, 1)
    got = pa.table(store.gather(0))["a"]
    got.validate(full=True)
    assert got.to_pylist() == ["name 1", None, "name 127"] + ["name 1", None, "name 150"] * 7


def test_a_negative_index_is_damaged(store):
    column = _dictionary([f"name {i}" for i in range(250)], [100])
    *front, batch, end = ipc_writer.messages(_stream(pa.table({"a": column})))
    at = batch.rindex(b"\x64" + bytes(7))
    store.append(0, b"".join([*front, batch[:at] + b"\xc8" + batch[at + 1:], end]))
    with pytest.raises(accrete.CorruptionError, match="index"):
        store.gather(0, to="arrow")


def test_rows_that_no_buffer_has_are_bounded(store):
    *front, batch, end = ipc_writer.messages(_stream(pa.table({"a": pa.nulls(3)})))
    store.append(0, b"".join([*front, batch.replace(struct.pack("<q", 3), struct.pack("<q", 1 << 40)), end]))
    with pytest.raises(accrete.CorruptionError, match="number of rows"):
        store.gather(0, to="arrow")


@pytest.mark.parametrize(("first", "second"), [
    (["x", None], ["y", None]), (["x", None], ["y", "x"]), (["x", "x"], ["y", "x"]), ([[1], [2]], [[2], []]),
    ([{"a": "x"}, None], [{"a": None}, {"a": "x"}]), ([True, None], [False, True]),
], ids=str)
def test_dictionaries_of_any_values_are_joined(store, first, second):
    for values in (first, second):
        store.scatter(pa.table({"a": _dictionary(values)}), [0, 0], 1)
    got = pa.table(store.gather(0))["a"].combine_chunks()
    got.validate(full=True)
    assert got.to_pylist() == first + second


@pytest.mark.parametrize("nested", [
    lambda column: pa.StructArray.from_arrays([column], ["x"]), lambda column: pa.ListArray.from_arrays([0, 1, 2], column),
], ids=["struct", "list"])
def test_ordered_dictionaries_in_columns_are_compared_when_they_are_scattered(store, nested):
    def table(values):
        array = pa.DictionaryArray.from_arrays(pa.array([0, None], pa.int8()), pa.array(values), ordered=True)
        return pa.table({"a": nested(array)})

    for values in (["x", "y"], ["x", "y"]):
        store.scatter(table(values), [0, 0], 1)
    with pytest.raises(accrete.TypeMismatchError, match="ordered"):
        store.scatter(table(["y", "x"]), [0, 0], 1)
    assert len(store.gather(0)) == 4


def test_pandas_gets_dictionaries_with_nulls_and_doubles(store):
    pytest.importorskip("pandas", reason="pandas is not installed")
    store.scatter(pa.table({"a": _dictionary(["x", None, "x", "y"], [0, 1, 2, 3, None])}), [0] * 5, 1)
    got = store.gather(0, to="pandas")["a"]
    assert got.cat.categories.tolist() == ["x", "y"] and got.cat.codes.tolist() == [0, -1, 0, 1, -1]


def test_pandas_gets_dictionaries_of_lists_as_objects(store):
    pytest.importorskip("pandas", reason="pandas is not installed")
    store.scatter(pa.table({"a": _dictionary([[1], [2, 3]], [1, None, 0, 1])}), [0] * 4, 1)
    got = store.gather(0, to="pandas")["a"]
    assert [None if value is None else list(value) for value in got] == [[2, 3], None, [1], [2, 3]]


def test_a_zone_that_is_not_known_is_an_error(store):
    pytest.importorskip("pandas", reason="pandas is not installed")
    store.scatter(pa.table({"a": pa.array([1], pa.timestamp("us", "Nowhere/At all"))}), [0], 1)
    with pytest.raises(accrete.UnsupportedError, match="Nowhere"):
        store.gather(0, to="pandas")


def test_a_table_without_batches_decides_the_columns(store):
    kind = pa.dictionary(pa.int8(), pa.string(), ordered=True)
    schema = pa.schema({"number": pa.int64(), "text": pa.string_view(), "kind": kind})
    empty = pa.RecordBatchReader.from_batches(schema, [])
    with pytest.raises(accrete.InvalidArgumentError, match="missing"):
        store.scatter(empty, "missing")
    assert store.attributes() == []
    store.scatter(pa.RecordBatchReader.from_batches(schema, []), "number")
    assert pa.table(store.gather(0)).schema.names == ["number", "text", "kind"] and store.keys() == []
    with pytest.raises(accrete.TypeMismatchError):
        store.scatter(pa.RecordBatchReader.from_batches(pa.schema({"other": pa.int64()}), []), "other")
    with pytest.raises(accrete.TypeMismatchError):
        store.scatter(pa.table({"number": ["1"], "text": ["x"], "kind": ["a"]}), [0], 1)


@pytest.mark.parametrize("column", [
    pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])]),
    pa.RunEndEncodedArray.from_arrays([2], [1], pa.run_end_encoded(pa.int32(), pa.int64())),
])
def test_types_that_cannot_be_stored_are_errors(store, column):
    with pytest.raises(accrete.UnsupportedError, match="cast it"):
        store.scatter(pa.table({"column": column}), [0, 0], 1)
    assert store.keys() == []


def test_a_name_that_is_no_utf8_is_an_error(store):
    stream = ipc_writer.schema(ipc_writer.field(b"\xff", ipc_writer.INT, ipc_writer.INT64)) + ipc_writer.ints(1) + ipc_writer.END
    with pytest.raises(accrete.InvalidArgumentError, match="UTF-8"):
        store.scatter(pa.ipc.open_stream(stream), [0], 1)
    assert store.keys() == [] and store.attributes() == []


def test_views_of_strings_become_large_strings(store):
    texts = ["short", None, "longer than what is kept in a view"] * 10
    store.scatter(pa.table({"text": pa.array(texts, pa.string_view())}).slice(1), [0] * 29, 1)
    got = pa.table(store.gather(0))
    assert got["text"].type == pa.large_string() and got["text"].to_pylist() == texts[1:]


def test_a_reader_that_fails_says_why(store):
    schema = pa.schema({"number": pa.int64()})

    def batches():
        yield pa.record_batch([[1, 2]], schema)
        raise ValueError("the disk is on fire")

    with pytest.raises(accrete.Error, match="the disk is on fire"):
        store.scatter(pa.RecordBatchReader.from_batches(schema, batches()), [0] * 4, 1)


def test_text_that_is_no_text_is_damaged(store):
    pytest.importorskip("pandas", reason="pandas is not installed")
    store.scatter(pa.table({"text": pa.array([b"\xff"]).cast(pa.large_binary()).view(pa.large_string())}), [0], 1)
    store.scatter(pa.table({"text": pa.array(["text"], pa.large_string())}), [0], 1)
    metadata = {"pandas": '{"columns": [{"field_name": "text", "name": "text", "numpy_type": "object"}]}'}
    with accrete.memory() as other:
        sink = io.BytesIO()
        table = pa.table(store.gather(0)).replace_schema_metadata(metadata)
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        other.append(0, sink.getvalue())
        with pytest.raises(accrete.CorruptionError, match="UTF-8"):
            other.gather(0)


def test_other_columns_in_a_later_table_append_nothing(store):
    store.scatter(pa.table({"number": [1]}), [0], 1)
    for other in (pa.table({"number": ["1"]}), pa.table({"other": [1]}), pa.table({"number": [1], "more": [1]})):
        with pytest.raises(accrete.TypeMismatchError):
            store.scatter(other, [0], 1)
    assert pa.table(store.gather(0)).to_pydict() == {"number": [1]}


def test_keys_are_of_columns_of_strings_and_ints(store):
    table = pa.table({"key": pa.array(["a", "b", None, "a"]).dictionary_encode(), "number": pa.array([1, 2, 3, 4], pa.uint8())})
    store.scatter(table, "key", null_key=-1)
    assert pa.table(store.gather("a"))["number"].to_pylist() == [1, 4]
    assert pa.table(store.gather(-1))["number"].to_pylist() == [3]
    store.drop()
    store.scatter(table.slice(0, 2), ["key", "number"])
    assert [accrete.unpack_key(key) for key in store.keys()] == [("a", 1), ("b", 2)]


def test_polars_reads_and_writes(store):
    pl = pytest.importorskip("polars", reason="Polars is not installed")
    frame = pl.DataFrame({
        "key": ["a", "b", "a"], "text": ["x", None, "a text that is too long for a view"], "list": [[1], [], None],
        "struct": [{"x": 1}, {"x": 2}, {"x": 3}], "when": [datetime.datetime(2001, 2, 3)] * 3,
    }, schema_overrides={"key": pl.Categorical})
    store.scatter(frame, "key")
    got = pl.DataFrame(store.gather("a"))
    assert got.schema == frame.schema and got.equals(frame.filter(pl.col("key") == "a"))


def test_a_lazy_frame_of_polars_is_taken_batch_by_batch(store, tmp_path):
    pl = pytest.importorskip("polars", reason="Polars is not installed")
    csv = tmp_path / "numbers.csv"
    frame = pl.DataFrame({"key": [f"k{i % 7}" for i in range(300_000)], "number": range(300_000)})
    frame.write_csv(csv)
    store.scatter(pl.scan_csv(csv), "key")
    for i in range(7):
        assert pl.DataFrame(store.gather(f"k{i}")).equals(frame.gather_every(7, i))


def test_a_lazy_frame_that_cannot_be_computed_says_why(store):
    pl = pytest.importorskip("polars", reason="Polars is not installed")
    frame = pl.LazyFrame({"key": ["a", "b"], "text": ["1", "x"]})
    with pytest.raises(Exception, match="conversion"):
        store.scatter(frame.with_columns(pl.col("text").cast(pl.Int64)), "key")


def test_duckdb_reads_and_writes(store):
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    relation = duckdb.sql("select range number, range % 3 key, 'text ' || range as text from range(10000)")
    store.scatter(relation, "key")
    rows = store.gather(1)  # noqa: F841: SQL names it
    assert duckdb.sql("select count(*), sum(number), min(text) from rows").fetchall() == [(3333, 16_661_667, "text 1")]


def test_pyarrow_restores_a_frame(store):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame({
        "category": pd.Categorical(["a", "b"], categories=["b", "a", "c"], ordered=True), "period": pd.period_range("2001", periods=2, freq="M"),
        "zone": pd.date_range("2001", periods=2, tz="Europe/Paris"), "text": ["x", "y"],
    }, index=pd.Index(["r", "s"], name="rows"))
    store.scatter(frame, [0, 0], 1)
    pd.testing.assert_frame_equal(pa.table(store.gather(0, to="arrow")).to_pandas(), frame)


def test_pandas_gets_what_arrow_has(store, table):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    store.scatter(table.drop_columns(["interval"]), CODES, KEYS)
    got = store.gather(1, to="pandas")
    assert got["int64"].dtype == "Int64" and got["int64"].isna().sum() == sum(i % 5 == 0 for i in range(1, ROWS, KEYS))
    assert got["list"].map(type, na_action="ignore").dropna().iloc[0] is np.ndarray
    assert len(got) == ROWS // KEYS


def test_columns_of_pandas_that_are_arrow_already_survive(store):
    pd = pytest.importorskip("pandas", minversion="2.0", reason="pandas 2 is not installed")
    frame = pd.DataFrame({
        "number": pd.Series([1, None, 3], dtype="int64[pyarrow]"),
        "text": pd.Series(["a", None, "c"], dtype=pd.ArrowDtype(pa.string())),
        "string": pd.Series(["a", None, "c"], dtype="string[pyarrow]"),
        "list": pd.Series([[1], None, [2, 3]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
        "dictionary": pd.Series(["a", None, "a"], dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
    })
    store.scatter(frame, [0, 1, 0], 2)
    pd.testing.assert_frame_equal(store.gather(0), frame.iloc[[0, 2]])


def test_duckdb_writes_every_type_again_and_again(store):
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed")
    relation = duckdb.sql(
        "select 'a' key, 1.5::decimal(9, 2) d, 1.5::decimal(38, 9) e, [1.5] l, {'x': 1.5} s, map{'a': 1} m, true b, 1::hugeint h, "
        "now() t, time '10:00' o, interval 1 day i, uuid() u, 'x'::enum('x', 'y') c, '101'::bit bits, null n, '\\xAA'::blob bytes"
    )
    for _ in range(2):
        store.scatter(relation, "key")
    rows = pa.table(store.gather("a"))
    assert rows.num_rows == 2 and rows["d"].type == pa.decimal128(9, 2)
    assert rows["e"].to_pylist() == [decimal.Decimal("1.5")] * 2
