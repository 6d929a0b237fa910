"""Waits until the machine has done what a measurement left to be done, so that the next does not pay for it."""

import os
import time
from pathlib import Path

QUIET_BYTES = 4 << 20
DEADLINE_SECONDS = 20
POLL_SECONDS = 0.02


def unwritten_bytes(meminfo):
    """Dirty and under writeback, of the text of /proc/meminfo."""
    fields = dict(line.split(":", 1) for line in meminfo.splitlines())
    return sum(int(fields[name].split()[0]) * 1024 for name in ("Dirty", "Writeback"))


def settle():
    """Whether the machine came to rest before the deadline."""
    os.sync()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while unwritten_bytes(Path("/proc/meminfo").read_text(encoding="ascii")) > QUIET_BYTES:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
