"""The shared library exports what exported_symbols.txt lists, and the public headers mark all that they only declare.

usage: exported_symbols_test.py LIBRARY INCLUDE_FOLDER

A line that goes breaks programs that were linked before. With WRITE_SYMBOLS set the list is made anew. Of what compilers
make of headers in each program (weak symbols) it has the type information and the tables of accrete's classes alone, by
which exceptions are caught.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

LIST = Path(__file__).parent / "exported_symbols.txt"
CLASS_DATA = ("_ZTIN7accrete", "_ZTVN7accrete")
# At the beginning of a line, where clang-format puts what stands in a namespace: up to its end, without a body.
DECLARATION = re.compile(r"^(?=[A-Za-z[])[^;{}]*\)[^;{}()]*;", re.MULTILINE)
NO_FUNCTION = re.compile(r"\b(using|static_assert|concept|friend|template|constexpr|inline)\b")


def exported(library):
    output = subprocess.run(["nm", "--dynamic", "--defined-only", "--format=posix", library], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    symbols = (line.split()[:2] for line in output.splitlines())
    return {name for name, kind in symbols if kind in "ABDGRST" or name.startswith(CLASS_DATA)}


def readable(symbols):
    output = subprocess.run(["c++filt"], check=True, stdout=subprocess.PIPE, text=True, input="\n".join(symbols)).stdout
    return output.splitlines()


def unmarked_declarations(header):
    text = re.sub(r"//.*", "", header.read_text(encoding="utf-8"))
    for found in DECLARATION.finditer(text):
        if "ACCRETE_API" not in found[0] and not NO_FUNCTION.search(found[0]):
            yield " ".join(found[0].split())


def main():
    symbols = exported(sys.argv[1])
    if os.environ.get("WRITE_SYMBOLS"):
        names = sorted(symbols)
        LIST.write_text("".join(f"{symbol}  {name}\n" for symbol, name in zip(names, readable(names))))
    expected = {line.split()[0] for line in LIST.read_text().splitlines()}
    problems = [f"no longer exported: {name}" for name in readable(sorted(expected - symbols))]
    problems += [f"exported, and not in the list: {name}" for name in readable(sorted(symbols - expected))]
    for header in sorted(Path(sys.argv[2], "accrete").glob("*.hpp")):
        problems += [f"{header.name}: without ACCRETE_API: {text}" for text in unmarked_declarations(header)]
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
