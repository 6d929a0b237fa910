"""Grouping rows of a file by columns: accrete load beside what else does it, and beside the least that does it."""

import gzip
import importlib.util
import os
import shutil
import subprocess
import sys
import time

KEYS = {"origin": [4], "origin,destination": [4, 5]}  # names and numbers of columns
DUCKDB = """import sys, duckdb
connection = duckdb.connect(config={"threads": int(sys.argv[1])})
connection.execute("SET enable_progress_bar = false")
connection.execute("SET preserve_insertion_order = true")
connection.execute(f"COPY (FROM read_csv('{sys.argv[2]}', header=true, all_varchar=true)) TO '{sys.argv[3]}'"
                   f" (FORMAT csv, PARTITION_BY ({sys.argv[4]}), WRITE_PARTITION_COLUMNS true)")
"""


class Tool:
    """One way to do it: a command for a file, a directory, and columns; threads, or None if it has one."""

    def __init__(self, name, command, threads=None, source="csv"):
        self.name, self.command, self.threads, self.source = name, command, threads, source


def awk(file, columns):
    key = ' "," '.join(f"${number}" for number in KEYS[columns])
    return ["mawk", "-F,", f'NR > 1 {{ print > ({key} ".csv") }}', file]


def tools(build):
    accrete = build / "cli" / "accrete"

    def load(*more):
        return lambda file, columns: [accrete, "load", "grouped", file, "--by", columns, "--create", "--quiet", *more]

    yield Tool("accrete", load("--threads", "1"), 1)
    yield Tool("accrete, 2 threads", load("--threads", "2"), 2)
    yield Tool("accrete, msgpack", load("--threads", "1", "--as", "msgpack"), 1)
    yield Tool("accrete, msgpack, 2 threads", load("--threads", "2", "--as", "msgpack"), 2)
    yield Tool("accrete, .gz", load("--threads", "1"), 1, "gz")
    yield Tool("accrete, .gz, 2 threads", load("--threads", "2"), 2, "gz")
    yield Tool("gzip -dc alone", lambda file, _: ["sh", "-c", 'gzip -dc "$0" > /dev/null', file], 1, "gz")
    bare = build / "bench" / "limits" / "bare_grouping"
    yield Tool("the bare job", lambda file, columns: [bare, file, ".", ",".join(map(str, KEYS[columns]))], 1)
    yield Tool("mawk", awk, 1)
    if shutil.which("mlr"):
        yield Tool("Miller", lambda file, columns: ["mlr", "--csv", "split", "-g", columns, file], 2)
    else:
        print("Miller is left out: there is no mlr (Debian: miller)", file=sys.stderr)
    if importlib.util.find_spec("duckdb"):
        for threads in 1, 2:
            yield Tool(f"DuckDB, {threads} threads", lambda file, columns, threads=threads: [
                sys.executable, "-c", DUCKDB, str(threads), file, "grouped", columns], threads)
    else:
        print("DuckDB is left out: Python has no module duckdb (pip install duckdb)", file=sys.stderr)


def run(command, directory, threads):
    """Seconds, and the most memory that the process had, in bytes. One thread has one core.

    A process that Python has forked counts Python's own memory, so time(1) is between them.
    """
    cores = sorted(os.sched_getaffinity(0))
    memory = directory.parent / "memory"
    timed = ["time", "--format=%M", f"--output={memory}", *command]
    begin = time.perf_counter()
    done = subprocess.run(timed, cwd=directory, check=False,
                          preexec_fn=lambda: os.sched_setaffinity(0, cores[:threads]))
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        sys.exit(f"compare: {command[0]} ended with {done.returncode}")
    return seconds, int(memory.read_text()) * 1024


def check(holds, message):
    if not holds:
        sys.exit(f"compare: {message}")


def check_values(accrete, dataset, bare):
    """accrete and the bare job must have the same keys with the same bytes."""
    keys = subprocess.run([accrete, "keys", "-0", dataset], check=True, stdout=subprocess.PIPE).stdout.split(b"\0")[:-1]
    check(set(keys) == set(map(os.fsencode, os.listdir(bare))), "accrete and the bare job have made other keys")
    exported = bare.parent / "exported"
    subprocess.run([accrete, "export", dataset, exported, "--no-header", "-q"], check=True)
    found = {path.name: path.read_bytes() for path in exported.iterdir()}
    wanted = {path.name.replace(",", "%2C"): path.read_bytes() for path in bare.iterdir()}
    shutil.rmtree(exported)
    check(found == wanted, "accrete and the bare job have made other values")


def measure(build, csv, directory, are_checked):
    """Yields (pattern, subject, {what: number})."""
    size = len(csv.read_bytes())  # which also brings it into the page cache
    compressed = directory / "rows.csv.gz"
    if not compressed.exists():
        with open(csv, "rb") as plain, gzip.open(compressed, "wb", compresslevel=6) as to:
            shutil.copyfileobj(plain, to)
    files = {"csv": csv, "gz": compressed}
    for columns in KEYS:
        made = {}
        for tool in tools(build):
            made[tool.name] = directory / "grouping" / tool.name
            made[tool.name].mkdir(parents=True)
            os.sync()  # so that nobody pays for what another has left to be written back
            seconds, memory = run(tool.command(files[tool.source], columns), made[tool.name], tool.threads)
            yield f"rows by {columns}", tool.name, {"bytes_per_second": size / seconds, "memory": memory}
        if are_checked:
            check_values(build / "cli" / "accrete", made["accrete, 2 threads"] / "grouped", made["the bare job"])
        shutil.rmtree(directory / "grouping")
