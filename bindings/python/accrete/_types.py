"""What arguments may be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, SupportsIndex, Union

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

    BytesLike = ReadableBuffer
    WritableBytesLike = WriteableBuffer
else:
    BytesLike = WritableBytesLike = object

Key = Union[str, bytes, SupportsIndex, "tuple[Key, ...]"]
Url = Union[str, bytes, "os.PathLike[str]"]
