"""Runs bench_codec and bench_compressed, and prints ratios and speeds.

usage: compare_codecs.py PROGRAMS DIRECTORY FILE REPETITIONS
"""

import sys
from functools import partial
from pathlib import Path

from comparison import medians, results, take_turns


def print_frames(program, file):
    """Each codec's frames beside the bare calls of its library on the same chunks."""
    numbers = {(what, subject): number for what, subject, number in results([program, file])}
    print("Frames beside the bare calls of the library, which check nothing, and those that check all bytes as accrete\n"
          "does; MB/s of decoded bytes; 'file' is 16 MiB of FILE.\n")
    print(f"{'codec':<8}{'bytes':<8}{'chunk':>9}{'size':>8}{'encode':>10}{'of bare':>9}{'checked':>9}{'decode':>10}"
          f"{'of bare':>9}{'checked':>9}")
    for what, subject in numbers:
        if subject != "accrete" or not what.endswith(", encode"):
            continue
        case = what.removesuffix(", encode")
        codec, source, chunk = case.split(", ")
        line = f"{codec:<8}{source:<8}{chunk:>9}{numbers[case + ', size', 'accrete']:>8.3f}"
        for action in (", encode", ", decode"):
            speed = numbers[case + action, "accrete"]
            line += f"{speed:>10.0f}"
            for peer in ("bare", "bare, checksum"):
                of_peer = numbers.get((case + action, peer))
                line += f"{speed / of_peer:>9.2f}" if of_peer else f"{'':>9}"
        print(line.rstrip())


def print_datasets(program, directory, file, repetitions):
    """Datasets with each codec beside one without."""
    numbers = take_turns([partial(results, [program, directory, file])], repetitions)
    of = medians(numbers)
    print(f"\nA dataset with the codec: MB/s of what is appended, 64 KiB an append; medians of {repetitions} runs.\n")
    print(f"{'bytes':<8}{'codec':<8}{'size':>8}{'append':>10}{'to none':>9}{'get':>10}{'to none':>9}")
    for source in ("file", "random"):
        for what, codec in of:
            if what != f"{source}, append":
                continue
            append, get = of[what, codec], of[f"{source}, get", codec]
            print(f"{source:<8}{codec:<8}{of[f'{source}, size', codec]:>8.3f}{append:>10.0f}"
                  f"{append / of[what, 'none']:>9.2f}{get:>10.0f}{get / of[f'{source}, get', 'none']:>9.2f}")


def main():
    programs, directory, file, repetitions = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    if (programs / "bench_codec").exists():
        print_frames(str(programs / "bench_codec"), file)
    print_datasets(str(programs / "bench_compressed"), directory, file, repetitions)


if __name__ == "__main__":
    main()
