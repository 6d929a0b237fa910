"""Runs bench_numeric and partd_numeric.py in turns, and prints medians and ratios.

usage: compare_numeric.py BENCH_NUMERIC DIRECTORY REPETITIONS
"""

import sys
from functools import partial
from pathlib import Path

from comparison import medians, results, take_turns


def main():
    program, directory, repetitions = sys.argv[1], sys.argv[2], int(sys.argv[3])
    partd_numeric = [sys.executable, str(Path(__file__).parent / "partd_numeric.py"), directory]
    times = take_turns([partial(results, [program, directory]), partial(results, partd_numeric)], repetitions)

    print(f"8,000,000 doubles of 80 appends, from the page cache; medians of {repetitions} runs.\n")
    print(f"{'pattern':<18}{'subject':<23}{'median':>14}{'least':>10}{'most':>10}{'to accrete':>13}")
    of_subject = medians(times)
    for (pattern, subject), median in of_subject.items():
        values = times[pattern, subject]
        print(f"{pattern:<18}{subject:<23}{median / 1000:>7.1f} µs/MiB{min(values) / 1000:>10.1f}"
              f"{max(values) / 1000:>10.1f}{median / of_subject[pattern, 'accrete']:>11.2f} ×")


if __name__ == "__main__":
    main()
