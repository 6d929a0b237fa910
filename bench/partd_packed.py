"""Times partd.Pickle on the lists of bench_packed.cpp: partd_packed.py DIRECTORY

Prints "pattern<TAB>subject<TAB>nanoseconds per list"."""

import os
import shutil
import sys
import time

import partd

LISTS = 1000
LIST = list(range(5))


def report(pattern, work):
    begin = time.perf_counter_ns()
    work()
    print(f"{pattern}\tpartd.Pickle\t{(time.perf_counter_ns() - begin) / LISTS}")


def main():
    place = os.path.join(sys.argv[1], "packed.partd")
    store = partd.Pickle(partd.File(place))
    store.append({"k": LIST})

    def append():
        for _ in range(LISTS):
            store.append({"k": LIST})

    def get():
        if len(store.get("k")) != len(LIST) * (LISTS + 1):
            sys.exit("partd_packed: partd lacks what was put")

    report("append lists", append)
    report("get lists", get)
    shutil.rmtree(place)


if __name__ == "__main__":
    main()
