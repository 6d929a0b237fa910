"""Values in a fast store, and what is too much in a slow one."""

from __future__ import annotations

import heapq
import logging
import os
import threading
import weakref
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from operator import add, methodcaller
from typing import Any

from .. import _native
from .core import Interface, Lock, Over, held, held_again
from .dict import Dict, as_dict
from .file import File

logger = logging.getLogger(__name__)


def zero() -> int:
    return 0


class Buffer(Interface):
    """Appends to `fast`. When that has more than `available_memory` bytes, the largest keys go to `slow`.

    An append or a flush that fails leaves everything where it was. Whoever is given this object by pickling or by a
    fork finds what was appended so far in `slow`. (So that `slow` has to be one that they can reach: a File, a Client.)
    """

    def __init__(self, fast: Any, slow: Any, available_memory: float = 1e9) -> None:
        self.lock: Any = Lock()
        self.fast = fast
        self.slow = slow
        self.available_memory = available_memory
        self.lengths: defaultdict[Any, int] = defaultdict(zero)
        self.memory_usage = 0
        Interface.__init__(self)
        _buffers[id(self)] = self

    def __getstate__(self) -> dict[str, Any]:
        with held_again(self.lock):
            self.flush()
            return {
                "fast": self.fast,
                "slow": self.slow,
                "memory_usage": self.memory_usage,
                "lengths": self.lengths.copy(),
                "available_memory": self.available_memory,
            }

    def __setstate__(self, state: dict[str, Any]) -> None:
        Interface.__setstate__(self, state)
        self.lock = Lock()
        _buffers[id(self)] = self

    def append(self, data: Any, lock: Any = True, **kwargs: Any) -> None:
        data = as_dict(data)
        with held(self.lock, lock):
            self._append(data, **kwargs)
            count = len(self.lengths)
            try:
                self._make_room()
            except BaseException:
                if len(self.lengths) == count:  # else a part is in `slow`, and all is appended
                    self._take_back(data)
                raise

    def _append(self, data: dict[Any, Any], **kwargs: Any) -> None:
        lists = self._lists()
        _native.partd_dict_append(lists, data, self)
        if lists is None:  # what fails now was counted, and is not there: the next flush rights that
            self.fast.append(data, lock=False, **kwargs)

    def _take_back(self, data: dict[Any, Any]) -> None:
        """What has just been appended, so that the caller may append it again. No other fast store can do that."""
        lists = self._lists()
        if lists is not None:
            _native.partd_dict_take_back(lists, data, self)

    def _lists(self) -> dict[Any, list[bytes]] | None:
        """What the native functions work on; None of another fast store, of which they only keep the sizes."""
        return self.fast.data if type(self.fast) is Dict else None

    def _make_room(self) -> None:
        too_much = self.memory_usage - self.available_memory
        if too_much > 0 and self.lengths:
            at_least = max(too_much, self.memory_usage * 0.1)  # so that not each append flushes
            self._flush(_largest(self.lengths, at_least))

    def _get(self, keys: Any, lock: Any = True, **kwargs: Any) -> list[bytes]:
        keys = list(keys)
        with held(self.lock, lock):
            return list(map(add, self.slow.get(keys), self.fast.get(keys, lock=False)))

    def _iset(self, key: Any, value: Any, lock: Any = True) -> None:
        """Sets it in `slow`: a flush could only append it to what another Buffer has set there."""
        with held(self.lock, lock):
            self._move(partial(self.slow._iset, key), value, [key])

    def _delete(self, keys: Any, lock: Any = True) -> None:
        keys = list(keys)
        with held(self.lock, lock):
            self._forget(keys)
            self.slow.delete(keys)

    def _forget(self, keys: list[Any]) -> None:
        if self._lists() is None:
            self.fast.delete(keys, lock=False)
        _native.partd_dict_forget(self._lists(), keys, self)

    def _move(self, put: Callable[[Any], Any], value: Any, keys: list[Any]) -> None:
        """Puts the value into `slow`, and forgets the keys, whose it is; nothing of Python runs in between, so that Ctrl-C
        comes before, or after both. (Or in a `put` that is not native, which may have put it already.)"""
        _native.partd_dict_move(put, value, self._lists(), keys, self)
        if self._lists() is None:
            self.fast.delete(keys, lock=False)

    def drop(self) -> None:
        with held_again(self.lock):
            self._iset_seen.clear()
            self.fast.drop()
            self.lengths.clear()
            self.memory_usage = 0
            self.slow.drop()

    def __exit__(self, *args: object) -> None:
        if not self._is_parents():
            self.drop()

    def flush(self, keys: Any = None, block: Any = None) -> None:
        """Moves the keys, or all, to `slow`; when it returns, they are there."""
        with held_again(self.lock):
            self._flush(list(self.lengths if keys is None else keys))

    def _flush(self, keys: list[Any]) -> None:
        if not keys:
            return
        slow, lists = self.slow, self._lists()
        if lists is not None and isinstance(slow, File) and slow._appends_as_file():
            pieces = {key: lists[key] for key in keys if key in lists}
            with held(slow.lock):
                slow._in_directory(self._move, slow._native_append(), pieces, keys)
            return
        values = dict(zip(keys, self.fast.get(keys, lock=False)))
        if type(slow) is Dict:
            with held(slow.lock):
                self._move(partial(_native.partd_dict_append, slow.data), values, keys)
        else:
            self._move(slow.append, values, keys)

    def _after_fork_in_child(self) -> None:
        """What could not be flushed is the parent's, which will."""
        if isinstance(self.fast, Dict):
            self.fast.data.clear()
            self.lengths.clear()
            self.memory_usage = 0


