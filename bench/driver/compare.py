"""Sets a run of the benchmark beside an older one, cell by cell, and tells what is a change and what is noise."""

import dataclasses

from driver.figures import three
from driver.ranking import rows_of, unit_of


@dataclasses.dataclass(frozen=True)
class Change:
    where: str
    unit: str
    old: float
    new: float
    old_spread: float
    new_spread: float

    @property
    def change(self):
        return self.new / self.old - 1

    @property
    def noise(self):
        return self.old_spread + self.new_spread

    @property
    def verdict(self):
        if abs(self.change) <= self.noise:
            return "within the noise"
        return "faster" if self.change > 0 else "slower"


@dataclasses.dataclass(frozen=True)
class Differences:
    changes: list
    only_old: list
    only_new: list
    warnings: list


def compare(old, new):
    before, after = _rows(old), _rows(new)
    changes = []
    for where in (where for where in after if where in before):
        _, size, unit = unit_of(after[where].pattern, after[where].metric)
        a, b = before[where], after[where]
        changes.append(Change(where, unit, a.rate / size, b.rate / size, a.spread, b.spread))
    return Differences(changes, [where for where in before if where not in after],
                       [where for where in after if where not in before], _warnings(old, new))


def _rows(results):
    found = {}
    for pattern in results["patterns"]:
        several = len({(c["batch"], c["processes"]) for c in results["cells"] if c["pattern"] == pattern["id"]}) > 1
        for metric in pattern["metrics"]:
            for row in rows_of(results, pattern, metric):
                variant = f" (batch {row.variant[0]:,}, processes {row.variant[1]})" if several else ""
                found[f"{pattern['id']} {metric} {row.name}{variant}"] = row
    return found


def _warnings(old, new):
    found = []
    for name in sorted(set(old["machine"]) | set(new["machine"])):
        was, now = old["machine"].get(name), new["machine"].get(name)
        if was != now:
            found.append(f"another machine: {name.replace('_', ' ')} was {_said(was)} and is {_said(now)}")
    before = {pattern["id"]: pattern["parameters"] for pattern in old["patterns"]}
    for pattern in new["patterns"]:
        was, now = before.get(pattern["id"]), pattern["parameters"]
        if was and was != now:
            differing = ", ".join(f"{name} was {was.get(name)} and is {now.get(name)}"
                                  for name in sorted(set(was) | set(now)) if was.get(name) != now.get(name))
            found.append(f"other sizes: {pattern['id']}: {differing}")
    return found


def _said(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "unknown" if value is None else value


def table(differences):
    """The columns' names, and the rows as text."""
    head = ["cell", "unit", "old", "new", "change", "noise of old", "noise of new", ""]
    return head, [[change.where, change.unit, three(change.old), three(change.new), f"{100 * change.change:+.1f} %",
                   f"± {100 * change.old_spread:.1f} %", f"± {100 * change.new_spread:.1f} %", change.verdict]
                  for change in differences.changes]


def plain_text(differences):
    head, rows = table(differences)
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    written = [f"warning: {warning}" for warning in differences.warnings]
    for row in [head, *rows]:
        aligned = [text.ljust(width) if i in (0, 1, 7) else text.rjust(width)
                   for i, (text, width) in enumerate(zip(row, widths))]
        written.append("  ".join(aligned).rstrip())
    written += [f"only in the old results: {where}" for where in differences.only_old]
    written += [f"only in the new results: {where}" for where in differences.only_new]
    return "\n".join(written) + "\n"
