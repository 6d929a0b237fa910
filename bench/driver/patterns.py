"""What is measured: the patterns, which engines run them, and how much less a slow engine is given."""

import itertools
from dataclasses import dataclass, field, replace

from driver.results import UsageError

KIB = 1 << 10
GIB = 1 << 30
QUICK_DIVISOR = 10
QUICK_KEYS = 100_000  # at most


@dataclass(frozen=True)
class Less:
    """What an engine is given that would take too long otherwise. Rates are per append, so they compare."""

    appends: int = 1  # divisors
    keys: int = 1
    repetitions: int | None = None  # at most


@dataclass(frozen=True, kw_only=True)
class Sizes:
    appends: int
    keys: int
    entry_bytes: int = 100
    batch: int = 1000
    skew: float = 0
    processes: int = 1
    durable: bool = False
    text: bool = False
    numeric: bool = False
    metrics: tuple = ("append",)
    repetitions: int | None = None  # at most


@dataclass(frozen=True)
class Pattern(Sizes):
    id: str
    title: str
    engines: tuple
    served: bool = False  # makes sense for servers only
    batches: tuple = ()  # in place of `batch`, each a cell of its own
    few_batches: tuple = ()  # of `batches`: all that runs when quick, and of the engines `at_few_batches`
    at_few_batches: tuple = ()
    process_counts: tuple = ()  # in place of `processes`, likewise
    less: dict = field(default_factory=dict)  # {engine or (engine, batch): Less}

    def parameters(self):
        return {name: getattr(self, name) for name in (*SETTABLE, "durable", "text", "numeric")}


SETTABLE = {"appends": int, "keys": int, "entry_bytes": int, "skew": float, "batch": int, "processes": int}


@dataclass(frozen=True)
class Cell(Sizes):
    pattern: str
    engine: str

    @property
    def bytes(self):
        return self.appends * self.entry_bytes


ALL = ("append", "get", "destroy")
# A quarter of a million files: making, opening and removing a million takes minutes, in which the kernel writes back what
# the others should not have to wait for.
A_FILE_A_KEY = Less(4, keys=4, repetitions=1)
TWICE = Less(repetitions=2)
MANY_KEYS = {"files": A_FILE_A_KEY, "buffered.os": A_FILE_A_KEY, "stdio": A_FILE_A_KEY, "sqlite": Less(10, repetitions=1),
             "partd.File": Less(10, keys=10, repetitions=1), "rocksdb": TWICE, "lmdb": TWICE, "leveldb": TWICE,
             "redis": TWICE}

PATTERNS = (
    Pattern("P1", "Small appends over few keys",
            appends=10_000_000, keys=1000, metrics=ALL,
            engines=("files", "buffered.memory", "buffered.os", "memory", "stdio", "rocksdb", "rocksdb.wal", "lmdb",
                     "leveldb", "sqlite", "redis", "redis.aof", "partd.File", "partd.Buffer"),
            less={"lmdb": Less(5), "leveldb": Less(5), "sqlite": Less(20), "rocksdb": Less(5), "rocksdb.wal": Less(5),
                  "redis": Less(5), "redis.aof": Less(5), "partd.File": Less(50), "partd.Buffer": Less(5)}),
    Pattern("P2", "Many keys, some of them often",
            appends=3_000_000, keys=1_000_000, skew=0.99, metrics=ALL,
            engines=("files", "buffered.os", "stdio", "rocksdb", "lmdb", "leveldb", "sqlite", "redis", "partd.File"),
            less=MANY_KEYS),
    Pattern("P3", "One append a key",
            appends=1_000_000, keys=1_000_000, entry_bytes=KIB, metrics=ALL,
            engines=("files", "buffered.os", "stdio", "rocksdb", "lmdb", "leveldb", "sqlite", "redis", "partd.File"),
            less=MANY_KEYS),
    Pattern("P4", "Large chunks",
            appends=4 * GIB // (64 * KIB), keys=256, entry_bytes=64 * KIB, batch=16, metrics=ALL,
            engines=("files", "buffered.os", "stdio", "rocksdb", "lmdb", "leveldb", "sqlite", "redis", "partd.File",
                     "partd.Buffer"),
            less={"rocksdb": Less(4), "leveldb": Less(4), "sqlite": Less(4), "lmdb": Less(4), "redis": Less(4),
                  "partd.File": Less(4), "partd.Buffer": Less(4)}),
    Pattern("P5", "Four processes on one dataset",
            appends=4_000_000, keys=1001, processes=4, metrics=ALL,
            engines=("files", "buffered.os", "server.memory", "server.os", "stdio", "rocksdb", "lmdb", "leveldb",
                     "sqlite", "redis", "partd.File", "partd.Buffer"),
            less={"lmdb": Less(2), "sqlite": Less(10), "redis": Less(2), "partd.File": Less(20),
                  "partd.Buffer": Less(4)}),
    Pattern("P7", "Durable batches",
            appends=200_000, keys=1000, durable=True, metrics=ALL,
            engines=("files", "buffered.os", "buffered.sync", "stdio", "rocksdb.wal", "lmdb", "leveldb", "sqlite",
                     "sqlite.rollback", "redis.aof", "partd.File"),
            less={"stdio": Less(25), "partd.File": Less(25)}),
    Pattern("P8", "Clients of one server",
            appends=4_000_000, keys=1001, process_counts=(1, 4), served=True, metrics=ALL,
            engines=("server.memory", "server.os", "server.sync", "redis", "redis.aof", "partd.Server"),
            less={"redis": Less(2), "redis.aof": Less(2), "partd.Server": Less(20)}),
    Pattern("P9", "Batches of 1 to 10,000",
            appends=1_000_000, keys=1000, batches=(1, 10, 100, 1000, 10_000), few_batches=(1, 100, 10_000),
            at_few_batches=("server.os", "stdio", "lmdb", "partd.File", "partd.Buffer"), repetitions=2,
            engines=("files", "buffered.memory", "buffered.os", "server.os", "stdio", "rocksdb", "lmdb", "redis",
                     "partd.File", "partd.Buffer"),
            less={("redis", 1): Less(10), "partd.File": Less(20)}),
    Pattern("P10", "Each codec",
            appends=GIB // (64 * KIB), keys=64, entry_bytes=64 * KIB, batch=16, text=True,
            metrics=("append", "get"), repetitions=2,
            engines=("files", "files.lz4", "files.snappy", "files.zstd", "files.zlib", "files.bz2", "files.blosc",
                     "rocksdb.lz4"),
            less={"files.zstd": Less(2), "files.zlib": Less(16), "files.bz2": Less(32)}),
    Pattern("P11", "Arrays of numbers",
            appends=GIB // 8000, keys=100, entry_bytes=8000, batch=100, numeric=True, metrics=("append", "get"),
            engines=("accrete.numeric", "accrete.numeric.buffered", "stdio", "partd.Numpy")),
)


