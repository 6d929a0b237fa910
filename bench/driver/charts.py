"""The charts of the report: SVG for the page, which takes its colours from the page's light or dark scheme.

The same numbers give the same bytes: identifiers come from a fixed salt and the chart's name, and there is no date.
"""

import io
import math
import re

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot  # noqa: E402  the backend is chosen first
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: E402

from driver.figures import three  # noqa: E402
from driver.ranking import divisor_of, unit_of  # noqa: E402

# Stand-ins, which _finish() turns into the variables of the page's style sheet.
INK, FAINT, OURS, PEER, LIMIT = "#000001", "#000002", "#000003", "#000004", "#000005"
MUTED = ("#000006", "#000007", "#000008", "#000009")
VARIABLES = {INK: "--ink", FAINT: "--faint", OURS: "--ours", PEER: "--peer", LIMIT: "--limit",
             **{colour: f"--muted-{i}" for i, colour in enumerate(MUTED)}}

STYLE = {"svg.fonttype": "none", "svg.hashsalt": "accrete-bench", "font.family": "DejaVu Sans", "font.size": 9,
         "text.color": INK, "axes.edgecolor": FAINT, "axes.labelcolor": INK, "xtick.color": FAINT, "ytick.color": FAINT,
         "xtick.labelcolor": INK, "ytick.labelcolor": INK, "axes.spines.top": False, "axes.spines.right": False,
         "hatch.linewidth": 0.7, "path.simplify": False}
WIDTH = 7.4  # inches
BAR = 0.27
BROKEN = {"linewidth": 1.6, "linestyle": (0, (3, 1.5))}
LIMIT_MOST = 2.5  # a limit further away than this many times the fastest bar would squeeze the bars


def bars(identity, title, rows):
    """Horizontal bars of the rates, the fastest on top, with the range of the repetitions and the limit of each."""
    _, size, unit = unit_of(rows[0].pattern, rows[0].metric)
    most = max(row.rates[1] for row in rows) / size
    limits = [row.limit_rate / size if row.limit_rate else None for row in rows]
    shown = [limit for limit in limits if limit and limit <= LIMIT_MOST * most]
    edge = 1.02 * max([1.16 * most, *shown])
    with matplotlib.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(WIDTH, BAR * len(rows) + 1.15))
        for place, (row, limit) in enumerate(zip(rows, limits)):
            _bar(axes, place, row, size)
            if limit in shown:
                axes.plot([limit, limit], [place - 0.5, place + 0.5], color=LIMIT, **BROKEN)
            axes.text(row.rates[1] / size + 0.008 * edge, place, three(row.rate / size), va="center", fontsize=8,
                      fontweight="bold" if row.ours else "normal")
        axes.set_yticks(range(len(rows)), [_label(row) for row in rows])
        for row, label in zip(rows, axes.get_yticklabels()):
            label.set_fontweight("bold" if row.ours else "normal")
        axes.set(ylim=(len(rows) - 0.4, -0.6), xlim=(0, edge), xlabel=unit + _beyond(limits, shown))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=FAINT, linewidth=0.4)
        axes.set_axisbelow(True)
        _legend(figure, rows, bool(shown))
        return _finish(figure, identity, title)


def _beyond(limits, shown):
    """Names the limits that lie so far away that they are not drawn."""
    far = [limit for limit in limits if limit and limit not in shown]
    if not far:
        return ""
    low, high = three(min(far)), three(max(far))
    return f"   (limit beyond the axis: {low if low == high else f'{low} to {high}'})"


def _label(row):
    divisor = divisor_of(row)
    return f"{row.name} · {row.level}" + (f" · 1/{divisor:.3g}" if divisor > 1 else "")


def _bar(axes, place, row, size):
    low, high = row.rates
    look = {"color": OURS} if row.ours else {"facecolor": "none", "edgecolor": PEER, "hatch": "////"}
    if row.reference:
        look = {"facecolor": "none", "edgecolor": OURS, "hatch": "...."}
    axes.barh(place, row.rate / size, height=0.68, linewidth=0.9, **look)
    if high > low:
        axes.errorbar(row.rate / size, place, xerr=[[(row.rate - low) / size], [(high - row.rate) / size]], color=INK,
                      linewidth=1, capsize=2.2, capthick=1)


