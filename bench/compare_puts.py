"""Runs bench_puts and partd_puts.py in turns, and prints medians and ratios.

usage: compare_puts.py BENCH_PUTS DIRECTORY REPETITIONS
"""

import sys
from functools import partial
from pathlib import Path

from comparison import medians, results, take_turns

UNITS = {"one-key put": "a key", "batched put": "a key", "durable batch": "a batch"}


def main():
    program, directory, repetitions = sys.argv[1], sys.argv[2], int(sys.argv[3])
    partd_puts = [sys.executable, str(Path(__file__).parent / "partd_puts.py"), directory]
    times = take_turns([partial(results, [program, directory]), partial(results, partd_puts)], repetitions)

    print(f"Entries of 100 B over 1,000 keys; a batch has an entry for each key; medians of {repetitions} runs.\n")
    print(f"{'pattern':<16}{'subject':<24}{'median':>11}{'':<11}{'least':>11}{'most':>11}{'to accrete':>13}")
    for pattern, unit in UNITS.items():
        of_pattern = {subject: median for (name, subject), median in medians(times).items() if name == pattern}
        for subject, median in sorted(of_pattern.items(), key=lambda item: item[1]):
            values = times[pattern, subject]
            print(f"{pattern:<16}{subject:<24}{median / 1000:>11.2f}{' µs ' + unit:<11}{min(values) / 1000:>11.2f}"
                  f"{max(values) / 1000:>11.2f}{median / of_pattern['accrete']:>11.2f} ×")


if __name__ == "__main__":
    main()
