"""Values of other types, in a store of bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from .. import _native
from .core import Interface, Over
from .dict import as_dict
from .file import File
from .utils import frame, framesplit


class Encode(Over):
    """What is appended, by `encode` as bytes, in `partd`: a store, or the path of a File. A value is the `join` of a list
    of all that was appended, each by `decode`.

    Each piece stands in a frame with its length and a checksum, so that what is cut or changed is CorruptionError.
    """

    def __init__(
        self, encode: Callable[[Any], Any], decode: Callable[[Any], Any], join: Callable[[list[Any]], Any], partd: Any = None
    ) -> None:
        if not partd or isinstance(partd, (str, os.PathLike)):
            partd = File(partd)
        self.partd = partd
        self.encode = encode
        self.decode = decode
        self.join = join
        Interface.__init__(self)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__

    def append(self, data: Any, **kwargs: Any) -> None:
        data = as_dict(data)
        self.partd.append({key: _native.partd_frame(self.encode(value)) for key, value in data.items()}, **kwargs)

    def _get(self, keys: Any, **kwargs: Any) -> list[Any]:
        return [
            self.join([self.decode(piece) for piece in framesplit(value)]) for value in self.partd._get(keys, **kwargs)
        ]

    def delete(self, keys: Any, **kwargs: Any) -> None:
        self.partd.delete(keys, **kwargs)
        self._iset_seen.difference_update(keys if isinstance(keys, list) else [keys])

    def _iset(self, key: Any, value: Any, **kwargs: Any) -> None:
        self.partd.iset(key, _native.partd_frame(self.encode(value)), **kwargs)
