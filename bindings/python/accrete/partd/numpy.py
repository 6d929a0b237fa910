"""Arrays, end to end, as raw bytes: numpy.fromfile reads a File's. Beside the key 'x', 'x.dtype' has their type."""

from __future__ import annotations

import ast
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from .. import _native
from ..errors import CorruptionError, TypeMismatchError
from . import python
from .core import Interface, Over, held
from .dict import as_dict
from .file import File
from .utils import frame, framesplit, suffix

_dtype_suffix = ".dtype"


def serialize_dtype(dt: np.dtype[Any]) -> bytes:
    """(np.dtype('i4'): b'<i4')"""
    return (repr(dt.descr) if dt.names else dt.str).encode()


def parse_dtype(s: bytes) -> np.dtype[Any]:
    """(b'<i4': dtype('int32'); b"[('a', '<i4')]": dtype([('a', '<i4')]))"""
    text = s.decode()
    return np.dtype(ast.literal_eval(text) if text.startswith("[") else text)


def _dtype_keys(key: Any) -> list[Any]:
    """Of what keeps a key's dtype: the one that equal numbers, which are one key, have, too; and partd's, if that is
    another one."""
    names = [_dtype_key(_as_equal_number(key)), _dtype_key(key)]
    return names if names[0] != names[1] else names[:1]


def _dtype_key(key: Any) -> Any:
    """Of another key than a str it ends in (), as the same text may be a key, too; in a File partd's name is the same.
    ('x': 'x.dtype'; 1: ('1.dtype', ()))"""
    if isinstance(key, tuple) and key:
        return (*key[:-1], _dtype_key(key[-1]))
    name = suffix("()" if isinstance(key, tuple) else key, _dtype_suffix)
    return name if isinstance(key, str) else (name, ())


def _is_dtype_key(key: Any) -> bool:
    if isinstance(key, tuple) and key:
        is_marked = len(key) == 2 and isinstance(key[1], tuple) and not key[1]
        return _is_dtype_key(key[0] if is_marked else key[-1])
    return isinstance(key, str) and key.endswith(_dtype_suffix)


def _as_equal_number(key: Any) -> Any:
    if isinstance(key, tuple):
        return (*key[:-1], *map(_as_equal_number, key[-1:]))
    if not isinstance(key, (str, bytes)):
        for number in (int, float):
            with suppress(TypeError, ValueError, OverflowError):
                if number(key) == key:
                    return number(key)
    return key


class Numpy(Over):
    """Appends arrays; a value is one array, of one dimension. All that is appended to a key has the same dtype."""

    def __init__(self, partd: Any = None) -> None:
        if not partd or isinstance(partd, str):
            partd = File(partd)
        self.partd = partd
        Interface.__init__(self)

    def __getstate__(self) -> dict[str, Any]:
        return {"partd": self.partd}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Interface.__setstate__(self, state)

    def append(self, data: Any, lock: Any = True, **kwargs: Any) -> None:
        data = as_dict(data)
        with held(self.lock, lock):
            self._set_dtypes({key: serialize_dtype(array.dtype) for key, array in data.items()})
            self.partd.append({key: serialize(array) for key, array in data.items()}, lock=False, **kwargs)

    def _set_dtypes(self, dtypes: dict[Any, bytes]) -> None:
        """For who has the lock, until the values are appended, too: others may set, or delete, the same."""
        for key in dtypes:
            if _is_dtype_key(key):
                raise ValueError(f"{key!r} is the name of what keeps another key's dtype")
        missing = self._without_dtype(dtypes)
        for key in missing:
            self.partd._iset(_dtype_keys(key)[0], dtypes[key], lock=False)
        self._without_dtype({key: dtypes[key] for key in missing})  # a Client has no lock: another's may be there first

    def _without_dtype(self, dtypes: dict[Any, bytes]) -> list[Any]:
        """The keys that have none yet. TypeMismatchError if one has another one."""
        stored = dict(zip(dtypes, self._stored_dtypes(dtypes)))
        for key, dtype in dtypes.items():
            if stored[key] not in (b"", dtype):
                raise TypeMismatchError(f"{key!r} has arrays of dtype {stored[key].decode()}, not {dtype.decode()}")
        return [key for key in dtypes if not stored[key]]

    def _stored_dtypes(self, keys: Any) -> list[bytes]:
        if not keys:
            return []
        own = [_dtype_keys(key) for key in keys]
        stored = iter(self.partd._get([name for names in own for name in names], lock=False))
        return [next(filter(None, [next(stored) for _ in names]), b"") for names in own]

    def _get(self, keys: Any, **kwargs: Any) -> list[np.ndarray[Any, Any]]:
        keys = list(keys)
        values = self.partd._get(keys, **kwargs)
        dtypes = self._stored_dtypes(keys)
        for key, dtype in zip(keys, dtypes):
            if not dtype:
                raise KeyError(key)
        return [deserialize(value, parse_dtype(dtype)) for value, dtype in zip(values, dtypes)]

    def delete(self, keys: Any, **kwargs: Any) -> None:
        keys = keys if isinstance(keys, list) else [keys]
        self.partd.delete([*keys, *(name for key in keys for name in _dtype_keys(key))], **kwargs)
        self._iset_seen.difference_update(keys)

    def _iset(self, key: Any, value: Any) -> None:
        self.partd._iset(key, value)


