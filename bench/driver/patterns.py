"""What is measured: the patterns, which engines run them, and how much less a slow engine is given."""

import itertools
from dataclasses import dataclass, field, replace

KIB = 1 << 10
GIB = 1 << 30
QUICK_DIVISOR = 10
QUICK_KEYS = 100_000  # at most
SETTABLE = ("appends", "keys", "entry_bytes", "skew", "batch", "processes")


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
    skew: float = 0
    batch: int = 1000
    processes: int = 1
    durable: bool = False
    text: bool = False
    numeric: bool = False


@dataclass(frozen=True, kw_only=True)
class Cell(Sizes):
    engine: str
    pattern: str = ""
    gets: bool = False
    repetitions: int = 1


@dataclass(frozen=True)
class Pattern(Sizes):
    id: str
    title: str
    engines: tuple
    metrics: tuple = ("append", "get", "destroy")
    repetitions: int | None = None  # at most
    served: bool = False  # makes sense for servers only
    batches: tuple = ()  # in place of `batch`, each a cell of its own
    process_counts: tuple = ()  # in place of `processes`, likewise
    less: dict = field(default_factory=dict)  # {engine or (engine, batch): Less}

    def sizes(self):
        return {name: getattr(self, name) for name in Sizes.__dataclass_fields__}


# A quarter of a million files: making, opening and removing a million takes minutes, in which the kernel writes back what
# the others should not have to wait for.
A_FILE_A_KEY = Less(4, keys=4, repetitions=1)
TWICE = Less(repetitions=2)
MANY_KEYS = {"files": A_FILE_A_KEY, "buffered.os": A_FILE_A_KEY, "stdio": A_FILE_A_KEY, "rocksdb": TWICE, "lmdb": TWICE,
             "leveldb": TWICE, "sqlite": Less(10, repetitions=1), "redis": TWICE,
             "partd.File": Less(10, keys=10, repetitions=1)}

PATTERNS = (
    Pattern("P1", "Small appends over few keys",
            appends=10_000_000, keys=1000,
            engines=("files", "buffered.memory", "buffered.os", "memory", "stdio", "rocksdb", "rocksdb.wal", "lmdb",
                     "leveldb", "sqlite", "redis", "redis.aof", "partd.File", "partd.Buffer"),
            less={"lmdb": Less(5), "leveldb": Less(5), "sqlite": Less(20), "rocksdb": Less(5), "rocksdb.wal": Less(5),
                  "redis": Less(5), "redis.aof": Less(5), "partd.File": Less(50), "partd.Buffer": Less(5)}),
    Pattern("P2", "Many keys, some of them often",
            appends=3_000_000, keys=1_000_000, skew=0.99,
            engines=tuple(MANY_KEYS), less=MANY_KEYS),
    Pattern("P3", "One append a key",
            appends=1_000_000, keys=1_000_000, entry_bytes=KIB,
            engines=tuple(MANY_KEYS), less=MANY_KEYS),
    Pattern("P4", "Large chunks",
            appends=4 * GIB // (64 * KIB), keys=256, entry_bytes=64 * KIB, batch=16,
            engines=("files", "buffered.os", "stdio", "rocksdb", "lmdb", "leveldb", "sqlite", "redis", "partd.File",
                     "partd.Buffer"),
            less={"rocksdb": Less(4), "leveldb": Less(4), "sqlite": Less(4), "lmdb": Less(4), "redis": Less(4),
                  "partd.File": Less(4), "partd.Buffer": Less(4)}),
    Pattern("P5", "Four processes on one dataset",
            appends=4_000_000, keys=1001, processes=4,
            engines=("files", "buffered.os", "server.memory", "server.os", "stdio", "rocksdb", "lmdb", "leveldb",
                     "sqlite", "redis", "partd.File", "partd.Buffer"),
            less={"lmdb": Less(2), "sqlite": Less(10), "redis": Less(2), "partd.File": Less(20),
                  "partd.Buffer": Less(4)}),
    Pattern("P7", "Durable batches",
            appends=200_000, keys=1000, durable=True,
            engines=("files", "buffered.os", "buffered.sync", "stdio", "rocksdb.wal", "lmdb", "leveldb", "sqlite",
                     "sqlite.rollback", "redis.aof", "partd.File"),
            less={"stdio": Less(25), "partd.File": Less(25)}),
    Pattern("P8", "Clients of one server",
            appends=4_000_000, keys=1001, process_counts=(1, 4), served=True,
            engines=("server.memory", "server.os", "server.sync", "redis", "redis.aof", "partd.Server"),
            less={"redis": Less(2), "redis.aof": Less(2), "partd.Server": Less(20)}),
    Pattern("P9", "Batches of 1 to 10,000",
            appends=1_000_000, keys=1000, batches=(1, 10, 100, 1000, 10_000), repetitions=2, metrics=("append",),
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


def chosen_patterns(ids, quick, settings):
    """The patterns of these ids, or all, with their sizes for this run; settings are (id, parameter, value)."""
    return [sized(pattern, quick, {name: value for pattern_id, name, value in settings if pattern_id == pattern.id})
            for pattern in PATTERNS if not ids or pattern.id in ids]


def sized(pattern, quick, settings):
    if quick:
        pattern = replace(pattern, appends=pattern.appends // QUICK_DIVISOR, keys=min(pattern.keys, QUICK_KEYS),
                          batches=pattern.batches[::2])
    several = {"batch": "batches", "processes": "process_counts"}
    return replace(pattern, **settings, **{several[name]: () for name in settings if name in several})


def cells_of(pattern, engine_names, repetitions):
    """[[cells that differ in the engine only], …]; the outer list is for the batch sizes or numbers of processes."""
    return [[cell_of(pattern, name, batch, processes, repetitions) for name in engine_names]
            for batch, processes in itertools.product(pattern.batches or (pattern.batch,),
                                                      pattern.process_counts or (pattern.processes,))]


def cell_of(pattern, engine, batch, processes, repetitions):
    less = pattern.less.get((engine, batch)) or pattern.less.get(engine, Less())
    sizes = {**pattern.sizes(), "batch": batch, "processes": processes,
             "appends": max(1, pattern.appends // less.appends), "keys": max(1, pattern.keys // less.keys)}
    most = min(cap for cap in (repetitions, pattern.repetitions, less.repetitions) if cap)
    return Cell(pattern=pattern.id, engine=engine, gets="get" in pattern.metrics, repetitions=most, **sizes)
