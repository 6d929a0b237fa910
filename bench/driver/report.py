"""accrete-bench report: results as a page of HTML and as a table of the README, and beside older results.

A row is one cell seen through one metric. Rows are compared by the rules that the template of the page tells: levels,
servers and codecs decide what may stand beside what.
"""

import dataclasses
import math
import sys
from pathlib import Path

from driver.limits_of import is_durable, limit_seconds
from driver.results import BenchError, load, median, spread

MARKS = ("<!-- bench -->", "<!-- /bench -->")
LEVELS = ("memory", "os", "sync")
ALL_KINDS = {"P5"}  # here servers are compared with engines inside the process, as both serve several processes
LARGE_ENTRY_BYTES = 4096  # from here on a rate of bytes says more than one of appends
CHART_WIDTH, CHART_HEIGHT = 640, 320


def add_parser(subparsers):
    parser = subparsers.add_parser(
        "report", help="write results as HTML, or compare them with older ones",
        description="Writes RESULTS as a page of HTML, beside it, if no other file is asked for.")
    parser.add_argument("results", metavar="RESULTS.json", type=Path)
    parser.add_argument("--html", metavar="FILE", type=Path, help="write the page there")
    parser.add_argument("--readme", metavar="FILE", type=Path,
                        help=f"put a short table between {MARKS[0]} and {MARKS[1]} of FILE")
    parser.add_argument("--compare", metavar="OLD.json", type=Path,
                        help="print what has changed since OLD, and add it to the page")
    parser.set_defaults(main=main)
    return parser


def main(arguments):
    results = load(arguments.results)
    differences = compare(load(arguments.compare), results) if arguments.compare else None
    if differences:
        print(rendered("compare.txt.j2", differences=differences))
    if arguments.readme:
        write(arguments.readme, with_table(read(arguments.readme), markdown(results), arguments.readme))
    if arguments.html or not arguments.readme:
        write(arguments.html or arguments.results.with_suffix(".html"), html(results, differences))
    return 0


def read(path):
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BenchError(f"cannot read '{path}': {getattr(error, 'strerror', None) or error}") from error


def write(path, text):
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BenchError(f"cannot write '{path}': {error.strerror}") from error
    print(f"wrote {path}", file=sys.stderr)


# What the templates write numbers with

def three(value):
    """Three significant digits: 1234567 -> 1,230,000; 0.012345 -> 0.0123."""
    if value is None:
        return "—"
    if value == 0:
        return "0"
    digits = 2 - int(f"{abs(value):.2e}".split("e")[1])
    return f"{round(value, digits):,.{max(digits, 0)}f}"


def scaled(value, unit):
    """2.5e9, "B" -> 2.50 GB; 5e5, "keys" -> 500 k keys; 3e-5, "s" -> 30.0 µs."""
    if not value:
        return f"0 {unit}"
    steps = (1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"), (1e-9, "n")
    size, prefix = next((step for step in steps if abs(value) >= step[0] and (unit != "s" or step[0] <= 1)), steps[-1])
    return f"{three(value / size)} {prefix}{' ' if prefix and len(unit) > 1 else ''}{unit}".rstrip()


def percent(fraction):
    return "—" if fraction is None else f"{three(100 * fraction)} %"


def rendered(template, **data):
    import jinja2  # not every command needs it

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined,
                                     autoescape=lambda name: name.endswith(".html.j2"))
    environment.filters.update(three=three, scaled=scaled, percent=percent)
    return environment.get_template(template).render(**data)


# Rows, and what is compared with what

@dataclasses.dataclass(frozen=True)
class Row:
    pattern: dict
    engine: dict
    cell: dict
    metric: str
    times: tuple
    limit: float | None  # seconds

    @property
    def name(self):
        return self.engine["name"]

    @property
    def ours(self):
        return self.engine["ours"]

    @property
    def reference(self):
        """Our store in memory: the plainest that does what a store does, but it keeps nothing."""
        return self.ours and self.name == "memory"

    @property
    def level(self):
        return "sync" if is_durable(self.engine, self.cell) else self.engine["level"]

    @property
    def variant(self):
        return self.cell["batch"], self.cell["processes"]

    @property
    def codec(self):
        """Only text tells codecs apart: elsewhere the bytes are random, and compression is the engine's own affair."""
        return self.engine.get("codec") if self.pattern["parameters"]["text"] else None

    @property
    def kind(self):
        """Rows of one kind may be compared, but for the level."""
        return self.variant, self.codec, None if self.pattern["id"] in ALL_KINDS else self.engine["server"]

    @property
    def keys(self):
        return self.cell.get("keys") or min(self.pattern["parameters"]["keys"], self.cell["appends"])

    @property
    def unit(self):
        if self.metric == "destroy":
            return "keys"
        is_large = self.pattern["parameters"]["entry_bytes"] >= LARGE_ENTRY_BYTES
        return "B" if self.metric == "get" or is_large else "appends"

    @property
    def amount(self):
        return {"keys": self.keys, "B": self.cell["bytes"], "appends": self.cell["appends"]}[self.unit]

    @property
    def seconds(self):
        return median(self.times)

    @property
    def spread(self):
        return spread(self.times)

    @property
    def rate(self):
        return self.amount / self.seconds

    @property
    def share(self):
        return self.limit / self.seconds if self.limit else None

    @property
    def limit_rate(self):
        return self.amount / self.limit if self.limit else None

    @property
    def appends_divisor(self):
        """How much less than the others it was given."""
        return self.pattern["parameters"]["appends"] / self.cell["appends"]

    def median_of(self, name):
        return median([repetition[name] for repetition in self.cell["repetitions"]])


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Our row beside a peer's; one of the two may be missing."""

    ours: Row | None
    peer: Row | None
    level: str

    @property
    def either(self):
        return self.ours or self.peer

    @property
    def ratio(self):
        return self.ours.rate / self.peer.rate if self.ours and self.peer else None

    @property
    def within_noise(self):
        return self.ratio is not None and abs(self.ratio - 1) <= self.ours.spread + self.peer.spread

    @property
    def favour(self):
        if self.ratio is not None:
            return self.ratio
        return math.inf if self.ours else 0


