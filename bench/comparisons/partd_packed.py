"""Times partd.Pickle on the lists of bench_packed.cpp: partd_packed.py DIRECTORY

Prints "pattern<TAB>subject<TAB>nanoseconds per list"."""

import os
import shutil
import sys
import time

import partd

LISTS = 1000
LIST = list(range(5))


def report(pattern, subject, work):
    begin = time.perf_counter_ns()
    work()
    print(f"{pattern}\t{subject}\t{(time.perf_counter_ns() - begin) / LISTS}")


def measure(subject, place, make_store):
    store = make_store(partd.File(place))
    store.append({"k": LIST})

    def append():
        for _ in range(LISTS):
            store.append({"k": LIST})
        if subject == "partd.Pickle, Buffer":
            store.partd.flush()

    def get():
        if len(store.get("k")) != len(LIST) * (LISTS + 1):
            sys.exit("partd_packed: partd lacks what was put")

    report("append lists", subject, append)
    report("get lists", subject, get)
    shutil.rmtree(place)


def main():
    place = os.path.join(sys.argv[1], "packed.partd")
    measure("partd.Pickle", place, partd.Pickle)
    measure("partd.Pickle, Buffer", place, lambda file: partd.Pickle(partd.Buffer(partd.Dict(), file)))


if __name__ == "__main__":
    main()
