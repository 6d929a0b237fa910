"""Measures: all cells of all patterns, in turns, so that what changes meanwhile meets every engine alike."""

import argparse
import datetime
import shutil
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from driver import results
from driver.cell import known_engines, run_cell
from driver.machine import describe_machine, measure_limits, place_of_data, settle
from driver.patterns import PATTERNS, SETTABLE, cells_of, chosen_patterns
from driver.results import UsageError

REPETITIONS = 3
IDS = [pattern.id for pattern in PATTERNS]


def add_common_options(parser, quick):
    """Of what measures engines into a file of results."""
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--engine", action="extend", nargs="+", default=[], metavar="NAME",
                        help="these engines only, such as rocksdb stdio")
    parser.add_argument("--directory", type=Path, help="where to make datasets (default: the build directory)")


def add_parser(subparsers):
    parser = subparsers.add_parser("run", help="measure all engines on all patterns")
    add_common_options(parser, quick="small sizes, in about two minutes")
    parser.add_argument("--repetitions", type=natural, metavar="N",
                        help=f"of every cell (default: {REPETITIONS}, with --quick 1)")
    parser.add_argument("--pattern", action="extend", nargs="+", default=[], choices=IDS, help="these patterns only")
    parser.add_argument("--set", action="extend", nargs="+", default=[], type=setting, metavar="P.PARAMETER=N",
                        help="another size, such as P1.appends=100000")
    parser.set_defaults(main=main)


def natural(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is too small")
    return number


def setting(text):
    """(pattern, parameter, value)"""
    target, _, value = text.partition("=")
    pattern, _, name = target.partition(".")
    if pattern not in IDS or name not in SETTABLE:
        raise argparse.ArgumentTypeError(f"no parameter '{target}'; there are {', '.join(SETTABLE)} of {', '.join(IDS)}")
    return pattern, name, abs(float(value)) if name == "skew" else natural(value)


def main(arguments):
    repetitions = arguments.repetitions or (1 if arguments.quick else REPETITIONS)
    patterns = chosen_patterns(arguments.pattern, arguments.quick, arguments.set)
    engines = known_engines(arguments.build)
    groups = make_plan(patterns, engines, arguments.engine, repetitions)
    cells = [cell for group in groups for cell in group]
    used = {cell.engine for cell in cells}
    # The groups turn, so that no engine always runs after the same one.
    order = [(repetition, cell) for repetition in range(repetitions) for group in groups
             for begin in [repetition % len(group)] for cell in group[begin:] + group[:begin]
             if repetition < cell.repetitions]
    with place_of_data(arguments) as place:
        found = new_results(place, repetitions, arguments.quick) | {
            "engines": [engine for name, engine in engines.items() if name in used],
            "patterns": [{"id": pattern.id, "title": pattern.title, "parameters": pattern.sizes(),
                          "metrics": list(pattern.metrics)} for pattern in patterns],
            "cells": [{**asdict(cell), "bytes": cell.appends * cell.entry_bytes,
                       "state": "durable" if cell.durable else "cached",
                       "repetitions": [], "unavailable": None, "failed": None} for cell in cells]}
        measure(arguments.build, place, found, order, dict(zip(cells, found["cells"])))
    failed = [entry for entry in found["cells"] if entry["failed"]]
    for entry in failed:
        say(f"failed: {entry['pattern']} {entry['engine']}: {entry['failed']}")
    return 1 if failed else 0


def check_engines(chosen, engines):
    for name in chosen:
        if name not in engines:
            raise UsageError(f"no engine '{name}'; there are {', '.join(engines)}")


def make_plan(patterns, engines, chosen, repetitions):
    """[cells that differ in the engine only, …] in the order of the first repetition."""
    check_engines(chosen, engines)
    groups = []
    for pattern in patterns:
        names = [name for name in chosen or pattern.engines
                 if name in engines and (engines[name]["server"] or not pattern.served)]
        groups += cells_of(pattern, names, repetitions)
    absent = {name: None for pattern in patterns for name in pattern.engines if name not in engines}
    if absent and not chosen:
        say(f"left out, as they are not built here: {', '.join(absent)}")
    groups = [group for group in groups if group]
    if not groups:
        raise UsageError("none of these engines can run any of these patterns")
    return groups


def new_results(place, repetitions, quick):
    return {
        "format": results.FORMAT, "version": results.VERSION,
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "revision": revision(), "quick": quick, "repetitions": repetitions, "machine": describe_machine(place),
        "limits": {}, "engines": [], "patterns": [], "cells": [], "growth": [],
    }


def revision():
    if not shutil.which("git"):
        return None
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure(build, place, found, order, entries):
    """What is found goes to the entries of `found`, and with each of them to the file of results."""
    begin = time.monotonic()
    limits_measured = 0
    for number, (repetition, cell) in enumerate(order, 1):
        if repetition == limits_measured:
            limits_measured += 1
            say("limits of the machine")
            for name, limit in measure_limits(build, place).items():
                found["limits"].setdefault(name, {"unit": limit["unit"], "values": []})["values"].append(limit["value"])
        entry = entries[cell]
        if entry["unavailable"] or entry["failed"]:
            continue
        said = measure_cell(build, place, cell, entry)
        results.save(build / "results.json", found)
        # As if what is left took as long as what is done, on the average.
        minutes = (time.monotonic() - begin) * (len(order) / number - 1) / 60
        variant = f"{cell.engine}, batch {cell.batch:,}, processes {cell.processes}"
        say(f"[{number}/{len(order)}]  {cell.pattern:<4}{variant:<48}{said}   about {minutes:.0f} min left")


def measure_cell(build, place, cell, entry):
    """What has come of it, in words."""
    settle()
    outcome = run_cell(cell, place, build)
    entry["unavailable"], entry["failed"] = outcome.unavailable, outcome.failed
    if not outcome.result:
        return f"failed: {outcome.failed}" if outcome.failed else f"n/a: {outcome.unavailable}"
    fields = ("seconds", "cpu_seconds", "memory_bytes", "stored_bytes", "stored_files")
    entry["repetitions"].append({name: outcome.result[name] for name in fields})
    entry["state"] = outcome.result["state"]
    seconds = outcome.result["seconds"]["append"]
    return f"{cell.appends / seconds / 1e3:>10,.1f} k appends/s   ({seconds:.1f} s)"
