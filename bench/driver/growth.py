"""How costs grow: the same small appends over more and more keys, and more and more of them over the same keys."""

import functools
import os
import sys
import time

from driver import results
from driver.cell import known_engines, run_cell
from driver.machine import place_of_data, settle
from driver.patterns import Cell
from driver.results import BenchError, UsageError
from driver.run import add_common_options, check_engines, new_results, say

STACKS = ("files", "buffered.memory", "buffered.os", "server.os")
ENTRY_BYTES = 100
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
    add_common_options(parser, quick="up to 10^5 keys and 10^6 appends")
    parser.add_argument("--axis", choices=tuple(DECADES), help="over this only")
    parser.add_argument("--limit-seconds", type=float, default=300, metavar="S",
                        help="an engine stops before a point that would take longer, with its check and removal, going "
                             "by the one before (default: 300)")
    parser.set_defaults(main=main)


def main(arguments):
    if arguments.limit_seconds <= 0:
        raise UsageError("--limit-seconds must be above 0")
    engines = known_engines(arguments.build)
    check_engines(arguments.engine, engines)
    names = arguments.engine or [name for name in STACKS if name in engines]
    output = arguments.build / "results.json"
    axes = [arguments.axis] if arguments.axis else list(DECADES)
    with place_of_data(arguments) as place:
        check_room(place, axes, arguments.quick)
        found = results.load(output) if output.exists() else new_results(place, 0, arguments.quick)
        known = {engine["name"] for engine in found["engines"]}
        found["engines"] += [engines[name] for name in names if name not in known]
        # What an earlier call has measured of others stays.
        found["growth"] = [point for point in found["growth"] or []
                           if point["axis"] not in axes or point["engine"] not in names]
        for axis in axes:
            measure_axis(axis, names, arguments, place, found)
    return 1 if any("failed" in point for point in found["growth"] if point["engine"] in names) else 0


def largest_size(axis, quick):
    _, last, last_if_quick = DECADES[axis]
    return 10 ** (last_if_quick if quick else last)


def keys_and_appends(axis, size):
    return (size, max(size, LEAST_APPENDS)) if axis == "keys" else (KEYS_OF_APPENDS_AXIS, size)


def free_room(place):
    """(bytes, files)"""
    system = os.statvfs(place)
    return system.f_bavail * system.f_frsize, system.f_favail if system.f_files else sys.maxsize  # not all count them


def check_room(place, axes, quick):
    """Refuses what would fail half-way: the largest points come last, and a key may take a file and a block."""
    largest = [keys_and_appends(axis, largest_size(axis, quick)) for axis in axes]
    disk = max(keys * BLOCK_BYTES + COPIES * appends * ENTRY_BYTES for keys, appends in largest)
    files = max(keys for keys, _ in largest)
    free_bytes, free_files = free_room(place)
    if free_bytes < disk or free_files < files:
        raise BenchError(f"the largest point may need {disk / 1e9:.0f} GB of disk and {files:,} files, and "
                         f"'{place.parent}' has {free_bytes / 1e9:.0f} GB and {free_files:,} files free: name another "
                         "place with --directory, or try --quick")


def measure_axis(axis, engines, arguments, place, found):
    """All engines at a size, then all at the next: what changes on the machine meanwhile meets them alike."""
    say(f"\nOver {axis}; appends of {ENTRY_BYTES} B in batches of 1,000, each with its share of the flush\n\n"
        f"{'engine':<18}{'keys':>12}{'appends':>14}{'an append':>13}{'its CPU':>14}{'memory':>12}")

    measured = functools.partial(measure, axis, arguments, place, found)
    largest = largest_size(axis, arguments.quick)
    size = 10 ** DECADES[axis][0]
    while size < largest:
        seconds = {name: measured(name, size, 10 * size) for name in engines}
        engines = [name for name in engines if seconds[name] and (
            seconds[name] > CHEAP_SECONDS or measured(name, 3 * size, 10 * size))]
        size *= 10
    for name in engines:
        measured(name, largest, None)


def measure(axis, arguments, place, found, name, size, following):
    """The seconds that it took, its check and removal included; None if the engine goes no further, which is to the
    size `following`."""
    settle()
    keys, appends = keys_and_appends(axis, size)
    cell = Cell(engine=name, appends=appends, keys=keys, entry_bytes=ENTRY_BYTES)
    limit = arguments.limit_seconds
    begin = time.monotonic()
    outcome = run_cell(cell, place, arguments.build, deadline_seconds=PATIENCE * limit)
    taken = time.monotonic() - begin
    entry = {"engine": name, "axis": axis, "keys": keys, "appends": appends, "seconds": None}
    if outcome.result:
        entry |= {field: outcome.result[field] for field in ("cpu_seconds", "memory_bytes", "stored_files")}
        entry["seconds"] = outcome.result["seconds"]["append"]
        expected = taken * following / size if following else 0
        if expected > limit:
            entry["stopped"] = f"{following:,} would take about {expected:,.0f} s, more than the {limit:,g} s allowed"
    else:
        entry["failed" if outcome.failed else "stopped"] = outcome.failed or outcome.unavailable
    found["growth"].append(entry)
    results.save(arguments.build / "results.json", found)
    say(line(entry))
    return None if "stopped" in entry or "failed" in entry else taken


def line(entry):
    cost = f"{'-':>13}{'-':>14}{'-':>12}"
    if entry["seconds"] is not None:
        time_ns, cpu_ns = (1e9 * entry[name] / entry["appends"] for name in ("seconds", "cpu_seconds"))
        cost = f"{time_ns:>10,.0f} ns{cpu_ns:>11,.0f} ns{entry['memory_bytes'] / 1e6:>9,.0f} MB"
    notes = "".join(f"  {word}: {entry[word]}" for word in ("stopped", "failed") if word in entry)
    return f"{entry['engine']:<18}{entry['keys']:>12,}{entry['appends']:>14,}{cost}{notes}"
