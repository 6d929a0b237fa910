"""Calls of accrete.partd's stores and locks leave nothing behind."""
import contextlib
import fractions
import os
import pickle
import threading
import weakref

import accrete
import growth
import pytest
from accrete import partd
from accrete.partd import Buffer, Dict, Encode, File
from accrete.partd.core import Lock, lock_file

pytestmark = growth.takes_long


class OwnNames(File):
    """Its keys' files are named in Python."""

    def filename(self, key):
        return os.path.join(self.path, str(key))


class Other:
    """A key of a type that nobody knows."""

    def __str__(self):
        return "other"

    def __hash__(self):
        return 5

    def __eq__(self, other):
        return isinstance(other, Other)


class RaisingText(Other):
    def __str__(self):
        raise ZeroDivisionError


class RaisingHash(RaisingText):
    def __hash__(self):
        raise ZeroDivisionError


STORES = {
    "Dict": lambda path: Dict(),
    "File": File,
    "Buffer": lambda path: Buffer(Dict(), File(path)),
    "Buffer that flushes": lambda path: Buffer(Dict(), File(path), available_memory=5),
    "Buffer of Dicts": lambda path: Buffer(Dict(), Dict(), available_memory=5),
    "Buffer of Files": lambda path: Buffer(File(path + "/fast"), File(path + "/slow"), available_memory=5),
    "Encode": lambda path: Encode(bytes, bytes, b"".join, File(path)),
}


@pytest.fixture(params=STORES)
def store(request, tmp_path):
    with STORES[request.param](str(tmp_path / "store")) as store:
        yield store


def emptied(store, call):
    def made():
        call()
        store.drop()

    return made


KEYS = ["a", ("a", 1), 5, b"b", 2.5, None, "é/%", "x" * 300, ("t", ("u", "v")), (), Other(), fractions.Fraction(1, 2),
        float("nan")]


def test_stores(store):
    batch = {key: b"%d," % number for number, key in enumerate(KEYS)}
    kept = {"kept": b"1" * 50_000, ("kept", 2): b"2"}

    def used():
        store.append(batch)
        store.append({"a": bytearray(b"1"), 5: memoryview(b"2")})
        assert store.get("a") == b"0,1"
        store.get([*KEYS, "missing", ["a", ["missing"]]])
        store.append(kept)
        assert len(store.get("kept")) == 50_000
        store.iget("kept")
        store.iset("set", b"1")
        store.iset("set", b"2")
        assert store.pop("a") == b"0,1"
        store.pop(["set", "kept"])
        store.delete(5)
        store.delete([*KEYS[:2], "missing"])

    def copied():
        store.append({"a": b"1"})
        pickle.loads(pickle.dumps(store))

    assert growth.leaks({
        "all": emptied(store, used),
        "append fsync": emptied(store, lambda: store.append({"a": b"1"}, fsync=True)),
        "append without the lock": emptied(store, lambda: store.append({"a": b"1"}, lock=False)),
        **{f"append {key!r}": emptied(store, lambda key=key: store.append({key: b"1"})) for key in KEYS},
        "get missing": lambda: store.get(["missing", "missing too"]),
        "a copy": emptied(store, copied),
        "drop": store.drop,
    }, every=5) == {}


def test_a_file_with_names_of_its_own(tmp_path):
    store = OwnNames(str(tmp_path))

    def used():
        store.append({"a": b"1", 5: b"2"})
        store.get(["a", 5, "missing"])
        store.iset("set", b"1")
        store.delete(["a", "missing"])

    assert growth.leaks({"all": emptied(store, used)}, every=5) == {}
    assert growth.leaks(growth.refused({
        "append": (OSError, lambda: store.append({"a": b"1", "x" * 300: b"2"})),
        "append no bytes": (TypeError, lambda: store.append({"a": b"1", "b": 5})),
    }), every=5) == {}


def test_what_stores_refuse(store):
    calls = {
        "append no mapping": ((AttributeError, TypeError), lambda: store.append(5)),
        "append no bytes": (TypeError, lambda: store.append({"a": b"1", "b": "text"})),
        "get no hash": (ZeroDivisionError, lambda: store.get(RaisingHash())),
        "delete no hash": (ZeroDivisionError, lambda: store.delete([RaisingHash()])),
    }
    if isinstance(store, File):
        calls |= {
            "append no text": (ZeroDivisionError, lambda: store.append({("x", RaisingText()): b"1"})),
            "get no text": (ZeroDivisionError, lambda: store.get([RaisingText()])),
            "append what is not contiguous": (BufferError, lambda: store.append({"a": memoryview(b"abcd")[::2]})),
        }
    assert growth.leaks(growth.refused(calls), every=5) == {}


