"""Every explanatory text of the report, in one place."""

IN_SHORT = (
    "Our fastest stack beside the fastest peer of each level of durability. A ratio above 1 means that accrete is "
    "faster. Where a pattern has several batch sizes, the one that is least in our favour is shown."
)

CHARTS = (
    "In the charts accrete is filled, its names are bold, and its lines have no breaks; peers are hatched or broken. "
    "The word after a name is the level. Whiskers show the range of the repetitions, broken red lines the limit of "
    "the machine."
)

WHERE_WE_LOSE = (
    "Every peer that is faster than our best stack of its level or a stronger one, and every single stack of ours "
    "that a peer of the same level outruns. A peer that is faster at a weaker level is no loss; it stands in the "
    "tables and charts of its pattern."
)

NO_LOSS = "None: no peer is faster than our best stack of its level or a stronger one."

NO_SINGLE_LOSS = "None: no further stack of ours is slower than a peer of its level."

FASTER_SERVERS = (
    "Servers that stand beside no server of ours and are faster than our best stack inside the process. They are not "
    "alike, but nobody should have to search for them."
)

LOOK_FOR = {
    "P1": "The store gathers by key or pays for each append: this is what accrete is made for.",
    "P2": "Most keys are rare and a few are hot. Memory and files a key cost most here.",
    "P3": "Nothing can be gathered. For one file a key this is the worst case, for a log the best.",
    "P4": "Bytes count, not appends: who copies once and writes in large pieces is near the limit.",
    "P5": "Locks between processes show. Engines that only one process can open are absent.",
    "P7": "How long the disk takes to answer a sync decides.",
    "P8": "Servers are compared with servers only. Clients of accrete's on its host read large values from the files.",
    "P9": "What an append costs by itself, and what a batch saves.",
    "P10": "Engines are compared with those of the same codec. The limit is the bare library's speed.",
    "P11": "Numbers with their type, as arrays. Only engines that know arrays, and a bare file, take part.",
}

METRICS = {
    "append": "From before the first append until the flush has returned.",
    "get": "The whole value of every key, in random order, through a store that was opened afresh.",
    "destroy": "The whole dataset goes away.",
}

LEVELS = {
    "memory": "An append that was acknowledged is lost when the process that holds it dies, until it is flushed.",
    "os": "It survives the death of every process, but not the loss of power.",
    "sync": "It survives the loss of power.",
}

RULES = (
    "A peer is compared with our stacks of its own level of durability or a stronger one: memory with memory, os with "
    "os, durable with durable. An engine that syncs each batch counts as “sync”, whatever its own level is.",
    "Servers are compared with servers, and engines inside the measuring process with each other; only in P5 all are "
    "compared, as both kinds serve several processes there. A server that stands beside no server of ours is only "
    "shown.",
    "In P10 the codec must be the same.",
    "The store in memory is the reference of what a store does, a plain map of strings. It keeps nothing, so it is "
    "never “our best”.",
    "The best is the one with the highest median rate. “Within the noise” means that the difference is at most the "
    "sum of both spreads. A spread is half the range of the repetitions over their median.",
)

METHOD = (
    "Each cell, one engine on one pattern, runs in a process of its own and in an empty directory.",
    "Before each cell everything dirty is written back and, by root, the page cache is dropped, so nobody pays for what "
    "another has left. An ext4 without a journal otherwise makes files up to five times slower for minutes after many "
    "were removed: it passes over inodes that it has removed of late. What a cell reads it has written itself.",
    "The flush belongs to the clock of appends: the bytes are with the operating system when it stops, or on disk "
    "where batches are durable.",
    "Repetitions are the outermost loop and the order of the engines turns from one to the next, so a slow minute of "
    "the machine hits all engines alike. Times are medians.",
    "All engines get the same appends in the same order. Entries are views into a pool of 4 MiB, so making them costs "
    "nothing.",
    "Behind the appends glibc is told to keep memory that is freed, as it does in a process that has run for a while: "
    "for a fresh one it is chance whether memory is made anew for each get, which takes as long as reading.",
    "Every value is compared with the exact concatenation of its entries, outside of the clock. A cell whose values "
    "are wrong has failed and has no numbers.",
    "The limits of the machine are measured before each repetition by the bare primitives.",
    "CPU is user and system time of all processes of the append phase, servers included; memory is the growth of "
    "resident memory at its peak, servers included.",
)

