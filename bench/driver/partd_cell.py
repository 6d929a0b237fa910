"""Measures one cell of partd, as bench_cell does of the other engines, with the same options and the same output.

usage: partd_cell.py run --engine NAME --directory DIR --appends N --keys K --entry-bytes B …
       partd_cell.py engines

partd takes a dictionary, so the entries of one key in one batch are joined before, outside of the clock: its users have
them joined. Several processes have all of their batches made before they begin; one alone makes some at a time, so that
what partd keeps of them counts as memory.
"""

import argparse
import ctypes
import json
import multiprocessing
import os
import shutil
import stat
import sys
import time
from contextlib import contextmanager
from pathlib import Path

UNAVAILABLE = 3

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
try:
    import numpy
    from driver.partd_engines import DESCRIPTIONS, ENGINES, describe_engines
    from driver.workload import MAX_APPENDS, MAX_KEYS, NUMBER_BYTES, POOL_BYTES, Workload
except ImportError as error:
    print(f"partd is left out: the Python module '{error.name}' is not there", file=sys.stderr)
    sys.exit(UNAVAILABLE)

GET_BATCH = 1000
GET_BYTES = 64 << 20  # about so much in memory at once, if values are large
CHUNK_BYTES = 4 << 20  # of the batches that are made at a time
GET_SEED = 3
PATIENCE_SECONDS = 300

# As bench_cell has them.
MAX_BATCH = 10_000_000
MAX_PROCESSES = 1000
MAX_SKEW = 10

fork = multiprocessing.get_context("fork")


class Unavailable(Exception):
    """partd cannot do what is asked of it."""


class Meter:
    """Processor time and memory of a process from now on."""

    def __init__(self, process_id):
        self.directory = Path("/proc", str(process_id))
        self.clock = (~process_id << 3) | 2  # as clock_getcpuclockid() makes it
        (self.directory / "clear_refs").write_text("5", encoding="ascii")  # sets the peak back to what is resident now
        self.memory_before = self._memory("VmRSS")
        self.cpu_before = time.clock_gettime(self.clock)

    def cpu_seconds(self):
        return time.clock_gettime(self.clock) - self.cpu_before

    def memory_bytes(self):
        return max(0, self._memory("VmHWM") - self.memory_before)

    def _memory(self, field):
        for line in (self.directory / "status").read_text(encoding="ascii").splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"there is no {field} in {self.directory}/status")


class Preparation:
    """Wall and processor time that were spent on making batches, to be taken off."""

    def __init__(self):
        self.seconds = 0.0
        self.cpu_seconds = 0.0

    @contextmanager
    def running(self):
        begin, cpu_begin = time.perf_counter(), time.process_time()
        yield
        self.seconds += time.perf_counter() - begin
        self.cpu_seconds += time.process_time() - cpu_begin


