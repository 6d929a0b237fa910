"""accrete-bench report: results as a page of HTML and as a table of the README, and beside older results.

A row is one cell seen through one metric. Rows are compared by the rules that the template of the page tells: levels,
servers and codecs decide what may stand beside what.
"""

import math
import re
import sys
from pathlib import Path
from statistics import median
from types import SimpleNamespace

from driver.results import BenchError, load, spread

MARKS = ("<!-- bench -->", "<!-- /bench -->")
LEVELS = ("memory", "os", "sync")
ALL_KINDS = {"P5"}  # here servers are compared with engines inside the process, as both serve several processes
LARGE_ENTRY_BYTES = 4096  # from here on a rate of bytes says more than one of appends
SCATTER_SIZES = (100, 1024, 65536)
CHART_WIDTH, CHART_HEIGHT = 640, 320


def add_parser(subparsers):
    parser = subparsers.add_parser("report", help="write results as a page of HTML beside them")
    parser.add_argument("results", metavar="RESULTS.json", type=Path)
    parser.add_argument("--readme", metavar="FILE", type=Path,
                        help=f"put a short table between {MARKS[0]} and {MARKS[1]} of FILE, and write no page")
    parser.add_argument("--compare", metavar="OLD.json", type=Path, help="the page also has what has changed since OLD")
    parser.set_defaults(main=main)


def main(arguments):
    results = load(arguments.results)
    differences = compare(load(arguments.compare), results) if arguments.compare else None
    path = arguments.readme or arguments.results.with_suffix(".html")
    try:
        if arguments.readme:
            text = with_table(path.read_text(encoding="utf-8"), markdown(results), path)
        else:
            text = html(results, differences)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BenchError(f"cannot read or write '{path}': {error.strerror}") from error
    print(f"wrote {path}", file=sys.stderr)
    return 0


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


def limit_text(value, unit):
    return scaled(value, "s") if unit == "s" else scaled(value, "B" if unit == "bytes/s" else "") + "/s"


def percent(fraction):
    return "—" if fraction is None else f"{three(100 * fraction)} %"


def rendered(template, **data):
    import jinja2  # not every command needs it

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), trim_blocks=True,
                                     lstrip_blocks=True, undefined=jinja2.StrictUndefined,
                                     autoescape=lambda name: name.endswith(".html.j2"))
    environment.filters.update(three=three, scaled=scaled, percent=percent)
    return environment.get_template(template).render(**data)


# The least time in which the bare primitives of the machine could do the same; the page tells the formulas in words

def limit_seconds(results, cell, metric):
    """None where no limit applies or it was not measured."""
    if not cell["repetitions"]:
        return None
    limits = {name: median(limit["values"]) for name, limit in results["limits"].items()}
    stored, files = (median(one[name] for one in cell["repetitions"]) for name in ("stored_bytes", "stored_files"))
    try:
        if metric == "append":
            return append_seconds(results, cell, limits, stored, files)
        if metric == "get":
            return cell["bytes"] / limits["page_cache_read_64k"] + files / limits["file_read"]
        return stored / limits["unlink_bytes"] + files / limits["file_removal"] or None
    except KeyError:  # of a limit
        return None


def append_seconds(results, cell, limits, stored, files):
    parameters = next(pattern["parameters"] for pattern in results["patterns"] if pattern["id"] == cell["pattern"])
    engine = next(engine for engine in results["engines"] if engine["name"] == cell["engine"])
    total, cores = cell["bytes"], results["machine"]["cores"]
    if is_durable(engine, cell):
        # Writers that run at once can share a sync.
        return math.ceil(cell["appends"] / cell["batch"]) * limits["fdatasync"] / cell["processes"]

    def write(size):
        """What an engine keeps in memory alone is not written; where each key has a file, each has to be made."""
        return size / limits["page_cache_write_1m"] + files / limits["file_creation"] if stored else 0

    if parameters["numeric"]:
        return total / limits["memcpy"] + write(total)
    if parameters["text"] and engine["codec"]:
        return total / limits[f"compress_{engine['codec']}"] + write(stored)
    nearest = min(SCATTER_SIZES, key=lambda size: abs(math.log(size / parameters["entry_bytes"])))
    scatter = total / limits[f"scatter_{nearest}"]
    if cell["pattern"] == "P8":
        client, server = total / limits["zmq_1m"], scatter + write(total)
        return max(client, server) if cores > 1 else client + server
    return scatter / min(cell["processes"], cores) + write(total)


def is_durable(engine, cell):
    return cell["state"] == "durable" or engine["level"] == "sync"


# Rows, and what is compared with what

