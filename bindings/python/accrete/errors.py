"""The exceptions of accrete. Each is an Error, and at once the exception of Python's own that means the same."""

from __future__ import annotations

import builtins
import errno as _errno

__all__ = [
    "Error", "IoError", "DiskFullError", "CorruptionError", "NotFoundError", "ExistsError", "LockedError",
    "InvalidKeyError", "SizeMismatchError", "TypeMismatchError", "ErasedError", "ReadOnlyError", "TooLargeError",
    "InvalidArgumentError", "NetworkError", "TimeoutError", "UnknownOutcomeError", "AuthError", "UnsupportedError",
]


class Error(Exception):
    """The base of all. The message names the action, the object and the cause."""


class IoError(Error, OSError):
    """The operating system refused or failed; `errno` says what, `filename` which path it concerns, if any."""

    def __str__(self) -> str:
        return self.strerror or super().__str__()


class DiskFullError(IoError):
    """No room is left on the device, in the quota, or for one more file. Nothing of the call was applied."""


class _FileError(Error, OSError):
    """One of the file system's exceptions that Python tells by a fixed errno."""

    _errno = 0

    def __init__(self, message: str = "") -> None:
        super().__init__(self._errno, message)

    def __str__(self) -> str:
        return self.strerror or ""

    def __reduce__(self):  # type: ignore[no-untyped-def]
        return type(self), (self.strerror,)


class NotFoundError(_FileError, FileNotFoundError):
    """There is no such dataset. (A missing key is not an error: see Store.size.)"""

    _errno = _errno.ENOENT


class ExistsError(_FileError, FileExistsError):
    """What was to be created is there already."""

    _errno = _errno.EEXIST


class ReadOnlyError(_FileError, PermissionError):
    """The dataset may be read but not changed by this process."""

    _errno = _errno.EACCES


class AuthError(_FileError, PermissionError):
    """A server does not know this client's key, or is not the one whose key was given."""

    _errno = _errno.EACCES


class NetworkError(_FileError, ConnectionError):
    """A server cannot be reached, or what it sends is not accrete's protocol."""

    _errno = _errno.ECONNABORTED


class TimeoutError(_FileError, builtins.TimeoutError):
    """A call's deadline has passed, and it has changed nothing and will not; a flush or a sync may happen still."""

    _errno = _errno.ETIMEDOUT


class LockedError(_FileError, builtins.TimeoutError):
    """Another process or thread held the dataset's lock for longer than `lock_timeout`."""

    _errno = _errno.ETIMEDOUT


class CorruptionError(Error, ValueError):
    """Stored bytes are not what was written: a checksum, a name or a structure is wrong."""


class InvalidKeyError(Error, ValueError):
    """A key is empty or longer than 1024 bytes, or no packed one."""


class InvalidArgumentError(Error, ValueError):
    """An argument or a combination of them makes no sense; nothing was done."""


class SizeMismatchError(Error, ValueError):
    """The value did not have `expect_size` bytes; nothing was appended."""


class TypeMismatchError(Error, TypeError):
    """What is stored is of another type than what was asked for or appended; nothing was appended."""


class ErasedError(Error):
    """What was read in several steps was erased between them, or may have been: read it again."""


class TooLargeError(Error, MemoryError):
    """A value or a request does not fit the memory that there is; read it in pieces with Store.reader."""


class UnknownOutcomeError(Error):
    """A server was sent a change and has not said what became of it: it may have been made, or may be made yet.

    `batch` is the id of the batch, a tuple of the writer's 16 bytes and a sequence, or None if it was none: append the
    batch again with `id=error.batch`, as often as it takes, and it is applied once in all.
    """

    def __init__(self, message: str = "", batch: tuple[bytes, int] | None = None) -> None:
        super().__init__(message)
        self.batch = batch

    def __reduce__(self):  # type: ignore[no-untyped-def]
        return type(self), (*self.args, self.batch)


class UnsupportedError(Error, NotImplementedError):
    """The dataset, URL or value needs what this version or build does not have."""
