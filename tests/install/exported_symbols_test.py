"""What the shared library defines and exports is what exported_symbols.txt lists: the functions of the public headers.

usage: exported_symbols_test.py LIBRARY

A line that goes breaks programs that were linked before. With WRITE_SYMBOLS set the list is made anew. What the compiler
makes of the headers in each program, too (weak symbols: destructors, type information, templates), is not in it.
"""

import os
import subprocess
import sys
from pathlib import Path

LIST = Path(__file__).parent / "exported_symbols.txt"


def exported(library):
    output = subprocess.run(["nm", "--dynamic", "--defined-only", "--format=posix", library], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    return sorted(line.split()[0] for line in output.splitlines() if line.split()[1] in "ABDGRST")


def readable(symbols):
    output = subprocess.run(["c++filt"], check=True, stdout=subprocess.PIPE, text=True, input="\n".join(symbols)).stdout
    return output.splitlines()


def main():
    symbols = exported(sys.argv[1])
    if os.environ.get("WRITE_SYMBOLS"):
        LIST.write_text("".join(f"{symbol}  {name}\n" for symbol, name in zip(symbols, readable(symbols))))
    expected = [line.split()[0] for line in LIST.read_text().splitlines()]
    for what, found in (("no longer", set(expected) - set(symbols)), ("now", set(symbols) - set(expected))):
        for name in readable(sorted(found)):
            print(f"{what} exported: {name}")
    return 0 if symbols == expected else 1


if __name__ == "__main__":
    sys.exit(main())
