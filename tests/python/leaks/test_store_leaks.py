"""Calls leave nothing behind: neither memory nor, where Python counts them, references."""
import gc
import os
import sys

import accrete
import pytest

# Of about 80 calls each, with each kind of store.
ROUNDS = int(os.environ.get("LEAK_ROUNDS", "5000"))

# That memory's own bookkeeping may grow by. A call that left 16 bytes behind would exceed it.
MAX_BYTES = 4 << 20


def resident_bytes():
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def refused(call, *args, **options):
    try:
        call(*args, **options)
    except (accrete.Error, TypeError, OverflowError, BufferError):
        return
    raise AssertionError("it was not refused")


class Calls:
    """All that a store can do, and all that it refuses."""

    def __init__(self, store):
        self.store = store
        self.batch = {"text": b"1", b"bytes": bytearray(b"2"), 3: memoryview(b"3"), ("tuple", 4): b"4"}
        self.large = bytes(100_000)
        self.room = bytearray(200_000)
        self.sequence = 0

    def __call__(self):
        store, batch, room = self.store, self.batch, self.room
        self.sequence += 1
        store.append(batch)
        store.append(list(batch.items()))
        store.append("large", self.large)
        store.append("once", b"1", id=(bytes(16), self.sequence))
        store.append("empty", b"", sync=False)
        assert len(store.get("large")) == store.size("large") == 100_000
        for key in (*batch, "once", "missing", "\udcff"):
            store.get(key)
            store.size(key)
        assert len(store.get([*batch, "large"])) == 5
        assert store.get_into("large", room, 1) == 99_999
        with store.reader("large") as reader:
            assert len(reader.read(10)) == 10
        "text" in store, len(store), list(store), store.sizes("t"), dict(store.items("o")), store.stats()
        store.set_attribute("name", b"value")
        store.attribute("name"), store.attributes(), store.set_attribute("name", None)
        store.last_sequence(bytes(16)), store.removals(), store.closed, repr(store)
        for wrong in ("key", 5), (5.5, b""), ("", b""), ("key", "text"), ("key", memoryview(b"abcd")[::2]), (5,):
            refused(store.append, *wrong)
        refused(store.append, {"first": b"1", "second": None})
        refused(store.append, [("first", b"1"), "second"])
        refused(store.append, "key", b"", other=1)
        refused(store.append, "key", b"", id=(bytes(16), -1))
        refused(store.append, "once", b"", expect_size=0)
        refused(store.get, [("tuple", 5.5)])
        refused(store.get_into, "large", b"read-only")
        refused(store.attribute, 5)
        refused(accrete.unpack_key, b"\xff")
        accrete.unpack_key(accrete.pack_key(("tuple", -4, b"x\0", ("y",))))
        for key in list(store):
            store.erase(key)


def stores_that_come_and_go(path):
    with accrete.memory() as inner, accrete.buffered(inner) as store:
        store.append("key", b"1")
        store.flush()
    with accrete.open(path) as store:
        store.append("key", b"1")
        store.drop()
    refused(store.append, "key", b"1")
    refused(accrete.open, path + "/missing")
    refused(accrete.buffered, 5)
    accrete.put(path, {"key": b"1"})
    accrete.get(path, ["key", "missing"])
    accrete.info(path)
    accrete.verify(path)
    accrete.create(path + "2", codec="lz4")
    accrete.destroy(path + "2")


def count():
    gc.collect()
    return sys.gettotalrefcount() if hasattr(sys, "gettotalrefcount") else sys.getallocatedblocks()


def grows_by(call, rounds):
    """Objects and bytes, over so many rounds, once all that is kept for later is there."""
    for _ in range(max(3, rounds // 4)):
        call()
    objects, bytes_before = count(), resident_bytes()
    for _ in range(rounds):
        call()
    return count() - objects, resident_bytes() - bytes_before


@pytest.mark.parametrize("make", [
    accrete.memory,
    lambda: accrete.buffered(accrete.memory(), limit=8 << 20),
    lambda: accrete.compressed(accrete.memory()),
])
def test_calls_leave_nothing_behind(make):
    with make() as store:
        objects, grown = grows_by(Calls(store), ROUNDS)
    assert objects < ROUNDS // 2
    assert grown < MAX_BYTES


def test_stores_leave_nothing_behind(url):
    rounds = ROUNDS // 50
    objects, grown = grows_by(lambda: stores_that_come_and_go(url), rounds)
    assert objects < rounds // 2
    assert grown < MAX_BYTES
