"""Dask's shuffles through accrete: `register()` for Dask's own method "disk", `shuffle` for one table.

    import accrete.dask

    accrete.dask.register()
    df.shuffle("origin", shuffle_method="disk")  # also set_index, merge, groupby.apply and sort_values

    accrete.dask.shuffle(df, "origin", npartitions=32)

Each partition is split once and appended to one dataset of temporary files, as columns, without a pickle a piece. Needs
Dask with its dataframes, 2022.12 or newer. `accrete.partd.install()` does the same for `dask.bag`, and all else that
imports partd.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import dask

from . import _native
from ._store import open as _open
from .errors import InvalidArgumentError, TooLargeError, UnsupportedError

__all__ = ["Pieces", "register", "shuffle", "unregister"]


class Pieces:
    """The pieces of a table on their way from partitions to partitions, in datasets of temporary files.

    Whoever gets it by pickling works on the same datasets. They go with the object that made them or, once that has been
    pickled, with the process; `accrete.sweep` removes those of processes that were killed.
    """

    def __init__(self, urls: tuple[bytes, bytes], datasets: tuple[_native.TemporaryDataset, ...] = ()) -> None:
        self._urls = urls
        self._datasets = datasets  # none: another process made them
        # A partition whose objects are all str goes to the first, as columns; one that has others to the second, where
        # all objects are pickled. So what is pickled does not depend on the partitions before it. Frames that are no
        # tables go to the second, too, under keys of their own.
        self._plain, self._pickled = map(_open, urls)

    @classmethod
    def create(cls, directory: str | None = None) -> Pieces:
        """In a directory; None: what Dask's configuration has as temporary_directory, or else tempfile."""
        parent = directory or dask.config.get("temporary_directory", None) or tempfile.gettempdir()
        plain, pickled = (_native.TemporaryDataset(os.fsencode(parent)) for _ in range(2))
        return cls((plain.url, pickled.url), (plain, pickled))

    def scatter(self, frame: Any, codes: Any, npartitions: int, task: str | None = None) -> None:
        """Append each row to the piece of its code. What a task of this name has appended, it does not append again:
        schedulers run tasks anew."""
        id = None if task is None else (hashlib.blake2b(task.encode(), digest_size=16).digest(), 1)
        try:
            try:
                self._plain.scatter(frame, by=codes, n=npartitions, id=id)
            except _refused:  # other objects than str, or other columns than the partitions before
                try:
                    self._pickled.scatter(frame, by=codes, n=npartitions, objects="pickle", id=id)
                except _refused:  # no table can hold it: labels of several types, complex numbers
                    self._pickled.append(_blocks_of(frame, codes, npartitions), id=id)
        except TooLargeError:
            middle = len(frame) // 2
            if middle == 0:
                raise
            for number, rows in enumerate((slice(None, middle), slice(middle, None))):
                self.scatter(frame.iloc[rows], codes[rows], npartitions, task and f"{task}/{number}")

    def get(self, part: int) -> Any:
        """The rows of a partition; None if it has none."""
        from dask.dataframe.dispatch import concat

        frames = [store.gather(part, unpickle=True) for store in (self._plain, self._pickled) if part in store]
        if blocks := self._pickled.get(_blocks_key(part)):
            frames.append(_frame_of(blocks))
        return concat(frames) if len(frames) > 1 else next(iter(frames), None)

    def drop(self) -> None:
        """Remove all pieces. Dask calls it when a task fails."""
        self._plain.drop()
        self._pickled.drop()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._datasets:
            _kept[self._urls] = self
        return Pieces, (self._urls,)


_refused = (TypeError, InvalidArgumentError)


def _blocks_key(part: int) -> tuple[str, int]:
    return "blocks", part


def _blocks_of(frame: Any, codes: Any, npartitions: int) -> dict[Any, bytes]:
    """Each part's rows, as partd's PandasBlocks has them, which takes any frame."""
    import numpy as np

    from .partd.dict import Dict
    from .partd.pandas import PandasBlocks

    codes = np.asarray(codes)
    if len(codes) != len(frame) or codes.min() < 0 or codes.max() >= npartitions:
        raise InvalidArgumentError(f"the codes are not those of {len(frame)} rows in {npartitions} partitions")
    order = np.argsort(codes, kind="stable")
    parts, starts = np.unique(codes[order], return_index=True)
    rows = np.split(order, starts[1:])
    blocks = Dict()
    PandasBlocks(blocks).append({_blocks_key(part): frame.iloc[own] for part, own in zip(parts.tolist(), rows)})
    return {key: b"".join(pieces) for key, pieces in blocks.data.items()}


def _frame_of(blocks: bytes) -> Any:
    from .partd.dict import Dict
    from .partd.pandas import PandasBlocks

    pieces = Dict()
    pieces.append({"": blocks})
    return PandasBlocks(pieces).get("")


_kept: dict[tuple[bytes, bytes], Pieces] = {}  # until the process ends, for others have them
atexit.register(_kept.clear)


class _MaybePieces:
    """In place of Dask's maybe_buffered_partd, whose arguments it has: what is not pandas' goes to that."""

    def __init__(self, encode_cls: Any = None, buffer: bool = True, tempdir: str | None = None) -> None:
        if encode_cls is not None:
            import partd

            if encode_cls is partd.PandasBlocks:
                encode_cls = None
        self._encode_cls = encode_cls
        self._buffer = buffer
        self._tempdir = tempdir

    def __call__(self, *_: Any) -> Any:
        if self._encode_cls is None:
            return Pieces.create(self._tempdir)
        return _original("maybe_buffered_partd")(self._encode_cls, self._buffer, self._tempdir)()

    def __reduce__(self) -> tuple[Any, ...]:
        return _MaybePieces, (self._encode_cls, False, self._tempdir)


