"""Python's objects as values: Packed and Pickle."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ._types import Key
from .errors import CorruptionError

if TYPE_CHECKING:
    from ._store import Store

_absent: Any = object()


class _Items:
    """What Packed and Pickle share: a value is its items, encoded one after the other."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def _encode(self, item: Any) -> bytes:
        raise NotImplementedError

    def _decode(self, key: Key, value: io.BufferedIOBase, size: int) -> Iterator[Any]:
        raise NotImplementedError

    def append(
        self, key: Key | Mapping[Any, Any], item: Any = _absent, *, sync: bool = False, id: tuple[bytes, int] | None = None
    ) -> None:
        """append(key, item), or append({key: item, ...}): all of them or none. `sync` and `id` are those of
        Store.append."""
        batch = _batch("append", key, item)
        self.store.append({k: self._encode(one) for k, one in batch.items()}, sync=sync, id=id)

    def extend(
        self,
        key: Key | Mapping[Any, Iterable[Any]],
        items: Iterable[Any] = _absent,
        *,
        sync: bool = False,
        id: tuple[bytes, int] | None = None,
    ) -> None:
        """extend(key, items), or extend({key: items, ...}): all of them or none. No items bring an empty value into
        being."""
        batch = _batch("extend", key, items)
        self.store.append({k: b"".join(map(self._encode, some)) for k, some in batch.items()}, sync=sync, id=id)

    def get(self, key: Key) -> list[Any]:
        """All items of a key, in the order in which they were appended; none for a missing key."""
        value = self.store.get(key)
        return list(self._decode(key, io.BytesIO(value), len(value)))

    def reader(self, key: Key) -> Iterator[Any]:
        """The items one by one, of a value of any size within little memory; they end where the value did when the
        first was read. Raises ErasedError if keys have been removed since."""
        with self.store.reader(key) as value:
            size = value.seek(0, io.SEEK_END)
            value.seek(0)
            yield from self._decode(key, value, size)

    def erase(self, key: Key) -> None:
        """Remove a key and its items; nothing happens for a missing one."""
        self.store.erase(key)

    def __repr__(self) -> str:
        return f"<accrete.{type(self).__name__} over {self.store!r}>"


def _batch(action: str, key: Any, value: Any) -> Mapping[Any, Any]:
    if value is not _absent:
        return {key: value}
    if isinstance(key, Mapping):
        return key
    raise TypeError(f"{action}() takes a key and what is appended, or a mapping of these")


class Packed(_Items):
    """Items in MessagePack, which every language reads: None, bool, int, float, str, bytes, list, dict, and datetime
    with a zone.

        rows = accrete.Packed(accrete.open("rows"))
        rows.append("SEA", {"delay": 1.5, "tail": "N123"})
        rows.get("SEA")  # [{'delay': 1.5, 'tail': 'N123'}]

    A tuple comes back as a list, but as the key of a dict as a tuple. An item of another type is TypeError, and nothing is stored. MessagePack has no
    checksums: over a store with a codec, `stored` at least, damage is found (CorruptionError); without one, what is no
    MessagePack is, and an item that was cut. In C++ the same values are accrete::Packed<T>. Needs msgpack.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        import msgpack

        self._msgpack = msgpack

    def _encode(self, item: Any) -> bytes:
        return self._msgpack.packb(item, datetime=True, unicode_errors="surrogateescape")  # type: ignore[no-any-return]

    def _decode(self, key: Key, value: io.BufferedIOBase, size: int) -> Iterator[Any]:
        unpacker = self._unpacker(value, size)
        begin = at = 0  # of what the unpacker reads, and of its next item
        while True:
            try:
                item = next(unpacker)
            except StopIteration:
                break
            except TypeError:  # a list as a key of a dict
                begin = value.seek(at)
                unpacker = self._unpacker(value, size, object_pairs_hook=_dict_of)
                continue
            except (self._msgpack.UnpackException, ValueError, OverflowError) as error:
                raise CorruptionError(f"the value of key {key!r} is no MessagePack in its item at byte {at}") from error
            at = begin + unpacker.tell()
            yield item
        if at != size:
            raise CorruptionError(f"the value of key {key!r} is cut at byte {size}, in the item at {at}")

    def _unpacker(self, value: io.BufferedIOBase, size: int, **options: Any) -> Any:
        """No item has more members than the value has bytes."""
        return self._msgpack.Unpacker(
            value, timestamp=3, strict_map_key=False, unicode_errors="surrogateescape", max_buffer_size=0,
            max_array_len=size, max_map_len=size, **options,
        )


def _dict_of(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    return {_hashable(key): value for key, value in pairs}


def _hashable(key: Any) -> Any:
    """As it is, but for lists, which become tuples, and dicts, which become tuples of pairs. An ExtType is a tuple, too."""
    if isinstance(key, dict):
        key = list(key.items())
    return tuple(map(_hashable, key)) if type(key) in (list, tuple) else key


class Pickle(_Items):
    """Items of any type that Python can pickle.

    **Reading runs code that the value names**: whoever can write to the dataset can do to a reader whatever they like.
    So nothing is ever unpickled but by this class, which somebody has to name; where Packed will do, take that.

    Each item has a checksum, which finds damage (CorruptionError) before anything is unpickled; it does not keep
    anybody from writing what they like. docs/encodings.md specifies the value.
    """

    _magic = b"Apk\x01"  # the last byte is the version
    _header = struct.Struct("<4sIQ")  # magic, CRC-32 of the size and the pickle, bytes of the pickle
    _size = struct.Struct("<Q")

    def _encode(self, item: Any) -> bytes:
        import pickle

        pickled = pickle.dumps(item, protocol=5)
        return self._header.pack(self._magic, self._checksum(pickled), len(pickled)) + pickled

    def _decode(self, key: Key, value: io.BufferedIOBase, size: int) -> Iterator[Any]:
        import pickle

        at = 0
        while at < size:
            header = value.read(self._header.size)
            if len(header) < self._header.size:
                raise CorruptionError(f"the value of key {key!r} is cut at byte {size}, in the item at {at}")
            magic, checksum, item_size = self._header.unpack(header)
            if magic != self._magic:
                raise CorruptionError(f"the value of key {key!r} has no item of accrete.Pickle at byte {at}")
            if item_size > size - at - self._header.size:
                raise CorruptionError(f"the value of key {key!r} is damaged or cut: its item at byte {at} is too long")
            pickled = value.read(item_size)
            if self._checksum(pickled) != checksum:
                raise CorruptionError(f"the value of key {key!r} is damaged: the checksum of the item at byte {at}")
            yield pickle.loads(pickled)
            at += self._header.size + item_size

    def _checksum(self, pickled: bytes) -> int:
        import zlib

        return zlib.crc32(pickled, zlib.crc32(self._size.pack(len(pickled))))
