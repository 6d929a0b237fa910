"""Lists, by MessagePack if nothing is lost in it, else by pickle."""

from __future__ import annotations

import pickle
import re
from functools import partial
from typing import Any

try:
    import msgpack
except ImportError:
    msgpack = None

from .encode import Encode
from .pickle import concat

_pickle_mark = b"\x80"  # in MessagePack an empty map, which nothing follows
_has_bytes = re.compile(rb"[\xc4-\xc6]").search  # a bytearray would come back as bytes


def dumps(x: Any) -> bytes:
    """`loads` gives it back, each part of the same type."""
    if msgpack is not None:
        try:
            packed = msgpack.packb(x, use_bin_type=True, strict_types=True)
        except (TypeError, ValueError, OverflowError):
            packed = None
        if packed is not None and not _has_bytes(packed):
            return packed
    return pickle.dumps(x, protocol=pickle.HIGHEST_PROTOCOL)


def loads(x: bytes) -> Any:
    """Of what `dumps`, or partd's, has made."""
    if x[:1] == _pickle_mark and len(x) > 1:
        return pickle.loads(x)
    if msgpack is None:
        raise ImportError("the value is MessagePack: the package msgpack is needed to read it")
    return msgpack.unpackb(x, raw=False, strict_map_key=False)


Python = partial(Encode, dumps, loads, concat)