def rows_of(results, pattern, metric):
    """The rows of all variants, the fastest first."""
    engines = {engine["name"]: engine for engine in results["engines"]}
    rows = []
    for cell in results["cells"]:
        if cell["pattern"] == pattern["id"] and cell["engine"] in engines and not cell["failed"]:
            times = tuple(r["seconds"][metric] for r in cell["repetitions"] if r["seconds"].get(metric))
            if times:
                limit = limit_seconds(results, cell, metric)
                rows.append(Row(pattern, engines[cell["engine"]], cell, metric, times, limit))
    return sorted(rows, key=lambda row: (-row.rate, row.name))


def best_of_ours(row, rows):
    """Our fastest stack that promises at least as much as this row and is of its kind, or None."""
    return next((other for other in rows if other.ours and not other.reference and other.kind == row.kind
                 and LEVELS.index(other.level) >= LEVELS.index(row.level)), None)


def groups(results):
    """Lists of rows of one kind, the fastest first, without references."""
    for pattern in results["patterns"]:
        for metric in pattern["metrics"]:
            rows = [row for row in rows_of(results, pattern, metric) if not row.reference]
            for kind in sorted({row.kind for row in rows}, key=lambda kind: (kind[0], str(kind[1:]))):
                yield [row for row in rows if row.kind == kind]


def comparisons(results):
    """In each group and at each level that a peer has, the best peer beside our best; our best alone without a peer. A
    server without one of ours beside it is shown and not compared."""
    found = []
    for rows in groups(results):
        peers = [row for row in rows if not row.ours]
        if not any(row.ours for row in rows) and all(row.engine["server"] for row in rows):
            continue
        for level in LEVELS:
            peer = next((row for row in peers if row.level == level), None)
            if peer:
                found.append(Comparison(best_of_ours(peer, rows), peer, level))
        if not peers:
            found.append(Comparison(rows[0], None, rows[0].level))
    return found


def closest(compared, group):
    """Of the comparisons for which group() gives the same, the one that is least in our favour, in the given order."""
    chosen = {}
    for comparison in compared:
        before = chosen.get(group(comparison))
        if before is None or comparison.favour < before.favour:
            chosen[group(comparison)] = comparison
    return list(chosen.values())


def losses(results):
    """(one of our stacks, the peers that are faster, the fastest first): peers of the same level, and such of a weaker
    one as none of ours of that level makes good."""
    for rows in groups(results):
        for ours in (row for row in rows if row.ours):
            faster = [peer for peer in rows if not peer.ours and peer.rate > ours.rate
                      and (peer.level == ours.level or best_of_ours(peer, rows) is ours)]
            if faster:
                yield Comparison(ours, faster[0], faster[0].level), faster[1:]


# The page and the table

def html(results, differences=None):
    def group(compared):
        row = compared.either
        level = compared.level if row.metric == "append" else None
        return row.pattern["id"], row.metric, row.variant[1], row.codec, row.engine["server"], level

    return rendered("report.html.j2", results=results, differences=differences,
                    short=closest(comparisons(results), group), losses=list(losses(results)),
                    sections=[section(results, pattern) for pattern in results["patterns"]], growth=growth(results),
                    best_of_ours=best_of_ours, median=median, spread=spread,
                    moved=sum(cell["bytes"] * len(cell["repetitions"]) for cell in results["cells"]))


