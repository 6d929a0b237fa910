"""The parts of the report as tables and charts, which the template only sets."""

import dataclasses
from itertools import groupby

from markupsafe import Markup

from driver import charts, compare, ranking, texts
from driver.figures import data_size, duration, limit_value, percent, ratio, scaled, three
from driver.limits_of import limit_seconds
from driver.results import median, spread

LINES_FROM = 3  # so many batch sizes make lines of bars


@dataclasses.dataclass(frozen=True)
class Table:
    """The first columns are text, the others numbers."""

    head: list
    rows: list  # (class of the row, cells)
    text_columns: int = 1


def rate_text(row):
    amount, size, unit = ranking.unit_of(row.pattern, row.metric)
    if amount == "keys" and row.rate >= 1e6:  # to remove one file can be to remove a million keys
        return f"{three(row.rate / 1e6)} M keys/s"
    return f"{three(row.rate / size)} {unit}"


def spread_text(row):
    return f"± {100 * row.spread:.1f} %" if len(row.times) > 1 else "one run"


def variant_text(pattern, variant):
    """What tells this variant from the others of its pattern."""
    batch, processes = variant
    named = []
    if batch != pattern["parameters"]["batch"] or pattern["id"] == "P9":
        named.append(f"batch {batch:,}")
    if processes != pattern["parameters"]["processes"] or pattern["id"] == "P8":
        one, several = ("client", "clients") if pattern["id"] == "P8" else ("process", "processes")
        named.append(f"{processes} {one if processes == 1 else several}")
    return ", ".join(named)


def where_text(row):
    variant = variant_text(row.pattern, row.variant)
    return f"{row.pattern['id']} {row.pattern['title']}" + (f", {variant}" if variant else "")


def state_text(row):
    return "durable" if row.cell["state"] == "durable" else row.level


def _notes(results, row):
    """How this cell was run with less than the others."""
    notes = []
    divisor, keys = ranking.divisor_of(row), row.pattern["parameters"]["keys"] / ranking.keys_of(row.pattern, row.cell)
    if divisor > 1:
        notes.append(f"1/{divisor:.3g} of the appends")
    if keys > 1 and row.cell.get("keys"):
        notes.append(f"1/{keys:.3g} of the keys")
    if len(row.times) < results["repetitions"]:
        notes.append("one run" if len(row.times) == 1 else f"{len(row.times)} runs")
    if row.reference:
        notes.append("reference")
    return ", ".join(notes)


def engine_markup(results, row):
    described = " · ".join(text for text in (row.engine["title"], _notes(results, row)) if text)
    return Markup("<code>{}</code> <small>{}</small>").format(row.name, described)


def _row_class(row):
    return "ours" if row.ours else ""


# In short, and where we lose

def in_short(results):
    def group(compared):
        row = compared.either
        level = compared.level if row.metric == "append" else None
        return row.pattern["id"], row.metric, row.variant[1], row.codec, row.engine["server"], level

    lines, before = [], None
    for compared in ranking.closest(ranking.comparisons(results), group):
        row, place = compared.either, where_text(compared.either)
        lines.append(("" if place == before else "first", [
            "" if place == before else place, row.metric, compared.level, side_markup(compared.ours),
            side_markup(compared.peer), ratio_markup(compared), share_text(compared.ours)]))
        before = place
    return Table(["pattern", "metric", "level", "accrete", "best peer", "ratio", "share of the limit"], lines, 5)


def share_text(row):
    return percent(row.share if row else None)


def side_markup(row):
    return Markup('<code>{}</code> <span class="whole">{}</span>').format(row.name, rate_text(row)) if row else "—"


def ratio_markup(compared):
    """The words are there for whoever does not see the colour."""
    if compared.ratio is None:
        return "—"
    noise = Markup("<small>within the noise</small>") if compared.within_noise else ""
    if compared.ratio >= 1:
        return Markup("{}{}").format(ratio(compared.ratio), noise)
    return Markup('<span class="slower"><b>{}</b> slower</span>{}').format(ratio(compared.ratio), noise)


def losses(found):
    lines = []
    for loss in found:
        row, others = loss.comparison.ours, Markup(", ").join(map(_side_with_level, loss.others))
        lines.append(("", [where_text(row), row.metric, _side_with_level(row), _side_with_level(loss.comparison.peer),
                           others or "—", ratio_markup(loss.comparison)]))
    return Table(["pattern", "metric", "accrete", "fastest peer", "also faster", "ratio"], lines, 5)


def _side_with_level(row):
    return Markup("{} <span class=\"soft\">({})</span>").format(side_markup(row), state_text(row))


# One section a pattern

def sections(results):
    return [_section(results, pattern) for pattern in results["patterns"]
            if any(cell["pattern"] == pattern["id"] for cell in results["cells"])]


