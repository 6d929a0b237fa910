"""Prints accrete beside the bare libraries, partd and tools that group rows: compare.py BUILD DIRECTORY FLIGHTS.csv REPETITIONS

All take turns, and medians are printed. A line is a pattern: what accrete does, or else the first subject, and after
each other how many times as fast the first is.
"""

import json
import re
import resource
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from timeit import timeit

import grouping
import numpy
import partd

ARRAY = numpy.arange(100_000) + 0.5  # so many and so large as those of arrays.cpp, and lists as of items.cpp
ARRAYS = 80
LIST = list(range(5))
LISTS = 1000


# Each yields (pattern, subject, {what: number}) for all that it measures once.

def libraries(program, csv, directory):
    if not program.exists():  # it needs lz4, zstd and MessagePack
        return
    command = [program, csv, "--benchmark_format=json", "--benchmark_min_time=0.05"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=directory).stdout
    for found in json.loads(output)["benchmarks"]:
        name = re.sub("/(iterations:1|real_time|manual_time)", "", found["run_name"])
        yield *name.rsplit("/", 1), {what: found[what] for what in ("bytes_per_second", "items_per_second", "size")
                                     if what in found}


def partd_arrays(directory):
    store = partd.Numpy(str(directory / "numeric.partd"))
    for _ in range(ARRAYS):
        store.append({"k": ARRAY})
    assert numpy.array_equal(store.get("k"), numpy.tile(ARRAY, ARRAYS)), "partd lacks what was put"
    seconds = timeit(lambda: store.get("k"), number=1)
    yield "get all", "partd.Numpy", {"bytes_per_second": ARRAYS * ARRAY.nbytes / seconds}
    store.drop()


def partd_lists(directory):
    file = partd.File(str(directory / "packed.partd"))
    buffer = partd.Buffer(partd.Dict(), file)
    for subject, inner, flush in (("partd.Pickle", file, lambda: None), ("partd.Pickle, Buffer", buffer, buffer.flush)):
        store = partd.Pickle(inner)
        append_seconds = timeit(lambda: store.append({"k": LIST}), number=LISTS) + timeit(flush, number=1)
        yield "append lists", subject, {"items_per_second": LISTS / append_seconds}
        yield "get lists", subject, {"items_per_second": LISTS / timeit(lambda: store.get("k"), number=1)}
        assert store.get("k") == LIST * LISTS, "partd lacks what was put"
        store.drop()


def described(subject, numbers, first):
    speed = "bytes_per_second" if "bytes_per_second" in numbers else "items_per_second"
    text = f"{subject} " + (f"{numbers[speed] / 1e6:,.1f} MB/s" if speed == "bytes_per_second" else
                            f"{1e6 / numbers[speed]:.3f} µs an item")
    if "size" in numbers:
        text += f", to {100 * numbers['size']:.0f} %"
    if "memory" in numbers:
        text += f", {numbers['memory'] / 1e6:.0f} MB of memory"
    return text if numbers is first else f"{text} ({first[speed] / numbers[speed]:.2f} ×)"


def main():
    build, directory, csv = (Path(argument).resolve() for argument in sys.argv[1:4])
    # mawk keeps a file open for each key, and there are thousands of routes.
    resource.setrlimit(resource.RLIMIT_NOFILE, 2 * resource.getrlimit(resource.RLIMIT_NOFILE)[1:])
    runs = defaultdict(lambda: defaultdict(list))
    for repetition in range(int(sys.argv[4])):
        for found in (libraries(build / "bench" / "comparisons" / "bench_comparisons", csv, directory),
                      partd_arrays(directory), partd_lists(directory),
                      grouping.measure(build, csv, directory, are_checked=repetition == 0)):
            for pattern, subject, numbers in found:
                runs[pattern][subject].append(numbers)
    width = max(map(len, runs))
    for pattern, subjects in runs.items():
        medians = {subject: {what: statistics.median(run[what] for run in found) for what in found[0]}
                   for subject, found in subjects.items()}
        first = medians.get("accrete", next(iter(medians.values())))
        print(f"{pattern:<{width}}", "; ".join(described(subject, numbers, first)
                                               for subject, numbers in medians.items()), sep="  ")


if __name__ == "__main__":
    main()
