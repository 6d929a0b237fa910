"""Runs bench_puts and partd_puts.py in turns, and prints medians and ratios.

usage: compare_puts.py BENCH_PUTS DIRECTORY REPETITIONS
"""

import statistics
import subprocess
import sys
from pathlib import Path

UNITS = {"one-key put": "a key", "batched put": "a key", "durable batch": "a batch"}


def measure(commands, repetitions):
    """{(pattern, subject): nanoseconds of each repetition}, the commands taking turns."""
    times = {}
    for _ in range(repetitions):
        for command in commands:
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            for line in output.splitlines():
                pattern, subject, nanoseconds = line.split("\t")
                times.setdefault((pattern, subject), []).append(float(nanoseconds))
    return times


def main():
    program, directory, repetitions = sys.argv[1], sys.argv[2], int(sys.argv[3])
    partd_puts = [sys.executable, str(Path(__file__).parent / "partd_puts.py"), directory]
    times = measure([[program, directory], partd_puts], repetitions)
    medians = {key: statistics.median(values) for key, values in times.items()}

    print(f"Entries of 100 B over 1,000 keys; a batch has an entry for each key; medians of {repetitions} runs.\n")
    print(f"{'pattern':<16}{'subject':<24}{'median':>11}{'':<11}{'least':>11}{'most':>11}{'to accrete':>13}")
    for pattern, unit in UNITS.items():
        of_pattern = {subject: median for (name, subject), median in medians.items() if name == pattern}
        for subject, median in sorted(of_pattern.items(), key=lambda item: item[1]):
            values = times[pattern, subject]
            print(f"{pattern:<16}{subject:<24}{median / 1000:>11.2f}{' µs ' + unit:<11}{min(values) / 1000:>11.2f}"
                  f"{max(values) / 1000:>11.2f}{median / of_pattern['accrete']:>11.2f} ×")


if __name__ == "__main__":
    main()