def section(results, pattern):
    """A table for each metric and variant, and a chart where there are three batch sizes or more."""
    tables, charts = [], []
    for metric in pattern["metrics"]:
        rows = rows_of(results, pattern, metric)
        variants = sorted({row.variant for row in rows})
        tables += [(metric, variant, [row for row in rows if row.variant == variant], rows) for variant in variants]
        if len({batch for batch, _ in variants}) > 2:
            charts.append(chart("entries a batch", f"{rows[0].unit}/s", rows, lambda row: row.name,
                                lambda row: (row.variant[0], row.rate), lambda row: row.ours))
    absent = [cell for cell in results["cells"]
              if cell["pattern"] == pattern["id"] and (cell["unavailable"] or cell["failed"])]
    return {"pattern": pattern, "tables": tables, "charts": charts, "absent": absent}


def growth(results):
    """For each axis a chart of time and one of memory, and the points."""
    ours = {engine["name"]: engine["ours"] for engine in results["engines"]}
    limit = results["limits"].get("file_creation")
    parts = []
    for axis in ("keys", "appends"):
        measured = sorted((p for p in results.get("growth") or [] if p["axis"] == axis),
                          key=lambda p: (p["engine"], p[axis]))
        points = [p for p in measured if p.get("seconds")]
        if not points:
            continue
        charts = [chart(axis, unit, points, lambda p: p["engine"], lambda p, of=of: (p[axis], of(p)),
                        lambda p: ours.get(p["engine"], True))
                  for unit, of in (("ns an append", lambda p: 1e9 * p["seconds"] / p["appends"]),
                                   ("bytes of memory", lambda p: max(p["memory_bytes"], 1)))]
        # What the machine at its best takes to make the files, of the time of the appends.
        files = [p["stored_files"] / median(limit["values"]) / p["seconds"] if limit and p.get("stored_files") else None
                 for p in points]
        parts.append({"axis": axis, "charts": charts, "points": list(zip(points, files)),
                      "ends": [p for p in measured if p.get("failed") or p.get("stopped")]})
    return parts


def chart(x_label, y_label, points, name_of, place_of, is_ours):
    """Lines on logarithmic axes, for the template to draw: where their points and the ticks are."""
    series = {}
    for point in points:
        series.setdefault((name_of(point), is_ours(point)), []).append(place_of(point))
    places = [place for line in series.values() for place in line]
    edges = [(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))))
             for values in zip(*places)]

    def scale(value, axis, length):
        low, high = edges[axis]
        return round((math.log10(value) - low) / max(high - low, 1) * length, 1)

    def ticks(axis, length):
        return [(scaled(10.0 ** power, ""), scale(10.0 ** power, axis, length))
                for power in range(edges[axis][0], edges[axis][1] + 1)]

    lines = [{"name": name, "ours": ours,
              "points": [(scale(x, 0, CHART_WIDTH), CHART_HEIGHT - scale(y, 1, CHART_HEIGHT)) for x, y in sorted(line)]}
             for (name, ours), line in series.items()]
    return {"x": x_label, "y": y_label, "width": CHART_WIDTH, "height": CHART_HEIGHT, "lines": lines,
            "x_ticks": ticks(0, CHART_WIDTH), "y_ticks": ticks(1, CHART_HEIGHT)}


def markdown(results):
    """Of each pattern and level the comparison that is least in our favour."""
    def group(compared):
        row = compared.either
        return (row.pattern["id"], compared.level) if row.metric == "append" else row.metric

    chosen = [compared for compared in closest(comparisons(results), group) if compared.peer]
    chosen.sort(key=lambda compared: compared.either.metric != "append")
    return rendered("readme.md.j2", results=results, chosen=chosen)


def with_table(text, table, path):
    before, begin, rest = text.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not begin or not end:
        raise BenchError(f"'{path}' lacks the lines {MARKS[0]} and {MARKS[1]}, between which the table belongs")
    return f"{before}{begin}\n{table}{end}{after}"


# Older results

@dataclasses.dataclass(frozen=True)
class Change:
    where: str
    old: Row
    new: Row

    @property
    def change(self):
        return self.new.rate / self.old.rate - 1

    @property
    def verdict(self):
        if abs(self.change) <= self.old.spread + self.new.spread:
            return "within the noise"
        return "faster" if self.change > 0 else "slower"


def compare(old, new):
    before, after = named_rows(old), named_rows(new)
    patterns = {pattern["id"]: pattern["parameters"] for pattern in old["patterns"]}
    return {
        "changes": [Change(where, before[where], row) for where, row in after.items() if where in before],
        "only_old": [where for where in before if where not in after],
        "only_new": [where for where in after if where not in before],
        "machine": [(name, old["machine"].get(name), new["machine"].get(name))
                    for name in sorted({*old["machine"], *new["machine"]})
                    if old["machine"].get(name) != new["machine"].get(name)],
        "sizes": [pattern["id"] for pattern in new["patterns"]
                  if patterns.get(pattern["id"], pattern["parameters"]) != pattern["parameters"]],
    }


def named_rows(results):
    return {f"{pattern['id']} {metric} {row.name}, batch {row.variant[0]:,}, processes {row.variant[1]}": row
            for pattern in results["patterns"] for metric in pattern["metrics"]
            for row in rows_of(results, pattern, metric)}