def _section(results, pattern):
    parts = []
    for metric in pattern["metrics"]:
        rows = ranking.rows_of(results, pattern, metric)
        if rows:
            parts.append({"metric": metric, "explanation": texts.METRICS[metric], "blocks": _blocks(results, rows)})
    return {"id": pattern["id"], "title": pattern["title"], "explanation": pattern["explanation"],
            "look_for": texts.LOOK_FOR.get(pattern["id"], ""), "parameters": parameters_text(pattern), "parts": parts,
            "absent": absent(results, pattern)}


def parameters_text(pattern):
    p = pattern["parameters"]
    order = "in turn" if not p["skew"] else f"by Zipf's law with exponent {p['skew']:g}"
    said = [f"{p['appends']:,} appends of {p['entry_bytes']:,} B ({data_size(p['appends'] * p['entry_bytes'])})",
            f"{p['keys']:,} keys {order}"]
    if pattern["id"] != "P9":
        said.append(f"batches of {p['batch']:,}")
    if pattern["id"] != "P8":
        said.append("1 process" if p["processes"] == 1 else f"{p['processes']} processes")
    flags = {"durable": "each batch durable", "text": "text", "numeric": "numbers"}
    said += [word for name, word in flags.items() if p[name]]
    return " · ".join(said)


def absent(results, pattern):
    """Cells without numbers, and why."""
    found = []
    for cell in results["cells"]:
        if cell["pattern"] == pattern["id"] and (cell["unavailable"] or cell["failed"]):
            why = f"FAILED: {cell['failed']}" if cell["failed"] else f"n/a: {cell['unavailable']}"
            found.append((cell["engine"], variant_text(pattern, (cell["batch"], cell["processes"])), why))
    return found


def _blocks(results, rows):
    """For each variant a chart and a table; for many batch sizes one chart of lines, and the tables folded."""
    pattern, metric = rows[0].pattern, rows[0].metric
    variants = ranking.variants_of(rows)
    many = len({batch for batch, _ in variants}) >= LINES_FROM
    blocks = [_batch_block(rows, variants)] if many else []
    for variant in variants:
        here = [row for row in rows if row.variant == variant]
        name = variant_text(pattern, variant)
        identity = f"{pattern['id']}-{metric}-{variant[0]}-{variant[1]}"
        chart = None if many else Markup(charts.bars(identity, f"{pattern['title']}: {metric} {name}".strip(), here))
        blocks.append({"title": name, "chart": chart, "folded": many, "table": _table(results, here, rows)})
    return blocks


def _batch_block(rows, variants):
    pattern, metric = rows[0].pattern, rows[0].metric
    _, size, unit = ranking.unit_of(pattern, metric)
    names = list(dict.fromkeys(row.name for row in rows))
    by_place = {(row.name, row.variant): row for row in rows}
    series, lines = [], []
    for name in names:
        mine = [by_place[name, variant] for variant in variants if (name, variant) in by_place]
        series.append((name, mine[0].ours, [(row.variant[0], row.rate / size) for row in mine]))
        cells = [three(by_place[name, v].rate / size) if (name, v) in by_place else "—" for v in variants]
        lines.append((_row_class(mine[0]), [Markup("<code>{}</code>").format(name), state_text(mine[0]), *cells]))
    chart = charts.lines(f"{pattern['id']}-{metric}", f"{pattern['title']}: {metric}", series,
                         ("entries a batch", unit))
    return {"title": "", "chart": Markup(chart), "folded": False,
            "table": Table(["engine", "level", *(f"{unit}, {variant_text(pattern, v)}" for v in variants)], lines, 2)}


def _table(results, rows, all_rows):
    columns = _columns(rows[0].pattern, rows[0].metric)
    lines = []
    for row in rows:
        best = ranking.best_of_ours(row, all_rows)
        against = "—" if row.reference or not best else "best" if best is row else _against(best.rate / row.rate)
        lines.append((_row_class(row), [engine_markup(results, row), state_text(row),
                                        *(value(row) for _, value in columns), share_text(row), against]))
    return Table(["engine", "level", *(head for head, _ in columns), "share of the limit", "our best ÷ this"], lines, 2)


def _against(value):
    return Markup('<span class="slower">{}</span>').format(ratio(value)) if value < 1 else ratio(value)


def _columns(pattern, metric):
    """(head, function of a row) of what is between the level and the share of the limit."""
    _, size, unit = ranking.unit_of(pattern, metric)
    shown = [(unit, lambda row: three(row.rate / size))]
    if metric == "destroy":
        shown += [("seconds", lambda row: three(row.seconds)), ("spread", spread_text)]
        return shown
    if metric == "get":
        shown.append(("thousand keys/s", lambda row: three(ranking.keys_of(pattern, row.cell) / row.seconds / 1e3)))
    elif unit == "GB/s":
        shown.append(("thousand appends/s", lambda row: three(row.cell["appends"] / row.seconds / 1e3)))
    else:
        shown.append(("MB/s", lambda row: three(row.cell["bytes"] / row.seconds / 1e6)))
    if metric == "append" and pattern["parameters"]["durable"]:
        shown.append(("batches/s", lambda row: three(row.cell["appends"] / row.cell["batch"] / row.seconds)))
    shown += [("seconds", lambda row: three(row.seconds)), ("spread", spread_text)]
    if metric == "append":
        shown += [("CPU per append", lambda row: duration(_of(row, "cpu_seconds") / row.cell["appends"])),
                  ("memory", lambda row: data_size(_of(row, "memory_bytes"))),
                  ("stored / bytes", lambda row: three(_of(row, "stored_bytes") / row.cell["bytes"]))]
    return shown


