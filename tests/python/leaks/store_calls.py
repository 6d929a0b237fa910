"""All that a store can do, and all that it refuses: calls by name, each of which leaves the store as it was."""
import collections
import itertools

import accrete
from growth import refused

WRITER = bytes(16)


def fill(store):
    store.append({"text": b"1", b"bytes": bytearray(b"2"), 3: memoryview(b"3"), ("tuple", 4): b"4", "\udcff": b"5"})
    store.append("large", bytes(100_000))
    store.append("huge", bytes(1 << 20))
    store.set_attribute("kept", b"value")


def calls_of(store):
    """Of a store that was filled."""
    sequences = itertools.count(1)
    batch = {"new": b"1", b"bytes 2": bytearray(b"2"), 5: memoryview(b"3"), ("new", -4): b"4"}
    room = bytearray(200_000)

    def appending(*arguments, **options):
        def call():
            store.append(*arguments, **options)
            store.erase("new")

        return call

    def append_batch(make):
        def call():
            store.append(make(batch))
            for key in batch:
                del store[key]

        return call

    def append_with_id():
        store.append("new", b"1", id=(WRITER, next(sequences)))
        store.erase("new")

    def read_all():
        with store.reader("large") as reader:
            while reader.read(10_000):
                pass

    def read_into():
        with store.reader("large") as reader:
            reader.seek(-10, 2)
            assert reader.readinto(room) == 10

    def set_and_remove():
        assert store.set_attribute("name", b"1", expect_none=True)
        assert store.set_attribute("name", b"2", expect_value=bytearray(b"1"))
        assert not store.set_attribute("name", b"3", expect_value=b"1")
        assert store.set_attribute("name", None)

    return {
        "append": appending("new", b"1"),
        "append bytearray": appending("new", bytearray(b"1")),
        "append memoryview": appending("new", memoryview(b"1")),
        "append nothing": appending("new", b""),
        "append sync": appending("new", b"1", sync=True),
        "append expect_size": appending("new", b"1", expect_size=0),
        "append id": append_with_id,
        "append an old id": lambda: store.append("old", b"1", id=(WRITER, 1)),
        "append large": appending("new", bytes(100_000)),
        "append dict": append_batch(dict),
        "append pairs": append_batch(lambda batch: list(batch.items())),
        "append iterator": append_batch(lambda batch: iter(batch.items())),
        "append mapping": append_batch(collections.UserDict),
        "append no batch": lambda: store.append({}),
        "get": lambda: store.get("text"),
        "get bytes": lambda: store.get(b"bytes"),
        "get int": lambda: store.get(3),
        "get tuple": lambda: store.get(("tuple", 4)),
        "get no UTF-8": lambda: store.get("\udcff"),
        "get missing": lambda: store.get("missing"),
        "get large": lambda: store.get("large"),
        "get list": lambda: store.get(["text", b"bytes", 3, ("tuple", 4), "missing", "large"]),
        "get list of huge": lambda: store.get(["huge"]),
        "get no list": lambda: store.get([]),
        "get_into": lambda: store.get_into("large", room, 1),
        "get_into offset": lambda: store.get_into("text", memoryview(room)[:5], offset=0),
        "reader": read_all,
        "reader readinto": read_into,
        "reader, not closed": lambda: store.reader("large").read(1),
        "size": lambda: store.size("large"),
        "size missing": lambda: store.size("missing"),
        "in": lambda: ("text" in store, ("tuple", 4) in store, "missing" in store),
        "len": lambda: len(store),
        "iter": lambda: list(store),
        "keys": lambda: store.keys("t", after="a", limit=2),
        "sizes": lambda: store.sizes(),
        "items": lambda: list(store.items("t")),
        "items, not all": lambda: next(store.items()),
        "stats": lambda: store.stats(),
        "erase": lambda: store.erase("missing"),
        "set_attribute": set_and_remove,
        "attribute": lambda: (store.attribute("kept"), store.attribute("missing")),
        "attributes": lambda: store.attributes(),
        "last_sequence": lambda: (store.last_sequence(WRITER), store.last_sequence(b"x" * 16)),
        "removals": lambda: store.removals(),
        "closed": lambda: (store.closed, repr(store)),
        "flush": lambda: store.flush(),
        "sync": lambda: store.sync(),
        "with buffered": lambda: _over(accrete.buffered(store)),
        "with compressed": lambda: _over(accrete.compressed(store)),
    }


def _over(store):
    with store:
        store.size("missing")


class Index:
    """A key whose own method raises."""

    def __index__(self):
        raise ZeroDivisionError


