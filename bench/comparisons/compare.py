"""Prints accrete beside the bare libraries, partd and mawk: compare.py BUILD DIRECTORY FLIGHTS.csv REPETITIONS

All take turns, and medians are printed. A line is a pattern: what accrete does, or else the first subject, and behind
each other how many times as fast the first is. Rows are grouped by columns into equal files, byte for byte, which is
checked.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

GROUPINGS = {"origin": 'NR > 1 { print > ($4 ".csv") }', "origin,destination": 'NR > 1 { print > ($4 "," $5 ".csv") }'}


def measured(command):
    """(pattern, subject, {what: number}) of each benchmark of a program."""
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    for found in json.loads(output)["benchmarks"]:
        name = found["run_name"]
        for suffix in ("/iterations:1", "/real_time", "/manual_time"):
            name = name.replace(suffix, "")
        yield *name.rsplit("/", 1), {what: found[what] for what in ("bytes_per_second", "items_per_second", "size")
                                     if what in found}


def speed_text(numbers):
    if "bytes_per_second" in numbers:
        megabytes = numbers["bytes_per_second"] / 1e6
        return f"{megabytes:,.{0 if megabytes >= 100 else 1}f} MB/s"
    return f"{1e6 / numbers['items_per_second']:.3f} µs an item"


def speed(numbers):
    return numbers.get("bytes_per_second") or numbers["items_per_second"]


def compare(title, repetitions, measurements):
    """Each measurement is a function that yields what measured() does."""
    print(f"\n==== {title} ====\n", flush=True)
    runs = {}
    for _ in range(repetitions):
        for measure in measurements:
            for pattern, subject, numbers in measure():
                runs.setdefault(pattern, {}).setdefault(subject, []).append(numbers)
    width = max(map(len, runs))
    for pattern, subjects in runs.items():
        medians = {subject: {what: statistics.median(run[what] for run in found) for what in found[0]}
                   for subject, found in subjects.items()}
        first = medians.get("accrete", next(iter(medians.values())))
        said = [f"{subject} {speed_text(numbers)}"
                + (f", to {100 * numbers['size']:.0f} %" if "size" in numbers else "")
                + (f" ({speed(first) / speed(numbers):.2f} ×)" if numbers is not first else "")
                for subject, numbers in medians.items()]
        print(f"{pattern:<{width}}  {'; '.join(said)}")


def timed(command, directory):
    os.sync()  # so that nobody pays for what another has left to be written back
    begin = time.perf_counter()
    subprocess.run(command, check=True, cwd=directory)
    return time.perf_counter() - begin


def check_values(accrete, dataset, awk_directory):
    """How many keys there are, provided that both have the same ones with the same bytes."""
    keys = subprocess.run([accrete, "keys", "-0", dataset], check=True, stdout=subprocess.PIPE).stdout.split(b"\0")[:-1]
    names = {name.removesuffix(".csv").encode() for name in os.listdir(awk_directory)}
    if set(keys) != names or len(keys) != len(names):
        sys.exit(f"compare: keys that only one of accrete and mawk has: {set(keys) ^ names}")
    for key in keys:
        value = subprocess.run([accrete, "get", dataset, key], check=True, stdout=subprocess.PIPE).stdout
        if value != (awk_directory / (key.decode() + ".csv")).read_bytes():
            sys.exit(f"compare: the value of {key} is not what mawk wrote")
    return len(keys)


def group_rows(accrete, directory, csv, key_counts):
    """key_counts: of the groupings whose values have been checked, which takes long."""
    dataset, awk_directory = directory / "grouped.accrete", directory / "grouped.awk"
    size = len(csv.read_bytes())  # which also brings it into the page cache
    for columns, awk_program in GROUPINGS.items():
        awk_directory.mkdir()
        subprocess.run([accrete, "create", dataset], check=True)
        load = [accrete, "load", dataset, csv, "--by", columns, "--key-separator", ",", "--quiet"]
        seconds = {"accrete": timed(load, directory), "mawk": timed(["mawk", "-F,", awk_program, csv], awk_directory)}
        if columns not in key_counts:
            key_counts[columns] = check_values(accrete, dataset, awk_directory)
        pattern = f"{columns}, {key_counts[columns]:,} keys"
        yield from ((pattern, subject, {"bytes_per_second": size / taken}) for subject, taken in seconds.items())
        shutil.rmtree(dataset)
        shutil.rmtree(awk_directory)


def main():
    build, directory, csv = (Path(argument).resolve() for argument in sys.argv[1:4])
    repetitions = int(sys.argv[4])
    # mawk keeps a file open for each key, and there are thousands of routes.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    programs = build / "bench" / "comparisons"
    partd = [sys.executable, str(Path(__file__).parent / "partd_typed.py")]
    options = ["--benchmark_format=json", "--benchmark_min_time=0.05"]
    for title, name, arguments, others in (
            ("Codecs, of the decoded bytes", "bench_codecs", [csv], []),
            ("Arrays of 8,000,000 doubles, of 80 appends", "bench_numeric", [], [*partd, "numeric"]),
            ("Items of MessagePack, and 1,000 lists of 5 numbers", "bench_packed", [], [*partd, "packed"])):
        if not (programs / name).exists():
            continue
        commands = [[str(programs / name), *options, str(directory), *map(str, arguments)]]
        if others:
            commands.append([*others, str(directory)])
        compare(title, repetitions, [lambda command=command: measured(command) for command in commands])
    key_counts = {}
    compare(f"Grouping the rows of {csv.name}, {csv.stat().st_size / 1e6:.1f} MB", repetitions,
            [lambda: group_rows(build / "cli" / "accrete", directory, csv, key_counts)])


if __name__ == "__main__":
    main()
