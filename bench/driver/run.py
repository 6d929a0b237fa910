"""Measures: all cells of all patterns, in turns, so that what changes meanwhile meets every engine alike."""

import datetime
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from driver import results
from driver.cell import known_engines, run_cell
from driver.machine import describe_machine, measure_limits, place_of_data, settle
from driver.patterns import PATTERNS, QUICK_DIVISOR, as_results, can_run, cells_of, chosen_patterns, new_cell
from driver.results import BenchError, UsageError

REPOSITORY = Path(__file__).parents[2]
REPETITIONS = 3
QUICK_REPETITIONS = 1
INTERRUPTED = 130


def add_common_options(parser):
    """Of what measures engines into a file of results."""
    parser.add_argument("--engine", action="append", nargs="+", default=[], metavar="NAME",
                        help="these engines only, such as rocksdb stdio")
    parser.add_argument("--directory", type=Path, help="where to make datasets (default: BUILD/data)")
    parser.add_argument("--output", type=Path, help="the file of results (default: BUILD/results.json)")


def add_parser(subparsers):
    parser = subparsers.add_parser("run", help="measure all engines on all patterns")
    parser.add_argument("--quick", action="store_true", help="small sizes, in about two minutes")
    parser.add_argument("--repetitions", type=int, metavar="N",
                        help=f"of every cell (default: {REPETITIONS}, with --quick {QUICK_REPETITIONS})")
    parser.add_argument("--pattern", action="append", nargs="+", default=[], metavar="P",
                        help="these patterns only, such as P1 P5")
    parser.add_argument("--set", action="append", nargs="+", default=[], metavar="P.PARAMETER=N",
                        help="another size, such as P1.appends=100000")
    add_common_options(parser)
    parser.set_defaults(main=main)
    subparsers.add_parser("list", help="list the patterns and who runs them").set_defaults(main=list_patterns)


def list_patterns(arguments):
    engines = known_engines(arguments.build)
    for pattern in PATTERNS:
        named = [name if name in pattern.engines else f"({name})"
                 for name, engine in engines.items() if can_run(engine, pattern)]
        print(f"{pattern.id:<5}{pattern.title}: {pattern.appends:,} appends, "
              f"{pattern.appends // QUICK_DIVISOR:,} when quick\n     {' '.join(named)}")
    print("(in brackets: when named by --engine)")
    return 0


def main(arguments):
    repetitions = arguments.repetitions
    if repetitions is None:
        repetitions = QUICK_REPETITIONS if arguments.quick else REPETITIONS
    if repetitions < 1:
        raise UsageError("--repetitions must be at least 1")
    patterns = chosen_patterns(sum(arguments.pattern, []), arguments.quick, sum(arguments.set, []))
    engines = known_engines(arguments.build)
    plan = make_plan(patterns, engines, sum(arguments.engine, []), repetitions)
    output = arguments.output or arguments.build / "results.json"
    with place_of_data(arguments.directory or arguments.build / "data") as place:
        used = {cell.engine for group in plan for cell in group}
        found = new_results(place, repetitions, arguments.quick) | {
            "engines": [engine for name, engine in engines.items() if name in used],
            "patterns": [as_results(pattern) for pattern in patterns],
            "cells": [new_cell(cell) for group in plan for cell in group]}
        results.save(output, found)
        run = Run(arguments.build, place, output, found, plan, repetitions)
        interrupted = was_interrupted(run.all)
    return run.conclude(interrupted)


def check_engines(chosen, engines):
    for name in chosen:
        if name not in engines:
            raise UsageError(f"no engine '{name}'; there are {', '.join(engines)}")


def make_plan(patterns, engines, chosen, repetitions):
    """[cells that differ in the engine only, …] in the order of the first repetition."""
    check_engines(chosen, engines)
    groups = []
    for pattern in patterns:
        names = [name for name in engines if name in chosen and can_run(engines[name], pattern)]
        groups += cells_of(pattern, names if chosen else [name for name in pattern.engines if name in engines],
                           repetitions)
    absent = {name: None for pattern in patterns for name in pattern.engines if name not in engines}
    if absent and not chosen:
        print(f"accrete-bench: left out, as they are not built here: {', '.join(absent)}", file=sys.stderr)
    if not groups:
        raise UsageError("none of these engines can run any of these patterns")
    return groups