def refused_by(store):
    class Truth:
        def __bool__(self):
            raise ZeroDivisionError

    def raising():
        yield "new", b"1"
        raise ZeroDivisionError

    def erased():
        with store.reader("large") as reader:
            reader.read(1)
            store.append("new", b"1")
            store.erase("new")
            reader.read()

    return refused({
        "append no bytes": (TypeError, lambda: store.append("new", 5)),
        "append text": (TypeError, lambda: store.append("new", "text")),
        "append what is not contiguous": (BufferError, lambda: store.append("new", memoryview(b"abcd")[::2])),
        "append no batch": (TypeError, lambda: store.append(5)),
        "append float key": (TypeError, lambda: store.append(5.5, b"")),
        "append empty key": (accrete.InvalidKeyError, lambda: store.append("", b"")),
        "append long key": (accrete.InvalidKeyError, lambda: store.append("x" * 2000, b"")),
        "append large int": (OverflowError, lambda: store.append(1 << 70, b"")),
        "append raising key": (ZeroDivisionError, lambda: store.append(Index(), b"")),
        "append raising key in a tuple": (ZeroDivisionError, lambda: store.append(("x", Index()), b"")),
        "append deep key": (RecursionError, lambda: store.append(_deep(), b"")),
        "append raising pairs": (ZeroDivisionError, lambda: store.append(raising())),
        "append batch with no bytes": (TypeError, lambda: store.append({"first": b"1", "second": None})),
        "append batch of no pairs": (TypeError, lambda: store.append([("first", b"1"), "second"])),
        "append batch with a float": (TypeError, lambda: store.append({"first": b"1", 5.5: b""})),
        "append no arguments": (TypeError, lambda: store.append()),
        "append other": (TypeError, lambda: store.append("new", b"", other=1)),
        "append surrogate": (TypeError, lambda: store.append("new", b"", **{"\udcff": 1})),
        "append expect_size": (accrete.SizeMismatchError, lambda: store.append("text", b"", expect_size=0)),
        "append expect_size of two": (ValueError, lambda: store.append({"x": b"", "y": b""}, expect_size=0)),
        "append negative expect_size": (OverflowError, lambda: store.append("new", b"", expect_size=-1)),
        "append raising sync": (ZeroDivisionError, lambda: store.append("new", b"", sync=Truth())),
        "append id": (TypeError, lambda: store.append("new", b"", id=5)),
        "append id of text": (TypeError, lambda: store.append("new", b"", id=("x" * 16, 1))),
        "append short id": (ValueError, lambda: store.append("new", b"", id=(b"x", 1))),
        "append negative id": (OverflowError, lambda: store.append("new", b"", id=(WRITER, -1))),
        "get float": (TypeError, lambda: store.get(5.5)),
        "get empty": (accrete.InvalidKeyError, lambda: store.get("")),
        "get list with a float": (TypeError, lambda: store.get(["text", ("tuple", 5.5)])),
        "get list with an empty key": (accrete.InvalidKeyError, lambda: store.get(["text", ""])),
        "get_into text": (TypeError, lambda: store.get_into("text", "text")),
        "get_into bytes": (BufferError, lambda: store.get_into("text", b"read-only")),
        "get_into negative": (OverflowError, lambda: store.get_into("text", bytearray(1), -1)),
        "get_into other": (TypeError, lambda: store.get_into("text", bytearray(1), other=1)),
        "reader of float": (TypeError, lambda: store.reader(5.5)),
        "reader of erased": (accrete.ErasedError, erased),
        "reader seek": (ValueError, lambda: store.reader("text").seek(-5)),
        "size": (TypeError, lambda: store.size(None)),
        "in": (TypeError, lambda: None in store),
        "keys": (TypeError, lambda: store.keys(5.5)),
        "keys limit": (OverflowError, lambda: store.keys(limit=-1)),
        "erase": (TypeError, lambda: store.erase(None)),
        "del": (KeyError, lambda: store.__delitem__("missing")),
        "attribute": (TypeError, lambda: store.attribute(5)),
        "attribute surrogate": (UnicodeEncodeError, lambda: store.attribute("\udcff")),
        "set_attribute": (TypeError, lambda: store.set_attribute("name", "text")),
        "set_attribute empty": (ValueError, lambda: store.set_attribute("", b"value")),
        "set_attribute other": (TypeError, lambda: store.set_attribute("name", b"", other=1)),
        "last_sequence": (TypeError, lambda: store.last_sequence("text")),
        "buffered": (ValueError, lambda: accrete.buffered(store, limit=-1)),
        "compressed": (ValueError, lambda: accrete.compressed(store, "none such")),
        "get what is not compressed": (accrete.CorruptionError, lambda: accrete.compressed(store).get("text")),
    })


def _deep():
    key = ()
    for _ in range(2_000):
        key = (key,)
    return key
