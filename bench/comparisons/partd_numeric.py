"""Times partd.Numpy on the pattern "get all" of bench_numeric.cpp: partd_numeric.py DIRECTORY

Prints "pattern<TAB>subject<TAB>nanoseconds per MiB"."""

import os
import statistics
import sys
import time

import numpy
import partd

APPEND_ELEMENTS = 100_000
APPENDS = 80
ROUNDS = 9


def main():
    place = os.path.join(sys.argv[1], "numeric.partd")
    source = numpy.arange(APPEND_ELEMENTS) + 0.5
    store = partd.Numpy(place)
    for _ in range(APPENDS):
        store.append({"k": source})
    times = []
    for _ in range(ROUNDS):
        begin = time.perf_counter_ns()
        numbers = store.get("k")
        times.append(time.perf_counter_ns() - begin)
    if not numpy.array_equal(numbers, numpy.tile(source, APPENDS)):
        sys.exit("partd_numeric: what was read is not what was appended")
    print(f"get all\tpartd.Numpy\t{statistics.median(times) / (numbers.nbytes / (1 << 20))}")
    store.drop()


if __name__ == "__main__":
    main()
