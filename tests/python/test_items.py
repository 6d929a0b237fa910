"""Packed and Pickle: Python's objects."""

import datetime
import pathlib
import struct
import zlib

import accrete
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

msgpack = pytest.importorskip("msgpack")

KINDS = {"Packed": accrete.Packed, "Pickle": accrete.Pickle}


@pytest.fixture
def store():
    with accrete.memory() as store:
        yield store


@pytest.fixture(params=KINDS)
def items(request, store):
    return KINDS[request.param](store)


SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary()
)
OBJECTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(SCALARS, inner, max_size=5), max_leaves=20
)


@pytest.mark.parametrize("kind", KINDS)
@given(st.lists(st.lists(OBJECTS, max_size=4), max_size=4))
@settings(deadline=None, max_examples=50)
def test_items_come_back_in_order(kind, batches):
    with accrete.memory() as store:
        items = KINDS[kind](store)
        for batch in batches:
            items.extend("k", batch)
        expected = [item for batch in batches for item in batch]
        assert items.get("k") == expected
        assert list(items.reader("k")) == expected


def test_a_batch_is_of_many_keys(items):
    items.append({"a": 1, "b": None})
    items.append("b", "two")
    items.extend({"a": [2, 3], "c": []})
    assert items.get("a") == [1, 2, 3] and items.get("b") == [None, "two"] and items.get("c") == []
    assert items.store.keys() == ["a", "b", "c"] and items.get("missing") == []
    items.erase("a")
    assert items.get("a") == []
    with pytest.raises(TypeError, match="takes a key"):
        items.append("a")


def test_an_id_applies_a_batch_once(items):
    for _ in range(2):
        items.append("k", 1, sync=True, id=(b"w" * 16, 1))
    assert items.get("k") == [1]


def test_large_items_come_back(items):
    large = b"x" * (3 << 20)
    items.extend("k", [large, "end"])
    assert items.get("k") == list(items.reader("k")) == [large, "end"]


def test_packed_is_messagepack_of_every_language(store):
    packed = accrete.Packed(store)
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, 600_000, datetime.timezone.utc)
    packed.extend("k", [(1, 2), moment, {1: b"\xff"}, "a\udcff"])
    assert packed.get("k") == [[1, 2], moment, {1: b"\xff"}, "a\udcff"]
    assert store.get("k") == b"\x92\x01\x02" + msgpack.packb(moment, datetime=True) + b"\x81\x01\xc4\x01\xff" + b"\xa2a\xff"


def test_a_key_of_a_dict_may_be_a_tuple_or_a_map(store):
    packed = accrete.Packed(store)
    packed.extend("k", ["before", {(1, (2,)): {(3,): 4}}, {5: [6]}])
    store.append("k", b"\x81\x81\x01\x02\x03" + b"\xa5after")
    wanted = ["before", {(1, (2,)): {(3,): 4}}, {5: [6]}, {((1, 2),): 3}, "after"]
    assert packed.get("k") == wanted
    assert list(packed.reader("k")) == wanted


def test_an_ext_type_stays_one_beside_a_tuple_as_a_key(store):
    item = {msgpack.ExtType(5, b"x"): 1, (2, msgpack.ExtType(6, b"y")): 3}
    packed = accrete.Packed(store)
    packed.append("k", item)
    [got] = packed.get("k")
    assert got == item and [type(key) for key in got] == [msgpack.ExtType, tuple]


@pytest.mark.parametrize("claim", [b"\xdd\x7f\xff\xff\xff", b"\xdf\x7f\xff\xff\xff", b"\xdd\x02\xff\xff\xff" * 200])
def test_a_length_that_the_value_cannot_have_takes_no_memory(store, claim):
    store.append("k", claim)
    with pytest.raises(accrete.CorruptionError):
        accrete.Packed(store).get("k")


def test_what_messagepack_has_no_type_for_is_refused_and_nothing_is_stored(store):
    packed = accrete.Packed(store)
    for item in (object(), {1, 2}, 2**64, datetime.datetime(2026, 1, 1)):
        with pytest.raises((TypeError, OverflowError, ValueError)):
            packed.append({"a": 1, "b": item})
    assert len(store) == 0


@pytest.mark.parametrize(
    "broken, word",
    [(b"\x01\xc1", "no MessagePack in its item at byte 1"), (b"\x01\x92\x01", "cut at byte 3, in the item at 1"), (b"\xc4", "cut")],
)
def test_what_is_no_messagepack_is_told_apart_from_its_end(store, broken, word):
    store.append("k", broken)
    for read in (lambda: accrete.Packed(store).get("k"), lambda: list(accrete.Packed(store).reader("k"))):
        with pytest.raises(accrete.CorruptionError, match=word):
            read()


told = []


def tell(text):
    told.append(text)


class Told:
    def __reduce__(self):
        return tell, ("unpickled",)


def test_a_damaged_pickle_is_not_unpickled(store):
    pickled = accrete.Pickle(store)
    pickled.append("k", Told())
    value = store.get("k")
    for at in range(len(value)):
        for broken in (value[:at], value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]):
            with accrete.memory() as other:
                other.append("k", broken)
                if broken:
                    with pytest.raises(accrete.CorruptionError):
                        accrete.Pickle(other).get("k")
    assert told == []
    pickled.get("k")
    assert told == ["unpickled"]


def test_the_value_of_pickle_is_as_specified(store):
    accrete.Pickle(store).append("k", "x")
    pickled = b"\x80\x05\x95\x05\x00\x00\x00\x00\x00\x00\x00\x8c\x01x\x94."
    size = struct.pack("<Q", len(pickled))
    assert store.get("k") == b"Apk\x01" + struct.pack("<I", zlib.crc32(size + pickled)) + size + pickled
    specification = pathlib.Path(__file__).parents[2] / "docs" / "encodings.md"
    assert '"Apk" version:u8' in specification.read_text()


def test_a_class_that_is_not_there_is_pythons_own_error(store):
    import pickle

    items = accrete.Pickle(store)
    pickled = pickle.dumps(Told, protocol=5).replace(b"Told", b"Gone")
    store.append("k", items._header.pack(b"Apk\x01", items._checksum(pickled), len(pickled)) + pickled)
    with pytest.raises(AttributeError):
        items.get("k")
