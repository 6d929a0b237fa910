"""Times partd.File on the patterns of bench_puts.cpp: partd_puts.py DIRECTORY

Prints "pattern<TAB>subject<TAB>nanoseconds per unit of the pattern". Every key has been appended to once before the
clock starts."""

import os
import shutil
import sys
import time

import partd

from workload import ENTRY, KEYS

ROUNDS = 100
DURABLE_ROUNDS = 3  # a thousand calls of fsync each


def report(pattern, unit_count, work):
    os.sync()
    begin = time.perf_counter_ns()
    work()
    print(f"{pattern}\tpartd.File\t{(time.perf_counter_ns() - begin) / unit_count}")


def main():
    place = os.path.join(sys.argv[1], "puts.partd")
    batch = dict.fromkeys(KEYS, ENTRY)
    store = partd.File(place)
    store.append(batch)

    def one_key_puts():
        for _ in range(ROUNDS):
            for key in KEYS:
                store.append({key: ENTRY})

    def batches():
        for _ in range(ROUNDS):
            store.append(batch)

    def durable_batches():
        for _ in range(DURABLE_ROUNDS):
            store.append(batch, fsync=True)

    report("one-key put", ROUNDS * len(KEYS), one_key_puts)
    report("batched put", ROUNDS * len(KEYS), batches)
    report("durable batch", DURABLE_ROUNDS, durable_batches)
    expected_size = len(ENTRY) * (1 + 2 * ROUNDS + DURABLE_ROUNDS)
    if any(len(value) != expected_size for value in store.get(KEYS)):
        sys.exit("partd_puts: partd lacks what was put")
    shutil.rmtree(place)


if __name__ == "__main__":
    main()