def _legend(figure, rows, with_limit):
    handles = []
    if any(row.ours and not row.reference for row in rows):
        handles.append(Patch(color=OURS, label="accrete"))
    if any(row.reference for row in rows):
        handles.append(Patch(facecolor="none", edgecolor=OURS, hatch="....", label="accrete, reference in memory"))
    if any(not row.ours for row in rows):
        handles.append(Patch(facecolor="none", edgecolor=PEER, hatch="////", label="others"))
    if with_limit:
        handles.append(Line2D([], [], color=LIMIT, **BROKEN, label="limit of the machine"))
    figure.legend(handles=handles, loc="lower center", ncol=len(handles), frameon=False, fontsize=8)


def lines(identity, title, series, axis_labels):
    """A line for each (name, ours, points), on logarithmic axes, with its name at its end."""
    with matplotlib.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(WIDTH, max(3.6, 0.19 * len(series) + 1.4)))
        axes.set(xscale="log", yscale="log", xlabel=axis_labels[0], ylabel=axis_labels[1])
        ends = []
        for (name, ours, points), look in zip(series, _looks(series)):
            axes.plot(*zip(*points), **look)
            ends.append((name, ours, points[-1], look["color"]))
        axes.margins(0.06, 0.08)
        for which in (axes.xaxis, axes.yaxis):
            which.set_major_formatter(FuncFormatter(lambda value, _: _tick(value)))
            which.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_locator(LogLocator(10))
        _few_decades(axes)
        axes.grid(color=FAINT, linewidth=0.4)
        figure.subplots_adjust(left=0.11, right=0.74, top=0.97, bottom=0.62 / figure.get_figheight())
        _name_ends(axes, ends)
        return _finish(figure, identity, title, margins=False)


def _looks(series):
    """Ours in one hue and without breaks, told apart by their markers; peers broken, in muted hues."""
    counts = [0, 0]
    for _, ours, _ in series:
        i = counts[ours]
        counts[ours] += 1
        if ours:
            yield {"color": OURS, "linewidth": 2, "marker": "osD^vPX*"[i % 8], "markersize": 5}
        else:
            yield {"color": MUTED[i % len(MUTED)], "linewidth": 1.3, "linestyle": ("--", "-.", ":")[i % 3],
                   "marker": "<>dhp8"[i % 6], "markersize": 4}


def _tick(value):
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {prefix}"
    return f"{value:g}"


def _few_decades(axes):
    """Over less than two decades the powers of ten alone would leave the axis almost bare."""
    low, high = axes.get_ylim()
    if math.log10(high / low) < 2:
        axes.yaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5)))


def _name_ends(axes, ends):
    """Writes each name beside the last point of its line, moved apart where names would overlap."""
    low, high = (math.log10(limit) for limit in axes.get_ylim())
    gap = 11.5 / (axes.get_position().height * axes.figure.get_figheight() * 72)  # a line of text
    wanted = sorted(((math.log10(end[1]) - low) / (high - low), name, ours, end, colour)
                    for name, ours, end, colour in ends)
    places = []
    for place, *_ in wanted:
        places.append(max(place, places[-1] + gap) if places else place)
    most = 1.02
    for i in reversed(range(len(places))):
        places[i] = min(places[i], most)
        most = places[i] - gap
    for place, (_, name, ours, end, colour) in zip(places, wanted):
        axes.annotate(name, xy=end, xycoords="data", xytext=(1.04, place), textcoords="axes fraction", va="center",
                      fontsize=8, fontweight="bold" if ours else "normal", annotation_clip=False,
                      arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkA": 2, "shrinkB": 4})


def _finish(figure, identity, title, margins=True):
    """The SVG alone, without prologue and metadata, with identifiers that no other chart of the page has."""
    if margins:
        figure.tight_layout(rect=(0, 0.28 / figure.get_figheight(), 1, 1), pad=0.4)
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    pyplot.close(figure)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg"):].rstrip()
    # The style element would apply to the whole page, whose own style sheet says the same of charts.
    for element in ("metadata", "style"):
        svg = re.sub(rf"<{element}\b.*?</{element}>\s*", "", svg, flags=re.DOTALL)
    svg = _unique(svg, identity)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    label = title.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def _unique(svg, identity):
    count = {}

    def renamed(match):
        name = match.group(1)
        count[name] = count.get(name, 0) + 1
        return f'id="{identity}-{name}"' if count[name] == 1 else ""

    svg = re.sub(r'\bid="([^"]*)"', renamed, svg)
    svg = re.sub(r'href="#([^"]*)"', rf'href="#{identity}-\1"', svg)
    return re.sub(r"url\(#([^)]*)\)", rf"url(#{identity}-\1)", svg)