class Batches:
    """Those of one process, as partd takes them."""

    def __init__(self, workload, process, options):
        self.workload = workload
        self.numeric = options.numeric
        self.all = workload.batches(process, options.batch)
        self.in_chunk = max(1, CHUNK_BYTES // (options.batch * options.entry_bytes))
        self.ahead = None

    def make_ahead(self):
        self.ahead = [self._made(batch) for batch in self.all]

    def chunks(self):
        """Lists of batches; an empty one is the end."""
        if self.ahead is not None:
            yield self.ahead
            return
        while True:
            yield [self._made(batch) for _, batch in zip(range(self.in_chunk), self.all)]

    def _made(self, batch):
        joined = {key: b"".join(self.workload.slices(offsets)) for key, offsets in batch.items()}
        if self.numeric:
            return {key: numpy.frombuffer(value, numpy.float64) for key, value in joined.items()}
        return joined


def append_all(engine, batches, options, barrier=None):
    """Appends and flushes; (when it began, when it would have ended without the making of batches, CPU seconds, memory
    bytes)."""
    store = engine.open()
    if barrier is not None or engine.server_process is not None:
        batches.make_ahead()
    meter = Meter(os.getpid())
    preparation = Preparation()
    if barrier is not None:
        barrier.wait(PATIENCE_SECONDS)
    begin = time.perf_counter()
    chunks = batches.chunks()
    while True:
        with preparation.running():
            chunk = next(chunks, None)
        if not chunk:
            break
        for batch in chunk:
            engine.append(store, batch, options.durable)
        del chunk
    engine.flush(store)
    end = time.perf_counter() - preparation.seconds
    return begin, end, meter.cpu_seconds() - preparation.cpu_seconds, meter.memory_bytes()


def append_in_processes(engine, workload, options):
    """What append_all() returns, of each process."""
    barrier = fork.Barrier(options.processes)
    pipes, processes = [], []

    def work(process, pipe):
        try:
            pipe.send(append_all(engine, Batches(workload, process, options), options, barrier))
        except Exception as error:  # the parent is to say why
            barrier.abort()
            pipe.send(f"{type(error).__name__}: {error}")

    for process in range(options.processes):
        pipe, far_end = fork.Pipe(duplex=False)
        processes.append(fork.Process(target=work, args=(process, far_end), daemon=True))
        processes[-1].start()
        far_end.close()
        pipes.append(pipe)
    try:
        found = [pipe.recv() for pipe in pipes]
    except EOFError:
        raise RuntimeError("a process that appends has died") from None
    failures = [answer for answer in found if isinstance(answer, str)]
    if failures:
        raise RuntimeError(next((text for text in failures if "BrokenBarrier" not in text), failures[0]))
    for process in processes:
        process.join(PATIENCE_SECONDS)
    return found


def timed_append(engine, workload, options):
    """(seconds, CPU seconds, growth of memory)"""
    server = engine.server_process and Meter(engine.server_process.pid)
    if options.processes == 1:
        parts = [append_all(engine, Batches(workload, 0, options), options)]
    else:
        parts = append_in_processes(engine, workload, options)
    flush_begin = time.perf_counter()
    engine.flush_all()
    seconds = time.perf_counter() - flush_begin
    begins, ends, cpus, memories = zip(*parts)
    seconds += max(ends) - min(begins)
    cpu, memory = sum(cpus), sum(memories)
    if server:
        cpu, memory = cpu + server.cpu_seconds(), memory + server.memory_bytes()
    return seconds, cpu, memory


def got(engine, workload, order):
    """(number of the key, value) of these keys, in this order."""
    store = engine.open()
    keys = workload.keys
    mean_bytes = len(workload.offsets) * workload.entry_bytes // len(keys) + 1
    batch = max(1, min(GET_BATCH, GET_BYTES // mean_bytes))
    for begin in range(0, len(order), batch):
        part = order[begin:begin + batch]
        for number, value in zip(part, store.get([keys[number] for number in part])):
            yield number, value


def keep_freed_memory():
    """As the cells of the other engines do it."""
    m_trim_threshold, m_mmap_threshold, largest_threshold = -1, -3, 32 << 20
    libc = ctypes.CDLL(None)
    libc.mallopt(m_mmap_threshold, largest_threshold)
    libc.mallopt(m_trim_threshold, 2 * largest_threshold)


def timed_get(engine, workload, order):
    begin = time.perf_counter()
    for _ in got(engine, workload, order):
        pass
    return time.perf_counter() - begin


def stored_in(directory):
    """(bytes on the disk, files)."""
    block_size = 512  # of st_blocks, whatever the file system's is
    paths = [os.path.join(where, name) for where, folders, files in os.walk(directory) for name in folders + files]
    found = [os.lstat(path) for path in paths]
    return sum(one.st_blocks for one in found) * block_size, sum(stat.S_ISREG(one.st_mode) for one in found)


def timed_destroy(engine):
    begin = time.perf_counter()
    engine.destroy()
    return time.perf_counter() - begin


def run(options):
    engine_type = ENGINES[options.engine]
    if options.numeric != engine_type.numeric:
        raise Unavailable(f"{options.engine} is for {'numbers' if engine_type.numeric else 'bytes'} only")
    if options.durable and not DESCRIPTIONS[options.engine]["durable"]:
        raise Unavailable(f"{options.engine} cannot sync a batch")
    workload = Workload(options)
    every_key = numpy.random.default_rng(GET_SEED).permutation(options.keys)
    with_value = every_key[numpy.isin(every_key, workload.key_numbers)]
    engine = engine_type(options.directory)
    try:
        append_seconds, cpu_seconds, memory_bytes = timed_append(engine, workload, options)
        keep_freed_memory()
        bytes_stored, files_stored = stored_in(options.directory)
        get_seconds = None if options.no_gets else timed_get(engine, workload, with_value.tolist())
        # partd.Numpy fails on a key that it does not have.
        workload.check(got(engine, workload, (with_value if options.numeric else every_key).tolist()))
        destroy_seconds = timed_destroy(engine)
    finally:
        engine.close()
    shutil.rmtree(engine.path, ignore_errors=True)
    return {"engine": options.engine, "state": "durable" if options.durable else "cached", "appends": options.appends,
            "bytes": options.appends * options.entry_bytes,
            "seconds": {"append": append_seconds, "get": get_seconds, "destroy": destroy_seconds},
            "cpu_seconds": cpu_seconds, "memory_bytes": memory_bytes, "stored_bytes": bytes_stored,
            "stored_files": files_stored, "verified": True}


def count(most):
    def parse(text):
        number = int(text)
        if not 1 <= number <= most:
            raise argparse.ArgumentTypeError(f"must be from 1 to {most}")
        return number

    return parse


def exponent(text):
    number = float(text)
    if not 0 <= number <= MAX_SKEW:
        raise argparse.ArgumentTypeError(f"must be from 0 to {MAX_SKEW}")
    return number


def parse_arguments():
    parser = argparse.ArgumentParser(prog="partd_cell.py", description="Measures a cell of partd.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("engines")
    cell = commands.add_parser("run", allow_abbrev=False)
    cell.add_argument("--engine", required=True, choices=ENGINES)
    cell.add_argument("--directory", required=True)
    cell.add_argument("--appends", required=True, type=count(MAX_APPENDS))
    cell.add_argument("--keys", required=True, type=count(MAX_KEYS))
    cell.add_argument("--entry-bytes", required=True, type=count(POOL_BYTES))
    cell.add_argument("--skew", type=exponent, default=0.0)
    cell.add_argument("--text")
    cell.add_argument("--batch", required=True, type=count(MAX_BATCH))
    cell.add_argument("--processes", default=1, type=count(MAX_PROCESSES))
    for name in ("--durable", "--no-gets", "--numeric"):
        cell.add_argument(name, action="store_true")
    cell.add_argument("--accrete", help="taken, as bench_cell takes it, and not used")
    options = parser.parse_args()
    if options.command == "run":
        check_combination(options, cell)
    return options


def check_combination(options, parser):
    if options.numeric and options.text is not None:
        parser.error("--text does not go with --numeric")
    if options.numeric and options.entry_bytes % NUMBER_BYTES:
        parser.error(f"--entry-bytes must be a multiple of {NUMBER_BYTES} with --numeric")
    if options.text is not None and not os.path.isfile(options.text):
        parser.error(f"--text: there is no file '{options.text}'")
    if not os.path.isdir(options.directory) or os.listdir(options.directory):
        parser.error(f"--directory: '{options.directory}' is no empty directory")


def main():
    options = parse_arguments()
    if options.command == "engines":
        print(json.dumps(describe_engines()))
        return 0
    try:
        print(json.dumps(run(options)))
    except Unavailable as error:
        print(f"partd_cell: {error}", file=sys.stderr)
        return UNAVAILABLE
    except Exception as error:  # whatever partd throws is a failure of this cell
        print(f"partd_cell: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
