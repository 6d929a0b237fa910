"""How costs grow: the same small appends over more and more keys, and more and more of them over the same keys."""

import time

from driver import results
from driver.cell import known_engines, run_cell
from driver.machine import place_of_data, settle
from driver.patterns import Cell
from driver.run import add_common_options, check_engines, new_results, say

STACKS = ("files", "buffered.memory", "buffered.os", "server.os")
ENTRY_BYTES = 100
KEYS_OF_APPENDS_AXIS = 1000
LEAST_APPENDS = 10 ** 6  # on the axis of keys: fewer would measure how a dataset is opened
PATIENCE = 5  # times the limit: what takes longer than that, where less was expected, hangs
CHEAP_SECONDS = 2  # where a decade took no longer, a point is measured between it and the next

# Powers of ten: (the first, the last, the last with --quick)
DECADES = {"keys": (3, 7, 5), "appends": (5, 8, 6)}


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
    engines = known_engines(arguments.build)
    check_engines(arguments.engine, engines)
    names = arguments.engine or [name for name in STACKS if name in engines]
    output = arguments.build / "results.json"
    with place_of_data(arguments) as place:
        found = results.load(output) if output.exists() else new_results(place, 0, arguments.quick)
        known = {engine["name"] for engine in found["engines"]}
        found["engines"] += [engines[name] for name in names if name not in known]
        growth = Growth(arguments, place, output, found)
        for axis in [arguments.axis] if arguments.axis else DECADES:
            growth.measure_axis(axis, names)
    return 1 if growth.has_failed else 0


def point_of(axis, size, engine):
    keys, appends = (size, max(size, LEAST_APPENDS)) if axis == "keys" else (KEYS_OF_APPENDS_AXIS, size)
    return Cell(engine=engine, appends=appends, keys=keys, entry_bytes=ENTRY_BYTES)


class Growth:
    def __init__(self, arguments, place, output, found):
        self.arguments = arguments
        self.place = place
        self.output = output
        self.found = found  # in the format of results
        self.has_failed = False

    def measure_axis(self, axis, engines):
        """All engines at a size, then all at the next: what changes on the machine meanwhile meets them alike. What an
        earlier call has measured of others stays."""
        self.found["growth"] = [point for point in self.found["growth"] or []
                                if point["axis"] != axis or point["engine"] not in engines]
        say(f"\nOver {axis}; appends of {ENTRY_BYTES} B in batches of 1,000, each with its share of the flush\n\n"
            f"{'engine':<18}{'keys':>12}{'appends':>14}{'an append':>13}{'its CPU':>14}{'memory':>12}")
        first, last, last_if_quick = DECADES[axis]
        end = 10 ** (last_if_quick if self.arguments.quick else last)
        size = 10 ** first
        while size < end:
            seconds = {name: self.measure(name, axis, size, 10 * size) for name in engines}
            engines = [name for name in engines if seconds[name] and (
                seconds[name] > CHEAP_SECONDS or self.measure(name, axis, 3 * size, 10 * size))]
            size *= 10
        for name in engines:
            self.measure(name, axis, end, None)

    def measure(self, name, axis, size, following):
        """The seconds that it took, its check and removal included; None if the engine goes no further, which is to
        the size `following`."""
        settle()
        begin = time.monotonic()
        cell = point_of(axis, size, name)
        limit = self.arguments.limit_seconds
        outcome = run_cell(cell, self.place, self.arguments.build, deadline_seconds=PATIENCE * limit)
        taken = time.monotonic() - begin
        entry = {"engine": name, "axis": axis, "keys": cell.keys, "appends": cell.appends, "seconds": None}
        if outcome.result:
            entry |= {field: outcome.result[field] for field in ("cpu_seconds", "memory_bytes", "stored_files")}
            entry["seconds"] = outcome.result["seconds"]["append"]
            expected = taken * following / size if following else 0
            if expected > limit:
                entry["stopped"] = f"{following:,} would take about {expected:,.0f} s, more than the {limit:,g} s allowed"
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
