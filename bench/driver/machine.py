"""The machine that is measured, as the format of results has it."""

import os
import platform
from pathlib import Path

from driver.settle import may_drop_page_cache


def describe_machine(directory):
    return {"cpu": cpu_name(), "cores": len(os.sched_getaffinity(0)),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "kernel": platform.release(),
            "file_system": file_system(directory), "page_cache_dropped": may_drop_page_cache()}


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def file_system(directory):
    """The type of the file system that holds the directory."""
    directory = Path(directory).resolve()
    found = "unknown"
    depth = -1
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
        _, point, kind = line.split(" ")[:3]
        point = Path(point.replace("\\040", " "))
        # Of mounts on one point the last is seen.
        if directory.is_relative_to(point) and len(point.parts) >= depth:
            found, depth = kind, len(point.parts)
    return found
