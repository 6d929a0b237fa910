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


def commands(build, csv, compressed, columns):
    """{name: (threads, command)} of all that there is to do it."""
    numbers = KEYS[columns]
    key = ' "," '.join(f"${number}" for number in numbers)
    found = {"gzip -dc alone": (1, ["sh", "-c", 'gzip -dc "$0" > /dev/null', compressed]),
             "the bare job": (1, [build / "bench" / "limits" / "bare_grouping", csv, ".", ",".join(map(str, numbers))]),
             "mawk": (1, ["mawk", "-F,", f'NR > 1 {{ print > ({key} ".csv") }}', csv])}
    if shutil.which("mlr"):
        found["Miller"] = 2, ["mlr", "--csv", "split", "-g", columns, csv]
    else:
        print("Miller is left out: there is no mlr (Debian: miller)", file=sys.stderr)
    if not importlib.util.find_spec("duckdb"):
        print("DuckDB is left out: Python has no module duckdb (pip install duckdb)", file=sys.stderr)
    load = [build / "cli" / "accrete", "load", "grouped", "--by", columns, "--create", "--quiet", "--threads"]
    ours = {}
    for threads in 1, 2:
        more = ", 2 threads" if threads == 2 else ""
        ours |= {f"accrete{more}": (threads, [*load, str(threads), csv]),
                 f"accrete, msgpack{more}": (threads, [*load, str(threads), "--as", "msgpack", csv]),
                 f"accrete, .gz{more}": (threads, [*load, str(threads), compressed])}
        if importlib.util.find_spec("duckdb"):
            command = [sys.executable, "-c", DUCKDB, str(threads), csv, "grouped", columns]
            found[f"DuckDB, {threads} threads"] = threads, command
    return ours | found


def run(threads, command, directory):
    """Seconds, and the most memory that the process had, in bytes. One thread has one core.

    A process that Python has forked counts Python's own memory, so time(1) is between them.
    """
    cores = sorted(os.sched_getaffinity(0))
    memory = directory.parent / "memory"
    begin = time.perf_counter()
    subprocess.run(["time", "--format=%M", f"--output={memory}", *command], cwd=directory, check=True,
                   preexec_fn=lambda: os.sched_setaffinity(0, cores[:threads]))
    return time.perf_counter() - begin, int(memory.read_text()) * 1024


def check_values(accrete, dataset, bare):
    """accrete and the bare job must have the same keys with the same bytes."""
    keys = subprocess.run([accrete, "keys", "-0", dataset], check=True, stdout=subprocess.PIPE).stdout.split(b"\0")[:-1]
    assert set(keys) == set(map(os.fsencode, os.listdir(bare))), "accrete and the bare job have made other keys"
    exported = bare.parent / "exported"
    subprocess.run([accrete, "export", dataset, exported, "--no-header", "-q"], check=True)
    found = {path.name: path.read_bytes() for path in exported.iterdir()}
    wanted = {path.name.replace(",", "%2C"): path.read_bytes() for path in bare.iterdir()}
    shutil.rmtree(exported)
    assert found == wanted, "accrete and the bare job have made other values"


def measure(build, csv, directory, are_checked):
    """Yields (pattern, subject, {what: number})."""
    plain = csv.read_bytes()  # which also brings it into the page cache
    compressed = directory / "rows.csv.gz"
    if not compressed.exists():
        compressed.write_bytes(gzip.compress(plain, 6))
    place = directory / "grouping"
    for columns in KEYS:
        for name, (threads, command) in commands(build, csv, compressed, columns).items():
            (place / name).mkdir(parents=True)
            os.sync()  # so that nobody pays for what another has left to be written back
            seconds, memory = run(threads, command, place / name)
            yield f"rows by {columns}", name, {"bytes_per_second": len(plain) / seconds, "memory": memory}
        if are_checked:
            check_values(build / "cli" / "accrete", place / "accrete, 2 threads" / "grouped", place / "the bare job")
        shutil.rmtree(place)
