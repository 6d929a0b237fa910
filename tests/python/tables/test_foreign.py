"""Streams of Arrow IPC that no checksum guards and no library would write: what they point to is checked all the same."""
import struct

import accrete
import pytest
from ipc_writer import (
    BATCH, DECIMAL, END, FIXED_BINARY, FIXED_LIST, FLOAT, INT, INT64, MAP, NULL, STRUCT, TIME, TIMESTAMP, UTF8, batch, dictionary,
    field, ints, message, rows, schema,
)

pytest.importorskip("pandas", reason="pandas is not installed")


def gathered(value):
    with accrete.memory() as store:
        store.append("key", value)
        return store.gather("key", to="pandas")


def assert_damaged(value, what):
    with pytest.raises(accrete.CorruptionError, match=what):
        gathered(value)


def test_a_stream_is_read():
    frame = gathered(schema(field("number", INT, INT64)) + ints(1, 2) + ints(3) + END)
    assert frame.to_dict("list") == {"number": [1, 2, 3]}


def test_nodes_and_buffers_that_lie_unaligned_are_read():
    data, body = batch(2, [(2, 0)], [(0, 0), (0, 16)], struct.pack("<qq", 4, 5))
    data[1].is_aligned = data[2].is_aligned = False
    frame = gathered(schema(field("number", INT, INT64)) + message(BATCH, data, body) + END)
    assert frame["number"].tolist() == [4, 5]


def test_a_stream_that_lacks_its_end_is_not_read_on_into_the_next():
    one = schema(field("number", INT, INT64)) + ints(1)
    other = schema(field("real", FLOAT, {0: ("h", 2)})) + ints(2) + END
    assert_damaged(one + other, "neither of rows nor of a dictionary")


@pytest.mark.parametrize(("kind", "header"), [(0, {}), (4, {}), (BATCH, None)])
def test_a_message_of_another_kind_is_damaged(kind, header):
    assert_damaged(schema(field("number", INT, INT64)) + ints(1) + message(kind, header) + END, "message")


@pytest.mark.parametrize(("nodes", "buffers"), [
    ([(1, 0), (1, 0)], [(0, 0), (0, 8)]), ([(1, 0)], [(0, 0), (0, 8), (0, 8)]),
])
def test_a_batch_of_more_columns_than_the_schema_has_is_damaged(nodes, buffers):
    assert_damaged(schema(field("number", INT, INT64)) + rows(1, nodes, buffers, bytes(8)) + END, "too many columns")


def test_one_text_that_is_there_many_times_is_bounded():
    text = "x" * 100_000
    metadata = [{0: "key", 1: text} for _ in range(2000)]
    assert_damaged(schema(field("number", INT, INT64), metadata=metadata) + ints(1) + END, "texts")


def test_one_column_that_is_there_many_times_is_bounded():
    column = field("number", INT, INT64)
    for _ in range(17):
        column = field("struct", STRUCT, children=[column, column])
    assert_damaged(schema(column) + END, "makes no sense")


NONE = field("", NULL)


@pytest.mark.parametrize(("values", "nodes", "buffers"), [
    (field("", NULL, dictionary=0), [(1 << 32, 0)], []),
    (field("", STRUCT, dictionary=0), [(1 << 40, 0)], [(0, 0)]),
    (field("", FIXED_LIST, {0: ("i", 1 << 30)}, [NONE], dictionary=0), [(1, 0), (1 << 30, 0)], [(0, 0)]),
    (field("", FIXED_LIST, {0: ("i", 0)}, [NONE], dictionary=0), [(1 << 40, 0), (0, 0)], [(0, 0)]),
], ids=["nulls", "structs", "lists of nulls", "empty lists"])
def test_values_of_a_dictionary_that_take_no_bytes_are_bounded(values, nodes, buffers):
    """Where dictionaries differ each of their values is looked at."""
    column = rows(1, [(1, 0)], [(0, 0), (0, 1)], bytes(8))
    value = b"".join(
        schema(values) + dictionary(0, length, [(length, 0), *nodes[1:]], buffers) + column + END
        for length in (nodes[0][0], max(nodes[0][0] - 1, 1)))
    assert_damaged(value, "number of rows")


def test_columns_that_take_no_bytes_are_bounded_together():
    """One null in one of them, and each may take a bit a row."""
    count, length = 20, 1 << 32
    columns = schema(*(field(str(i), STRUCT) for i in range(count)))
    value = (columns + rows(length, [(length, 0)] * count, [(0, 0)] * count)
             + rows(1, [(1, 1)] * count, [(0, 1)] * count, bytes(8)) + END)
    assert_damaged(value, "number of rows")


@pytest.mark.parametrize("column", [
    field("list", FIXED_LIST, {0: ("i", -1)}, [NONE]),
    field("binary", FIXED_BINARY, {0: ("i", -1)}),
    field("map", MAP, children=[NONE]),
    field("map", MAP, children=[field("entries", STRUCT, children=[NONE])]),
    field("decimal", DECIMAL, {0: ("i", 5), 1: ("i", 1), 2: ("i", 24)}),
    field("time", TIME, {0: ("h", 0), 1: ("i", 64)}),
    field("time", TIME, {0: ("h", 2), 1: ("i", 32)}),
    field(b"\xff", INT, INT64),
    field("time", TIMESTAMP, {0: ("h", 0), 1: b"\xff"}),
    field("text", UTF8, children=[NONE]),
    field("struct", STRUCT, children=[field(b"\xed\xa0\x80", NULL)]),
], ids=str)
def test_columns_that_there_cannot_be_are_damaged(column):
    assert_damaged(schema(column) + END, "schema of a table")
