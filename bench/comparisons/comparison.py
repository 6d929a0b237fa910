"""What the comparisons share: programs that take turns, and the lines of numbers that they print."""

import statistics
import subprocess


def results(command):
    """(what, subject, number) of each line "what<TAB>subject<TAB>number" that the command prints."""
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = [line.split("\t") for line in output.splitlines()]
    return [(what, subject, float(number)) for what, subject, number in lines]


def take_turns(measurements, repetitions):
    """{(what, subject): the numbers of all repetitions}; each measurement is a function that returns results."""
    numbers = {}
    for _ in range(repetitions):
        for measure in measurements:
            for what, subject, number in measure():
                numbers.setdefault((what, subject), []).append(number)
    return numbers


def medians(numbers):
    return {key: statistics.median(values) for key, values in numbers.items()}
