"""Runs bench_packed and partd_packed.py in turns, and prints medians and ratios.

usage: compare_packed.py BENCH_PACKED DIRECTORY REPETITIONS
"""

import sys
from functools import partial
from pathlib import Path

from comparison import medians, results, take_turns


def main():
    program, directory, repetitions = sys.argv[1], sys.argv[2], int(sys.argv[3])
    partd_packed = [sys.executable, str(Path(__file__).parent / "partd_packed.py"), directory]
    times = take_turns([partial(results, [program, directory]), partial(results, partd_packed)], repetitions)
    middle = medians(times)

    print("Items of MessagePack in memory, 100 a put, and 1,000 appends of a list of 5 numbers to a key of a dataset; "
          f"medians of {repetitions} runs.\n")
    print(f"{'pattern':<16}{'subject':<24}{'median':>11}{'':<11}{'to accrete':>11}")
    for (pattern, subject), median in sorted(middle.items()):
        unit = " µs a list" if pattern.endswith("lists") else " µs an item"
        print(f"{pattern:<16}{subject:<24}{median / 1000:>11.3f}{unit:<11}{median / middle[pattern, 'accrete']:>9.2f} ×")


if __name__ == "__main__":
    main()
