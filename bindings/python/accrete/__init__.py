"""accrete: an appendable key -> bytes store. Many writers append small pieces to many keys; a reader gets each key's
whole value back.

    import accrete

    accrete.create("events")
    accrete.put("events", {"x": b"Hello ", "y": b"123"})
    accrete.put("events", {"x": b"world!", "y": b"456"})
    accrete.get("events", ["y", "x"])  # [b'123456', b'Hello world!']
    accrete.destroy("events")

A program that appends often keeps a Store: `store = accrete.open("events")`, then `store.append("x", b"...")` or
`store.append({"x": b"...", "y": b"..."})`.

A key is a str, whose UTF-8 it is, or bytes, as they are; or an int of at most 64 bits or a tuple of str, bytes, int and
tuples, packed one to one and in their order (`pack_key`, `unpack_key`). "1", 1 and (1,) are three keys; "a" and b"a"
are one. Keys come back as str, in which bytes that are no UTF-8 are lone surrogates, as os.fsdecode makes them.
"""

from typing import TYPE_CHECKING, Any

from ._datasets import DatasetInfo, VerifyReport, create, destroy, get, info, put, sweep, verify
from ._items import Packed, Pickle
from ._native import codec_names, pack_key, unpack_key
from ._numbers import Columns, Numeric
from ._store import Stats, Store, buffered, compressed, connect, memory, open, temporary
from ._tables import Table
from .errors import *  # noqa: F403
from .errors import __all__ as _error_names

if TYPE_CHECKING:
    from ._server import Server

__version__ = "0.1.0"

__all__ = [
    "Columns", "DatasetInfo", "Numeric", "Packed", "Pickle", "Server", "Stats", "Store", "Table", "VerifyReport",
    "buffered", "codec_names", "compressed", "connect", "create", "destroy", "get", "info", "memory", "open", "pack_key",
    "put", "sweep", "temporary", "unpack_key", "verify", *_error_names,
]


def __getattr__(name: str) -> Any:
    """Server is imported when it is asked for: what it needs takes longer than all else."""
    if name != "Server":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._server import Server

    return globals().setdefault(name, Server)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
