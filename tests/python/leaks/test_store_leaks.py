"""Calls of stores and of datasets leave nothing behind, whether they do what they should or refuse it."""
import itertools
import pickle
import resource

import accrete
import growth
import store_calls


def test_calls_of_a_store(store):
    store_calls.fill(store)
    assert growth.leaks(store_calls.calls_of(store)) == {}


def test_what_a_store_refuses(store):
    store_calls.fill(store)
    assert growth.leaks(store_calls.refused_by(store)) == {}


def test_calls_of_a_closed_store(url):
    store = accrete.open(url)
    store.close()
    assert growth.leaks({"close": store.close, "repr": lambda: (repr(store), store.closed)}) == {}
    assert growth.leaks(growth.refused({name: (accrete.InvalidArgumentError, call) for name, call in {
        "append": lambda: store.append("key", b""),
        "get": lambda: store.get("key"),
        "get list": lambda: store.get(["key"]),
        "get_into": lambda: store.get_into("key", bytearray(1)),
        "reader": lambda: store.reader("key"),
        "size": lambda: store.size("key"),
        "in": lambda: "key" in store,
        "len": lambda: len(store),
        "iter": lambda: list(store),
        "stats": lambda: store.stats(),
        "erase": lambda: store.erase("key"),
        "flush": lambda: store.flush(),
        "drop": lambda: store.drop(),
        "attribute": lambda: store.attribute("name"),
        "buffered": lambda: accrete.buffered(store),
        "gather": lambda: store.gather("key"),
        "Numeric": lambda: accrete.Columns(store),
    }.items()})) == {}


def test_functions():
    key = ("x", -4, b"x\0", ("y", 1 << 63, "\udcff"))
    packed = accrete.pack_key(key)
    assert growth.leaks({
        "pack_key": lambda: accrete.pack_key(key),
        "unpack_key": lambda: accrete.unpack_key(packed),
        "codec_names": accrete.codec_names,
        "memory": accrete.memory,
        "memory, used": lambda: accrete.memory().append("key", b"1"),
        "buffered": lambda: accrete.buffered(accrete.memory()).append("key", b"1"),
        "compressed": lambda: accrete.compressed(accrete.memory()).append("key", b"1"),
    }) == {}
    assert growth.leaks(growth.refused({
        "pack_key": (TypeError, lambda: accrete.pack_key(5.5)),
        "pack_key in a tuple": (TypeError, lambda: accrete.pack_key(("x", ("y", None)))),
        "pack_key of an int": (OverflowError, lambda: accrete.pack_key(-1 << 70)),
        "pack_key that raises": (ZeroDivisionError, lambda: accrete.pack_key(store_calls.Index())),
        "unpack_key": (accrete.InvalidKeyError, lambda: accrete.unpack_key(b"\xff")),
        "unpack_key, cut": (accrete.InvalidKeyError, lambda: accrete.unpack_key(packed[:-3])),
        "unpack_key, not at its end": (accrete.InvalidKeyError, lambda: accrete.unpack_key(packed + b"x")),
        "unpack_key, deep": (RecursionError, lambda: accrete.unpack_key(packed[:1] * 5_000)),
        "pickle": (TypeError, lambda: pickle.dumps(accrete.memory())),
        "buffered": (TypeError, lambda: accrete.buffered(5)),
        "compressed": (ValueError, lambda: accrete.compressed(accrete.memory(), "none such")),
    })) == {}


def test_datasets_that_come_and_go(url, tmp_path):
    new = str(tmp_path / "new")
    held = accrete.open(url)
    pickled = pickle.dumps(held)
    held.close()

    def create_and_destroy(**options):
        accrete.create(new, **options)
        accrete.destroy(new)

    def open_and_close(**options):
        with accrete.open(url, **options) as store:
            store.append("key", b"1")
            store.erase("key")

    def put_and_get():
        accrete.put(url, {"key": b"1"})
        assert accrete.get(url, ["key", "missing"]) == [b"1", b""]
        with accrete.open(url) as store:
            store.drop()

    def copied():
        with pickle.loads(pickled) as store:
            pickle.dumps(store)

    def temporary():
        with accrete.temporary(tmp_path) as store:
            store.append("key", b"1")

    def abandoned():
        accrete.temporary(tmp_path).append("key", b"1")

    assert growth.leaks({
        "create": create_and_destroy,
        "create with a codec": lambda: create_and_destroy(codec="zstd:3"),
        "open": open_and_close,
        "open with options": lambda: open_and_close(max_open_files=4, durability="sync", lock_timeout=1, timeout=1),
        "open with a buffer": lambda: open_and_close(buffer=1 << 20),
        "open, not closed": lambda: accrete.open(url).append("key", b""),
        "put": put_and_get,
        "pickle": copied,
        "info": lambda: accrete.info(url),
        "verify": lambda: accrete.verify(url),
        "temporary": temporary,
        "temporary, not closed": abandoned,
        "sweep": lambda: accrete.sweep(tmp_path),
    }, every=10) == {}


