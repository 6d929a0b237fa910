"""How costs grow: the same small appends over more and more keys, and more and more of them over the same keys."""

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from driver import results
from driver.cell import known_engines, run_cell
from driver.machine import place_of_data, settle
from driver.patterns import Cell
from driver.results import BenchError, UsageError
from driver.run import INTERRUPTED, check_engines, new_results, was_interrupted

STACKS = ("files", "buffered.memory", "buffered.os", "server.os")
ENTRY_BYTES = 100
BATCH = 1000
KEYS_OF_APPENDS_AXIS = 1000
LEAST_APPENDS = 10 ** 6  # on the axis of keys: fewer would measure how a dataset is opened
PATIENCE = 5  # times the limit: what takes longer than that, where less was expected, hangs
CHEAP_SECONDS = 2  # where a decade took no longer, a point is measured between it and the next

# Powers of ten: (the first, the last, the last with --quick)
DECADES = {"keys": (3, 7, 5), "appends": (5, 8, 6)}

BLOCK_BYTES = 4096
COPIES = 3  # of the bytes: a dataset, journals, and what compactions write before they remove


@dataclass(frozen=True)
class Point:
    axis: str
    keys: int
    appends: int


def add_parser(subparsers):
    parser = subparsers.add_parser("growth", help="measure how costs grow with keys and with appends")
    parser.add_argument("--quick", action="store_true", help="up to 10^5 keys and 10^6 appends")
    parser.add_argument("--axis", choices=tuple(DECADES), help="over this only")
    parser.add_argument("--engine", action="append", nargs="+", default=[], metavar="NAME",
                        help=f"these engines, such as rocksdb stdio (default: {' '.join(STACKS)})")
    parser.add_argument("--limit-seconds", type=float, default=300, metavar="S",
                        help="an engine stops before a point that would take longer, with its check and removal, going "
                             "by the one before (default: 300)")
    parser.add_argument("--directory", type=Path, help="where to make datasets (default: BUILD/data)")
    parser.add_argument("--output", type=Path, help="the file of results to write to (default: BUILD/results.json)")
    parser.set_defaults(main=main)


def main(arguments):
    if arguments.limit_seconds <= 0:
        raise UsageError("--limit-seconds must be above 0")
    axes = [arguments.axis] if arguments.axis else list(DECADES)
    engines = chosen_engines(arguments.build, sum(arguments.engine, []))
    output = arguments.output or arguments.build / "results.json"
    with place_of_data(arguments.directory or arguments.build / "data") as place:
        check_room(place, axes, arguments.quick)
        found = results.load(output) if output.exists() else new_results([], [], [], place, 0, arguments.quick)
        known = {engine["name"] for engine in found["engines"]}
        found["engines"] += [engine for engine in engines if engine["name"] not in known]
        growth = Growth(arguments.build.resolve(), place, arguments.limit_seconds, output, found)
        names = [engine["name"] for engine in engines]
        interrupted = was_interrupted(lambda: [growth.measure_axis(axis, arguments.quick, names) for axis in axes])
    print(f"results: {output}", file=sys.stderr)
    if interrupted:
        return INTERRUPTED
    return 1 if any(point.get("failed") for point in growth.measured) else 0


def chosen_engines(build, names):
    by_name = {engine["name"]: engine for engine in known_engines(build)}
    check_engines(names, by_name)
    chosen = [by_name[name] for name in names or STACKS if name in by_name]
    if not chosen:
        raise BenchError(f"none of {', '.join(STACKS)} is built here")
    return chosen


def decades(axis, quick):
    first, last, last_quick = DECADES[axis]
    return [10 ** power for power in range(first, (last_quick if quick else last) + 1)]


def point_of(axis, size):
    if axis == "keys":
        return Point(axis, keys=size, appends=max(size, LEAST_APPENDS))
    return Point(axis, keys=KEYS_OF_APPENDS_AXIS, appends=size)


def free_room(place):
    """(bytes, files)"""
    system = os.statvfs(place)
    return system.f_bavail * system.f_frsize, system.f_favail if system.f_files else sys.maxsize  # not all count them