def serialize(x: np.ndarray[Any, Any]) -> bytes:
    """The elements' bytes; of objects a frame of a list of them."""
    if x.dtype == object:
        return _native.partd_frame(python.dumps(x.ravel().tolist()))
    return x.tobytes()


def deserialize(bytes: bytes, dtype: Any, copy: bool = False) -> np.ndarray[Any, Any]:
    """An array of one dimension. CorruptionError if the bytes do not make whole elements."""
    dtype = np.dtype(dtype)
    if dtype == object:
        objects = [item for piece in framesplit(bytes) for item in python.loads(piece)]
        return np.fromiter(objects, dtype=object, count=len(objects))
    if not dtype.itemsize or len(bytes) % dtype.itemsize:
        raise CorruptionError(f"{len(bytes)} bytes are no whole number of elements of dtype {dtype}")
    result = np.frombuffer(bytes, dtype)
    return result.copy() if copy else result


def _unchanged(bytes: Any, itemsize: int = 1) -> Any:
    return bytes


compress_text: Any = _unchanged
decompress_text: Any = _unchanged
compress_bytes: Any = _unchanged
decompress_bytes: Any = _unchanged

with suppress(ImportError):
    import blosc

    blosc.set_nthreads(1)
    compress_bytes, decompress_bytes = blosc.compress, blosc.decompress
    compress_text, decompress_text = partial(blosc.compress, typesize=1), blosc.decompress

with suppress(ImportError, AttributeError):  # another package, of mathematics, has the same name
    import snappy

    compress_text, decompress_text = snappy.compress, snappy.decompress


def compress(bytes: Any, dtype: Any) -> Any:
    if not len(bytes):
        return bytes
    return compress_text(bytes) if dtype == "O" else compress_bytes(bytes, dtype.itemsize)


def decompress(bytes: Any, dtype: Any) -> Any:
    """Of what `compress` has made, here or where other packages for it were there."""
    size = int.from_bytes(bytes[4:8], "little")
    if len(bytes) >= 16 and bytes[0] == 2 and int.from_bytes(bytes[12:16], "little") == len(bytes):
        if size and decompress_bytes is _unchanged:
            raise ImportError("the value is compressed by Blosc: the package blosc is needed to read it")
        return decompress_bytes(bytes)
    if dtype != "O" or _is_framed(bytes):
        return bytes
    return decompress_text(bytes)


def _is_framed(bytes: Any) -> bool:
    try:
        for _ in framesplit(bytes):
            pass
    except CorruptionError:
        return False
    return True
