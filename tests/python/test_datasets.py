"""The four functions, and what is done to a dataset as a whole."""
import errno
import os
import pathlib
import pickle

import accrete
import pytest


def test_the_example_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    accrete.create("events")
    accrete.put("events", {"x": b"Hello ", "y": b"123"})
    accrete.put("events", {"x": b"world!", "y": b"456"}, sync=True)
    assert accrete.get("events", ["y", "x"]) == [b"123456", b"Hello world!"]
    accrete.destroy("events")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", [str, pathlib.Path, os.fsencode])
def test_a_path_may_be_of_any_type_and_any_bytes(tmp_path, kind):
    path = kind(str(tmp_path / "name-\udcff-ä"))
    accrete.create(path)
    with accrete.open(path) as store:
        store.append("key", b"1")
        assert "name-" in repr(store)
    assert accrete.get(path, ["key"]) == [b"1"]
    assert accrete.info(path).layout == "files"
    assert accrete.verify(path) == ([], [], 1, 1)
    accrete.destroy(path)


def test_a_codec(tmp_path):
    path = tmp_path / "data"
    accrete.create(path, codec="zstd:5")
    accrete.put(path, {"key": b"x" * 100_000})
    assert accrete.info(path).codec == "zstd:5"
    with accrete.open(path) as store:
        assert store.get("key") == b"x" * 100_000
        assert store.stats().stored_bytes < 1000
    with pytest.raises(accrete.InvalidArgumentError, match="nonsense"):
        accrete.create(tmp_path / "other", codec="nonsense")
    assert "lz4" in accrete.codec_names()


def test_damage_is_found(tmp_path):
    path = tmp_path / "data"
    accrete.create(path, codec="lz4")
    accrete.put(path, {"key": os.urandom(1000)})
    with open(path / "key", "r+b") as file:
        file.seek(500)
        file.write(b"\0\0\0\0")
    with pytest.raises(accrete.CorruptionError, match="key"):
        accrete.get(path, ["key"])
    assert len(accrete.verify(path).problems) > 0
    assert len(accrete.verify(path, repair=True).repairs) > 0


def test_files_of_others_are_adopted(tmp_path):
    (tmp_path / "key").write_bytes(b"1")
    accrete.create(tmp_path, adopt=True)
    assert accrete.get(tmp_path, ["key"]) == [b"1"]


def raised(call):
    with pytest.raises(accrete.Error) as caught:
        call()
    return caught.value


def test_errors_are_those_of_python_at_once(url, tmp_path):
    missing = raised(lambda: accrete.open(tmp_path / "missing"))
    assert isinstance(missing, accrete.NotFoundError) and isinstance(missing, FileNotFoundError)
    assert missing.errno == errno.ENOENT and "missing" in str(missing)
    assert isinstance(raised(lambda: accrete.create(url)), FileExistsError)
    assert isinstance(raised(lambda: accrete.put(url, {"": b""})), ValueError)
    nowhere = raised(lambda: accrete.create(tmp_path / "no" / "parent"))
    assert isinstance(nowhere, OSError) and nowhere.errno == errno.ENOENT
    assert nowhere.filename == str(tmp_path / "no" / "parent") and str(nowhere).count(nowhere.filename) == 1
    with accrete.open(url, buffer=True):
        locked = raised(lambda: accrete.open(url, lock_timeout=0.01).append("x", b""))
    assert isinstance(locked, accrete.LockedError) and isinstance(locked, TimeoutError)
    for error in missing, nowhere, locked:
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy), copy.errno) == (type(error), str(error), error.errno)
        assert copy.filename == error.filename
    unknown = pickle.loads(pickle.dumps(accrete.UnknownOutcomeError("said", (bytes(16), 3))))
    assert unknown.batch == (bytes(16), 3)


def test_a_path_does_not_end_at_a_nul(url):
    before = sorted(os.listdir(url))
    for call in (accrete.create, accrete.open, accrete.temporary, accrete.sweep, accrete.destroy):
        with pytest.raises(accrete.InvalidArgumentError, match="NUL"):
            call(url + "\0x")
    assert sorted(os.listdir(url)) == before


def test_arguments_that_make_no_sense(url):
    for call in (
        lambda: accrete.open(url, durability="everything"),
        lambda: accrete.open(url, lock_timeout=-1),
        lambda: accrete.open(url, durability="sync", lock_timeout=float("nan")),
        lambda: accrete.create(url + "2", layout="nonsense"),
    ):
        assert isinstance(raised(call), (ValueError, NotImplementedError))
    for call in (
        lambda: accrete.open(url, bufer=True),
        lambda: accrete.open(5),
        lambda: accrete.temporary(url, nonsense=1),
        lambda: accrete.buffered("no store"),
    ):
        with pytest.raises(TypeError):
            call()


def test_keys_are_packed_one_to_one_and_in_order():
    bounds = [2**n + d for n in (0, 7, 8, 16, 31, 32, 63) for d in (-1, 0, 1)] + [2**64 - 1]
    numbers = sorted({*bounds, *(-n for n in bounds), 0})
    packed = [accrete.pack_key(n) for n in numbers]
    assert packed == sorted(packed)
    assert [accrete.unpack_key(key) for key in packed] == numbers
    tuples = [(), (b"",), (b"\0",), (b"\0", 1), ("",), ("\0",), ("a",), ("a", b"x", -1), ("a\0",), ("ä", ("x", (2,))), (1, 2), (2,)]
    packed = [accrete.pack_key(key) for key in tuples]
    assert len(set(packed)) == len(packed)
    assert [accrete.unpack_key(key) for key in packed] == tuples
    assert accrete.pack_key((1,)) != accrete.pack_key(1)


@pytest.mark.parametrize("wrong", [b"", b"x", b"\x15", b"\x15\0", b"\x15\1\1", b"\x05\x15\1", b"\x02a\0", b"\x16\0\1"])
def test_what_is_not_packed_is_not_unpacked(wrong):
    with pytest.raises(accrete.InvalidKeyError, match="cannot unpack a key"):
        accrete.unpack_key(wrong)


def test_what_cannot_be_packed():
    for wrong in 2**64, -(2**64), 1.5, None, "text is a key as it is":
        if isinstance(wrong, str):
            assert accrete.unpack_key(accrete.pack_key((wrong,))) == (wrong,)
            continue
        with pytest.raises((OverflowError, TypeError)):
            accrete.pack_key(wrong)
    deep = ()
    for _ in range(100_000):
        deep = (deep,)
    with pytest.raises(RecursionError):
        accrete.pack_key(deep)


def test_connect_takes_endpoints_alone(tmp_path):
    with pytest.raises(accrete.InvalidArgumentError, match="no endpoint"):
        accrete.connect(str(tmp_path))
    with pytest.raises((accrete.NetworkError, accrete.TimeoutError)):
        accrete.connect(f"ipc://{tmp_path}/none", timeout=0.1)