def can_run(engine, pattern):
    """As far as it is known without trying; the engine is as the format of results has it."""
    return ((engine["numeric"] if pattern.numeric else engine["bytes"])
            and (engine["durable"] or not pattern.durable) and (engine["server"] or not pattern.served)
            and (engine["processes"] or (pattern.processes == 1 and not pattern.process_counts)))


def sized(pattern, quick, settings):
    """The pattern with its sizes for this run; settings are {parameter: value}."""
    if quick:
        pattern = replace(pattern, appends=pattern.appends // QUICK_DIVISOR, keys=min(pattern.keys, QUICK_KEYS),
                          batches=pattern.few_batches)
    if "batch" in settings:
        pattern = replace(pattern, batches=(), at_few_batches=())
    if "processes" in settings:
        pattern = replace(pattern, process_counts=())
    return replace(pattern, **settings)


def chosen_patterns(ids, quick, assignments):
    """The patterns of these ids, or all; assignments are texts such as "P1.appends=1000"."""
    known = {pattern.id: pattern for pattern in PATTERNS}
    for pattern_id in ids:
        if pattern_id not in known:
            raise UsageError(f"no pattern '{pattern_id}'; there are {', '.join(known)}")
    settings = {pattern_id: {} for pattern_id in known}
    for text in assignments:
        pattern_id, name, value = parsed_assignment(text, known)
        settings[pattern_id][name] = value
    return [sized(pattern, quick, settings[pattern.id]) for pattern in PATTERNS if not ids or pattern.id in ids]


def parsed_assignment(text, known):
    target, _, value = text.partition("=")
    pattern_id, _, name = target.partition(".")
    if pattern_id not in known or name not in SETTABLE:
        raise UsageError(f"--set wants PATTERN.PARAMETER=NUMBER with one of {', '.join(known)} and one of "
                         f"{', '.join(SETTABLE)}, not '{text}'")
    try:
        number = SETTABLE[name](value.replace("_", "").replace(",", ""))
    except ValueError:
        raise UsageError(f"--set {text}: '{value}' is no number") from None
    if number < 0 or (number == 0 and name != "skew"):
        raise UsageError(f"--set {text}: '{value}' is too small")
    return pattern_id, name, number


def cells_of(pattern, engine_names, repetitions):
    """[[cells that differ in the engine only], …]; the outer list is for the batch sizes or numbers of processes."""
    groups = []
    for batch, processes in itertools.product(pattern.batches or (pattern.batch,),
                                              pattern.process_counts or (pattern.processes,)):
        names = [name for name in engine_names if name not in pattern.at_few_batches or batch in pattern.few_batches]
        groups.append([cell_of(pattern, name, batch, processes, repetitions) for name in names])
    return [group for group in groups if group]


def cell_of(pattern, engine_name, batch, processes, repetitions):
    less = pattern.less.get((engine_name, batch)) or pattern.less.get(engine_name, Less())
    parameters = {**pattern.parameters(), "batch": batch, "processes": processes,
                  "appends": max(1, pattern.appends // less.appends), "keys": max(1, pattern.keys // less.keys)}
    caps = [cap for cap in (pattern.repetitions, less.repetitions) if cap is not None]
    return Cell(pattern=pattern.id, engine=engine_name, metrics=pattern.metrics, repetitions=min([repetitions, *caps]),
                **parameters)


def as_results(pattern):
    """As the format of results has it."""
    return {"id": pattern.id, "title": pattern.title, "parameters": pattern.parameters(),
            "metrics": list(pattern.metrics)}


def new_cell(cell):
    """As the format of results has it, before its first repetition."""
    names = ("pattern", "engine", "batch", "processes", "keys", "appends", "bytes")
    return {**{name: getattr(cell, name) for name in names}, "state": "durable" if cell.durable else "cached",
            "repetitions": [], "unavailable": None, "failed": None}
