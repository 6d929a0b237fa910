"""Bytes, compressed: a class for each codec whose package is there."""

from __future__ import annotations

import bz2
import zlib
from contextlib import suppress
from functools import partial

from .encode import Encode

__all__ = ["BZ2", "ZLib"]


def bytes_concat(L: list[bytes]) -> bytes:
    return b"".join(L)


ZLib = partial(Encode, zlib.compress, zlib.decompress, bytes_concat)
BZ2 = partial(Encode, bz2.compress, bz2.decompress, bytes_concat)

with suppress(ImportError, AttributeError):  # another package, of mathematics, has the same name
    import snappy

    Snappy = partial(Encode, snappy.compress, snappy.decompress, bytes_concat)
    __all__.append("Snappy")

with suppress(ImportError):
    import blosc

    def _blosc_compress(data: bytes) -> bytes:
        return blosc.compress(data) if data else data  # it refuses nothing

    def _blosc_decompress(data: bytes) -> bytes:
        return blosc.decompress(data) if data else data

    Blosc = partial(Encode, _blosc_compress, _blosc_decompress, bytes_concat)
    __all__.append("Blosc")

with suppress(ImportError):
    import lz4.frame

    LZ4 = partial(Encode, lz4.frame.compress, lz4.frame.decompress, bytes_concat)
    __all__.append("LZ4")

with suppress(ImportError):
    import zstandard

    Zstd = partial(Encode, zstandard.compress, zstandard.decompress, bytes_concat)
    __all__.append("Zstd")
