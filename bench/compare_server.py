"""Measures `accrete serve` beside partd's Server, Redis and bare ZeroMQ, all in turns: 100 B appends over 1,000 keys.

Prints medians, spread, and ratios beside what is aimed at. After each measurement it is checked that every key has all
of its bytes. A peer whose benchmark is not built, or whose server is not installed, is left out.

usage: compare_server.py BUILD DIRECTORY REPETITIONS [APPENDS]
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

from comparison import medians, results, take_turns
from workload import ENTRY, KEYS

CLIENTS = (1, 4)
BATCH_ENTRIES = (1, 100)
TRANSPORTS = ("ipc", "tcp")
REDIS_DEPTHS = (100, 1000, 10_000)
PARTD_APPENDS = {1: 20_000, 100: 100_000}  # by entries of a batch; a few seconds each

# Of the bytes that are appended: those in the memory of a server, in its journal, in the files, and some to spare.
MEMORY_FACTOR = 3.5

LEAST_TO_PARTD = 100
LEAST_TO_REDIS = 5
LEAST_TO_ZEROMQ = {"memory": 0.6, "os": 0.35}  # by durability

SETTINGS = """\
accrete   accrete serve, 1 GiB of memory; open(endpoint), 16 MiB window. Clients append, then flush to the files.
          Every key is there before.
partd     Client and Server of python3-partd, Buffer(Dict(), File()) with its 1 GB of memory; TCP; nothing is flushed.
Redis     APPEND over a Unix socket, pipelined, of its depths the best; neither snapshots nor append-only file. A batch
          is so many single commands.
ZeroMQ    DEALER and ROUTER, copied 1 MiB messages of the same bytes without keys, queues of 16 messages.
written   As ZeroMQ, but of single appends, each with the number of its key, which the receiver copies to chunks of 64 KiB
          a key and writes to the files: the whole job with no promise, and so the limit for whoever does it this way.