def _scatter(frame: Any, column: str, parts: Iterable[int], pieces: Any, task: str | None = None) -> None:
    """In place of DiskShuffle._shuffle_group: rows whose part is not asked for are left out."""
    if not isinstance(pieces, Pieces):
        _original("_shuffle_group")(frame, column, parts, pieces)
        return
    codes = frame[column]
    wanted = codes.isin(list(parts))
    if not wanted.all():
        frame, codes = frame[wanted], codes[wanted]
    if len(frame):
        pieces.scatter(frame, codes.to_numpy(), int(codes.max()) + 1, task)


def _scatter_all(frame: Any, column: str, npartitions: int, pieces: Any, task: str | None = None) -> None:
    """In place of shuffle_group_3."""
    if not isinstance(pieces, Pieces):
        _original("shuffle_group_3")(frame, column, npartitions, pieces)
    elif len(frame):
        pieces.scatter(frame, frame[column].to_numpy(), npartitions, task)


def _collect(pieces: Any, part: int, meta: Any, barrier: Any) -> Any:
    """In place of collect."""
    if not isinstance(pieces, Pieces):
        return _original("collect")(pieces, part, meta, barrier)
    rows = pieces.get(part)
    return meta if rows is None else rows


def _layer_with_tasks(self: Any) -> Any:
    """In place of DiskShuffle._layer."""
    layer = _original("_layer")(self)
    _name_tasks(layer)
    return layer


def _rearranged_with_tasks(*args: Any, **kwargs: Any) -> Any:
    """In place of rearrange_by_column_disk."""
    table = _original("rearrange_by_column_disk")(*args, **kwargs)
    for layer in table.dask.layers.values():
        if isinstance(mapping := getattr(layer, "mapping", None), dict):
            _name_tasks(mapping)
    return table


def _name_tasks(tasks: dict[Any, Any]) -> None:
    """Tells those that scatter which they are, if they have not been told."""
    for key, task in tasks.items():
        if isinstance(task, tuple) and len(task) == 5 and (task[0] is _scatter or task[0] is _scatter_all):
            tasks[key] = (*task, repr(key))


_modules = ("dask.dataframe.shuffle", "dask_expr._shuffle", "dask.dataframe.dask_expr._shuffle")  # by Dask's version
_replacements: dict[str, Any] = {
    "maybe_buffered_partd": _MaybePieces, "shuffle_group_3": _scatter_all, "collect": _collect,
    "rearrange_by_column_disk": _rearranged_with_tasks,
    "_shuffle_group": staticmethod(_scatter), "_layer": _layer_with_tasks,
}
_originals: dict[tuple[Any, str], Any] = {}  # what register() has replaced, by what has it and its name


def _places() -> Iterator[tuple[Any, str]]:
    """What this Dask has of what is replaced."""
    import dask.dataframe

    for module in filter(None, map(sys.modules.get, _modules)):
        for owner in (module, getattr(module, "DiskShuffle", None)):
            for name in _replacements:
                if name in vars(owner or object):
                    yield owner, name


def _original(name: str) -> Any:
    for owner, its_name in [*_originals, *_places()]:
        if its_name == name:
            original = _originals.get((owner, name)) or vars(owner)[name]
            return original.__func__ if isinstance(original, staticmethod) else original
    raise UnsupportedError(f"this version of Dask has no {name}")


def register() -> None:
    """Have Dask's shuffle method "disk" go through accrete, for graphs that are made in this process from now on,
    wherever they run. Frames that are not pandas' go on as before."""
    for owner, name in list(_places()):
        if (owner, name) not in _originals:
            _originals[owner, name] = vars(owner)[name]
            setattr(owner, name, _replacements[name])


def unregister() -> None:
    """Undo `register`."""
    while _originals:
        (owner, name), original = _originals.popitem()
        setattr(owner, name, original)


def shuffle(df: Any, on: str | list[str], npartitions: int | None = None) -> Any:
    """The rows of a Dask DataFrame in new partitions, those with equal values in the column or columns `on` together.

    npartitions: how many; None: as many as there are. Rows keep their index and, within what comes from one partition,
    their order. The divisions are not known. It is done once for each graph that is computed.
    """
    import dask.dataframe
    from dask.dataframe.shuffle import partitioning_index

    columns = [on] if isinstance(on, str) else list(on)
    count = npartitions or df.npartitions

    def scatter(frame: Any, pieces: Pieces, task: str) -> None:
        if len(frame):
            pieces.scatter(frame, partitioning_index(frame[columns], count), count, task)

    def wait(_: Any) -> None:
        pass

    meta = df._meta
    token = uuid.uuid4().hex
    pieces = dask.delayed(Pieces.create, pure=False)()
    scattered = [
        dask.delayed(scatter)(frame, pieces, f"{token}-{number}") for number, frame in enumerate(df.to_delayed())
    ]
    barrier = dask.delayed(wait)(scattered)
    gathered = [dask.delayed(_collect)(pieces, part, meta, barrier) for part in range(count)]
    return dask.dataframe.from_delayed(gathered, meta=meta, verify_meta=False)
