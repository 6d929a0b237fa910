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
import time
from pathlib import Path

import grouping
import numpy
import partd

ARRAY = numpy.arange(100_000) + 0.5  # so many and so large as those of arrays.cpp, and lists as of items.cpp
ARRAYS = 80
LIST = list(range(5))
LISTS = 1000


def seconds_of(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


# Each yields (pattern, subject, {what: number}) for all that it measures once.

def libraries(program, csv, directory):
    if not program.exists():  # it needs the libraries of all codecs
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
    yield "get all", "partd.Numpy", {"bytes_per_second": ARRAYS * ARRAY.nbytes / seconds_of(lambda: store.get("k"))}
    store.drop()


def append_lists(store, flush):
    for _ in range(LISTS):
        store.append({"k": LIST})
    flush()


def partd_lists(directory):
    file = partd.File(str(directory / "packed.partd"))
    buffer = partd.Buffer(partd.Dict(), file)
    for subject, inner, flush in (("partd.Pickle", file, lambda: None), ("partd.Pickle, Buffer", buffer, buffer.flush)):
        store = partd.Pickle(inner)
        seconds = {"append lists": seconds_of(lambda: append_lists(store, flush)),
                   "get lists": seconds_of(lambda: store.get("k"))}
        assert store.get("k") == LIST * LISTS, "partd lacks what was put"
        store.drop()
        for pattern, taken in seconds.items():
            yield pattern, subject, {"items_per_second": LISTS / taken}


def speed(numbers):
    return numbers.get("bytes_per_second") or numbers["items_per_second"]


def described(subject, numbers, first):
    unit = (f"{numbers['bytes_per_second'] / 1e6:,.1f} MB/s" if "bytes_per_second" in numbers
            else f"{1e6 / numbers['items_per_second']:.3f} µs an item")
    size = f", to {100 * numbers['size']:.0f} %" if "size" in numbers else ""
    memory = f", {numbers['memory'] / 1e6:.0f} MB of memory" if "memory" in numbers else ""
    ratio = f" ({speed(first) / speed(numbers):.2f} ×)" if numbers is not first else ""
    return f"{subject} {unit}{size}{memory}{ratio}"


def main():
    build, directory, csv = (Path(argument).resolve() for argument in sys.argv[1:4])
    # mawk keeps a file open for each key, and there are thousands of routes.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    runs = {}
    for repetition in range(int(sys.argv[4])):
        for found in (libraries(build / "bench" / "comparisons" / "bench_comparisons", csv, directory),
                      partd_arrays(directory), partd_lists(directory),
                      grouping.measure(build, csv, directory, are_checked=repetition == 0)):
            for pattern, subject, numbers in found:
                runs.setdefault(pattern, {}).setdefault(subject, []).append(numbers)
    width = max(map(len, runs))
    for pattern, subjects in runs.items():
        medians = {subject: {what: statistics.median(run[what] for run in found) for what in found[0]}
                   for subject, found in subjects.items()}
        first = medians.get("accrete", next(iter(medians.values())))
        print(f"{pattern:<{width}}", "; ".join(described(subject, numbers, first)
                                               for subject, numbers in medians.items()), sep="  ")


if __name__ == "__main__":
    main()
