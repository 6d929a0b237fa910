"""Waits until the machine has done what a measurement left to be done, so that the next does not pay for it."""

import os
import time
from pathlib import Path

DROP_CACHES = Path("/proc/sys/vm/drop_caches")
QUIET_BYTES = 4 << 20
DEADLINE_SECONDS = 20
POLL_SECONDS = 0.02


def unwritten_bytes(meminfo):
    """Dirty and under writeback, of the text of /proc/meminfo."""
    fields = dict(line.split(":", 1) for line in meminfo.splitlines())
    return sum(int(fields[name].split()[0]) * 1024 for name in ("Dirty", "Writeback"))


def may_drop_page_cache():
    """Root may, but not in every container."""
    return os.access(DROP_CACHES, os.W_OK)


def settle():
    """Whether the machine came to rest before the deadline. The page cache goes where it may be dropped, and with it
    the inodes that ext4 has removed: without a journal it does not use one again for minutes while it is in memory,
    and looks through a group full of them, up to 0.3 ms, for each file that is made there."""
    os.sync()
    deadline = time.monotonic() + DEADLINE_SECONDS
    is_quiet = True
    while is_quiet and unwritten_bytes(Path("/proc/meminfo").read_text(encoding="ascii")) > QUIET_BYTES:
        is_quiet = time.monotonic() < deadline
        time.sleep(POLL_SECONDS)
    if may_drop_page_cache():
        DROP_CACHES.write_text("1", encoding="ascii")
    return is_quiet