"""


class Load(NamedTuple):
    """What accrete is measured with."""

    clients: int
    entries: int
    durability: str
    transport: str


@contextmanager
def running(command, **options):
    """The process of a server, which is told to end with the block."""
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()
    if process.returncode not in (0, -signal.SIGTERM):
        sys.exit(f"compare_server: {command[0]} exited with {process.returncode}")


def first_line(server):
    """What a server prints when it is ready."""
    line = server.stdout.readline()
    if not line:
        sys.exit(f"compare_server: {server.args[0]} does not start")
    return line


def settle(directory, byte_count):
    """So that nobody pays for what another has left to be written back, nor for memory that a hypervisor has taken from
    an idle machine and gives back when it is touched, at a tenth of the speed."""
    os.sync()
    page = b"x" * 4096
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        for _ in range(byte_count // len(page)):
            file.write(page)


def redis_is_installed():
    return shutil.which("redis-server") is not None and shutil.which("redis-cli") is not None


class Benchmarks:
    """Each function measures one thing once: it starts the server, runs the clients, checks the bytes, and returns
    results, named by what identifies the measurement."""

    def __init__(self, build, directory, sockets, appends):
        self.accrete = build / "cli" / "accrete"
        self.programs = build / "bench"
        self.directory = directory
        self.sockets = sockets  # of a short path: that of a Unix socket has at most 107 bytes
        self.appends = appends

    def has(self, program):
        return (self.programs / program).exists()

    def run(self, load, program, *arguments):
        settle(self.directory, int(self.appends * len(ENTRY) * MEMORY_FACTOR))
        command = [str(word) for word in (self.programs / program, *arguments)]
        return [((load, quantity), subject, number) for quantity, subject, number in results(command)]

    def of_accrete(self, load):
        dataset = self.emptied_dataset()
        serve = [self.accrete, "serve", dataset, "--durability", load.durability, "--bind", "tcp://127.0.0.1:*"]
        with running(serve, env={**os.environ, "ACCRETE_LOG": "warning"}) as server:
            endpoints = first_line(server).split(" at ")[-1].split()
            endpoint = next(endpoint for endpoint in endpoints if endpoint.startswith(load.transport))
            found = self.run(load, "bench_server", endpoint, load.clients, self.appends, load.entries)
        self.check_files(dataset)
        return found

    def emptied_dataset(self):
        """With all keys and no bytes. Its files are made once: ext4 takes up to a millisecond to make one where many have
        been removed in the last minutes."""
        dataset = self.directory / "server.accrete"
        dataset.mkdir(exist_ok=True)
        for file in dataset.glob(".*"):
            file.unlink()
        for key in KEYS:
            (dataset / key).write_bytes(b"")
        subprocess.run([self.accrete, "create", "--adopt", dataset], check=True)
        return dataset

    def check_files(self, dataset):
        names = {file.name for file in dataset.iterdir() if not file.name.startswith(".")}
        size = self.appends // len(KEYS) * len(ENTRY)
        for key in KEYS:
            value = (dataset / key).read_bytes()
            if len(value) != size or value.count(ENTRY[:1]) != size:
                sys.exit(f"compare_server: the value of {key} is not what was appended")
        if len(names) != len(KEYS):
            sys.exit(f"compare_server: the dataset has {len(names)} keys")

    def of_redis(self, clients, depth):
        socket = self.sockets / "redis"
        serve = ["redis-server", "--port", 0, "--unixsocket", socket, "--save", "", "--appendonly", "no"]
        with running(serve, cwd=self.sockets) as server:
            while "eady to accept" not in first_line(server):
                pass
            found = self.run((clients, depth), "bench_redis", socket, clients, self.appends, depth)
            self.check_redis(socket)
        return found

    def check_redis(self, socket):
        questions = "".join(f"STRLEN {key}\n" for key in KEYS) + "DBSIZE\n"
        answers = subprocess.run(["redis-cli", "-s", socket], input=questions, text=True, check=True,
                                 stdout=subprocess.PIPE).stdout.split()
        if answers != [str(self.appends // len(KEYS) * len(ENTRY))] * len(KEYS) + [str(len(KEYS))]:
            sys.exit("compare_server: Redis lacks what was appended")

    def of_zeromq(self, clients, transport):
        address = f"ipc://{self.sockets}/zeromq" if transport == "ipc" else "tcp://127.0.0.1:*"
        with running([self.programs / "bench_zmq", "receive", address]) as server:
            endpoint = first_line(server).strip()
            return self.run((clients, transport), "bench_zmq", "send", endpoint, clients, self.appends)

    def of_written(self, clients, transport):
        address = f"ipc://{self.sockets}/written" if transport == "ipc" else "tcp://127.0.0.1:*"
        files = self.directory / "written"
        files.mkdir(exist_ok=True)
        for key in KEYS:
            (files / key).write_bytes(b"")
        with running([self.programs / "bench_zmq", "receive", address, files]) as server:
            endpoint = first_line(server).strip()
            return self.run((clients, transport), "bench_zmq", "send", endpoint, clients, self.appends, "gathered")

    def of_partd(self, clients, entries):
        program = Path(__file__).parent / "partd_server.py"
        settle(self.directory, PARTD_APPENDS[entries] * len(ENTRY))
        found = results([sys.executable, program, self.directory, *map(str, (clients, PARTD_APPENDS[entries], entries))])
        return [(((clients, entries), quantity), subject, number) for quantity, subject, number in found]

    def all(self):
        """In an order that has close to each other what is compared."""
        for clients in CLIENTS:
            for entries in BATCH_ENTRIES:
                yield partial(self.of_partd, clients, entries)
            if self.has("bench_redis") and redis_is_installed():
                yield from (partial(self.of_redis, clients, depth) for depth in REDIS_DEPTHS)
            if self.has("bench_zmq"):
                for of_zeromq in (self.of_zeromq, self.of_written):
                    yield from (partial(of_zeromq, clients, transport) for transport in TRANSPORTS)
            for rest in product(BATCH_ENTRIES, ("memory", "os"), TRANSPORTS):
                yield partial(self.of_accrete, Load(clients, *rest))


class Table:
    def __init__(self, rates):
        self.rates = rates  # {((load, quantity), subject): values}
        self.medians = medians(rates)

    def loads(self, subject, quantity="acknowledged"):
        return [load for (load, its_quantity), its_subject in self.rates
                if (its_quantity, its_subject) == (quantity, subject)]

    def median(self, load, subject, quantity="acknowledged"):
        return self.medians.get(((load, quantity), subject))

    def spread(self, load, subject, quantity):
        values = self.rates[(load, quantity), subject]
        return f"{self.median(load, subject, quantity):>9.3f}{min(values):>9.3f}{max(values):>9.3f}"

    def best_redis(self, clients):
        return max((self.median(load, "Redis") for load in self.loads("Redis") if load[0] == clients), default=None)

    def print_peers(self):
        print(f"{'million appends a second':<40}{'median':>9}{'least':>9}{'most':>9}")
        names = {"partd": lambda clients, entries: f"{clients} client(s), batches of {entries}",
                 "Redis": lambda clients, depth: f"{clients} client(s), pipeline of {depth}",
                 "ZeroMQ": lambda clients, transport: f"{clients} client(s), {transport}",
                 "written": lambda clients, transport: f"{clients} client(s), {transport}"}
        for subject, name in names.items():
            for load in sorted(self.loads(subject)):
                print(f"{subject:<10}{name(*load):<30}{self.spread(load, subject, 'acknowledged')}")
        print()

    def print_accrete(self):
        print(f"{'':<31}{'until all is flushed':>27}{'acknow-':>9}{'ns a':>7}{'  flushed, to':<36}")
        print(f"{'clients  batch  durability':<31}{'median':>9}{'least':>9}{'most':>9}{'ledged':>9}{'call':>7}"
              f"{'partd':>9}{'Redis':>9}{'ZeroMQ':>9}{'written':>9}")
        for load in sorted(self.loads("accrete", "flushed")):
            self.print_load(load)

    def print_load(self, load):
        call = self.median(load, "accrete", "call")
        name = f"{load.clients:<9}{load.entries:<7}{load.durability:<7} {load.transport}"
        print(f"{name:<31}{self.spread(load, 'accrete', 'flushed')}{self.median(load, 'accrete'):>9.3f}"
              f"{call and format(call, '.0f') or '':>7}{self.ratios(load)}")

    def ratios(self, load):
        rate = self.median(load, "accrete", "flushed")
        peers = [(self.median((load.clients, load.entries), "partd"), LEAST_TO_PARTD),
                 (self.best_redis(load.clients), LEAST_TO_REDIS),
                 (self.median((load.clients, load.transport), "ZeroMQ"), LEAST_TO_ZEROMQ[load.durability]),
                 (self.median((load.clients, load.transport), "written"), 0)]
        return "".join(self.ratio(rate / peer, least) if peer else f"{'-':>9}" for peer, least in peers)

    @staticmethod
    def ratio(ratio, least):
        text = f"{ratio:.0%}" if least < 1 else f"{ratio:.1f}"
        return f"{text:>8}{' ' if ratio >= least else '!'}"


def main():
    build, directory = (Path(argument).resolve() for argument in sys.argv[1:3])
    repetitions = int(sys.argv[3])
    appends = int(sys.argv[4]) if len(sys.argv) > 4 else 4_000_000
    with tempfile.TemporaryDirectory(prefix="accrete-bench-") as sockets:
        benchmarks = Benchmarks(build, directory, Path(sockets), appends)
        table = Table(take_turns(list(benchmarks.all()), repetitions))
    print(f"{appends:,} appends of {len(ENTRY)} B over {len(KEYS):,} keys (partd: {PARTD_APPENDS[1]:,}, in batches "
          f"{PARTD_APPENDS[100]:,}); medians of {repetitions} runs.\n\n{SETTINGS}")
    table.print_peers()
    table.print_accrete()
    print(f"\nAimed at: at least {LEAST_TO_PARTD} times partd, {LEAST_TO_REDIS} times Redis, and of ZeroMQ "
          f"{LEAST_TO_ZEROMQ['memory']:.0%} at memory and {LEAST_TO_ZEROMQ['os']:.0%} at os; ! is below that.")


if __name__ == "__main__":
    main()
