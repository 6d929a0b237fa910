"""Checks that a folder calls those alone that it declares: the linker also takes what those bring along.

usage: check_calls.py FOLDER:[FOLDER,…]=LIBRARY…    each folder, those that it may call besides itself, and its static library
"""

import subprocess
import sys


def symbols(library, which):
    output = subprocess.run(["nm", which, "--format=posix", library], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {line.split()[0] for line in output.splitlines() if len(line.split()) > 1}


def readable(symbol):
    return subprocess.run(["c++filt", symbol], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def main():
    declared, libraries = {}, {}
    for row in sys.argv[1:]:
        folders, _, library = row.partition("=")
        folder, _, needed = folders.partition(":")
        declared[folder] = set(needed.split(","))
        libraries[folder] = library
    defined = {folder: symbols(library, "--defined-only") for folder, library in libraries.items()}
    problems = []
    for folder, library in libraries.items():
        for symbol in sorted(symbols(library, "--undefined-only") - defined[folder]):
            owners = {other for other in defined if symbol in defined[other]}
            if owners and not owners & declared[folder]:
                problems.append(f"{folder} uses {readable(symbol)} of {', '.join(sorted(owners))}, which it does not declare")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
