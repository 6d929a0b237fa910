"""usage: check_layouts.py ROOT

Fails unless each layout in docs/*.md that says `<!-- from HEADER -->` stands in the comments of that header, word for word.
"""

import pathlib
import re
import sys

QUOTED = re.compile(r"<!-- from (\S+) -->\n```text\n(.*?)```", re.DOTALL)


def comment_text(header):
    lines = header.read_text().splitlines()
    return "\n".join(line.removeprefix("//").removeprefix("   ") for line in lines if line.startswith("//"))


def main():
    root = pathlib.Path(sys.argv[1])
    quoted = [
        (document, header, layout)
        for document in sorted((root / "docs").glob("*.md"))
        for header, layout in QUOTED.findall(document.read_text())
    ]
    wrong = [
        f"{document.name}: the layout from {header} is not what stands there"
        for document, header, layout in quoted
        if layout.rstrip() not in comment_text(root / header)
    ]
    print("\n".join(wrong) or f"{len(quoted)} layouts are as in their headers")
    sys.exit(1 if wrong or not quoted else 0)


main()
