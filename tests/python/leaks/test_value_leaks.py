"""Calls of what makes values of objects, arrays and tables leave nothing behind."""
import io
import itertools
import pickle

import accrete
import growth
import pytest

KINDS = {
    "files": accrete.open,
    "memory": lambda _: accrete.memory(),
    "buffered": lambda path: accrete.buffered(accrete.open(path)),
}


@pytest.fixture(params=KINDS)
def store(request, url):
    with KINDS[request.param](url) as store:
        yield store


def erased(store, call, *keys):
    """The call, after which these keys are erased."""

    def made():
        call()
        for key in keys:
            store.erase(key)

    return made


def msgpack_leaks():
    """Whether msgpack itself does, of an item that is cut: before 1.2 it leaves behind what it has made of that."""
    import msgpack

    return growth.left_by(lambda: list(msgpack.Unpacker(io.BytesIO(b"\x92\x91\xa1x"))), 20) != {}


class Unpicklable:
    def __reduce__(self):
        raise ZeroDivisionError


@pytest.mark.parametrize("make, wrong", [
    (lambda store: pytest.importorskip("msgpack") and accrete.Packed(store), (TypeError, object())),
    (accrete.Pickle, (ZeroDivisionError, Unpicklable())),
], ids=["Packed", "Pickle"])
def test_items(store, make, wrong):
    items = make(store)
    item = {"text": "é", "list": [1, 2.5, None, b"x"], "nested": {"a": {"b": [True]}}}
    items.extend("kept", [item] * 3)
    store.append("damaged", b"\xc1" * 100)
    store.append("cut", store.get("kept")[:-1])
    numbers = itertools.count(1)
    counts = isinstance(items, accrete.Pickle)
    assert growth.leaks({
        "append": erased(store, lambda: items.append("new", item), "new"),
        "append mapping": erased(store, lambda: items.append({"new": item, 5: 1}), "new", 5),
        "append id": erased(store, lambda: items.append("new", item, id=(b"w" * 16, next(numbers))), "new"),
        "extend": erased(store, lambda: items.extend("new", [item, 1, "x"]), "new"),
        "extend with nothing": erased(store, lambda: items.extend({"new": []}), "new"),
        "get": lambda: items.get("kept"),
        "get missing": lambda: items.get("missing"),
        "reader": lambda: list(items.reader("kept")),
        "reader, not to its end": lambda: next(items.reader("kept")),
        "erase": lambda: items.erase("missing"),
        "itself": lambda: repr(make(store)),
    }, counts_references=counts) == {}
    error, one = wrong
    cut = {
        "get cut": (accrete.CorruptionError, lambda: items.get("cut")),
        "reader of cut": (accrete.CorruptionError, lambda: list(items.reader("cut"))),
    }
    if isinstance(items, accrete.Packed) and msgpack_leaks():
        cut = {}
    assert growth.leaks(growth.refused({
        **cut,
        "append": (error, lambda: items.append("new", one)),
        "append mapping": (error, lambda: items.append({"first": item, "second": one})),
        "append no mapping": (TypeError, lambda: items.append(5)),
        "extend": (error, lambda: items.extend("new", [item, one])),
        "get damaged": (accrete.CorruptionError, lambda: items.get("damaged")),
        "get no key": (TypeError, lambda: items.get(5.5)),
    }), counts_references=counts) == {}