def test_a_buffer_that_cannot_flush(tmp_path):
    (tmp_path / "file").touch()

    class Full(Dict):
        def append(self, data, **kwargs):
            raise ZeroDivisionError

        def _iset(self, key, value, **kwargs):
            raise ZeroDivisionError

    buffer = Buffer(Dict(), Full(), available_memory=5)
    files = Buffer(Dict(), File(str(tmp_path / "store")), available_memory=50)
    files.slow.path = str(tmp_path / "file" / "below")
    full = Buffer(Full(), Dict())
    assert growth.leaks(growth.refused({
        "append": (ZeroDivisionError, lambda: buffer.append({"a": b"1" * 10, "b": b"2"})),
        "append to files": (OSError, lambda: files.append({"a": b"1" * 100})),
        "append to what is full": (ZeroDivisionError, lambda: full.append({"a": b"1"})),
        "iset": (ZeroDivisionError, lambda: buffer.iset("c", b"1")),
    }), every=5) == {}


def test_files_that_cannot_be_used(tmp_path):
    store = File(str(tmp_path / "store"))
    store.append({"kept": b"1"})
    (tmp_path / "store" / "odd").symlink_to("missing/below")
    os.mkfifo(tmp_path / "store" / "pipe")

    def opened_below_a_file():
        File(str(tmp_path / "store" / "kept" / "below"))

    gone = File(str(tmp_path / "gone"))
    gone.__exit__()
    assert growth.leaks(growth.refused({
        "append": ((OSError, accrete.Error), lambda: store.append({"kept": b"1", "pipe": b"2"})),
        "get": ((OSError, accrete.Error), lambda: store.get(["kept", "pipe"])),
        "get of what is gone": (FileNotFoundError, lambda: gone.get("a")),
        "itself": (OSError, opened_below_a_file),
        "Lock": (OSError, lambda: Lock(str(tmp_path / "store" / "kept" / "below" / ".lock")).acquire()),
    }), every=5) == {}


def test_stores_that_come_and_go(tmp_path):
    def used(make):
        def call():
            with make() as store:
                store.append({"a": b"1", ("b", 2): b"2"})
                store.get(["a", "b"])

        return call

    assert growth.leaks({
        "Dict": used(Dict),
        "File": used(lambda: File(dir=tmp_path)),
        "File with a path": used(lambda: File(str(tmp_path / "store"))),
        "Buffer": used(lambda: Buffer(Dict(), File(dir=tmp_path))),
        "File, not left": lambda: File(dir=tmp_path).append({"a": b"1"}),
        "Buffer, not left": lambda: Buffer(Dict(), File(dir=tmp_path)).append({"a": b"1"}),
    }, every=10) == {}


def encodings(np, pd):
    lists = [[1, "é", None, (1, 2)], [b"x", {"a": [1]}]]
    found = {
        name: (getattr(partd, name), [b"text" * 10, b""])
        for name in ("ZLib", "BZ2", "Snappy", "Blosc", "LZ4", "Zstd") if hasattr(partd, name)
    }
    found |= {"Pickle": (partd.Pickle, lists), "Python": (partd.Python, lists)}
    if np:
        found["Numpy"] = partd.Numpy, [np.arange(10), np.arange(5)]
        found["Numpy of objects"] = partd.Numpy, [np.array(["x", 5, None], dtype=object)] * 2
        found["Numpy of structures"] = partd.Numpy, [np.zeros(3, [("a", "i4"), ("b", "f8")])] * 2
    if pd:
        texts = ["a", "é", "", None, float("nan"), "long " * 20]
        frame = pd.DataFrame({
            "i": np.arange(6), "x": np.linspace(0, 1, 6), "t": texts, "c": pd.Categorical(texts[:3] * 2),
            "d": pd.date_range("2000", periods=6), "m": pd.array([1, None] * 3, dtype="Int64"),
        })
        for name in ("PandasBlocks", "PandasColumns"):
            found[name] = getattr(partd, name), [frame, frame.iloc[:3]]
            found[f"{name} of objects"] = getattr(partd, name), [pd.DataFrame({"o": [(1, 2), [3], b"x"]}, dtype=object)] * 2
    return found


