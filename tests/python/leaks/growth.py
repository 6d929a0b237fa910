"""What calls leave behind: objects and references, as Python counts them, memory, as malloc does, descriptors, threads."""
import array
import ctypes
import gc
import itertools
import os
import statistics
import sys
import time

import pytest

# Of each call; those that take long are made less often.
ROUNDS = int(os.environ.get("LEAK_ROUNDS", "60"))

# Whether there is time for all, and nothing else to disturb malloc's figures, which threads of libraries change as well.
IS_THOROUGH = ROUNDS >= 2_000

takes_long = pytest.mark.skipif(not IS_THOROUGH, reason="it takes long: scripts/test --long=python has it")

# How much more of the process may be in memory, which is more than malloc's: by its bookkeeping, and the allocators'.
MAX_RESIDENT_BYTES = 8 << 20

calls_made = 0

_WINDOWS = 5
_NAMES = ("references", "blocks", "bytes", "descriptors", "threads")


class _Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
    )]


_process = ctypes.CDLL(None)
_has_sanitizer = hasattr(_process, "__sanitizer_get_current_allocated_bytes")  # whose malloc it is then


def _allocated_bytes():
    """A function that says how many bytes of malloc's are in use."""
    if _has_sanitizer:
        allocated = _process.__sanitizer_get_current_allocated_bytes
        allocated.restype = ctypes.c_size_t
        return allocated
    mallinfo = _process.mallinfo2
    mallinfo.restype = _Mallinfo

    def allocated():
        info = mallinfo()
        return info.uordblks + info.hblkhd

    return allocated


_bytes = _allocated_bytes()
_clear_cache = getattr(sys, "_clear_type_cache", lambda: None)  # of attributes' names, some of which it keeps alive
_references = getattr(sys, "gettotalrefcount", lambda: 0)  # of a debug build


def _resident_bytes():
    if _has_sanitizer:  # which keeps what is freed for a while
        return 0
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _measure(into, at, is_settling):
    """In an array, which is there already. If it settles, once other threads have ended what the calls had begun."""
    _look(into, at)
    for _ in range(50 if is_settling else 0):
        before = into[at : at + len(_NAMES)]
        time.sleep(0.02)
        _look(into, at)
        if before == into[at : at + len(_NAMES)]:
            break


def _look(into, at):
    gc.collect()
    _clear_cache()
    into[at] = _references()
    into[at + 1] = sys.getallocatedblocks()
    into[at + 2] = _bytes()
    into[at + 3] = len(os.listdir("/proc/self/fd"))
    into[at + 4] = len(os.listdir("/proc/self/task"))


def left_by(call, rounds, is_settling=False):
    """What so many calls leave behind, by the name of what it is, once all that is kept for later is there."""
    global calls_made
    for _ in itertools.repeat(None, rounds):
        call()
    width = len(_NAMES)
    measured = array.array("q", bytes(8 * width * (_WINDOWS + 1)))
    resident_before = _resident_bytes()
    _measure(measured, 0, is_settling)
    for window in range(1, _WINDOWS + 1):
        for _ in itertools.repeat(None, rounds):
            call()
        _measure(measured, width * window, is_settling)
    resident = _resident_bytes() - resident_before
    calls_made += rounds * (_WINDOWS + 1)
    # Not all of them grow if it is another thread that comes or goes.
    grown = {name: statistics.median(measured[at + width] - measured[at] for at in range(first, width * _WINDOWS, width))
             for first, name in enumerate(_NAMES)}
    left = {name: count for name, count in grown.items() if count > 0}
    if not IS_THOROUGH:
        left.pop("bytes", None)
    elif resident > MAX_RESIDENT_BYTES:
        left["resident bytes"] = resident
    return left


def leaks(calls, every=1, spare_bytes=0, counts_references=True):
    """Those of `calls`, by their names, that leave something behind, and what. Each is made ROUNDS / every times.

    spare_bytes: that other threads may have taken in the meantime, for each call; a leak is of 16 or more.
    counts_references=False: for calls of others' modules. Those that were not built for a debug Python do not count all.
    """
    rounds = max(ROUNDS // every // (_WINDOWS + 1), 4)
    gc.collect()
    gc.freeze()  # what is there already need not be looked at each time
    try:
        left = {name: _surely_left_by(call, rounds, spare_bytes, counts_references) for name, call in calls.items()}
    finally:
        gc.unfreeze()
    return {name: what for name, what in left.items() if what}


def _surely_left_by(call, rounds, spare_bytes, counts_references):
    """What is left each time, however often: caches fill up now and then, and allocators have their own ideas."""
    left = {}
    for more in (1, 4, 16):
        left = left_by(call, rounds * more, more > 1)
        if left.get("bytes", 0) <= spare_bytes * rounds * more:
            left.pop("bytes", None)
        if not counts_references:
            left.pop("references", None)
        if not left:
            break
    return left


def refused(errors):
    """Calls by name, of (error, call): calls that expect the error."""
    return {name: _refused(error, call) for name, (error, call) in errors.items()}


def _refused(error, call):
    def made():
        try:
            call()
        except error:
            return
        raise AssertionError("it was not refused")

    return made
