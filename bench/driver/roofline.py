"""What the machine itself can do, as bench_limits measures it: the upper limits that engines are compared to."""

import json
import tempfile
from pathlib import Path

from driver.cell import SAMPLE_TEXT, run_group
from driver.engines import program
from driver.place import place_of_data
from driver.results import BenchError
from driver.settle import settle

DEADLINE_SECONDS = 300


def measure_limits(build, place):
    """{name: {"unit", "value"}}; its files are made in a directory in `place`, which must exist."""
    settle()
    with tempfile.TemporaryDirectory(prefix="limits-", dir=place) as directory:
        return _measured(build, directory)


def _measured(build, directory):
    command = [str(program(build, "bench", "limits", "bench_limits")), "--directory", str(directory),
               "--text", str(SAMPLE_TEXT)]
    code, output, message = run_group(command, DEADLINE_SECONDS)
    if code != 0:
        raise BenchError(f"bench_limits fails: {message or code}")
    try:
        return json.loads(output)
    except ValueError as error:
        raise BenchError(f"bench_limits prints no JSON: {error}") from error


def gather_limits(gathered, measured):
    """Adds the values of one more repetition to the "limits" of results."""
    for name, limit in measured.items():
        gathered.setdefault(name, {"unit": limit["unit"], "values": []})["values"].append(limit["value"])


def with_unit(value, unit):
    if unit == "bytes/s":
        return f"{value / 1e9:.2f} GB/s"
    if unit == "1/s":
        return f"{value / 1e3:,.1f} k/s"
    if unit == "s":
        return f"{value * 1e6:,.1f} µs"
    return f"{value:g} {unit}"


def add_parser(subparsers):
    parser = subparsers.add_parser("roofline", help="measure what the machine itself can do")
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
    parser.add_argument("--directory", type=Path, help="where to make files (default: BUILD/data)")
    parser.set_defaults(main=main)


def main(arguments):
    with place_of_data(arguments.directory or arguments.build / "data") as place:
        limits = measure_limits(arguments.build, place)
    if arguments.json:
        print(json.dumps(limits, indent=1))
        return 0
    width = max(map(len, limits), default=0)
    for name, limit in limits.items():
        print(f"{name:<{width}}  {with_unit(limit['value'], limit['unit']):>14}")
    return 0
