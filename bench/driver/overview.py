"""Lists what can be measured: the patterns with their sizes, and which engine runs which."""

from driver.engines import known_engines
from driver.patterns import PATTERNS, Less, inability


def add_parser(subparsers):
    parser = subparsers.add_parser("list", help="list the patterns and the engines")
    parser.set_defaults(main=main)


def main(arguments):
    engines = known_engines(arguments.build)
    print_table(["pattern", "", "appends", "quick", "keys", "quick", "entry", "Zipf", "batch", "processes"],
                [pattern_row(pattern) for pattern in PATTERNS])
    print()
    print_table(["engine", "version", "survives", *(pattern.id for pattern in PATTERNS)],
                [engine_row(engine) for engine in engines])
    print("\nyes: runs by default; 1/50: with that share of the appends; (yes): when named by --engine; -: cannot")
    return 0


def pattern_row(pattern):
    kinds = [kind for kind in ("durable", "text", "numeric") if getattr(pattern, kind)]
    title = pattern.title + (f" ({', '.join(kinds)})" if kinds else "")
    return [pattern.id, title, f"{pattern.appends:,}", f"{pattern.quick_appends:,}", f"{pattern.keys:,}",
            f"{pattern.quick_keys or pattern.keys:,}", f"{pattern.entry_bytes:,} B", f"{pattern.skew or '-'}",
            range_of(pattern.batches or (pattern.batch,)), range_of(pattern.process_counts or (pattern.processes,))]


def range_of(numbers):
    return f"{numbers[0]:,}" if len(numbers) == 1 else f"{numbers[0]:,}-{numbers[-1]:,}"


def engine_row(engine):
    return [engine["name"], engine["version"] or "", engine["level"], *(mark(engine, pattern) for pattern in PATTERNS)]


def mark(engine, pattern):
    if inability(engine, pattern):
        return "-"
    if engine["name"] not in pattern.engines:
        return "(yes)"
    less = pattern.less.get(engine["name"], Less())
    return f"1/{less.appends}" if less.appends > 1 else "yes"


def print_table(head, rows):
    """The first two columns are words, the others lie to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        cells = [f"{text:<{width}}" if column < 2 else f"{text:>{width}}"
                 for column, (text, width) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())
