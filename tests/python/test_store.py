"""What every store does, of each kind that Python can make."""
import array
import io
import os
import pathlib
import pickle

import accrete
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KEYS = st.one_of(st.text(min_size=1, max_size=5), st.binary(min_size=1, max_size=5), st.integers(-300, 300))
BATCHES = st.lists(st.dictionaries(KEYS, st.binary(max_size=50), max_size=6), max_size=8)


def exact(key):
    """The bytes of a key."""
    if isinstance(key, str):
        return os.fsencode(key)
    return key if isinstance(key, bytes) else accrete.pack_key(key)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=BATCHES)
def test_a_value_is_its_entries_in_their_order(store, batches):
    store.drop()
    model = {}
    for batch in batches:
        store.append(batch)
        for key, value in batch.items():
            model[exact(key)] = model.get(exact(key), b"") + value
    keys = sorted(model)
    assert [os.fsencode(key) for key in store.keys()] == keys
    assert [store.get(key) for key in keys] == store.get(keys) == [model[key] for key in keys]
    assert store.sizes() == {os.fsdecode(key): len(value) for key, value in model.items()}
    assert dict(store.items()) == {os.fsdecode(key): value for key, value in model.items()}
    assert len(store) == len(model) == store.stats().keys
    assert store.stats().bytes == sum(map(len, model.values()))


def test_a_missing_key_is_empty_and_an_empty_value_is_there(store):
    store.append("empty", b"")
    assert store.get("empty") == store.get("missing") == b""
    assert store.get([]) == []
    assert (store.size("empty"), store.size("missing")) == (0, None)
    assert "empty" in store and "missing" not in store


@pytest.mark.parametrize("size", [0, 1, (32 << 10) - 1, 32 << 10, (32 << 10) + 1, 3 << 20])
def test_values_of_any_size(store, size):
    value = os.urandom(size)
    store.append("key", value)
    assert store.get("key") == value
    buffer = bytearray(size + 10)
    assert store.get_into("key", buffer) == size
    assert bytes(buffer[:size]) == value
    with store.reader("key") as reader:
        assert reader.read() == value
        if size > 10:
            assert reader.seek(-5, io.SEEK_END) == size - 5
            assert reader.read() == value[-5:]
            assert reader.seek(3) == 3
            assert reader.read(4) == value[3:7]


def test_values_of_many_sizes_at_once(store):
    values = {f"key{i}": os.urandom(size) for i, size in enumerate([0, 1, 3 << 20, 5, (4 << 20) + 1, 40_000])}
    store.append(values)
    for keys in list(values), ["key2", "key2", "missing"], ["key4"], ["key0", "key1"]:
        assert store.get(keys) == [values.get(key, b"") for key in keys]


def test_whatever_exports_bytes_is_appended(store):
    for piece in b"bytes", bytearray(b"bytearray"), memoryview(b"--memoryview--")[2:-2], array.array("H", [1, 2]):
        store.append("key", piece)
    assert store.get("key") == b"bytesbytearraymemoryview\1\0\2\0"


@pytest.mark.parametrize("wrong", ["text", 5, None, [b"list"], object(), memoryview(b"abcdef")[::2]])
def test_what_does_not_is_refused_and_nothing_appended(store, wrong):
    with pytest.raises((TypeError, BufferError)):
        store.append("key", wrong)
    with pytest.raises((TypeError, BufferError)):
        store.append({"first": b"1", "key": wrong})
    assert list(store) == []


