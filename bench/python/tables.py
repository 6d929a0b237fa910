"""usage: tables.py [--repetitions N] [--jobs WORD] FLIGHTS.csv

What Python's users do with a table and a key, by accrete and by what they would take instead, in the environment that
runs it (tests/python/environments.toml names what it can have):

  pieces      a frame is split, appended and got again, as Dask's shuffle does it
  dask        Dask's work on disk, by threads and by processes
  groups      a table to its groups on disk: 229 airports, and 3,399 pairs of them

Each run is a process of its own, and those that are compared take turns. Printed are the median of the seconds, of the
processor's seconds and of the most memory, children included, and the ratio of the seconds to accrete's. WORD: only
what has it in its name.
"""

import argparse
import importlib.util
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time

SECONDS_A_RUN = 180  # who takes longer is left out


def flights(csv, categories=False, rows=None):
    import pandas as pd

    frame = pd.read_csv(csv, nrows=rows, dtype={"date": str})
    return frame.astype({"origin": "category", "destination": "category"}) if categories else frame


# pieces


def pieces(backend, csv, count, categories):
    import numpy as np

    frame = flights(csv, categories)
    rows = -(-len(frame) // count)
    parts = [frame.iloc[i * rows : (i + 1) * rows] for i in range(count)]
    codes = [np.random.default_rng(i).integers(0, count, len(part)) for i, part in enumerate(parts)]
    got = 0
    if backend == "scatter":
        import accrete

        store = accrete.temporary()
        yield  # from here on it is measured
        for part, by in zip(parts, codes):
            store.scatter(part, by=by, n=count)
        yield "split and append"
        for i in range(count):
            got += len(store.gather(i))
        store.close()
    else:
        if backend == "accrete.partd":
            import accrete.partd as partd
        else:
            import partd
        p = partd.PandasBlocks(partd.Buffer(partd.Dict(), partd.File()))
        yield
        for part, by in zip(parts, codes):
            groups = part.groupby(by)
            p.append({i: groups.get_group(i) for i in groups.groups}, fsync=True)
        yield "split and append"
        for i in range(count):
            got += len(p.get(i))
        p.drop()
    assert got == len(frame)


# dask


def dask_job(backend, csv, name, scheduler):
    if backend == "accrete.partd":
        import accrete.partd

        accrete.partd.install()
    import dask
    import dask.bag
    import dask.dataframe as dd
    import dask.distributed  # as Dask does when it first computes, which is not to be measured

    if backend == "registered":
        import accrete.dask

        accrete.dask.register()
    dask.config.set({"shuffle" if dask.__version__ < "2023" else "dataframe.shuffle.method": "disk"})
    dask.config.set(scheduler=scheduler, num_workers=2)
    count = 150 if "150" in name else 32
    frame = flights(csv, "categories" in name)
    # Else Dask looks first whether the index is in order, which takes a third of a second.
    table = dd.from_pandas(frame, npartitions=count, sort=False)
    yield
    if name.startswith("shuffle"):
        found = table.shuffle("distance" if "150" in name else "origin").map_partitions(len).compute().sum()
        assert found == len(frame)
    elif name == "set_index":
        assert table.set_index("distance").map_partitions(len).compute().sum() == len(frame)
    elif name == "merge":
        right = frame.drop_duplicates("destination")[["destination", "distance"]].rename(columns={"distance": "least"})
        merged = table.merge(dd.from_pandas(right, npartitions=8), on="destination")
        assert merged.map_partitions(len).compute().sum() == len(frame)
    elif name == "groupby.apply":
        applied = table.groupby("origin").apply(lambda group: group[["delay"]].max(), meta={"delay": "i8"})
        assert len(applied.compute()) == frame["origin"].nunique()
    elif name == "bag.groupby":
        # Frames until they are in a task: for each row in the graph, Dask takes ten times as long as for its work.
        parts = [frame.iloc[i : i + 10_000][["origin", "delay"]] for i in range(0, 300_000, 10_000)]
        yield
        rows = dask.bag.from_sequence(parts, npartitions=len(parts)).map(rows_of).flatten()
        groups = rows.groupby(lambda row: row[0], shuffle="disk")
        assert sum(groups.map(lambda group: len(group[1])).compute()) == 300_000


def rows_of(frame):
    return list(frame.itertuples(index=False, name=None))


# groups


def groups(backend, csv, key, source):
    columns = key.split(",")
    place = tempfile.mkdtemp()
    target = os.path.join(place, "groups")
    if source == "in memory":
        frame = flights(csv)
    if "Polars" in backend:
        import polars as pl

        table = pl.from_pandas(frame) if source == "in memory" else pl.scan_csv(csv)
    elif backend in ("DuckDB", "pyarrow", "accrete, Arrow"):
        import pyarrow as pa
        import pyarrow.csv

        table = pa.Table.from_pandas(frame) if source == "in memory" else pyarrow.csv.open_csv(csv)
    yield
    if backend.startswith("accrete"):
        import accrete

        accrete.create(target)
        with accrete.open(target) as store:
            store.scatter(table if "," in backend else frame, by=key if len(columns) == 1 else columns)
    elif backend == "pandas to_csv":
        for name, group in frame.groupby(columns[0] if len(columns) == 1 else columns):
            name = name if len(columns) == 1 else ",".join(name)
            group.to_csv(target + name, mode="a", index=False)
    elif backend == "pandas to_parquet":
        os.mkdir(target)
        frame.to_parquet(target, partition_cols=columns)
    elif backend == "Polars partition_by":
        for name, group in table.partition_by(columns, as_dict=True).items():
            group.write_ipc(target + ",".join(name))
    elif backend == "Polars sink":
        import polars as pl

        table.lazy().sink_ipc(pl.PartitionBy(target, key=columns), mkdir=True)
    elif backend == "DuckDB":
        import duckdb

        rows = table  # by whose name DuckDB finds it
        duckdb.sql(f"COPY (FROM rows) TO '{target}' (FORMAT parquet, PARTITION_BY ({key}))")
    elif backend == "pyarrow":
        import pyarrow.dataset as ds

        ds.write_dataset(table, target, format="feather", partitioning=columns, max_partitions=10_000)
    yield
    import shutil

    shutil.rmtree(place)


# the driver


def jobs():
    """Name of the job, the function, its arguments after the backend and the file, and the backends; accrete first."""
    for count, categories in ((32, False), (150, False), (32, True)):
        name = f"pieces {count} x {count}" + (" with categories" if categories else "")
        yield name, pieces, (count, categories), ("scatter", "accrete.partd", "partd")
    names = ("shuffle 32 x 32", "shuffle 150 x 150", "shuffle 32 x 32 with categories", "set_index", "merge", "groupby.apply")
    for name, scheduler in itertools.product(names, ("threads", "processes")):
        yield f"dask {name}, {scheduler}", dask_job, (name, scheduler), ("registered", "accrete.partd", "partd")
    for scheduler in ("threads", "processes"):
        yield f"dask bag.groupby, {scheduler}", dask_job, ("bag.groupby", scheduler), ("accrete.partd", "partd")
    others = ("Polars partition_by", "Polars sink", "DuckDB", "pyarrow")
    for key in ("origin", "origin,destination"):
        backends = ("accrete", "accrete, Arrow", "pandas to_csv", "pandas to_parquet", *others)
        yield f"groups by {key}, in memory", groups, (key, "in memory"), backends
        backends = ("accrete, Polars", "accrete, Arrow", "Polars sink", "DuckDB", "pyarrow")
        yield f"groups by {key}, from a file", groups, (key, "from a file"), backends


def processor_seconds():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def resident_bytes():
    """Of this process and those that it has started, pages that they share counted once in each."""
    total = 0
    ours = {os.getpid()}
    for pid in sorted(map(int, filter(str.isdigit, os.listdir("/proc")))):
        try:
            with open(f"/proc/{pid}/stat", "rb") as stat:
                fields = stat.read().rpartition(b")")[2].split()
        except OSError:
            continue  # it has ended
        if pid in ours or int(fields[1]) in ours:
            ours.add(pid)
            total += int(fields[21]) * resource.getpagesize()
    return total


def run_here(function, arguments):
    """Runs one job in this process and prints what it took, by phases that it names."""
    steps = function(*arguments)
    next(steps)
    ended = threading.Event()
    most = [resident_bytes()]

    def look():
        while not ended.wait(0.02):
            most.append(resident_bytes())

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    phases = {}
    begin = last = time.perf_counter()
    used = processor_seconds()
    for step in steps:
        now = time.perf_counter()
        if isinstance(step, str):
            phases[step] = now - last
        elif function is groups:
            break
        else:
            begin, used = now, processor_seconds()
        last = now
    seconds = time.perf_counter() - begin
    used = processor_seconds() - used
    ended.set()
    watch.join()
    list(steps)
    print(json.dumps({"seconds": seconds, "processor": used, "memory": max(most), "phases": phases}))


def missing(backend):
    needed = {"Polars": "polars", "DuckDB": "duckdb", "pyarrow": "pyarrow", "Arrow": "pyarrow"}
    return next((m for word, m in needed.items() if word in backend and not importlib.util.find_spec(m)), None)


def run_apart(number, backend, csv):
    """Its figures, or why there are none."""
    command = [sys.executable, __file__, "--run", str(number), backend, csv]
    with tempfile.TemporaryDirectory() as place:
        try:
            ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 env={**os.environ, "TMPDIR": place}, timeout=SECONDS_A_RUN)
        except subprocess.TimeoutExpired:
            return f"takes more than {SECONDS_A_RUN} s"
    return ran.stderr.strip().splitlines()[-1] if ran.returncode else json.loads(ran.stdout.splitlines()[-1])


