"""Small helpers, as partd has them."""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .. import _native


def raises(exc: type[BaseException] | tuple[type[BaseException], ...], lamda: Callable[[], Any]) -> bool:
    """Whether a call raises such an exception."""
    try:
        lamda()
    except exc:
        return True
    return False


@contextlib.contextmanager
def tmpfile(extension: str = "") -> Iterator[str]:
    """The name of a temporary file, or directory, which is not there yet and is removed in the end."""
    handle, filename = tempfile.mkstemp("." + extension.lstrip("."))
    os.close(handle)
    os.remove(filename)
    try:
        yield filename
    finally:
        if os.path.isdir(filename):
            shutil.rmtree(filename)
        elif os.path.exists(filename):
            os.remove(filename)


def frame(bytes: Any) -> bytes:
    """partd's frame: the bytes, after their length in 8 bytes."""
    return struct.pack("Q", len(bytes)) + bytes


def framesplit(bytes: Any) -> Iterator[Any]:
    """What is in frames that stand one after the other: `frame`'s, or those that Encode writes, which have a checksum.

    CorruptionError if one is cut or changed."""
    yield from _native.partd_frames(bytes)


def partition_all(n: int, bytes: Any) -> Iterator[Any]:
    """Pieces of n bytes; the last one may be smaller."""
    if len(bytes) < n:
        yield bytes
        return
    for i in range(0, len(bytes), n):
        yield bytes[i : i + n]


def nested_get(ind: Any, coll: Any, lazy: bool = False) -> Any:
    """The items of a collection by a nested list of indices. ([[1, 0], [0, 1]], 'abc': [['b', 'a'], ['a', 'b']])"""
    if not isinstance(ind, list):
        return coll[ind]
    items = (nested_get(i, coll, lazy=lazy) for i in ind)
    return items if lazy else list(items)


def flatten(seq: Iterable[Any]) -> Iterator[Any]:
    """The items of nested lists. ([[1], [2, [3]]]: 1, 2, 3)"""
    for item in seq:
        if isinstance(item, list):
            yield from flatten(item)
        else:
            yield item


def suffix(key: Any, term: str) -> Any:
    """The key with something after its text. ('x', '.dtype': 'x.dtype'; ('a', 'b'), '.dtype': ('a', 'b.dtype'))"""
    if isinstance(key, tuple):
        return (*key[:-1], suffix(key[-1], term))
    return (key if isinstance(key, str) else str(key)) + term


def extend(key: Any, term: Any) -> tuple[Any, ...]:
    """The key with something after its members. ('x', '.dtype': ('x', '.dtype'))"""
    if not isinstance(term, tuple):
        term = (term if isinstance(term, str) else str(term),)
    return (key if isinstance(key, tuple) else (key,)) + term