def row_of(results, pattern, engine, cell, metric):
    parameters = pattern["parameters"]
    times = [repetition["seconds"][metric] for repetition in cell["repetitions"]]
    seconds, limit = median(times), limit_seconds(results, cell, metric)
    unit = "B" if metric == "get" or parameters["entry_bytes"] >= LARGE_ENTRY_BYTES else "appends"
    if metric == "destroy":
        unit = "keys"
    amount = cell[{"B": "bytes"}.get(unit, unit)]
    variant = cell["batch"], cell["processes"]
    # Only text tells codecs apart: elsewhere the bytes are random, and compression is the engine's own affair.
    codec = engine["codec"] if parameters["text"] else None
    return SimpleNamespace(
        pattern=pattern, engine=engine, cell=cell, metric=metric, times=times, name=engine["name"], ours=engine["ours"],
        # Our store in memory: the plainest that does what a store does, but it keeps nothing.
        reference=engine["name"] == "memory",
        level="sync" if is_durable(engine, cell) else engine["level"], variant=variant, codec=codec,
        # Rows of one kind may be compared, but for the level.
        kind=(variant, codec or "", pattern["id"] not in ALL_KINDS and engine["server"]),
        unit=unit, seconds=seconds, spread=spread(times), rate=amount / seconds, share=limit and limit / seconds,
        limit_rate=limit and amount / limit,
        medians={name: median(repetition[name] for repetition in cell["repetitions"])
                 for name in ("cpu_seconds", "memory_bytes", "stored_bytes")})


def rows_of(results, pattern, metric):
    """The rows of all variants, the fastest first."""
    engines = {engine["name"]: engine for engine in results["engines"]}
    rows = [row_of(results, pattern, engines[cell["engine"]], cell, metric) for cell in results["cells"]
            if cell["pattern"] == pattern["id"] and not cell["failed"]
            and any(repetition["seconds"][metric] for repetition in cell["repetitions"])]
    return sorted(rows, key=lambda row: (-row.rate, row.name))


def comparison(ours, peer, level):
    """Our row beside a peer's; one of the two may be missing."""
    ratio = ours.rate / peer.rate if ours and peer else None
    within_noise = ratio is not None and abs(ratio - 1) <= ours.spread + peer.spread
    return SimpleNamespace(ours=ours, peer=peer, level=level, either=ours or peer, ratio=ratio,
                           within_noise=within_noise,
                           favour=ratio if ratio is not None else math.inf if ours else 0)


def best_of_ours(row, rows):
    """Our fastest stack that promises at least as much as this row and is of its kind, or None."""
    return next((other for other in rows if other.ours and not other.reference and other.kind == row.kind
                 and LEVELS.index(other.level) >= LEVELS.index(row.level)), None)


def groups(results):
    """Lists of rows of one kind, the fastest first, without references."""
    for pattern in results["patterns"]:
        for metric in pattern["metrics"]:
            rows = [row for row in rows_of(results, pattern, metric) if not row.reference]
            for kind in sorted({row.kind for row in rows}):
                yield [row for row in rows if row.kind == kind]


def comparisons(results):
    """In each group and at each level that a peer has, the best peer beside our best; our best alone without a peer. A
    server without one of ours beside it is shown and not compared."""
    for rows in groups(results):
        peers = [row for row in rows if not row.ours]
        if not any(row.ours for row in rows) and all(row.engine["server"] for row in rows):
            continue
        for level in LEVELS:
            peer = next((row for row in peers if row.level == level), None)
            if peer:
                yield comparison(best_of_ours(peer, rows), peer, level)
        if not peers:
            yield comparison(rows[0], None, rows[0].level)


def closest(compared, group):
    """Of the comparisons for which group() gives the same, the one that is least in our favour, in the given order."""
    grouped = {}
    for one in compared:
        grouped.setdefault(group(one), []).append(one)
    return [min(ones, key=lambda one: one.favour) for ones in grouped.values()]


def losses(results):
    """(one of our stacks beside the fastest peer, the other peers that are faster): peers of the same level, and such
    of a weaker one as none of ours of that level makes good."""
    for rows in groups(results):
        for ours in (row for row in rows if row.ours):
            faster = [peer for peer in rows if not peer.ours and peer.rate > ours.rate
                      and (peer.level == ours.level or best_of_ours(peer, rows) is ours)]
            if faster:
                yield comparison(ours, faster[0], faster[0].level), faster[1:]


# The page and the table

def html(results, differences=None):
    def group(compared):
        row = compared.either
        level = compared.level if row.metric == "append" else None
        return row.pattern["id"], row.metric, row.variant[1], row.codec, row.engine["server"], level

    return rendered("report.html.j2", results=results, differences=differences,
                    short=closest(comparisons(results), group), losses=list(losses(results)),
                    sections=[section(results, pattern) for pattern in results["patterns"]],
                    growth=list(growth(results)),
                    best_of_ours=best_of_ours, limit_text=limit_text, median=median, spread=spread,
                    moved=sum(cell["bytes"] * len(cell["repetitions"]) for cell in results["cells"]))