def compare(number, name, backends, csv, repetitions):
    print(f"\n{name}")
    found = {backend: [] for backend in backends if not missing(backend)}
    for _ in range(repetitions):
        for backend, runs in list(found.items()):
            figures = run_apart(number, backend, csv)
            if isinstance(figures, str):
                print(f"  {backend}: {figures}")
                del found[backend]
            else:
                runs.append(figures)
    first = None
    for backend, runs in found.items():
        seconds, processor, memory = (statistics.median(run[what] for run in runs) for what in ("seconds", "processor", "memory"))
        first = first or seconds
        phases = {phase: round(statistics.median(run["phases"][phase] for run in runs), 3) for phase in runs[0]["phases"]}
        print(f"  {backend:20} {seconds:8.3f} s {processor:8.3f} s of processor {memory / 1e6:8.0f} MB  {seconds / first:6.2f} x"
              + (f"  {phases}" if phases else ""), flush=True)


def main():
    every = list(jobs())
    if sys.argv[1:2] == ["--run"]:
        number, backend, csv = sys.argv[2:]
        _, function, arguments, _ = every[int(number)]
        return run_here(function, (backend, csv, *arguments))
    parser = argparse.ArgumentParser(usage=__doc__.partition("\n")[0].removeprefix("usage: "), description=__doc__)
    parser.add_argument("csv")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--jobs", default="")
    options = parser.parse_args()
    for number, (name, _, _, backends) in enumerate(every):
        if options.jobs in name:
            compare(number, name, backends, options.csv, options.repetitions)


if __name__ == "__main__":
    main()
