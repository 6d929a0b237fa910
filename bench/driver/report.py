"""accrete-bench report: results as a page of HTML, as Markdown for the README, and beside older results."""

import sys
from pathlib import Path

import jinja2

from driver import compare, ranking, sections, texts
from driver.figures import ratio
from driver.results import BenchError, load

TEMPLATE = "report.html.j2"
MARKS = ("<!-- bench -->", "<!-- /bench -->")


def add_parser(subparsers):
    parser = subparsers.add_parser(
        "report", help="write results as HTML or Markdown, or compare them with older ones",
        description="Writes RESULTS as a page of HTML, beside it, if no other file is asked for.")
    parser.add_argument("results", metavar="RESULTS.json", type=Path)
    parser.add_argument("--html", metavar="FILE", type=Path, help="write the page there")
    parser.add_argument("--markdown", metavar="FILE", help="write a short table as Markdown; - is the standard output")
    parser.add_argument("--readme", metavar="FILE", type=Path,
                        help=f"put that table between {MARKS[0]} and {MARKS[1]} of FILE")
    parser.add_argument("--compare", metavar="OLD.json", type=Path,
                        help="print what has changed since OLD, and add it to the page")
    parser.set_defaults(main=main)
    return parser


def main(arguments):
    results = load(arguments.results)
    differences = compare.compare(load(arguments.compare), results) if arguments.compare else None
    if differences:
        sys.stdout.write(compare.plain_text(differences))
    if arguments.markdown == "-":
        sys.stdout.write(markdown(results))
    elif arguments.markdown:
        _write(Path(arguments.markdown), markdown(results))
    if arguments.readme:
        _write(arguments.readme, with_table(_read(arguments.readme), markdown(results), arguments.readme))
    if arguments.html or not (arguments.markdown or arguments.readme):
        _write(arguments.html or arguments.results.with_suffix(".html"), html(results, differences))
    return 0


def html(results, differences=None):
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True,
                                     trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.get_template(TEMPLATE).render(
        texts=texts, results=results, date=date_text(results), machine=sections.machine_text(results),
        moved=sections.total_bytes(results), short=sections.in_short(results),
        losses=sections.losses(ranking.losses_of_the_best(results)),
        single_losses=sections.losses(ranking.losses_of_single_stacks(results)),
        faster_servers=sections.losses(ranking.faster_servers(results)),
        differences=differences, comparison=sections.comparison(differences) if differences else None,
        sections=sections.sections(results), growth=sections.growth(results), limits=sections.limit_values(results),
        formulas=sections.formulas(results), engines=sections.engines(results))


def date_text(results):
    """2026-11-22T03:10:00Z -> 2026-11-22 03:10 UTC."""
    return results.get("date", "").replace("T", " ").removesuffix("Z")[:16] + " UTC"


def markdown(results):
    """Of each pattern and level the comparison that is least in our favour."""
    def group(compared):
        row = compared.either
        return (row.pattern["id"], compared.level) if row.metric == "append" else row.metric

    compared_at_all = ranking.comparisons(results)
    with_peer = {(c.either.pattern["id"], c.either.metric) for c in compared_at_all if c.peer}
    chosen = [c for c in ranking.closest(compared_at_all, group)
              if c.peer or (c.either.pattern["id"], c.either.metric) not in with_peer]
    chosen.sort(key=lambda compared: compared.either.metric != "append")
    lines = ["| pattern | level | accrete | best peer | ratio | share of the limit |", "|---|---|---|---|---|---|"]
    for compared in chosen:
        row = compared.either
        where = sections.where_text(row) + ("" if row.metric == "append" else f": {row.metric}")
        lines.append(f"| {where} | {compared.level} | {_side(compared.ours)} | {_side(compared.peer)} | "
                     f"{'—' if compared.ratio is None else ratio(compared.ratio)}"
                     f"{' (within the noise)' if compared.within_noise else ''} | "
                     f"{sections.share_text(compared.ours)} |")
    revision = f", revision {results['revision']}" if results.get("revision") else ""
    lines += ["", f"{date_text(results)}{revision}; {sections.machine_text(results)}. Each row is the case that is "
              "least in accrete's favour; above 1 × accrete is faster.",
              f"`scripts/bench{' --quick' if results.get('quick') else ''}` measures it anew, and writes a page that "
              "shows every case and where accrete loses."]
    return "\n".join(lines) + "\n"


def _side(row):
    return f"`{row.name}` {sections.rate_text(row)}" if row else "—"


def with_table(text, table, path):
    before, begin, rest = text.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not begin or not end:
        raise BenchError(f"'{path}' lacks the lines {MARKS[0]} and {MARKS[1]}, between which the table belongs")
    return f"{before}{begin}\n{table}{end}{after}"


def _read(path):
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BenchError(f"cannot read '{path}': {getattr(error, 'strerror', None) or error}") from error


def _write(path, text):
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BenchError(f"cannot write '{path}': {error.strerror}") from error
    print(f"wrote {path}", file=sys.stderr)
