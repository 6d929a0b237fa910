"""Puts beside each other what may be compared, and finds who is faster: the rules of levels, servers and codecs.

A row is one cell seen through one metric. texts.RULES tells these rules in words.
"""

import dataclasses

from driver.limits_of import is_durable, limit_seconds
from driver.results import median, spread

LEVELS = ("memory", "os", "sync")
ALL_KINDS = {"P5"}  # here servers are compared with engines inside the process, as both serve several processes
LARGE_ENTRY_BYTES = 4096  # from here on a rate of bytes says more than one of appends


@dataclasses.dataclass(frozen=True)
class Row:
    pattern: dict
    engine: dict
    cell: dict
    metric: str
    amount: float  # what the rate counts: appends, keys or bytes
    times: tuple
    limit: tuple | None

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
    def seconds(self):
        return median(self.times)

    @property
    def spread(self):
        return spread(self.times)

    @property
    def rate(self):
        return self.amount / self.seconds

    @property
    def rates(self):
        """The lowest and the highest."""
        return self.amount / max(self.times), self.amount / min(self.times)

    @property
    def share(self):
        return self.limit[0] / self.seconds if self.limit else None

    @property
    def limit_rate(self):
        return self.amount / self.limit[0] if self.limit else None

    @property
    def kind(self):
        return (self.variant, self.codec, None if self.pattern["id"] in ALL_KINDS else self.engine["server"])


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


@dataclasses.dataclass(frozen=True)
class Loss:
    """Our row beside the fastest peer that outruns it."""

    comparison: Comparison
    others: tuple  # further peers that outrun it, the fastest first

    @property
    def peers(self):
        return self.comparison.peer, *self.others


def unit_of(pattern, metric):
    """(what a rate counts, how many of them make the unit, the unit)."""
    if metric == "destroy":
        return "keys", 1e3, "thousand keys/s"
    if metric == "get" or pattern["parameters"]["entry_bytes"] >= LARGE_ENTRY_BYTES:
        return "bytes", 1e9, "GB/s"
    return "appends", 1e6, "M appends/s"


def keys_of(pattern, cell):
    return cell.get("keys") or min(pattern["parameters"]["keys"], cell["appends"])


def rows_of(results, pattern, metric):
    """The rows of all variants, the fastest first."""
    engines = {engine["name"]: engine for engine in results["engines"]}
    rows = []
    for cell in results["cells"]:
        if cell["pattern"] != pattern["id"] or cell["engine"] not in engines or cell["failed"]:
            continue
        times = tuple(r["seconds"][metric] for r in cell["repetitions"] if r["seconds"].get(metric))
        if not times:
            continue
        amount = {"appends": cell["appends"], "bytes": cell["bytes"], "keys": keys_of(pattern, cell)}
        rows.append(Row(pattern, engines[cell["engine"]], cell, metric, amount[unit_of(pattern, metric)[0]], times,
                        limit_seconds(results, cell, metric)))
    return sorted(rows, key=lambda row: (-row.rate, row.name))


def variants_of(rows):
    return sorted({row.variant for row in rows})


def best_of_ours(row, rows, any_kind=False):
    """Our fastest stack that promises at least as much as this row and is of its kind, or None."""
    return next((other for other in rows if other.ours and not other.reference
                 and LEVELS.index(other.level) >= LEVELS.index(row.level)
                 and (other.kind == row.kind or any_kind and other.kind[:2] == row.kind[:2])), None)


def divisor_of(row):
    return row.pattern["parameters"]["appends"] / row.cell["appends"]


def _all_rows(results):
    """The rows of each pattern and metric, the fastest first, without references."""
    for pattern in results["patterns"]:
        for metric in pattern["metrics"]:
            yield [row for row in rows_of(results, pattern, metric) if not row.reference]


def _groups(results):
    """Lists of rows, the fastest first, within which everything may be compared but for the level."""
    for rows in _all_rows(results):
        for kind in sorted({row.kind for row in rows}, key=lambda kind: (kind[0], str(kind[1:]))):
            group = [row for row in rows if row.kind == kind]
            # A server without one of ours beside it is shown and not compared.
            if any(row.ours for row in group) or not all(row.engine["server"] for row in group):
                yield group


def comparisons(results):
    """In each group and at each level that a peer has, the best peer beside our best; our best alone without a peer."""
    found = []
    for rows in _groups(results):
        levels = [level for level in LEVELS if any(not row.ours and row.level == level for row in rows)]
        for level in levels:
            peer = next(row for row in rows if not row.ours and row.level == level)
            found.append(Comparison(best_of_ours(peer, rows), peer, level))
        if not levels:
            found.append(Comparison(rows[0], None, rows[0].level))
    return found


def closest(compared, group):
    """Of the comparisons for which group() gives the same, the one that is least in our favour, in the given order."""
    chosen = {}
    for comparison in compared:
        before = chosen.get(group(comparison))
        if before is None or _favour(comparison) < _favour(before):
            chosen[group(comparison)] = comparison
    return list(chosen.values())


def _favour(comparison):
    if comparison.ratio is not None:
        return comparison.ratio
    return float("inf") if comparison.ours else 0


def losses_of_the_best(results):
    """Every peer that is faster than our best stack of its level or a stronger one."""
    found = []
    for rows in _groups(results):
        pairs = [(best_of_ours(peer, rows), peer) for peer in rows if not peer.ours]
        found += _gathered((best, peer) for best, peer in pairs if best and peer.rate > best.rate)
    return found


def losses_of_single_stacks(results):
    """Every stack of ours that a peer of the very same level outruns, but for the pairs of losses_of_the_best()."""
    named = {_pair(loss.comparison.ours, peer) for loss in losses_of_the_best(results) for peer in loss.peers}
    found = []
    for rows in _groups(results):
        pairs = [(stack, peer) for stack in rows if stack.ours for peer in rows if not peer.ours]
        found += _gathered((stack, peer) for stack, peer in pairs if stack.level == peer.level
                           and peer.rate > stack.rate and _pair(stack, peer) not in named)
    return found


def _pair(ours, peer):
    return ours.pattern["id"], ours.metric, ours.variant, ours.name, peer.name


def _gathered(pairs):
    """A loss for each of our rows, from pairs that come with the fastest peer first."""
    peers_of_row = {}
    for row, peer in pairs:
        peers_of_row.setdefault(row.name, (row, []))[1].append(peer)
    return [Loss(Comparison(row, peers[0], peers[0].level), tuple(peers[1:])) for row, peers in peers_of_row.values()]


def faster_servers(results):
    """Servers which stand beside no server of ours, and are faster than our best stack inside the process."""
    found = []
    for rows in _all_rows(results):
        for variant in variants_of(rows):
            here = [row for row in rows if row.variant == variant]
            pairs = [(best_of_ours(peer, here, any_kind=True), peer) for peer in here
                     if not peer.ours and peer.engine["server"] and not best_of_ours(peer, here)]
            found += _gathered((best, peer) for best, peer in pairs if best and peer.rate > best.rate)
    return found