_buffers: weakref.WeakValueDictionary[int, Buffer] = weakref.WeakValueDictionary()


class _Forking(threading.local):
    """The locks that this thread has for its forks: the last one's last, as one may begin within another."""

    def __init__(self) -> None:
        self.locks: list[list[tuple[Any, Any]]] = []


_forking = _Forking()


def _all_buffers() -> list[Buffer]:
    """In an order that all threads have: each before those that it flushes to, as its appends take the locks."""
    buffers = [reference() for reference in _buffers.valuerefs()]
    alive = [buffer for buffer in buffers if buffer is not None]
    return sorted(alive, key=lambda buffer: (-_count_buffers(buffer), id(buffer)))


def _count_buffers(store: Any) -> int:
    """How many lie one over the other, this one at the top."""
    if isinstance(store, Buffer):
        return 1 + max(_count_buffers(store.fast), _count_buffers(store.slow))
    return _count_buffers(store.partd) if isinstance(store, Over) else 0


def _before_fork() -> None:
    locks: list[tuple[Any, Any]] = []
    _forking.locks.append(locks)
    for buffer in _all_buffers():
        try:
            # Nothing of Python runs from when it is taken until that is noted.
            locks.extend(zip([buffer.lock], map(methodcaller("acquire"), [buffer.lock])))
            buffer._flush(list(buffer.lengths))
        except Exception:
            logger.exception("A Buffer could not be flushed before a fork: the child does not see what is in it")


def _after_fork_in_parent() -> None:
    for lock, _ in reversed(_forking.locks.pop()):
        _release(lock)


def _after_fork_in_child() -> None:
    for lock, _ in reversed(_forking.locks.pop()):
        if not isinstance(lock, Lock):  # which is free already
            _release(lock)
    for buffer in _all_buffers():
        buffer._after_fork_in_child()


def _release(lock: Any) -> None:
    try:
        lock.release()
    except Exception:
        logger.exception("The lock of a Buffer could not be released after a fork")


os.register_at_fork(
    before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
)


def _largest(lengths: dict[Any, int], at_least: float) -> list[Any]:
    """The largest keys, so many that they have `at_least` bytes, or all."""
    keys = sorted(lengths, key=lengths.__getitem__, reverse=True)
    for count, size in enumerate(accumulate(map(lengths.__getitem__, keys)), 1):
        if size >= at_least:
            return keys[:count]
    return keys


def keys_to_flush(lengths: dict[Any, int], fraction: float = 0.1, maxcount: int = 100000) -> list[Any]:
    """The largest keys, at least one, at most half of them and `maxcount`, with about that fraction of all bytes."""
    if not lengths:
        raise ValueError("there is no key to flush")
    top = heapq.nlargest(max(len(lengths) // 2, 1), lengths.items(), key=lambda item: item[1])
    sums = list(accumulate((size for _, size in top), add))
    fitting = sum(size <= sum(lengths.values()) * fraction for size in sums)
    return [key for key, _ in top[: min(maxcount, max(1, fitting))]]