def test_numeric(store):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    values = accrete.Numeric(store, "float32")
    structure = np.dtype([("delay", "f4"), ("distance", "i2")], align=True)
    structures = accrete.Numeric(store, structure)
    array = np.arange(1000, dtype="float32")
    room = np.empty(2000, "float32")
    values.append("kept", array)
    structures.append("structures", np.zeros(10, structure))
    store.append("damaged", store.get("kept")[:-1])
    store.append("foreign", b"foreign")
    numbers = itertools.count(1)
    assert growth.leaks({
        "append": erased(store, lambda: values.append("new", array), "new"),
        "append list": erased(store, lambda: values.append("new", [1.5, 2]), "new"),
        "append nothing": erased(store, lambda: values.append("new", []), "new"),
        "append in another order": erased(store, lambda: values.append("new", array.astype(">f4")), "new"),
        "append with gaps": erased(store, lambda: values.append("new", array[::2]), "new"),
        "append mapping": erased(store, lambda: values.append({"new": array, 5: [1]}), "new", 5),
        "append expect_size": erased(store, lambda: values.append("new", array, expect_size=0), "new"),
        "append id": erased(store, lambda: values.append("new", array, id=(b"n" * 16, next(numbers))), "new"),
        "append structures": erased(store, lambda: structures.append("new", np.ones(5, structure)), "new"),
        "get": lambda: values.get("kept"),
        "get missing": lambda: values.get("missing"),
        "get structures": lambda: structures.get("structures"),
        "get_into": lambda: values.get_into("kept", room),
        "size": lambda: (values.size("kept"), values.size("missing")),
        "erase": lambda: values.erase("missing"),
        "itself": lambda: repr(accrete.Numeric(store, structure)),
    }, counts_references=False) == {}
    assert growth.leaks(growth.refused({
        "append other dtype": (accrete.TypeMismatchError, lambda: values.append("new", array.astype("f8"))),
        "append to other dtype": (accrete.TypeMismatchError, lambda: structures.append("kept", np.ones(5, structure))),
        "append masked": (TypeError, lambda: values.append("new", np.ma.masked_array(array, array > 5))),
        "append two dimensions": (ValueError, lambda: values.append("new", array.reshape(10, 100))),
        "append no numbers": (ValueError, lambda: values.append("new", ["text"])),
        "append no mapping": (TypeError, lambda: values.append("new")),
        "append expect_size": (accrete.SizeMismatchError, lambda: values.append("kept", array, expect_size=5)),
        "append id": (TypeError, lambda: values.append("new", array, id=5)),
        "append no key": (TypeError, lambda: values.append(5.5, array)),
        "get other dtype": (accrete.TypeMismatchError, lambda: structures.get("kept")),
        "get damaged": (accrete.CorruptionError, lambda: values.get("damaged")),
        "get foreign": (accrete.Error, lambda: values.get("foreign")),
        "get_into too small": (accrete.TooLargeError, lambda: values.get_into("kept", room[:10])),
        "get_into other dtype": (accrete.TypeMismatchError, lambda: values.get_into("kept", room.view("i4"))),
        "get_into with gaps": ((BufferError, ValueError), lambda: values.get_into("kept", room[::2])),
        "dtype of objects": (TypeError, lambda: accrete.Numeric(store, object)),
        "dtype of nothing": (TypeError, lambda: accrete.Numeric(store, [])),
        "no store": (TypeError, lambda: accrete.Numeric(5, "f4")),
    }), counts_references=False) == {}


def test_columns(store):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    tables = accrete.Columns(store)
    columns = {"delay": np.arange(100, dtype="f4"), "distance": np.arange(100)}
    tables.append("kept", columns)
    tables.append("damaged", columns)
    damaged = next(key for key in store if "damaged" in key and key.endswith("distance"))
    store.append(damaged, b"x")

    def append(**options):
        tables.append("new", columns, **options)
        tables.erase("new")

    assert growth.leaks({
        "append": append,
        "append lists": erased(tables, lambda: tables.append("new", {"x": [1, 2]}), "new"),
        "get": lambda: tables.get("kept"),
        "get one": lambda: tables.get("kept", "delay"),
        "get some": lambda: tables.get("kept", ["distance"]),
        "get missing": lambda: (tables.get("missing"), tables.get("missing", "delay")),
        "columns": lambda: (tables.columns("kept"), tables.columns("missing")),
        "rows": lambda: (tables.rows("kept"), tables.rows("missing")),
        "keys": lambda: (tables.keys(), tables.keys("missing")),
        "itself": lambda: repr(accrete.Columns(store)),
    }, counts_references=False) == {}
    assert growth.leaks(growth.refused({
        "append other columns": (accrete.TypeMismatchError, lambda: tables.append("kept", {"x": [1]})),
        "append other dtype": (accrete.TypeMismatchError, lambda: tables.append("kept", {**columns, "delay": [1.5] * 100})),
        "append other lengths": (ValueError, lambda: tables.append("new", {"x": [1], "y": [1, 2]})),
        "append no columns": (ValueError, lambda: tables.append("new", {})),
        "append a bad name": (ValueError, lambda: tables.append("new", {"a b": [1]})),
        "append texts": (TypeError, lambda: tables.append("new", {"x": ["text"]})),
        "append no columns at all": (AttributeError, lambda: tables.append("new", 5)),
        "append no key": (TypeError, lambda: tables.append(5.5, columns)),
        "get no such column": (ValueError, lambda: tables.get("kept", "none")),
        "get damaged": (accrete.CorruptionError, lambda: tables.get("damaged")),
        "get into what cannot be written": (BufferError, lambda: tables._values.get_into("kept", ["delay"], lambda *_: b"")),
        "get into nothing": (ZeroDivisionError, lambda: tables._values.get_into("kept", ["delay"], lambda *_: 1 / 0)),
        "get into too little": (Exception, lambda: tables._values.get_into("kept", ["delay"], lambda *_: bytearray(8))),
        "no store": (TypeError, lambda: accrete.Columns(5)),
    }), counts_references=False) == {}