def test_datasets_that_are_refused(url, tmp_path):
    missing = str(tmp_path / "missing")
    file = tmp_path / "file"
    file.write_bytes(b"")
    damaged = tmp_path / "damaged"
    accrete.create(damaged)
    (damaged / ".accrete").write_bytes(b"damaged")
    adopted = tmp_path / "adopted"
    adopted.mkdir()
    (adopted / "%zz").write_bytes(b"")
    number = itertools.count()
    with accrete.open(url, buffer=True):
        assert growth.leaks(growth.refused({
            "open, locked": (accrete.LockedError, lambda: accrete.open(url, lock_timeout=0)),
            "put, missing": (accrete.NotFoundError, lambda: accrete.put(missing, {"key": b"1"})),
            "put, no bytes": (TypeError, lambda: accrete.put(url, {"key": 1})),
            "get, missing": (accrete.NotFoundError, lambda: accrete.get(missing, ["key"])),
            "get, no key": (TypeError, lambda: accrete.get(missing, [5.5])),
            "open, missing": (accrete.NotFoundError, lambda: accrete.open(missing)),
            "open, missing, another each time": (
                accrete.NotFoundError, lambda: accrete.open(f"{missing}{next(number)}"),
            ),
            "open a file": (accrete.Error, lambda: accrete.open(file)),
            "open below a file": (accrete.Error, lambda: accrete.open(file / "data")),
            "open, damaged": (accrete.CorruptionError, lambda: accrete.open(damaged)),
            "open, no text": (TypeError, lambda: accrete.open(5)),
            "open, bad time": (ValueError, lambda: accrete.open(url, lock_timeout=-1)),
            "open, bad buffer": (TypeError, lambda: accrete.open(url, buffer="1")),
            "open, bad durability": (ValueError, lambda: accrete.open(url, durability="none such")),
            "open, no scheme": (accrete.Error, lambda: accrete.open("none-such://x")),
            "open, no key file": (accrete.Error, lambda: accrete.open("tcp://127.0.0.1:1", key_file=missing)),
            "connect, a path": (ValueError, lambda: accrete.connect(url)),
            "create, there": (accrete.ExistsError, lambda: accrete.create(url)),
            "create, no codec": (ValueError, lambda: accrete.create(missing, codec="none such")),
            "create, no layout": (accrete.Error, lambda: accrete.create(missing, layout="none such")),
            "create, no parent": (accrete.Error, lambda: accrete.create(missing + "/below")),
            "create, adopting what is no key": (accrete.Error, lambda: accrete.create(adopted, adopt=True)),
            "destroy, missing": (accrete.NotFoundError, lambda: accrete.destroy(missing)),
            "destroy, a directory": (accrete.Error, lambda: accrete.destroy(tmp_path)),
            "info, missing": (accrete.NotFoundError, lambda: accrete.info(missing)),
            "verify, missing": (accrete.NotFoundError, lambda: accrete.verify(missing)),
            "temporary, no directory": (accrete.Error, lambda: accrete.temporary(missing)),
            "temporary, no such option": (TypeError, lambda: accrete.temporary(tmp_path, other=1)),
            "sweep, missing": (accrete.Error, lambda: accrete.sweep(missing)),
        }), every=10) == {}


def test_a_server_that_nobody_has_started(tmp_path):
    missing = f"ipc://{tmp_path}/missing"
    # Threads of ZeroMQ's end what is given up here.
    assert growth.leaks(growth.refused({
        "connect": (accrete.NetworkError, lambda: accrete.connect(missing, timeout=0.01)),
    }), every=10, spare_bytes=8) == {}


def test_files_that_may_not_grow(url):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with accrete.open(url) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
        try:
            left = growth.leaks(growth.refused({
                "append": (accrete.IoError, lambda: store.append("key", bytes(1 << 17))),
                "append to two": (accrete.IoError, lambda: store.append({"first": b"1", "second": bytes(1 << 17)})),
            }))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert left == {}