def new_results(place, repetitions, quick):
    return {
        "format": results.FORMAT, "version": results.VERSION,
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "revision": revision(), "quick": quick, "repetitions": repetitions, "machine": describe_machine(place),
        "limits": {}, "engines": [], "patterns": [], "cells": [], "growth": None,
    }


def revision():
    with suppress(OSError):
        done = subprocess.run(["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"], capture_output=True,
                              text=True, check=False)
        return done.stdout.strip() or None
    return None


def was_interrupted(work):
    """SIGTERM ends the run as Ctrl-C does: the processes of a cell are not of our group, and would go on."""
    def interrupt(*_):
        say("\naccrete-bench: interrupted; removing what was made")
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        work()
        return False
    except KeyboardInterrupt:
        return True
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def say(text):
    print(text, file=sys.stderr, flush=True)


class Run:
    def __init__(self, build, place, output, found, plan, repetitions):
        self.build = build
        self.place = place
        self.output = output
        self.found = found  # in the format of results
        # The groups turn, so that no engine always runs after the same one.
        self.order = [(repetition, cell) for repetition in range(repetitions) for group in plan
                      for begin in [repetition % len(group)] for cell in group[begin:] + group[:begin]
                      if repetition < cell.repetitions]
        self.entries = dict(zip((cell for group in plan for cell in group), found["cells"]))
        self.limits_failure = None

    def all(self):
        begin = time.monotonic()
        measured_limits = -1
        for number, (repetition, cell) in enumerate(self.order):
            if repetition > measured_limits:
                measured_limits = repetition
                self.measure_limits()
            entry = self.entries[cell]
            if entry["unavailable"] or entry["failed"]:
                continue
            said = self.measure(cell, entry)
            # As if what is left took as long as what is done, on the average.
            minutes = (time.monotonic() - begin) * (len(self.order) / (number + 1) - 1) / 60
            say(f"[{number + 1}/{len(self.order)}]  {said}   about {minutes:.0f} min left")

    def measure_limits(self):
        say("limits of the machine")
        try:
            for name, limit in measure_limits(self.build, self.place).items():
                gathered = self.found["limits"].setdefault(name, {"unit": limit["unit"], "values": []})
                gathered["values"].append(limit["value"])
        except BenchError as error:
            self.limits_failure = str(error)
            say(self.limits_failure)
        results.save(self.output, self.found)

    def measure(self, cell, entry):
        """A line that says what has come of it."""
        settle()
        outcome = run_cell(cell, self.place, self.build)
        entry["unavailable"], entry["failed"] = outcome.unavailable, outcome.failed
        said = f"failed: {outcome.failed}" if outcome.failed else f"n/a: {outcome.unavailable}"
        if outcome.result:
            fields = ("seconds", "cpu_seconds", "memory_bytes", "stored_bytes", "stored_files")
            entry["repetitions"].append({name: outcome.result[name] for name in fields})
            entry |= {name: outcome.result[name] for name in ("appends", "bytes", "state")}
            seconds = outcome.result["seconds"]["append"]
            said = f"{outcome.result['appends'] / seconds / 1e3:>10,.1f} k appends/s   ({seconds:.1f} s)"
        results.save(self.output, self.found)
        variant = f"{cell.engine}, batch {cell.batch:,}, processes {cell.processes}"
        return f"{cell.pattern:<4}{variant:<48}{said}"

    def conclude(self, interrupted):
        """Says what became of it; the exit code."""
        say(f"results: {self.output}")
        if interrupted:
            missing = sum(not entry["repetitions"] and not entry["unavailable"] for entry in self.found["cells"])
            say(f"interrupted; {missing} of {len(self.found['cells'])} cells have no result")
            return INTERRUPTED
        failed = [entry for entry in self.found["cells"] if entry["failed"]]
        for entry in failed:
            say(f"failed: {entry['pattern']} {entry['engine']}: {entry['failed']}")
        return 1 if failed or self.limits_failure else 0
