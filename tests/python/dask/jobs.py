"""usage: jobs.py partd|register SCHEDULER

Runs what Dask does on disk, with accrete.partd in place of partd or accrete.dask registered, by the scheduler threads,
processes or distributed; compares it with what pandas makes, row for row; and proves that the workers used accrete.
"""

import concurrent.futures
import contextlib
import multiprocessing
import os
import sys

import accrete.dask
import accrete.partd
import dask
import dask.bag
import dask.dataframe as dd
import numpy as np
import pandas as pd

ROWS = 4000
PARTITIONS = 6


def table():
    random = np.random.default_rng(1)
    words = np.array(["", "ATL", "Zürich", "a longer name of an airport", None], dtype=object)
    numbers = random.integers(-50, 50, ROWS)
    return pd.DataFrame(
        {
            "row": np.arange(ROWS),
            "key": words[random.integers(0, 4, ROWS)],
            "number": numbers,
            "text": words[random.integers(0, 5, ROWS)],
            "delay": np.where(numbers % 7 == 0, np.nan, random.normal(size=ROWS)),
            "category": pd.Categorical(words[random.integers(0, 3, ROWS)], categories=["", "ATL", "Zürich", "unused"]),
            "when": pd.to_datetime(random.integers(0, 10**9, ROWS), unit="s").tz_localize("Europe/Berlin"),
            "nullable": pd.array(np.where(numbers % 5 == 0, None, numbers), dtype="Int64"),
            "late": numbers > 0,
        },
        index=pd.Index(np.arange(ROWS) * 2, name="index"),
    )


def equal(computed, expected, keeps_index=True):
    """Row for row; Dask may have made its strings Arrow's."""
    computed = computed.sort_values("row")
    expected = expected.sort_values("row")
    if not keeps_index:
        computed, expected = computed.reset_index(drop=True), expected.reset_index(drop=True)
    texts = [name for name in expected.columns if expected[name].dtype == object or str(expected[name].dtype) == "str"]
    for name in texts:
        for frame in (computed, expected):
            frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    if isinstance(expected["category"].dtype, pd.CategoricalDtype):
        names = expected["category"].cat.categories.astype(object)
        for frame in (computed, expected):
            frame["category"] = pd.Categorical(frame["category"].astype(object), categories=names)
    pd.testing.assert_frame_equal(computed[expected.columns], expected)


def center(group):
    rows = group[["row", "text", "delay", "category"]]
    return rows.assign(delay=rows["delay"] - rows["delay"].mean())


def jobs(frame):
    """Name, what Dask computes, and what pandas makes."""
    table = dd.from_pandas(frame, npartitions=PARTITIONS)
    yield "shuffle", table.shuffle("key", npartitions=4), frame
    yield "shuffle by two", table.shuffle(["key", "number"]), frame
    yield "set_index", table.set_index("number"), frame.set_index("number")
    yield "sort_values", table.sort_values("number"), frame
    right = pd.DataFrame({"number": np.arange(-50, 50, 3), "name": "x"})
    merged = table.merge(dd.from_pandas(right, npartitions=3), on="number")
    yield "merge", merged, frame.merge(right, on="number")
    applied = table.groupby("number").apply(center, meta=center(table._meta))
    yield "groupby.apply", applied, pd.concat([center(group) for _, group in frame.groupby("number")])


def bags():
    numbers = list(range(2000))
    groups = dict(dask.bag.from_sequence(numbers, npartitions=7).groupby(lambda n: n % 19, shuffle="disk").compute())
    assert {key: sorted(group) for key, group in groups.items()} == {k: numbers[k::19] for k in range(19)}
    # By a number: in old versions, distributed's workers differ in the hashes of strings.
    words = [("a", 1), ("bb", (2, 3)), ("a", {4: None})] * 50
    bag = dask.bag.from_sequence(words, npartitions=3)
    groups = dict(bag.groupby(lambda pair: len(pair[0]), shuffle="disk").compute())
    assert sorted(map(repr, groups[1])) == sorted(map(repr, [word for word in words if word[0] == "a"]))


def partd_file(_):
    import partd

    return os.getpid(), partd.__file__


def main(backend, scheduler):
    # A distributed.Client has set it, too.
    dask.config.set({"shuffle" if dask.__version__ < "2023" else "dataframe.shuffle.method": "disk"})
    frame = table()
    for name, lazy, expected in jobs(frame):
        computed = lazy.compute()
        if name == "set_index":
            assert computed.index.is_monotonic_increasing and computed.index.name == "number"
        if name == "sort_values":
            assert computed["number"].is_monotonic_increasing
        equal(computed, expected, keeps_index=name not in ("merge", "groupby.apply"))
    if backend == "partd":
        bags()
        files = dask.bag.range(8, npartitions=8).map(partd_file).compute()
        assert all("accrete" in file for _, file in files), files
        assert scheduler == "threads" or os.getpid() not in dict(files), files
    else:
        lazy = dd.from_pandas(frame, npartitions=PARTITIONS).shuffle("key")
        lazy = lazy.optimize() if hasattr(lazy, "optimize") else lazy  # which lowers it to tasks where they are late
        assert "accrete.dask" in repr(dict(lazy.__dask_graph__())), "Dask's own shuffle has run"
        shuffled = accrete.dask.shuffle(dd.from_pandas(frame, npartitions=PARTITIONS), "key", 5)
        assert shuffled.npartitions == 5
        equal(shuffled.compute(), frame)
        keys = [set(part["key"]) for part in dask.compute(*shuffled.to_delayed())]
        assert sum(map(len, keys)) == frame["key"].nunique()
    print("equal")


@contextlib.contextmanager
def workers(scheduler):
    """The same ones for all jobs: to start them takes longest."""
    if scheduler == "threads":
        with dask.config.set(scheduler="threads", num_workers=2):
            yield
    elif scheduler == "processes":
        spawn = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(2, spawn) as pool, dask.config.set(scheduler="processes", pool=pool):
            yield
    else:
        import distributed

        with distributed.LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster:
            with distributed.Client(cluster):
                yield


if __name__ == "__main__":
    backend, scheduler = sys.argv[1:]
    if backend == "partd":
        accrete.partd.install()
    else:
        accrete.dask.register()
    with workers(scheduler):
        main(backend, scheduler)
