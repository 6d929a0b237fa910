"""The machine: what it is, what it can do at most, where on it datasets are made, and when it has come to rest."""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from driver.cell import program, run_group
from driver.report import limit_text
from driver.results import BenchError

DROP_CACHES = Path("/proc/sys/vm/drop_caches")
QUIET_BYTES = 4 << 20
QUIET_DEADLINE_SECONDS = 20
LIMITS_DEADLINE_SECONDS = 300
LIMITS_ROUNDS = 3


def describe_machine(directory):
    """As the format of results has it."""
    cpu = re.search(r"^model name\s*: (.*)", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return {"cpu": cpu[1] if cpu else platform.machine(), "cores": len(os.sched_getaffinity(0)),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), "kernel": platform.release(),
            "file_system": file_system(directory), "page_cache_dropped": may_drop_page_cache()}


def file_system(directory):
    """The type of the file system that holds the directory; of mounts on one point, the last is seen."""
    done = subprocess.run(["findmnt", "--noheadings", "--output=FSTYPE", "--target", str(directory)],
                          capture_output=True, text=True, check=False)
    return (done.stdout.split() or ["unknown"])[-1]


def may_drop_page_cache():
    """Root may, but not in every container."""
    return os.access(DROP_CACHES, os.W_OK)


def unwritten_bytes(meminfo):
    """Dirty and under writeback, of the text of /proc/meminfo."""
    return sum(1024 * int(size) for size in re.findall(r"^(?:Dirty|Writeback): +(\d+)", meminfo, re.MULTILINE))


def settle():
    """Waits until the machine has done what a measurement left to be done, so that the next does not pay for it. The
    page cache goes where it may be dropped, and with it the inodes that ext4 has removed: without a journal it does not
    use one again for minutes while it is in memory, and looks through a group full of them, up to 0.3 ms, for each file
    that is made there."""
    os.sync()
    deadline = time.monotonic() + QUIET_DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if unwritten_bytes(Path("/proc/meminfo").read_text(encoding="ascii")) <= QUIET_BYTES:
            break
        time.sleep(0.02)
    if may_drop_page_cache():
        DROP_CACHES.write_text("1", encoding="ascii")


@contextmanager
def place_of_data(arguments):
    """A new directory where the arguments say, removed at the end with all that is in it."""
    directory = arguments.directory or arguments.build
    try:
        made = tempfile.TemporaryDirectory(prefix="data-", dir=directory, ignore_cleanup_errors=True)
    except OSError as error:
        raise BenchError(f"cannot make a directory in '{directory}': {error.strerror}") from error
    with made as name:
        place = Path(name).resolve()
        if file_system(place) in ("tmpfs", "ramfs"):
            print(f"accrete-bench: warning: '{directory}' is in memory, where fdatasync costs nothing", file=sys.stderr)
        # Lets ext4 look for another block group for each directory below: where files were removed, it is slow to make
        # new ones, as settle() says.
        subprocess.run(["chattr", "+T", str(place)], stderr=subprocess.DEVNULL, check=False)
        yield place


def measure_limits(build, place):
    """{name: {"unit", "value"}}, medians of what bench_limits measures in a directory of its own in `place`."""
    settle()
    command = [program(build, "limits", "bench_limits"), "--benchmark_format=json",
               f"--benchmark_repetitions={LIMITS_ROUNDS}", "--benchmark_report_aggregates_only=true",
               "--benchmark_min_time=0.05"]
    with tempfile.TemporaryDirectory(prefix="limits-", dir=place) as directory:
        code, output, message = run_group(command, LIMITS_DEADLINE_SECONDS, directory)
    if code != 0:
        raise BenchError(f"bench_limits fails: {message or code}")
    return {one["run_name"].partition("/")[0]: limit_of(one) for one in json.loads(output)["benchmarks"]
            if one["aggregate_name"] == "median"}


def limit_of(one):
    """Of what Google Benchmark says of one benchmark: a rate if it counts something, or else a time."""
    for name, unit in (("bytes_per_second", "bytes/s"), ("items_per_second", "1/s")):
        if name in one:
            return {"unit": unit, "value": one[name]}
    return {"unit": "s", "value": one["real_time"] / 1e9}


def add_parser(subparsers):
    parser = subparsers.add_parser("roofline", help="measure what the machine itself can do")
    parser.add_argument("--directory", type=Path, help="where to make files (default: the build directory)")
    parser.set_defaults(main=main)


def main(arguments):
    with place_of_data(arguments) as place:
        for name, limit in measure_limits(arguments.build, place).items():
            print(f"{name:<24}{limit_text(**limit):>14}")
    return 0
