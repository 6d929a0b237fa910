"""What all of accrete.partd's stores have in common: Interface, and the locks."""

from __future__ import annotations

import contextlib
import fcntl
import os
import string
import threading
import time
import weakref
from typing import Any

from .. import _native
from .utils import flatten, nested_get

valid_chars = "-_.() " + string.ascii_letters + string.digits + os.path.sep


def escape_filename(fn: str) -> str:
    """What partd makes of a file's name: other characters than `valid_chars` are left out. ('Foo!bar?': 'Foobar')"""
    return "".join(filter(valid_chars.__contains__, fn))


def token(key: Any) -> str:
    """A key as partd writes it: of a tuple a path. (('hello', 'world'): 'hello/world')"""
    if isinstance(key, str):
        return key
    if isinstance(key, tuple):
        return os.path.join(*map(token, key))
    return str(key)


def filename(path: Any, key: Any) -> str:
    """The file in the directory `path` that a File keeps `key` in, or would."""
    return os.path.join(os.fspath(path), _native.partd_file_name(path, key))


class Lock:
    """A lock between threads. Who has it may take it again; any thread may release it. In a forked child it is free."""

    def __init__(self) -> None:
        self._threads = threading.Lock()
        self._owner: int | None = None
        self._depth = 0
        self._is_childs = False
        _locks.add(self)

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if self._owner == threading.get_ident():
            self._depth += 1
            return True
        deadline = None if timeout < 0 else time.monotonic() + timeout
        if not self._threads.acquire(blocking, timeout):
            return False
        taken = False
        try:
            taken = self._take(blocking, deadline)
        finally:
            if taken:
                self._owner = threading.get_ident()
                self._depth = 1
            else:
                self._threads.release()
        return taken

    def release(self) -> None:
        if self._owner is None:
            if self._is_childs:  # the parent's, which this process's copy of a `with` gives back
                return
            raise RuntimeError("a lock is released that nobody has")
        self._depth -= 1
        if self._depth:
            return
        self._owner = None
        try:
            self._give_back()
        finally:
            self._threads.release()

    def locked(self) -> bool:
        return self._owner is not None

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(self, *args: object) -> None:
        self.release()

    def _take(self, blocking: bool, deadline: float | None) -> bool:
        return True

    def _give_back(self) -> None:
        pass

    def _after_fork_in_child(self) -> None:
        self._threads = threading.Lock()
        self._owner = None
        self._depth = 0
        self._is_childs = True


class FileLock(Lock):
    """A lock between processes, too: flock on a file, as partd has it. It and its directory are made if need be."""

    _retry_seconds = 0.01

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1
        super().__init__()

    def _take(self, blocking: bool, deadline: float | None) -> bool:
        waits = blocking and deadline is None
        while True:
            fd = self._open()
            try:
                fcntl.flock(fd, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_still_there(fd):
                    self._fd, fd = fd, -1
                    return True
            except BlockingIOError:
                if not blocking or (deadline is not None and time.monotonic() >= deadline):
                    return False
                time.sleep(self._retry_seconds)
            finally:
                if fd >= 0:
                    os.close(fd)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(self.path, flags, 0o666)
        except FileNotFoundError:  # partd removes the directory, and makes it again, when it drops
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            return os.open(self.path, flags, 0o666)

    def _is_still_there(self, fd: int) -> bool:
        try:
            return os.path.samestat(os.fstat(fd), os.stat(self.path))
        except FileNotFoundError:
            return False

    def _give_back(self) -> None:
        fd, self._fd = self._fd, -1
        fcntl.flock(fd, fcntl.LOCK_UN)  # a forked child may still have the descriptor
        os.close(fd)

    def _after_fork_in_child(self) -> None:
        super()._after_fork_in_child()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


_locks: weakref.WeakSet[Lock] = weakref.WeakSet()
_file_locks: weakref.WeakValueDictionary[str, FileLock] = weakref.WeakValueDictionary()
_file_locks_lock = threading.Lock()


def lock_file(path: str) -> FileLock:
    """The process's only lock for the file."""
    path = os.path.abspath(path)
    with _file_locks_lock:
        lock = _file_locks.get(path)
        if lock is None:
            lock = _file_locks[path] = FileLock(path)
        return lock


def _after_fork_in_child() -> None:
    global _file_locks_lock
    _file_locks_lock = threading.Lock()
    for lock in list(_locks):
        lock._after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)


class _Held:
    def __init__(self, lock: Any) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *args: object) -> None:
        self._lock.release()


_not_held: contextlib.nullcontext[None] = contextlib.nullcontext()


def held(lock: Any, wanted: Any = True) -> contextlib.AbstractContextManager[None]:
    """To hold a lock, which a caller may have put in the place of ours, unless `wanted` is false."""
    if wanted:
        return _Held(lock)
    return _not_held


def held_again(lock: Any) -> contextlib.AbstractContextManager[None]:
    """As above, for what partd does without the lock, so that callers may have it."""
    return held(lock, isinstance(lock, Lock))


class Interface:
    """What a store has whose class has append, _get, _iset, _delete and drop."""

    def __init__(self) -> None:
        self._iset_seen: set[Any] = set()
        self._pid = os.getpid()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        Interface.__init__(self)

    def iset(self, key: Any, value: Any, **kwargs: Any) -> None:
        """Sets the value, once: until the key is deleted or all is dropped, this object does not set it again."""
        if key not in self._iset_seen:
            self._iset(key, value, **kwargs)  # type: ignore[attr-defined]
            self._iset_seen.add(key)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, type: Any, value: Any, traceback: Any) -> None:
        if not self._is_parents():
            self.drop()  # type: ignore[attr-defined]

    def _is_parents(self) -> bool:
        """Whether this process is a forked child, and the data its parent's to remove."""
        return getattr(self, "_pid", None) not in (None, os.getpid())

    def iget(self, key: Any) -> Any:
        return self._get([key], lock=False)[0]  # type: ignore[attr-defined]

    def get(self, keys: Any, **kwargs: Any) -> Any:
        """The value of a key; of a list of keys a list, as it is nested. A key that has none: what is empty."""
        if not isinstance(keys, list):
            return self.get([keys], **kwargs)[0]
        if any(isinstance(key, list) for key in keys):
            flat = list(flatten(keys))
            return nested_get(keys, dict(zip(flat, self.get(flat, **kwargs), strict=True)))
        return self._get(keys, **kwargs) if keys else []  # type: ignore[attr-defined]

    def delete(self, keys: Any, **kwargs: Any) -> None:
        """Deletes a key, or a list of them, if they are there."""
        keys = keys if isinstance(keys, list) else [keys]
        self._delete(keys, **kwargs)  # type: ignore[attr-defined]
        self._iset_seen.difference_update(keys)

    def pop(self, keys: Any, **kwargs: Any) -> Any:
        """As get; the keys are deleted."""
        with held(self.lock):  # type: ignore[attr-defined]
            result = self.get(keys, lock=False)
            self.delete(list(flatten(keys)) if isinstance(keys, list) else keys, lock=False)
        return result
