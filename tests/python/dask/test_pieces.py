"""What Dask's tasks scatter to and get from, without a scheduler."""

import pickle

import accrete
import pytest

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pytest.importorskip("dask.dataframe")

from accrete import dask as accrete_dask  # noqa: E402

STRINGS = pd.DataFrame({"row": [1, 2, 3, 4], "object": ["x", None, "y", "z"]})
OBJECTS = pd.DataFrame({"row": [5, 6], "object": [b"b", (1, 2)]})


@pytest.fixture
def pieces():
    return accrete_dask.Pieces.create()


def objects_of(pieces, part):
    frame = pieces.get(part)
    objects = frame["object"].astype(object)
    return dict(zip(frame["row"], objects.where(objects.notna(), None)))


def test_a_task_that_is_run_again_appends_nothing_twice(pieces):
    for _ in range(2):
        pieces.scatter(STRINGS, np.array([0, 1, 0, 1]), 2, "a task")
        pieces.scatter(OBJECTS, np.array([0, 1]), 2, "another")
    assert objects_of(pieces, 0) == {1: "x", 3: "y", 5: b"b"}
    assert objects_of(pieces, 1) == {2: None, 4: "z", 6: (1, 2)}
    assert pieces.get(2) is None


def test_bytes_that_hold_a_pickle_are_not_unpickled(pieces):
    evil = pickle.dumps(Told())
    pieces.scatter(pd.DataFrame({"row": [1], "object": [evil]}), np.array([0]), 1)
    pieces.scatter(pd.DataFrame({"row": [2], "object": [{"a": 1}]}), np.array([0]), 1)
    pieces.scatter(pd.DataFrame({"row": [3], "object": [None]}), np.array([0]), 1)
    assert objects_of(pieces, 0) == {1: evil, 2: {"a": 1}, 3: None}


class Told:
    def __reduce__(self):
        return pytest.fail, ("data was unpickled",)


def test_a_partition_that_is_too_large_for_a_batch_is_appended_in_halves(pieces, monkeypatch):
    scatter = accrete.Store.scatter

    def small(store, frame, **arguments):
        if len(frame) > 1:
            raise accrete.TooLargeError("too large")
        scatter(store, frame, **arguments)

    monkeypatch.setattr(accrete.Store, "scatter", small)
    for _ in range(2):
        pieces.scatter(STRINGS, np.array([0, 1, 0, 1]), 2, "a task")
    assert objects_of(pieces, 0) == {1: "x", 3: "y"}
    assert objects_of(pieces, 1) == {2: None, 4: "z"}


def test_columns_that_differ_between_partitions_are_joined_as_pandas_does(pieces):
    pieces.scatter(pd.DataFrame({"row": [1]}), np.array([0]), 1)
    pieces.scatter(pd.DataFrame({"row": [1.5]}), np.array([0]), 1)
    assert pieces.get(0)["row"].tolist() == [1.0, 1.5]


@pytest.mark.parametrize("frame", [
    lambda: pd.DataFrame({0: [1, 2, 3], "_partitions": [0, 1, 0]}),
    lambda: pd.DataFrame({"c": [1j, 2, 3]}),
    lambda: pd.DataFrame([[1, "a"], [2, "b"], [3, "c"]], columns=["c", "c"]),
    lambda: pd.DataFrame([[1, 2], [3, 4], [5, 6]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
    lambda: pd.DataFrame({"c": [1, 2, 3]}, index=pd.Index([5, 6, 7], name=("a", 1))),
], ids=["labels of two types", "complex", "equal labels", "levels of labels", "named by a tuple"])
def test_frames_that_are_no_tables_come_back(pieces, frame):
    frame = frame()
    for task in ("one", "another", "one"):
        pieces.scatter(frame, np.array([0, 2, 0]), 3, task)
    copy = pickle.loads(pickle.dumps(pieces))
    for part, rows in ((0, [0, 2]), (2, [1])):
        pd.testing.assert_frame_equal(copy.get(part), pd.concat([frame.iloc[rows]] * 2))
    assert copy.get(1) is None
    with pytest.raises(ValueError):
        pieces.scatter(frame, np.array([0, 3, 0]), 3)


def test_each_task_of_a_shuffle_has_a_name_of_its_own():
    import dask
    import dask.dataframe as dd

    accrete_dask.register()
    try:
        with dask.config.set({"shuffle" if dask.__version__ < "2023" else "dataframe.shuffle.method": "disk"}):
            table = dd.from_pandas(pd.DataFrame({"a": range(9)}), npartitions=3).shuffle("a").shuffle("a", npartitions=2)
            table = table.optimize() if hasattr(table, "optimize") else table
        scatter = {accrete_dask._scatter, accrete_dask._scatter_all}
        tasks = [task for task in dict(table.__dask_graph__()).values() if type(task) is tuple and task[0] in scatter]
    finally:
        accrete_dask.unregister()
    assert tasks and len({task[-1] for task in tasks}) == len(tasks) and all(len(task) == 6 for task in tasks)
