"""Values in the files of a directory: one file a key."""

from __future__ import annotations

import atexit
import builtins
import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any

from .. import _native
from .core import Interface, escape_filename, filename, held, held_again, lock_file, token, valid_chars
from .dict import as_dict

__all__ = ["File", "cleanup", "cleanup_files", "escape_filename", "filename", "token", "valid_chars"]

_lock_name = ".lock"
_beside = "%n"  # no key's: see native/partd_names.hpp
_mark = b"accrete\n"  # in the lock's file: see native/partd_files.cpp


class File(Interface):
    """Keeps each key in a file of the directory `path`, which `filename` names; a tuple's is in directories.

    Without `path`, a temporary directory in `dir`: it goes with this object, or at the exit of the process. An append
    is made to all of its keys or to none; an I/O error is OSError. `append(fsync=True)` returns when all of it survives
    power loss.
    """

    def __init__(self, path: Any = None, dir: Any = None) -> None:
        self._explicitly_given_path = bool(path)
        if not path:
            path = tempfile.mkdtemp(suffix=".partd", dir=dir)
            cleanup_files.append(path)
        self.path = path
        Interface.__init__(self)
        os.makedirs(path, exist_ok=True)
        self.lock: Any = lock_file(
            os.path.join(path, _lock_name) if self._has_own_names() else self.filename(_lock_name)
        )
        self._mark_if_new()

    def __reduce_ex__(self, protocol: Any) -> Any:
        self._explicitly_given_path = True  # others have it from now on: a temporary directory is left until the exit
        return super().__reduce_ex__(protocol)

    def __getstate__(self) -> builtins.dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: builtins.dict[str, Any]) -> None:
        Interface.__setstate__(self, state)
        File.__init__(self, state["path"])

    def append(self, data: Any, lock: Any = True, fsync: bool = False, **kwargs: Any) -> None:
        with held(self.lock, lock):
            self._append(as_dict(data), fsync)

    def _append(self, data: builtins.dict[Any, Any], fsync: bool = False) -> None:
        self._in_directory(self._native_append(fsync), data)

    def _native_append(self, fsync: bool = False) -> Callable[[builtins.dict[Any, Any]], None]:
        """What appends, for who has the lock; no signal's handler runs when it has. A value may be a list of bytes."""
        if self._has_own_names():
            return partial(_native.partd_file_append, self.path, fsync)
        return partial(_append_to, self.filename, fsync)

    def _in_directory(self, work: Callable[..., None], *arguments: Any) -> None:
        """Makes the directory again if somebody has removed it."""
        try:
            work(*arguments)
        except FileNotFoundError:
            if os.path.isdir(self.path):
                raise
            os.makedirs(self.path, exist_ok=True)
            work(*arguments)

    def _appends_as_file(self) -> bool:
        """Whether nobody has overridden how it does."""
        names = {"append", "_append"}
        return not names & self.__dict__.keys() and all(getattr(type(self), name) is getattr(File, name) for name in names)

    def _get(self, keys: Any, lock: Any = True, **kwargs: Any) -> list[bytes]:
        if not os.path.isdir(self.path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.path)
        with held(self.lock, lock):
            if self._has_own_names():
                return _native.partd_file_get(self.path, keys)
            return [_read(self.filename(key)) for key in keys]

    def _iset(self, key: Any, value: Any, lock: Any = True) -> None:
        with held(self.lock, lock):
            if self._has_own_names():
                return _native.partd_file_set(self.path, key, value)
            path = self.filename(key)
            beside = os.path.join(os.path.dirname(path), _beside)
            with contextlib.suppress(FileNotFoundError):
                os.remove(beside)
            _append_to(lambda key: beside, False, {key: value})
            os.replace(beside, path)

    def _delete(self, keys: Any, lock: Any = True) -> None:
        with held(self.lock, lock):
            if self._has_own_names():
                return _native.partd_file_delete(self.path, keys)
            for key in keys:
                with contextlib.suppress(FileNotFoundError):
                    os.remove(self.filename(key))

    def drop(self) -> None:
        """Removes the files of all keys. What no key can have made is left: symbolic links, and names of other kinds."""
        os.makedirs(self.path, exist_ok=True)
        with held_again(self.lock):
            self._remove_keys()
            self._mark_if_empty()

    def _remove_keys(self) -> None:
        with os.scandir(self.path) as entries:
            for entry in entries:
                if entry.name != _lock_name:
                    _remove(entry)
        self._iset_seen.clear()

    def filename(self, key: Any) -> str:
        return filename(self.path, key)

    def _has_own_names(self) -> bool:
        """Whether nobody has overridden `filename`."""
        return type(self).filename is File.filename and "filename" not in self.__dict__

    def _mark_if_new(self) -> None:
        """Lets it be known that partd never wrote here. Who has the lock may be partd."""
        with contextlib.suppress(PermissionError):  # to read does not need it
            if self._is_empty():
                with self.lock.attempt(0) as is_held:
                    if is_held:
                        self._mark_if_empty()

    def _mark_if_empty(self) -> None:
        if self._is_empty():
            with open(os.open(os.path.join(self.path, _lock_name), os.O_WRONLY | os.O_CREAT, 0o666), "wb") as lock:
                lock.write(_mark)

    def _is_empty(self) -> bool:
        with os.scandir(self.path) as entries:
            return all(entry.name == _lock_name for entry in entries)

    def __exit__(self, *args: object) -> None:
        if self._is_parents():
            return
        os.makedirs(self.path, exist_ok=True)
        with held_again(self.lock):
            self._remove_keys()
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(self.path, _lock_name))
            _remove_directory(self.path)

    def __del__(self) -> None:
        if getattr(self, "_explicitly_given_path", True) or self._is_parents():
            return
        shutil.rmtree(self.path, ignore_errors=True)
        with contextlib.suppress(ValueError):
            cleanup_files.remove(self.path)


def _remove(entry: os.DirEntry[str]) -> None:
    if not set(entry.name) <= _key_chars or entry.is_symlink():
        return
    if not entry.is_dir():
        return os.remove(entry.path)
    with os.scandir(entry.path) as entries:
        for below in entries:
            _remove(below)
    _remove_directory(entry.path)


_key_chars = set(valid_chars) - {os.path.sep} | {"%"}


def _remove_directory(path: str) -> None:
    with contextlib.suppress(OSError):  # somebody else's file is in it
        os.rmdir(path)


def _append_to(filename: Callable[[Any], str], fsync: bool, data: builtins.dict[Any, Any]) -> None:
    """To files that a caller's own `filename` names; it may give several keys one."""
    changed: list[tuple[str, int | None]] = []
    try:
        for key, value in data.items():
            path = filename(key)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            changed.append((path, os.path.getsize(path) if os.path.exists(path) else None))
            with open(path, "ab", buffering=0) as file:
                for piece in value if isinstance(value, list) else [value]:
                    left = memoryview(piece).cast("B")
                    while left:
                        left = left[file.write(left) :]
                if fsync:
                    os.fdatasync(file)
    except BaseException:
        for path, size in reversed(changed):
            with contextlib.suppress(OSError):
                os.remove(path) if size is None else os.truncate(path, size)
        raise


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


# Directories that are removed when this process exits; callers add theirs. A forked child's exit removes nothing.
cleanup_files: list[Any] = []


@atexit.register
def cleanup() -> None:
    for path in cleanup_files:
        shutil.rmtree(path, ignore_errors=True)


os.register_at_fork(after_in_child=cleanup_files.clear)