@pytest.mark.parametrize("call, error, words", [
    (lambda store: store.append("key", "text"), TypeError, "bytes-like object, not str: encode it"),
    (lambda store: store.append("key", 5), TypeError, "bytes-like object, not int"),
    (lambda store: store.append("key", memoryview(b"abcdef")[::2]), BufferError, "copy them first"),
    (lambda store: store.append(5), TypeError, "a batch is a mapping, or pairs"),
    (lambda store: store.append("text"), TypeError, "a batch is a mapping, or pairs .* str"),
    (lambda store: store.append(bytearray(b"key"), b""), TypeError, "a key is a str, bytes, an int or a tuple .* bytearray"),
    (lambda store: store.append("key", b"", expect_size=-1), OverflowError, "from 0 to .* not -1"),
    (lambda store: store.append("key", b"", id=5), TypeError, r"a tuple \(writer, sequence\), not int"),
    (lambda store: store.append("key", b"", id=(bytes(16), -1)), OverflowError, "from 0 to"),
    (lambda store: store.append("key", b"", id=(bytes(16), 1 << 64)), OverflowError, "from 0 to"),
    (lambda store: store.append("key", b"", id=("x" * 16, 1)), TypeError, "a writer is bytes, not str"),
    (lambda store: store.append("key", b"", other=1), TypeError, "no argument 'other'"),
    (lambda store: store.append("key", b"", **{"\udcff": 1}), TypeError, r"no argument '\\udcff'"),
    (lambda store: store.get_into("key", b"read-only"), BufferError, "can be written to"),
    (lambda store: store.get_into("key", memoryview(bytearray(6))[::2]), BufferError, "one after the other"),
    (lambda store: store.get_into("key", "text"), TypeError, "such as a bytearray, not str"),
    (lambda store: store.get_into("key", bytearray(1), -1), OverflowError, "from 0 to"),
    (lambda store: store.attribute(5), TypeError, "the name of an attribute is a str, not int"),
    (lambda store: store.last_sequence("text"), TypeError, "a writer is bytes"),
    (lambda store: accrete.buffered(5), TypeError, "an accrete.Store, not int"),
    (lambda store: accrete.buffered(store, limit=-1), ValueError, "limit is -1"),
    (lambda store: accrete.compressed(store, 5), TypeError, "codec is a str, not int"),
    (lambda store: accrete.open("x", lock_timeout="1"), TypeError, "lock_timeout is a number of seconds, not str"),
    (lambda store: accrete.open("x", buffer="1"), TypeError, "buffer is an int, not str"),
    (lambda store: accrete.open("x", max_open_files=-1), ValueError, "max_open_files is -1"),
    (lambda store: accrete.open("x", durability=5), TypeError, "durability is a str, not int"),
])
def test_arguments_of_wrong_types_are_refused_in_words(call, error, words):
    with accrete.memory() as store:
        with pytest.raises(error, match=words):
            call(store)
        assert list(store) == []


@pytest.mark.parametrize("wrong", [1.5, None, ["list"], ("a", None), object()])
def test_other_keys_are_refused_and_nothing_appended(store, wrong):
    for call in (
        lambda: store.append(wrong, b"x"),
        lambda: store.append([("first", b"1"), (wrong, b"x")]),
        lambda: store.size(wrong),
        lambda: wrong in store,
        lambda: store.erase(wrong),
    ):
        with pytest.raises(TypeError):
            call()
    assert list(store) == []


def test_empty_and_long_keys_are_refused(store):
    for wrong in "", b"", "x" * 1025, "ä" * 513:
        with pytest.raises(accrete.InvalidKeyError):
            store.append(wrong, b"x")
    store.append("x" * 1024, b"longest")
    assert store.get("x" * 1024) == b"longest"


def test_pairs_may_repeat_a_key_and_mappings_need_be_no_dict(store):
    store.append([("key", b"1"), ("key", b"2")])
    store.append((key, value) for key, value in [("key", b"3")])
    store.append(os.environb.__class__({}, bytes, bytes, bytes, bytes))  # a MutableMapping, empty
    assert store.get("key") == b"123"
    for wrong in [("key",)], ["ab"], 5, [("key", b"1", b"2")]:
        with pytest.raises(TypeError):
            store.append(wrong)


def test_a_batch_with_an_id_is_applied_once(store):
    writer = bytes(range(16))
    if "in memory" not in repr(store):
        assert store.last_sequence(writer) is None
    for _ in range(2):
        store.append("key", b"once", id=(writer, 7))
    assert store.get("key") == b"once"
    assert store.last_sequence(writer) == 7
    with pytest.raises(ValueError, match="16 bytes"):
        store.append("key", b"x", id=(b"short", 1))