def _of(row, name):
    return median([repetition[name] for repetition in row.cell["repetitions"]])


# Growth, limits, settings, comparison

def growth(results):
    """A chart of time and one of memory for each axis, with the numbers below."""
    ours = {engine["name"]: engine["ours"] for engine in results["engines"]}
    parts = []
    for axis in ("keys", "appends"):
        measured = [p for p in results.get("growth") or [] if p["axis"] == axis]
        points = [p for p in measured if p.get("seconds")]
        if not points:
            continue
        points.sort(key=lambda p: (p["engine"], p[axis]))
        series = [(name, ours.get(name, True), list(found))
                  for name, found in groupby(points, key=lambda p: p["engine"])]
        made = []
        for what, unit, value in (("time", "ns per append", lambda p: 1e9 * p["seconds"] / p["appends"]),
                                  ("memory", "memory, MB", lambda p: max(p["memory_bytes"], 1) / 1e6)):
            curves = [(name, mine, [(p[axis], value(p)) for p in found]) for name, mine, found in series]
            made.append(Markup(charts.lines(f"growth-{axis}-{what}", f"{what} over {axis}", curves, (axis, unit))))
        table = Table(["engine", "keys", "appends", "ns per append", "CPU ns per append", "making files", "memory"],
                      [("ours" if ours.get(p["engine"], True) else "",
                        [Markup("<code>{}</code>").format(p["engine"]), f"{p['keys']:,}", f"{p['appends']:,}",
                         three(1e9 * p["seconds"] / p["appends"]), three(1e9 * p["cpu_seconds"] / p["appends"]),
                         percent(_share_of_making_files(results, p)), data_size(p["memory_bytes"])]) for p in points])
        ends = [f"{p['engine']} ends at {p[axis]:,} {axis}: {p.get('failed') or p['stopped']}" for p in measured
                if p.get("failed") or p.get("stopped")]
        parts.append({"title": f"Over the number of {axis}", "charts": made, "table": table, "ends": ends,
                      "bends": texts.BENDS[axis]})
    return parts


def _share_of_making_files(results, point):
    """What the machine at its best takes to make the files, of the time of the appends."""
    limit = results["limits"].get("file_creation")
    if not limit or not point.get("stored_files"):
        return None
    return point["stored_files"] / median(limit["values"]) / point["seconds"]


def limit_values(results):
    return Table(["limit", "median", "spread"],
                 [("", [Markup("<code>{}</code>").format(name), limit_value(median(limit["values"]), limit["unit"]),
                        f"± {100 * spread(limit['values']):.1f} %" if len(limit["values"]) > 1 else "one run"])
                  for name, limit in sorted(results["limits"].items()) if limit["values"]])


def formulas(results):
    """Every formula with its numbers, and the cells that it holds for."""
    found = {}
    patterns = {pattern["id"]: pattern for pattern in results["patterns"]}
    for cell in results["cells"]:
        pattern = patterns[cell["pattern"]]
        variant = variant_text(pattern, (cell["batch"], cell["processes"]))
        for metric in pattern["metrics"]:
            limit = limit_seconds(results, cell, metric)
            if limit:
                found.setdefault((f"{pattern['id']} {metric}", variant, limit[1]), []).append(cell["engine"])
    return Table(["cells", "least time", "engines"],
                 [("", [f"{cells}, {variant}" if variant else cells, formula, ", ".join(engines)])
                  for (cells, variant, formula), engines in found.items()], 3)


def engines(results):
    """Ours first, in the order of the results."""
    return [{"version": None, "settings": [], **engine}
            for engine in sorted(results["engines"], key=lambda engine: not engine["ours"])]


def machine_text(results):
    machine = results["machine"]
    said = [machine.get("cpu"), f"{machine['cores']} cores" if "cores" in machine else None,
            f"{three(machine['memory_bytes'] / 2**30)} GiB of memory" if "memory_bytes" in machine else None,
            f"kernel {machine['kernel']}" if "kernel" in machine else None, machine.get("file_system"),
            "page cache dropped before each cell" if machine.get("page_cache_dropped") else None]
    return ", ".join(text for text in said if text)


def comparison(differences):
    head, rows = compare.table(differences)
    return Table(head, [(row[-1] if row[-1] in ("slower", "faster") else "", row) for row in rows], 2)


def total_bytes(results):
    return scaled(sum(cell["bytes"] * len(cell["repetitions"]) for cell in results["cells"]), "B")
