"""The four functions, and what is done to a dataset as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from . import _native
from ._types import BytesLike, Key, Url


def create(url: Url, *, codec: str | None = None, adopt: bool = False, layout: str = "files") -> None:
    """Create an empty dataset, the directory `url`, whose parent must exist. It survives power loss on return.

    `codec` compresses its values, with checksums: a name as in `codec_names`, or NAME:LEVEL. `adopt` makes a dataset of
    a directory that exists and holds one raw file a key, keeping every byte.

    Raises ExistsError, InvalidKeyError (a name in an adopted directory is no key's), UnsupportedError, IoError.
    """
    _native.create(os.fsencode(url), adopt, codec, layout)


def put(url: Url, entries: Mapping[Key, BytesLike] | Iterable[tuple[Key, BytesLike]], *, sync: bool = False) -> None:
    """Append each entry's bytes to its key, all or none. With `sync`, they survive power loss on return."""
    _native.put(os.fsencode(url), entries, sync)


def get(url: Url, keys: Sequence[Key]) -> list[bytes]:
    """The values of `keys`, in their order, as they were at one moment; b"" for a missing key."""
    return _native.get(os.fsencode(url), list(keys))


def destroy(url: Url) -> None:
    """Remove the dataset and its directory. Refuses, having removed nothing, what is not a dataset."""
    _native.destroy(os.fsencode(url))


def sweep(directory: Url) -> list[str]:
    """Remove the temporary datasets in a directory whose owner is dead; the paths of what was removed."""
    return _native.sweep(os.fsencode(directory))


class VerifyReport(NamedTuple):
    """What `verify` has found."""

    problems: list[str]  #: a sentence each; empty: all is well
    repairs: list[str]  #: what was mended, a sentence each
    keys: int  #: as found, not as recorded
    bytes: int  #: of all values


def verify(url: Url, *, repair: bool = False) -> VerifyReport:
    """Check all that can be checked of a dataset, under its lock. `repair` mends what can be mended."""
    return VerifyReport(*_native.verify(os.fsencode(url), repair))


class DatasetInfo(NamedTuple):
    """What stands in a dataset's marker."""

    format_version: int
    layout: str
    codec: str  #: "none", or NAME or NAME:LEVEL
    uuid: str


def info(url: Url) -> DatasetInfo:
    """What stands in the dataset's marker. Raises NotFoundError."""
    return DatasetInfo(*_native.info(os.fsencode(url)))
