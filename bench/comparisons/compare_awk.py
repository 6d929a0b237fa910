"""Groups rows of flights with accrete and with mawk in turns, compares every value byte for byte with awk's file, and
prints medians and ratios.

usage: compare_awk.py ACCRETE FLIGHTS.csv DIRECTORY REPETITIONS
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

GROUPINGS = {
    "origin": 'NR > 1 { print > ($4 ".csv") }',
    "origin,destination": 'NR > 1 { print > ($4 "," $5 ".csv") }',
}


def timed(command, directory):
    os.sync()  # so that nobody pays for what another has left to be written back
    begin = time.perf_counter()
    subprocess.run(command, check=True, cwd=directory)
    return time.perf_counter() - begin


def compare_values(accrete, dataset, awk_directory):
    """How many keys there are, provided that both have the same ones with the same bytes."""
    keys = subprocess.run([accrete, "keys", "-0", dataset], check=True, stdout=subprocess.PIPE).stdout.split(b"\0")[:-1]
    names = {name.removesuffix(".csv").encode() for name in os.listdir(awk_directory)}
    if set(keys) != names or len(keys) != len(names):
        sys.exit(f"compare_awk: keys that only one has: {set(keys) ^ names}")
    for key in keys:
        value = subprocess.run([accrete, "get", dataset, key], check=True, stdout=subprocess.PIPE).stdout
        if value != (awk_directory / (key.decode() + ".csv")).read_bytes():
            sys.exit(f"compare_awk: the value of {key} is not what awk wrote")
    return len(keys)


def main():
    accrete, csv, directory = (Path(argument).resolve() for argument in sys.argv[1:4])
    repetitions = int(sys.argv[4])
    # mawk keeps a file open for each key, and there are thousands of routes.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    dataset, awk_directory = directory / "grouped.accrete", directory / "grouped.awk"
    megabytes = len(Path(csv).read_bytes()) / 1e6  # reading it also brings it into the page cache

    print(f"{csv}, {megabytes:.1f} MB; medians of {repetitions} runs.\n")
    print(f"{'grouped by':<20}{'keys':>7}{'accrete':>12}{'mawk':>12}{'ratio':>10}{'accrete':>14}   values")
    for columns, awk_program in GROUPINGS.items():
        times = {"accrete": [], "mawk": []}
        for _ in range(repetitions):
            shutil.rmtree(dataset, ignore_errors=True)
            shutil.rmtree(awk_directory, ignore_errors=True)
            awk_directory.mkdir()
            subprocess.run([accrete, "create", dataset], check=True)
            load = [accrete, "load", dataset, csv, "--by", columns, "--key-separator", ",", "--quiet"]
            times["accrete"].append(timed(load, directory))
            times["mawk"].append(timed(["mawk", "-F,", awk_program, csv], awk_directory))
        key_count = compare_values(accrete, dataset, awk_directory)
        ours, awks = statistics.median(times["accrete"]), statistics.median(times["mawk"])
        print(f"{columns:<20}{key_count:>7}{ours:>10.3f} s{awks:>10.3f} s{awks / ours:>8.2f} ×"
              f"{megabytes / ours:>9.0f} MB/s   equal, byte for byte")
        shutil.rmtree(dataset)
        shutil.rmtree(awk_directory)


if __name__ == "__main__":
    main()
