"""Times partd.Numpy on the pattern "get all" of bench_numeric.cpp, or partd.Pickle on the lists of bench_packed.cpp:
partd_typed.py numeric|packed DIRECTORY

Prints what Google Benchmark would of it."""

import json
import os
import sys
import time

import numpy
import partd

APPEND_ELEMENTS = 100_000
APPENDS = 80
LISTS = 1000
LIST = list(range(5))


def seconds_of(work):
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def numeric(directory):
    source = numpy.arange(APPEND_ELEMENTS) + 0.5
    store = partd.Numpy(os.path.join(directory, "numeric.partd"))
    for _ in range(APPENDS):
        store.append({"k": source})
    if not numpy.array_equal(store.get("k"), numpy.tile(source, APPENDS)):
        sys.exit("partd_typed: what was read is not what was appended")
    yield "get all/partd.Numpy", "bytes", APPENDS * source.nbytes, seconds_of(lambda: store.get("k"))
    store.drop()


def packed(directory):
    file = partd.File(os.path.join(directory, "packed.partd"))
    buffer = partd.Buffer(partd.Dict(), file)
    for subject, inner in (("partd.Pickle", file), ("partd.Pickle, Buffer", buffer)):
        store = partd.Pickle(inner)

        def append(store=store):
            for _ in range(LISTS):
                store.append({"k": LIST})
            if store.partd is buffer:
                buffer.flush()

        yield f"append lists/{subject}", "items", LISTS, seconds_of(append)
        found = []
        yield f"get lists/{subject}", "items", LISTS, seconds_of(lambda store=store: found.extend(store.get("k")))
        if found != LIST * LISTS:
            sys.exit("partd_typed: partd lacks what was put")
        store.drop()


def main():
    measure, directory = {"numeric": numeric, "packed": packed}[sys.argv[1]], sys.argv[2]
    print(json.dumps({"benchmarks": [{"run_name": name, f"{unit}_per_second": amount / seconds}
                                     for name, unit, amount, seconds in measure(directory)]}))


if __name__ == "__main__":
    main()