def section(results, pattern):
    """A table for each metric and variant, and a chart where there are three batch sizes or more."""
    tables, charts = [], []
    for metric in pattern["metrics"]:
        rows = rows_of(results, pattern, metric)
        variants = sorted({row.variant for row in rows})
        tables += [(metric, variant, [row for row in rows if row.variant == variant], rows) for variant in variants]
        if len({batch for batch, _ in variants}) > 2:
            charts.append(chart("entries a batch", f"{rows[0].unit}/s",
                                [(row.name, row.ours, row.variant[0], row.rate) for row in rows]))
    absent = [cell for cell in results["cells"]
              if cell["pattern"] == pattern["id"] and (cell["unavailable"] or cell["failed"])]
    return {"pattern": pattern, "tables": tables, "charts": charts, "absent": absent}


def growth(results):
    """For each axis a chart of time and one of memory, and the points."""
    ours = {engine["name"]: engine["ours"] for engine in results["engines"]}
    limit = results["limits"].get("file_creation")
    for axis in ("keys", "appends"):
        measured = sorted((p for p in results["growth"] or [] if p["axis"] == axis),
                          key=lambda p: (p["engine"], p[axis]))
        points = [p for p in measured if p["seconds"]]
        if not points:
            continue
        charts = [chart(axis, unit, [(p["engine"], ours[p["engine"]], p[axis], of(p)) for p in points])
                  for unit, of in (("ns an append", lambda p: 1e9 * p["seconds"] / p["appends"]),
                                   ("bytes of memory", lambda p: max(p["memory_bytes"], 1)))]
        # What the machine at its best takes to make the files, of the time of the appends.
        files = [p["stored_files"] / median(limit["values"]) / p["seconds"] if limit else None for p in points]
        yield {"axis": axis, "charts": charts, "points": list(zip(points, files)),
               "ends": [p for p in measured if "failed" in p or "stopped" in p]}


def chart(x_label, y_label, points):
    """Lines on logarithmic axes, for the template to draw: where the points (name, ours, x, y) and the ticks are."""
    x_of, x_ticks = logarithmic([x for _, _, x, _ in points], CHART_WIDTH)
    y_of, y_ticks = logarithmic([y for _, _, _, y in points], CHART_HEIGHT)
    lines = {}
    for name, ours, x, y in sorted(points, key=lambda point: point[2]):
        line = lines.setdefault(name, {"name": name, "ours": ours, "points": []})
        line["points"].append((x_of(x), CHART_HEIGHT - y_of(y)))
    return {"x": x_label, "y": y_label, "width": CHART_WIDTH, "height": CHART_HEIGHT, "lines": list(lines.values()),
            "x_ticks": x_ticks, "y_ticks": y_ticks}


def logarithmic(values, length):
    """(where a value is on an axis of this length, [(text, where) of each tick])"""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def place(value):
        return round((math.log10(value) - low) * length / max(high - low, 1), 1)

    return place, [(scaled(10.0 ** power, ""), place(10.0 ** power)) for power in range(low, high + 1)]


def markdown(results):
    """Of each pattern and level the comparison that is least in our favour."""
    def group(compared):
        row = compared.either
        return (row.pattern["id"], compared.level) if row.metric == "append" else row.metric

    chosen = [compared for compared in closest(comparisons(results), group) if compared.peer]
    chosen.sort(key=lambda compared: compared.either.metric != "append")
    return rendered("readme.md.j2", results=results, chosen=chosen)


def with_table(text, table, path):
    found = re.search(f"{MARKS[0]}.*?(?={MARKS[1]})", text, re.DOTALL)
    if not found:
        raise BenchError(f"'{path}' lacks the lines {MARKS[0]} and {MARKS[1]}, between which the table belongs")
    return text.replace(found[0], f"{MARKS[0]}\n{table}", 1)


def compare(old, new):
    """What has changed since older results."""
    before, after = named_rows(old), named_rows(new)
    parameters = {pattern["id"]: pattern["parameters"] for pattern in old["patterns"]}
    return {
        "changes": [(where, before[where], row, comparison(row, before[where], None))
                    for where, row in after.items() if where in before],
        "only_old": [where for where in before if where not in after],
        "only_new": [where for where in after if where not in before],
        "machine": [(name, was, new["machine"].get(name)) for name, was in old["machine"].items()
                    if was != new["machine"].get(name)],
        "sizes": [pattern["id"] for pattern in new["patterns"]
                  if parameters.get(pattern["id"], pattern["parameters"]) != pattern["parameters"]],
    }


def named_rows(results):
    return {f"{pattern['id']} {metric} {row.name}, batch {row.variant[0]:,}, processes {row.variant[1]}": row
            for pattern in results["patterns"] for metric in pattern["metrics"]
            for row in rows_of(results, pattern, metric)}
