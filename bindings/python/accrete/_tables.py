"""Scatter and gather: tables to keys and back, whatever library they are of."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _native
from ._types import Key
from .errors import InvalidArgumentError

if TYPE_CHECKING:
    from ._store import Store


class Table:
    """Rows that were gathered, in Arrow's memory layout: whatever reads Arrow's C stream reads them without a copy, as
    pyarrow.table(t), polars.DataFrame(t), or DuckDB of a variable that holds it."""

    def __init__(self, columns: _native.Column) -> None:
        self._columns = columns

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self._columns.children]

    @property
    def num_rows(self) -> int:
        return len(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __arrow_c_schema__(self) -> object:
        return self._columns.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._columns.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"<accrete.Table of {len(self)} rows: {', '.join(self.column_names)}>"


def scatter(
    store: Store, table: Any, by: str | Sequence[str] | Any, n: int | None, null_key: Key | None, index: bool,
    objects: str | None, sync: bool, id: tuple[bytes, int] | None,
) -> None:
    if objects not in (None, "pickle"):
        raise InvalidArgumentError(f"objects is None or 'pickle', and not {objects!r}")
    keys = _columns_to_split_by(by, n)
    if keys is None:
        keys = _codes(by, n)
    if _is_pandas(table):
        from . import _frames

        source = _frames.tables_of(table, index, objects)
    else:
        source = _stream_of(table)
    _native.scatter(store, source, keys, n or 0, null_key, sync, id)


def _stream_of(table: Any) -> Any:
    stream = table.collect_batches() if hasattr(table, "collect_batches") else table  # of a LazyFrame of Polars
    if not hasattr(stream, "__arrow_c_stream__"):
        raise TypeError(
            f"a table is a pandas.DataFrame or has __arrow_c_stream__, as those of pyarrow, Polars and DuckDB do, and a "
            f"{type(table).__name__} has not"
        )
    return stream.__arrow_c_stream__()


def _is_pandas(table: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(table, pandas.DataFrame)


def gather(store: Store, key: Key | list[Key], to: str | None, unpickle: bool) -> Any:
    columns = _native.gather(store, key if isinstance(key, list) else [key])
    if to is None:
        to = "pandas" if b"pandas" in columns.metadata else "arrow"
    if to == "arrow":
        return Table(columns)
    if to != "pandas":
        raise InvalidArgumentError(f"a table is gathered to 'pandas' or 'arrow', and not to {to!r}")
    from . import _frames

    return _frames.frame_of(columns, unpickle)


def _columns_to_split_by(by: Any, n: int | None) -> list[str] | None:
    """Their names; None if `by` is codes."""
    if isinstance(by, str):
        names = [by]
    elif isinstance(by, (list, tuple)) and by and all(isinstance(name, str) for name in by):
        names = list(by)
    else:
        return None
    if n is not None:
        raise InvalidArgumentError("n goes with codes, and not with columns")
    return names


def _codes(by: Any, n: int | None) -> Any:
    """An array of 64-bit ints."""
    import numpy

    masked: Any = numpy.ma
    if masked.is_masked(by):
        raise TypeError("by has masked elements: filled() gives them values")
    codes = numpy.asarray(by)
    if codes.ndim != 1 or (codes.dtype.kind not in "iu" and len(codes)):
        raise TypeError("by is the name of a column, a list of names, or an array of ints")
    if n is None:
        raise InvalidArgumentError("by is codes: say how many keys there are, n=")
    return numpy.ascontiguousarray(codes, numpy.int64)