def test_encodings(tmp_path):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    left = {}
    for name, (make, values) in encodings(np, pd).items():
        store = make(File(str(tmp_path / name)))
        over_buffer = make(Buffer(Dict(), File(str(tmp_path / f"{name} too")), available_memory=200))
        for value in values:
            store.append({"kept": value})
        files = File(str(tmp_path / name))
        is_framed = "Numpy" not in name and "PandasColumns" not in name
        files.append({"damaged": files.get("kept")[:-1]})

        def used(store=store, values=values):
            for value in values:
                store.append({"new": value, ("t", 1): value})
            store.get(["new", ("t", 1)])
            store.delete(["new", ("t", 1)])

        calls = {
            "append": lambda: used(),
            "append to a Buffer": lambda: used(over_buffer),
            "get": lambda: store.get("kept"),
            "itself": lambda: make(Dict()),
        }
        error = accrete.CorruptionError if is_framed else KeyError
        refused = {
            "append": (Exception, lambda: store.append({"new": threading.Lock()})),
            "get damaged": (error, lambda: store.get("damaged")),
        }
        calls |= {f"refused, {what}": call for what, call in growth.refused(refused).items()}
        found = growth.leaks(calls, every=10, counts_references=False)
        left |= {f"{name}, {what}": how for what, how in found.items()}
    assert left == {}


@pytest.fixture(params=["of threads", "of processes"])
def lock(request, tmp_path):
    return Lock() if request.param == "of threads" else Lock(str(tmp_path / "made" / ".lock"))


def test_locks(lock, tmp_path):
    path = str(tmp_path / "locks" / ".lock")

    def taken_again():
        with lock:
            with lock:
                pass

    def attempt():
        with lock.attempt(0) as is_held:
            assert is_held

    def acquire():
        lock.acquire(timeout=1)
        lock.release()

    def held_when_it_goes():
        Lock().acquire()
        other = Lock(path)
        other.acquire()

    assert growth.leaks({
        "with": taken_again,
        "attempt": attempt,
        "attempt, unused": lambda: lock.attempt(5),
        "acquire": acquire,
        "locked": lambda: (lock.locked(), lock.path),
        "itself": lambda: (Lock(), Lock(path), Lock(path=None)),
        "held when it goes": held_when_it_goes,
        "weak reference": lambda: weakref.ref(Lock(path)),
        "lock_file": lambda: lock_file(path),
        "subclass": lambda: _OwnLock(path).release(),
    }) == {}
    assert growth.leaks(growth.refused({
        "release": (RuntimeError, lock.release),
        "path": (TypeError, lambda: Lock(5)),
        "path with a NUL": (ValueError, lambda: Lock("a\0b")),
        "arguments": (TypeError, lambda: Lock(path, 5)),
        "acquire": (TypeError, lambda: lock.acquire(timeout="x")),
        "attempt": (TypeError, lambda: lock.attempt("x")),
        "attempt itself": (TypeError, lambda: type(lock.attempt(0))()),
    })) == {}


class _OwnLock(Lock):
    def __init__(self, path):
        self.acquire()


def test_locks_that_others_have(lock):
    is_held, is_over = threading.Event(), threading.Event()

    def hold():
        with lock:
            is_held.set()
            is_over.wait()

    def attempt():
        with lock.attempt(0) as is_held:
            assert not is_held

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait()
    try:
        assert growth.leaks({
            "acquire": lambda: lock.acquire(blocking=False),
            "acquire with a time": lambda: lock.acquire(timeout=1e-4),
            "attempt": attempt,
        }, every=5) == {}
    finally:
        is_over.set()
        thread.join()


def test_clients(tmp_path):
    pytest.importorskip("zmq", reason="zmq (python3-zmq) is not installed")
    from accrete.partd import Client, Server

    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Server(Buffer(Dict(), File(str(tmp_path / "data"))), hostname="127.0.0.1"))
        client = Client(server.address, timeout=30)
        stack.callback(client.close)

        def used():
            client.append({"a": b"1", ("b", 2.5): b"2"})
            client.get(["a", ["missing"]])
            client.iset("set", b"1")
            client.delete("a")
            client.drop()

        def closed():
            Client(server.address).close()

        assert growth.leaks({"all": used, "itself": closed}, every=20, spare_bytes=8, counts_references=False) == {}
        assert growth.leaks(growth.refused({
            "append": (TypeError, lambda: client.append({"a": 5})),
            "append no key": (TypeError, lambda: client.append({object(): b"1"})),
            "an infinite key": (ValueError, lambda: client.append({float("inf"): b"1"})),
        }), every=20, spare_bytes=8, counts_references=False) == {}


def test_forks(tmp_path):
    buffer = Buffer(Dict(), File(str(tmp_path / "data")))
    lock = Lock(str(tmp_path / ".lock"))

    def fork():
        buffer.append({"a": b"1"})
        with lock:
            child = os.fork()
            if child == 0:
                os._exit(lock.locked() or bool(buffer.get("a") == b""))
            assert os.waitpid(child, 0)[1] == 0
        buffer.drop()

    assert growth.leaks({"fork": fork}, every=50) == {}