def anew(frame):
    """Makes the frame, of which pandas notes each view that was made."""
    pickled = pickle.dumps(frame, protocol=5)
    return lambda: pickle.loads(pickled)


def frames(np, pd):
    n = 60
    texts = ["a", "é", "", "a", None, "long " * 20] * 10
    return {
        "numbers": pd.DataFrame({"i": np.arange(n), "x": np.linspace(0, 1, n), "b": np.arange(n) % 2 == 0}),
        "texts": pd.DataFrame({"t": texts, "s": pd.array(texts, dtype="string")}),
        "bytes": pd.DataFrame({"b": [b"x", None, b"y" * 50] * 20}),
        "masked": pd.DataFrame({"i": pd.array([1, None] * 30, dtype="Int64"), "b": pd.array([True, None] * 30, dtype="boolean")}),
        "times": pd.DataFrame({"t": pd.date_range("2000", periods=n), "z": pd.date_range("2000", periods=n, tz="Asia/Kolkata"),
                               "d": pd.to_timedelta(range(n), unit="s")}),
        "categories": pd.DataFrame({"c": pd.Categorical(texts), "o": pd.Categorical(range(n), ordered=True)}),
        "periods": pd.DataFrame({"p": pd.period_range("2000", periods=n, freq="D"), "q": pd.interval_range(0, n)}),
        "index": pd.DataFrame({"x": range(n)}, index=pd.MultiIndex.from_product([range(n // 2), ["a", "b"]], names=["k", None])),
        "no rows": pd.DataFrame({"x": range(0)}),
    }


def test_frames(store):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    left = {}
    for kind, frame in frames(np, pd).items():
        store.drop()
        store.set_attribute("table.schema", None)
        codes = np.arange(len(frame)) % 3
        store.scatter(frame, codes, 3)
        made = anew(frame)

        def scatter():
            store.scatter(made(), codes + 3, 6)
            for code in range(3, 6):
                store.erase(code)

        left |= {f"{kind}, {name}": what for name, what in growth.leaks({
            "scatter": scatter,
            "gather": lambda: store.gather(0),
            "gather list": lambda: store.gather([0, 1, 2, "missing"]),
            "gather to Arrow": lambda: store.gather([0, 1], to="arrow"),
        }, every=10, counts_references=False).items()}
    assert left == {}


def test_tables(store):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame({"k": ["x", "y", None] * 20, "i": [1, 2] * 30, "c": pd.Categorical(["p", "q", "r"] * 20)})
    store.scatter(frame, np.zeros(60, int), 1)
    table = store.gather(0, to="arrow")
    numbers = itertools.count(1)
    made = anew(frame)
    nines = np.zeros(60, int) + 9

    def scatter(by, *keys, source=made, **options):
        def call():
            store.scatter(source(), by, **options)
            for key in keys:
                store.erase(key)

        return call

    column = table._columns.children[0]
    assert growth.leaks({
        "scatter by a column": scatter("k", "x", "y", "none", null_key="none"),
        "scatter by columns": scatter(["k", "i"], "none", ("x", 1), ("y", 2), ("x", 2), ("y", 1), null_key="none"),
        "scatter with an id": erased(store, lambda: store.scatter(made(), nines, 10, id=(b"t" * 16, next(numbers))), 9),
        "scatter a stream": scatter("i", 1, 2, source=lambda: table),
        "schema": table.__arrow_c_schema__,
        "stream": lambda: table.__arrow_c_stream__(),
        "array": column.__arrow_c_array__,
        "import": lambda: type(column).imported("x", *column.__arrow_c_array__()),
        "parts": lambda: (len(table), repr(table), [(each.name, each.metadata, each.dictionary) for each in table._columns.children]),
        "buffers": lambda: [bytes(memoryview(each.values)) for each in table._columns.children[1:]],
    }, every=5, counts_references=False) == {}
    zeros = np.zeros(60, int)
    pickles = anew(pd.DataFrame({"o": [(1, 2), {"a": 1}, None] * 20}))
    with accrete.memory() as objects:

        def scatter_objects():
            objects.drop()
            objects.scatter(pickles(), zeros, 1, objects="pickle")

        assert growth.leaks({
            "scatter objects": scatter_objects,
            "gather objects": lambda: objects.gather(0, unpickle=True),
        }, every=5, counts_references=False) == {}
        assert growth.leaks(growth.refused({
            "gather objects": (accrete.Error, lambda: objects.gather(0)),
        }), every=5, counts_references=False) == {}


def test_tables_that_are_refused(store):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    codes = np.arange(60) % 3
    frame = pd.DataFrame({"k": ["x", "y", None] * 20, "i": [1, 2] * 30})
    made = anew(frame)

    class Stream:
        def __init__(self, capsule):
            self._capsule = capsule

        def __arrow_c_stream__(self):
            return self._capsule() if callable(self._capsule) else self._capsule

    with accrete.memory() as empty:
        assert growth.leaks(growth.refused({
            "gather where no table is": (ValueError, lambda: empty.gather("key")),
            "scatter mixed objects": (TypeError, lambda: empty.scatter(pd.DataFrame({"o": ["x", 5]}), [0, 0], 1)),
            "scatter mixed bytes": (TypeError, lambda: empty.scatter(pd.DataFrame({"o": [b"x", "y"]}), [0, 0], 1)),
            "scatter a surrogate": (ValueError, lambda: empty.scatter(pd.DataFrame({"o": ["x", "\udcff"]}), [0, 0], 1)),
            "scatter complex": (TypeError, lambda: empty.scatter(pd.DataFrame({"o": [1j]}), [0], 1)),
            "scatter two names": (ValueError, lambda: empty.scatter(pd.DataFrame([[1, 2]], columns=["a", "a"]), [0], 1)),
            "scatter what raises": (ZeroDivisionError, lambda: empty.scatter(
                pd.DataFrame({"o": [Unpicklable()]}, dtype=object), [0], 1, objects="pickle")),
        }), every=5, counts_references=False) == {}
    store.scatter(frame, codes, 3)
    table = store.gather(0, to="arrow")
    used = table.__arrow_c_stream__()
    store.scatter(Stream(used), "i")
    for key in ("damaged", "cut"):
        store.append(key, store.get(0))
    store.erase("damaged")
    store.append("damaged", bytes(byte ^ (i == 500) for i, byte in enumerate(store.get(0))))
    store.append("cut", b"x")
    assert growth.leaks(growth.refused({
        "scatter no table": (TypeError, lambda: store.scatter(5, "k")),
        "scatter no stream": (Exception, lambda: store.scatter(Stream(5), "k")),
        "scatter raising stream": (ZeroDivisionError, lambda: store.scatter(Stream(lambda: 1 / 0), "k")),
        "scatter a schema": (Exception, lambda: store.scatter(Stream(table.__arrow_c_schema__), "k")),
        "scatter no such column": (ValueError, lambda: store.scatter(made(), "none")),
        "scatter a stream by no such column": (ValueError, lambda: store.scatter(table, "none")),
        "scatter nulls": (ValueError, lambda: store.scatter(made(), "k")),
        "scatter too few codes": (ValueError, lambda: store.scatter(made(), codes[1:], 3)),
        "scatter too many codes": (ValueError, lambda: store.scatter(made(), np.append(codes, 0), 3)),
        "scatter codes too large": (ValueError, lambda: store.scatter(made(), codes, 2)),
        "scatter codes without n": (ValueError, lambda: store.scatter(made(), codes)),
        "scatter codes of texts": (TypeError, lambda: store.scatter(made(), ["x"] * 59 + [5], 3)),
        "scatter other columns": (accrete.TypeMismatchError, lambda: store.scatter(made()[["i"]], codes, 3)),
        "scatter no key": (TypeError, lambda: store.scatter(made(), "k", null_key=5.5)),
        "scatter no id": (TypeError, lambda: store.scatter(made(), codes, 3, id=5)),
        "gather no key": (TypeError, lambda: store.gather(5.5)),
        "gather to nothing": (ValueError, lambda: store.gather(0, to="none")),
        "gather damaged": (accrete.CorruptionError, lambda: store.gather("damaged")),
        "gather cut": (accrete.CorruptionError, lambda: store.gather(["cut"])),
        "Column of another size": (ValueError, lambda: type(table._columns)("x", "l", 5, None, bytes(8), None, False)),
        "Column of no format": (Exception, lambda: type(table._columns)("x", "?", 5, None, bytes(8), None, False)),
        "Column of no buffer": (TypeError, lambda: type(table._columns)("x", "l", 5, None, 5, None, False)),
    }), every=5, counts_references=False) == {}


def test_streams_of_others(store):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    if not hasattr(pa.Table, "__arrow_c_stream__"):
        pytest.skip("this pyarrow has none")
    table = pa.table({
        "k": ["x", "y"] * 30, "list": [[1, 2], None] * 30, "struct": [{"a": 1, "b": ["x"]}] * 60,
        "map": pa.array([[("k", 1)]] * 60, pa.map_(pa.string(), pa.int64())), "dictionary": pa.array(["p", "q"] * 30).dictionary_encode(),
    })

    def scatter(source):
        store.scatter(source(), "k")
        store.erase("x")
        store.erase("y")

    store.scatter(table, [0] * 60, 1)
    assert growth.leaks({
        "scatter": lambda: scatter(lambda: table),
        "scatter batches": lambda: scatter(lambda: pa.RecordBatchReader.from_batches(table.schema, table.to_batches(10))),
        "gather": lambda: pa.table(store.gather(0)),
    }, every=5, counts_references=False) == {}
    assert growth.leaks(growth.refused({
        "scatter by lists": (ValueError, lambda: store.scatter(table, "list")),
    }), every=5, counts_references=False) == {}


def test_pieces_of_dask(tmp_path):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    pytest.importorskip("dask.dataframe", reason="Dask is not installed")
    from accrete.dask import Pieces

    frame = anew(pd.DataFrame({"row": [1, 2, 3, 4], "object": ["x", None, "y", "z"]}))
    objects = anew(pd.DataFrame({"row": [5, 6], "object": [b"b", (1, 2)]}))
    codes = np.array([0, 1, 0, 1])
    pieces = Pieces.create(str(tmp_path))
    numbers = itertools.count()

    def scatter():
        pieces.scatter(frame(), codes, 2, f"task {next(numbers) % 3}")
        pieces.scatter(objects(), codes[:2], 2)
        pieces.get(0), pieces.get(1), pieces.get(5)
        pieces.drop()

    def used():
        pieces = Pieces.create(str(tmp_path))
        pieces.scatter(frame(), codes, 2)
        pieces.get(0)

    copy = pickle.dumps(pieces)
    assert growth.leaks({
        "scatter and get": scatter, "itself": used, "a copy": lambda: pickle.loads(copy),
    }, every=20, counts_references=False) == {}