NOT_COMPARABLE = (
    "Levels differ in what survives what, see above. Faster at a weaker level means that less is promised.",
    "RocksDB's Flush syncs the files that it writes, so it pays for a sync that the others do not.",
    "Redis keeps all values in memory, and its gets never touch a file. Without its append-only file nothing is "
    "stored, and its limit then leaves out the write.",
    "Slow engines are given a part of the appends, marked as 1/10 or 1/50 of the appends. Rates are per append or per "
    "byte, so they compare, but caches hold more of a smaller dataset.",
    "A bare file of numbers has neither types nor checksums: it is read in one pass. Arrays of accrete's are checked, "
    "and moved together behind their headers, in a second one.",
    "All reads come from the page cache: no drive is measured but by durable batches.",
    "Stored bytes are blocks of the file system, so a file of 100 B counts as 4 KiB.",
)

LIMITS = (
    "The least time in which this machine's bare primitives could do the same: a limit that no store should pass, not "
    "a goal that one must reach. Share of the limit = that time / measured time; above 100 % the engine did less than "
    "the formula assumes. b is the bytes of the cell."
)

LIMIT_RULES = (
    ("append",
     "b / scatter of that entry size + b / page_cache_write_1m: each byte is copied once to its key, and handed over "
     "in large writes. With several processes the copying is divided by min(processes, cores). An engine that stores "
     "no bytes has no write. Every write below goes with + stored files / file_creation: where each key has a file, "
     "each has to be made."),
    ("append, durable, and engines of level sync",
     "batches × fdatasync, divided by the processes, which can share a sync"),
    ("append through a server (P8)",
     "max(b / zmq_1m, b / scatter_100 + b / page_cache_write_1m) with two cores; the sum with one"),
    ("append with a codec (P10)", "b / compress_codec + stored bytes / page_cache_write_1m"),
    ("append of numbers (P11)", "b / memcpy + b / page_cache_write_1m"),
    ("get", "b / page_cache_read_64k + stored files / file_read"),
    ("destroy", "stored bytes / unlink_bytes + stored files / file_removal"),
)

GROWTH = (
    "How the cost of an append and the memory change with the number of keys and of appends. A level line is what one "
    "hopes for. Why a line ends early is said below it. “Making files” is the time that the machine takes at its best "
    "to make the files of the keys, as a share of the time of all appends; beside a full kernel it takes longer."
)

BENDS = {
    "keys": (
        "All points up to a million keys have a million appends in batches of 1,000, to the keys in turn; that at ten "
        "million has ten million.",
        "Where each key has a file, the appends to it pay for making it: a thousand at the left of the chart, one at "
        "a million keys. From some 30,000 keys on that is most of the cost of a buffer, and the line rises with the "
        "number of keys.",
        "Without a buffer an append is a write besides. A bare write takes twice as long in turn over 3,000 files as "
        "over 1,000, which the processor's caches still hold. Beyond as many files as may be open at once, half of "
        "RLIMIT_NOFILE, an append opens its file, too.",
        "A buffer writes what it has of a key at once. With a million appends that is 100 KB at a thousand keys and a "
        "single entry of 100 B at a million.",
        "What a buffer holds, with all that it notes of its keys, takes at most 256 MiB, and in the server 1 GiB. "
        "Memory above that is not what it holds.",
    ),
    "appends": (
        "All points have 1,000 keys.",
        "On the left, starting and the last flush are shared by few appends.",
        "A buffer of 256 MiB is full after 2.7 million appends: beyond, its memory stays level, and it writes at the "
        "same time as it takes appends.",
        "On the right, 100 million appends are 10 GB, more than the kernel usually leaves unwritten: it writes to the "
        "disk meanwhile.",
    ),
}

COMPARE = (
    "Rates of this run beside those of an older one. “Within the noise” means that the change is at most the sum of "
    "both spreads; with one repetition there is no spread, so every change looks real."
)