def test_expect_size(store):
    store.append("key", b"abc", expect_size=0)
    store.append("key", b"def", expect_size=3)
    with pytest.raises(accrete.SizeMismatchError):
        store.append("key", b"x", expect_size=3)
    assert store.get("key") == b"abcdef"


def test_removing_keys(store):
    store.append({"a": b"1", "b": b"2", "c": b"3"})
    before = store.removals()
    del store["a"]
    with pytest.raises(KeyError):
        del store["a"]
    store.erase("a")
    assert store.keys() == ["b", "c"]
    assert store.removals() != before
    store.drop()
    assert store.keys() == []


def test_parts_of_the_keys(store):
    store.append({f"k{i}": b"x" for i in range(10)} | {"other": b"y"})
    assert store.keys("k", limit=3) == ["k0", "k1", "k2"]
    assert store.keys("k", after="k7") == ["k8", "k9"]
    assert list(store.sizes("o")) == ["other"]


def test_attributes(store):
    assert store.attributes() == []
    assert store.attribute("header") is None
    assert store.set_attribute("header", b"a,b\n", expect_none=True)
    assert not store.set_attribute("header", b"other", expect_none=True)
    assert store.set_attribute("header", bytearray(b"c\n"), expect_value=b"a,b\n")
    assert (store.attribute("header"), store.attributes()) == (b"c\n", ["header"])
    assert store.set_attribute("header", None)
    with pytest.raises(accrete.InvalidArgumentError):
        store.attribute("no name")


def test_a_reader_tells_of_a_value_that_was_erased(store):
    store.append("key", bytes(100_000))
    reader = store.reader("key")
    reader.read(10)
    store.erase("key")
    store.append("key", bytes(200_000))
    with pytest.raises(accrete.ErasedError):
        reader.read()


@pytest.mark.parametrize("whence", [os.SEEK_DATA, os.SEEK_HOLE])
def test_a_reader_seeks_from_where_python_says(store, whence):
    store.append("key", b"0123")
    reader = store.reader("key")
    with pytest.raises(ValueError, match="whence"):
        reader.seek(1, whence)
    assert reader.read() == b"0123"


def test_a_closed_store_says_so(store):
    store.close()
    assert store.closed
    assert repr(store).endswith("closed>")
    for call in (lambda: store.get("x"), lambda: store.append("x", b""), lambda: len(store), lambda: "x" in store):
        with pytest.raises(ValueError, match="the store is closed"):
            call()
    store.close()


def test_a_dataset_is_opened_anew_by_who_unpickles(url):
    with accrete.open(url) as store:
        store.append("key", b"1")
        with pickle.loads(pickle.dumps(store)) as copy:
            copy.append("key", b"2")
        assert store.get("key") == b"12"
    for other in accrete.memory(), accrete.buffered(accrete.memory()):
        with pytest.raises(TypeError, match="pickled"):
            pickle.dumps(other)


@pytest.mark.parametrize("kind", [str, os.fsencode, pathlib.Path])
def test_who_unpickles_elsewhere_opens_the_same_dataset(tmp_path, monkeypatch, kind):
    for directory in ("here", "there"):
        (tmp_path / directory).mkdir()
        accrete.create(tmp_path / directory / "data")
    monkeypatch.chdir(tmp_path / "here")
    with accrete.open(kind("data")) as store:
        monkeypatch.chdir(tmp_path / "there")
        store.append("key", b"1")
        with pickle.loads(pickle.dumps(store)) as copy:
            assert copy.get("key") == b"1"


def test_the_dataset_of_a_temporary_store_goes_with_it(tmp_path):
    store = accrete.temporary(tmp_path)
    store.append("key", b"1")
    with pickle.loads(pickle.dumps(store)) as copy:
        assert copy.get("key") == b"1"
    assert len(os.listdir(tmp_path)) == 1
    del store
    assert os.listdir(tmp_path) == []


def test_subclasses():
    class Counting(accrete.Store):
        appended = 0

        def append(self, *args, **options):
            super().append(*args, **options)
            self.appended += 1

    assert issubclass(Counting, accrete.Store)
    with pytest.raises(ValueError, match="closed"):
        Counting().append("key", b"1")  # a store is made by a factory
