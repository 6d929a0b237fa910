"""Makes tests/fuzz/corpus/table_piece anew. Needs accrete, pandas and pyarrow."""
import decimal
import io
import sys
from pathlib import Path

import accrete
import pandas as pd
import pyarrow as pa

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus" / "table_piece"
sys.path.insert(0, str(HERE.parent / "python" / "tables"))
import ipc_writer as ipc  # noqa: E402


def scattered(*tables):
    """The value of a key that all their rows go to."""
    with accrete.memory() as store:
        for table in tables:
            store.scatter(table, [0] * len(table), 1)
        return store.get(0)


def stream(*batches):
    """As others write it, without a checksum."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return sink.getvalue()


def unaligned():
    batch, body = ipc.batch(1, [(1, 0)], [(0, 0), (0, 8)], bytes(8))
    batch[1].is_aligned = batch[2].is_aligned = False
    return ipc.schema(ipc.field("n", ipc.INT, ipc.INT64)) + ipc.message(ipc.BATCH, batch, body) + ipc.END


def bare():
    """Values and columns that no bytes are there for."""
    nulls, structs = ipc.field("", ipc.NULL, dictionary=0), ipc.field("", ipc.STRUCT)
    indexes = [(0, 0), (0, 1), (0, 0)]
    return b"".join(
        ipc.schema(nulls, structs) + ipc.dictionary(0, count, [(count, 0)])
        + ipc.rows(1, [(1, 0), (1, 0)], indexes, bytes(8)) + ipc.END for count in (2, 3))


def shared():
    """One text and one column that are there more than once."""
    column, text = ipc.field("n", ipc.INT, ipc.INT64), "x" * 200
    column = ipc.field("s", ipc.STRUCT, children=[column, column])
    metadata = [{0: "key", 1: text} for _ in range(3)]
    return ipc.schema(column, metadata=metadata) + ipc.END


def frame(number):
    return pd.DataFrame({"n": [number, number + 1], "text": ["", None], "kind": pd.Categorical(["a", None])})


def dictionary(values, indexes, ordered=False):
    return pa.DictionaryArray.from_arrays(pa.array(indexes, pa.int8()), pa.array(values), ordered=ordered)


PLAIN = pa.table({
    "bool": [True, None, False],
    "null": pa.nulls(3),
    "text": pa.array(["a", "bc", None], pa.large_string()),
    "decimal": pa.array([decimal.Decimal(1), None, decimal.Decimal(-2)], pa.decimal128(5, 1)),
    "time": pa.array([1, 2, None], pa.timestamp("us", "UTC")),
})
NESTED = pa.table({
    "list": [[1, 2], None, []],
    "large": pa.array([[["x"], []], None, [None]], pa.large_list(pa.list_(pa.string()))),
    "pair": pa.array([[1, 2], None, [3, None]], pa.list_(pa.int16(), 2)),
    "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())),
    "struct": [{"a": 1, "b": {"c": None}}, None, {"a": 2, "b": None}],
    "empty": pa.array([{}, None, {}], pa.struct([])),
})
DICTIONARIES = [
    pa.table({"d": dictionary(values, [0, None, 1]), "s": pa.array([[{"k": "x"}], [], [{"k": "y"}]])})
    for values in (["a", "b"], ["b", "c"])
]
# The target makes the checksum fit what is made of them.
ONE, OTHER = (list(ipc.messages(scattered(table))) for table in DICTIONARIES)
SCHEMA, DICTIONARY, BATCH, END = ONE
SEEDS = {
    "frame": scattered(frame(1), frame(2)),
    "plain": scattered(PLAIN, PLAIN),
    "nested": scattered(NESTED),
    "dictionaries": scattered(*DICTIONARIES),
    "ordered": scattered(*[pa.table({"d": dictionary(["a", "b"], [0, 1], True)})] * 2),
    "replaced": b"".join([*ONE[:-1], OTHER[1], END, *ONE]),
    "more": b"".join([*ONE, SCHEMA, DICTIONARY, OTHER[1], BATCH, END, *ONE]),
    "foreign": stream(*[pa.record_batch({"d": dictionary(values, [0, 1])}) for values in ([1, 2], [2, 3])]),
    "unaligned": unaligned(),
    "bare": bare(),
    "shared": shared(),
}
CORPUS.mkdir(parents=True, exist_ok=True)
for name, value in SEEDS.items():
    (CORPUS / name).write_bytes(value)
    print(f"{len(value):6} {name}")
