"""What arguments may be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, SupportsIndex, Union

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer
    from numpy.typing import NDArray

    # Arrays are buffers, too, as numpy's types say from Python 3.12 on.
    BytesLike = Union[ReadableBuffer, NDArray[Any]]
    WritableBytesLike = Union[WriteableBuffer, NDArray[Any]]
else:
    BytesLike = WritableBytesLike = object

Key = Union[str, bytes, SupportsIndex, "tuple[Key, ...]"]
Url = Union[str, bytes, "os.PathLike[str]"]
