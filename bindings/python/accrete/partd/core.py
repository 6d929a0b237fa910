"""What all of accrete.partd's stores have in common: Interface, and the locks."""

from __future__ import annotations

import contextlib
import os
import string
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


Lock = _native.Lock  # as threading.RLock, but that any thread may release it; in a forked child it is free

_file_locks: weakref.WeakValueDictionary[str, Lock] = weakref.WeakValueDictionary()
_file_locks_lock = Lock()


def lock_file(path: str) -> Lock:
    """The process's only lock for the file: between processes, too."""
    path = os.path.abspath(path)
    with _file_locks_lock:
        lock = _file_locks.get(path)
        if lock is None:
            lock = _file_locks[path] = Lock(path)
        return lock


os.register_at_fork(after_in_child=_native.partd_reset_locks)


class _Held:
    def __init__(self, lock: Any) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *args: object) -> None:
        self._lock.release()


_not_held: contextlib.nullcontext[None] = contextlib.nullcontext()


def held(lock: Any, wanted: Any = True) -> contextlib.AbstractContextManager[Any]:
    """To hold a lock, which a caller may have put in the place of ours, unless `wanted` is false."""
    if not wanted:
        return _not_held
    return lock if hasattr(lock, "__enter__") else _Held(lock)


def held_again(lock: Any) -> contextlib.AbstractContextManager[Any]:
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


class Over(Interface):
    """What a store has that keeps its values in another one, `partd`."""

    partd: Any

    def drop(self) -> None:
        self._iset_seen.clear()
        self.partd.drop()

    @property
    def lock(self) -> Any:
        return self.partd.lock

    def __exit__(self, *args: Any) -> None:
        if not self._is_parents():
            self.partd.__exit__(*args)