def check_room(place, axes, quick):
    """Refuses what would fail half-way: the largest points come last, and a key may take a file and a block."""
    largest = [point_of(axis, decades(axis, quick)[-1]) for axis in axes]
    disk = max(point.keys * BLOCK_BYTES + COPIES * point.appends * ENTRY_BYTES for point in largest)
    files = max(point.keys for point in largest)
    free_bytes, free_files = free_room(place)
    if free_bytes < disk or free_files < files:
        raise BenchError(f"the largest point may need {disk / 1e9:.0f} GB of disk and {files:,} files, and "
                         f"'{place.parent}' has {free_bytes / 1e9:.0f} GB and {free_files:,} files free: name another "
                         "place with --directory, or try --quick")


class Growth:
    def __init__(self, build, place, limit_seconds, output, found):
        self.build = build
        self.place = place
        self.limit_seconds = limit_seconds
        self.output = output
        self.found = found  # in the format of results
        self.measured = []

    def measure_axis(self, axis, quick, engines):
        """All engines at a size, then all at the next: what changes on the machine meanwhile meets them alike."""
        self.forget(axis, engines)
        print(f"\nOver {axis}; appends of {ENTRY_BYTES} B in batches of {BATCH:,}, each with its share of the flush\n\n"
              f"{'engine':<18}{'keys':>12}{'appends':>14}{'an append':>13}{'its CPU':>14}{'memory':>12}",
              file=sys.stderr)
        going = list(engines)
        sizes = decades(axis, quick)
        for size, following in zip(sizes, [*sizes[1:], None]):
            seconds = {name: self.measure(name, point_of(axis, size), following) for name in going}
            going = [name for name in going if seconds[name] is not None]
            if following is None:
                return
            for name in list(going):
                between = point_of(axis, 3 * size)
                if seconds[name] <= CHEAP_SECONDS and self.measure(name, between, following) is None:
                    going.remove(name)

    def forget(self, axis, engines):
        """What an earlier call has measured of others stays."""
        self.found["growth"] = [point for point in self.found["growth"] or []
                                if point["axis"] != axis or point["engine"] not in engines]

    def measure(self, name, point, following):
        """The seconds that it took, its check and removal included; None if the engine goes no further, which is to
        the size `following`."""
        cell = Cell("growth", name, appends=point.appends, keys=point.keys, entry_bytes=ENTRY_BYTES, batch=BATCH)
        settle()
        begin = time.monotonic()
        outcome = run_cell(cell, self.place, self.build, deadline_seconds=PATIENCE * self.limit_seconds)
        taken = time.monotonic() - begin
        entry = {"engine": name, "axis": point.axis, "keys": point.keys, "appends": point.appends, "seconds": None,
                 "cpu_seconds": None, "memory_bytes": None, "stored_files": None}
        if outcome.result:
            entry |= {field: outcome.result[field]
                      for field in ("cpu_seconds", "memory_bytes", "stored_files", "appends")}
            entry["seconds"] = outcome.result["seconds"]["append"]
            expected = taken * following / getattr(point, point.axis) if following else 0
            if expected > self.limit_seconds:
                entry["stopped"] = (f"{following:,} would take about {expected:,.0f} s, more than the limit of "
                                    f"{self.limit_seconds:,g} s")
        elif outcome.unavailable:
            entry["stopped"] = outcome.unavailable
        else:
            entry["failed"] = outcome.failed
        self.measured.append(entry)
        self.found["growth"].append(entry)
        results.save(self.output, self.found)
        print(line(entry), file=sys.stderr, flush=True)
        return None if "stopped" in entry or "failed" in entry else taken


def line(entry):
    note = f"stopped: {entry['stopped']}" if "stopped" in entry else ""
    if "failed" in entry:
        note = f"failed: {entry['failed']}"
    cost = f"{'-':>13}{'-':>14}{'-':>12}"
    if entry["seconds"] is not None:
        time_ns, cpu_ns = (1e9 * entry[name] / entry["appends"] for name in ("seconds", "cpu_seconds"))
        cost = f"{time_ns:>10,.0f} ns{cpu_ns:>11,.0f} ns{entry['memory_bytes'] / 1e6:>9,.0f} MB"
    return f"{entry['engine']:<18}{entry['keys']:>12,}{entry['appends']:>14,}{cost}  {note}".rstrip()
