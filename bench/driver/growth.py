"""How costs grow: the same small appends over more and more keys, and more and more of them over the same keys."""

import os
import sys
import time

from driver import results
from driver.cell import known_engines, run_cell
from driver.machine import place_of_data, settle
from driver.patterns import Cell
from driver.results import BenchError, UsageError
from driver.run import INTERRUPTED, add_common_options, check_engines, new_results, say, was_interrupted

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


def add_parser(subparsers):
    parser = subparsers.add_parser("growth", help="measure how costs grow with keys and with appends",
                                   description=f"Of {', '.join(STACKS)}, unless other engines are named.")
    parser.add_argument("--quick", action="store_true", help="up to 10^5 keys and 10^6 appends")
    parser.add_argument("--axis", choices=tuple(DECADES), help="over this only")
    parser.add_argument("--limit-seconds", type=float, default=300, metavar="S",
                        help="an engine stops before a point that would take longer, with its check and removal, going "
                             "by the one before (default: 300)")
    add_common_options(parser)
    parser.set_defaults(main=main)


def main(arguments):
    if arguments.limit_seconds <= 0:
        raise UsageError("--limit-seconds must be above 0")
    engines = known_engines(arguments.build)
    names = sum(arguments.engine, [])
    check_engines(names, engines)
    names = names or [name for name in STACKS if name in engines]
    axes = [arguments.axis] if arguments.axis else list(DECADES)
    output = arguments.output or arguments.build / "results.json"
    with place_of_data(arguments.directory or arguments.build / "data") as place:
        check_room(place, axes, arguments.quick)
        found = results.load(output) if output.exists() else new_results(place, 0, arguments.quick)
        known = {engine["name"] for engine in found["engines"]}
        found["engines"] += [engines[name] for name in names if name not in known]
        growth = Growth(arguments.build.resolve(), place, arguments.limit_seconds, output, found)
        interrupted = was_interrupted(lambda: [growth.measure_axis(axis, arguments.quick, names) for axis in axes])
    say(f"results: {output}")
    if interrupted:
        return INTERRUPTED
    return 1 if growth.has_failed else 0


def decades(axis, quick):
    first, last, last_quick = DECADES[axis]
    return [10 ** power for power in range(first, (last_quick if quick else last) + 1)]


def point_of(axis, size, engine=None):
    keys, appends = (size, max(size, LEAST_APPENDS)) if axis == "keys" else (KEYS_OF_APPENDS_AXIS, size)
    return Cell("growth", engine, appends=appends, keys=keys, entry_bytes=ENTRY_BYTES, batch=BATCH)


def free_room(place):
    """(bytes, files)"""
    system = os.statvfs(place)
    return system.f_bavail * system.f_frsize, system.f_favail if system.f_files else sys.maxsize  # not all count them


def check_room(place, axes, quick):
    """Refuses what would fail half-way: the largest points come last, and a key may take a file and a block."""
    largest = [point_of(axis, decades(axis, quick)[-1]) for axis in axes]
    disk = max(point.keys * BLOCK_BYTES + COPIES * point.bytes for point in largest)
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
        self.has_failed = False

    def measure_axis(self, axis, quick, engines):
        """All engines at a size, then all at the next: what changes on the machine meanwhile meets them alike. What an
        earlier call has measured of others stays."""
        self.found["growth"] = [point for point in self.found["growth"] or []
                                if point["axis"] != axis or point["engine"] not in engines]
        say(f"\nOver {axis}; appends of {ENTRY_BYTES} B in batches of {BATCH:,}, each with its share of the flush\n\n"
            f"{'engine':<18}{'keys':>12}{'appends':>14}{'an append':>13}{'its CPU':>14}{'memory':>12}")
        going = list(engines)
        sizes = decades(axis, quick)
        for size, following in zip(sizes, [*sizes[1:], None]):
            seconds = {name: self.measure(name, axis, size, following) for name in going}
            going = [name for name in going if seconds[name] is not None]
            if following is None:
                return
            going = [name for name in going
                     if seconds[name] > CHEAP_SECONDS or self.measure(name, axis, 3 * size, following) is not None]

    def measure(self, name, axis, size, following):
        """The seconds that it took, its check and removal included; None if the engine goes no further, which is to
        the size `following`."""
        settle()
        begin = time.monotonic()
        cell = point_of(axis, size, name)
        outcome = run_cell(cell, self.place, self.build, deadline_seconds=PATIENCE * self.limit_seconds)
        taken = time.monotonic() - begin
        entry = {"engine": name, "axis": axis, "keys": cell.keys, "appends": cell.appends, "seconds": None}
        if outcome.result:
            entry |= {field: outcome.result[field] for field in ("cpu_seconds", "memory_bytes", "stored_files")}
            entry["seconds"] = outcome.result["seconds"]["append"]
            expected = taken * following / size if following else 0
            if expected > self.limit_seconds:
                entry["stopped"] = (f"{following:,} would take about {expected:,.0f} s, more than the limit of "
                                    f"{self.limit_seconds:,g} s")
        elif outcome.unavailable:
            entry["stopped"] = outcome.unavailable
        else:
            entry["failed"] = outcome.failed
            self.has_failed = True
        self.found["growth"].append(entry)
        results.save(self.output, self.found)
        say(line(entry))
        return None if "stopped" in entry or "failed" in entry else taken


def line(entry):
    cost = f"{'-':>13}{'-':>14}{'-':>12}"
    if entry["seconds"] is not None:
        time_ns, cpu_ns = (1e9 * entry[name] / entry["appends"] for name in ("seconds", "cpu_seconds"))
        cost = f"{time_ns:>10,.0f} ns{cpu_ns:>11,.0f} ns{entry['memory_bytes'] / 1e6:>9,.0f} MB"
    notes = "".join(f"  {word}: {entry[word]}" for word in ("stopped", "failed") if word in entry)
    return f"{entry['engine']:<18}{entry['keys']:>12,}{entry['appends']:>14,}{cost}{notes}"
