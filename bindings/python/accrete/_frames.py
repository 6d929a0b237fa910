"""Frames of pandas as tables of Arrow, and back, by pandas' public API and without pyarrow.

What Arrow's types do not say stands in the schema's metadata under "pandas", in the form that pyarrow writes and reads:
https://pandas.pydata.org/docs/development/developer.html#storing-pandas-dataframe-objects-in-apache-parquet-format
"""

from __future__ import annotations

import ast
import datetime
import functools
import itertools
import json
import pickle
import re
from typing import Any

import numpy as np
import pandas as pd

from ._native import Column
from .errors import CorruptionError, InvalidArgumentError, UnsupportedError

_FORMATS = {"i1": "c", "u1": "C", "i2": "s", "u2": "S", "i4": "i", "u4": "I", "i8": "l", "u8": "L", "f2": "e", "f4": "f",
            "f8": "g"}
_DTYPES = {format: np.dtype(name) for name, format in _FORMATS.items()}
_UNITS = {"s": "s", "m": "ms", "u": "us", "n": "ns"}  # of Arrow: of numpy
_NAT = np.iinfo(np.int64).min
_PICKLED = b"accrete.pickle"  # in the metadata of a column: each of its values is a pickle
_NULLS = b"accrete.nulls"  # likewise: none of them is any, so others may be str or bytes
_SPARSE = b"accrete.sparse"  # likewise: its dtype, which has the value that is not stored
_EXTENSION = b"ARROW:extension:name"
_EXTENSION_METADATA = b"ARROW:extension:metadata"
_HAS_ALL_UNITS = int(pd.__version__.partition(".")[0]) >= 2
_MIN_ROWS_OF_CHUNKS = 1 << 16  # what is cut into shorter tables has more pieces than is worth it
_MASKED_ARRAYS = (pd.arrays.BooleanArray, pd.arrays.IntegerArray, pd.arrays.FloatingArray)


# From pandas


def tables_of(frame: pd.DataFrame, index: bool, objects: str | None) -> list[Column]:
    """The frame as one table; or as one after the other, cut where the chunks of pyarrow's strings end, which need not be
    copied then. `objects` is "pickle" if the columns of the dtype object are pickled."""
    ends = _ends_of_chunks(frame)
    return [_table_of(frame.iloc[begin:end], index, objects) for begin, end in zip([0, *ends], ends)]


def _ends_of_chunks(frame: pd.DataFrame) -> list[int]:
    """All that there are in any column; of the last one alone, if they are many or something else is in chunks, too."""
    if len(frame) < 2 * _MIN_ROWS_OF_CHUNKS:
        return [len(frame)]
    ends = {len(frame)}
    for position, dtype in enumerate(frame.dtypes):
        if isinstance(dtype, pd.StringDtype) and dtype.storage.startswith("pyarrow"):
            chunks = frame.iloc[:, position].array.__arrow_array__()
            ends.update(itertools.accumulate(map(len, getattr(chunks, "chunks", [chunks]))))
        elif not isinstance(dtype, np.dtype) or dtype.kind == "O":
            return [len(frame)]
    return sorted(ends - {0}) if len(frame) >= len(ends) * _MIN_ROWS_OF_CHUNKS else [len(frame)]


def _table_of(frame: pd.DataFrame, index: bool, objects: str | None) -> Column:
    """The columns of a frame and then those of its index."""
    _check_names(frame)
    taken = set(map(str, frame.columns))
    columns, descriptions, levels = [], [], []
    for position, name in enumerate(frame.columns):
        series = frame.iloc[:, position]
        columns.append(_column(series, str(name), objects))
        descriptions.append(_description(series, name, str(name)))
    for level in range(frame.index.nlevels) if index else ():
        values = frame.index.get_level_values(level)
        field_name = _index_field(values.name, level, taken)
        taken.add(field_name)
        series = pd.Series(values, copy=False)  # to_series() would copy them as its index, too
        columns.append(_column(series, field_name, objects))
        descriptions.append({**_description(series, None, field_name), "name": _name_of(values, "index")})
        levels.append(field_name)
    labels = _description(frame.columns.to_series(), None, None)
    labels["name"] = _name_of(frame.columns, "columns")
    _check_labels(frame.columns, labels)
    table = Column.structure("", len(frame), columns)
    table.metadata = {b"pandas": json.dumps({
        "index_columns": levels,
        "column_indexes": [labels],
        "columns": descriptions,
        "creator": {"library": "accrete"},
        "pandas_version": pd.__version__,
    }).encode()}
    return table


def _check_names(frame: pd.DataFrame) -> None:
    if frame.columns.nlevels > 1:
        raise TypeError("the columns have a MultiIndex: give each one name, as frame.columns.map('_'.join) does")
    seen = set()
    for name in map(str, frame.columns):
        if name in seen:
            raise InvalidArgumentError(f"two columns are named {name!r}")
        seen.add(name)


def _are_restored(labels: pd.Index, description: dict[str, Any]) -> bool:
    if labels.dtype == object:
        return all(isinstance(label, str) for label in labels)
    try:
        restored = _names([str(label) for label in labels], description)
    except CorruptionError:
        return False
    return bool(restored.dtype == labels.dtype and restored.equals(labels))


def _check_labels(labels: pd.Index, description: dict[str, Any]) -> None:
    if not _are_restored(labels, description):
        raise TypeError(
            f"the labels of the columns, such as {labels[0]!r}, cannot be stored as they are: make them all str, as "
            "frame.columns.map(str) does, or all of another simple type"
        )


def _name_of(index: pd.Index, what: str) -> str | int | None:
    name = index.name.item() if isinstance(index.name, np.generic) else index.name
    if name is None or (isinstance(name, (str, int)) and not isinstance(name, bool)):
        return name
    raise TypeError(f"the {what} is named {name!r}, and not by a str or an int: rename it (rename_axis)")


def _index_field(name: Any, level: int, taken: set[str]) -> str:
    """Its name, if no other column of the table has that."""
    if isinstance(name, str) and name not in taken:
        return name
    field_name = f"__index_level_{level}__"
    while field_name in taken:
        field_name += "_"
    return field_name


def _description(series: pd.Series, name: Any, field_name: str | None) -> dict[str, Any]:
    """Of a column or an index, by its dtype alone."""
    dtype = series.dtype
    metadata: dict[str, Any] | None = None
    if isinstance(dtype, pd.CategoricalDtype):
        kind, numpy_type = "categorical", str(series.cat.codes.dtype)
        metadata = {"num_categories": len(dtype.categories), "ordered": bool(dtype.ordered),
                    "categories_type": _numpy_type(dtype.categories.dtype)}
    elif isinstance(dtype, pd.DatetimeTZDtype):
        kind, numpy_type, metadata = "datetimetz", f"datetime64[{dtype.unit}]", {"timezone": _zone(dtype.tz)}
    elif isinstance(dtype, pd.ArrowDtype):
        # str(dtype) may be that of a StringDtype, too.
        kind, numpy_type, metadata = str(dtype.pyarrow_dtype), str(dtype), {"is_arrow": True}
    else:
        numpy_type = _numpy_type(dtype)
        kind = "unicode" if numpy_type == "object" or isinstance(dtype, pd.StringDtype) else numpy_type.lower()
    return {"name": name if name is None else str(name), "field_name": field_name, "pandas_type": kind,
            "numpy_type": numpy_type, "metadata": metadata}


def _numpy_type(dtype: Any) -> str:
    if isinstance(dtype, pd.StringDtype) and str(dtype) != "str":
        return f"string[{dtype.storage}]"
    return str(dtype)


def _zone(zone: datetime.tzinfo) -> str:
    """As Arrow names it: of the database of zones, or an offset."""
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    if name:
        return str(name)
    offset = zone.utcoffset(None)
    if offset is None:
        raise TypeError(f"the time zone {zone!r} has neither a name nor a fixed offset: tz_convert to one that has")
    if offset % datetime.timedelta(minutes=1):
        raise TypeError(f"the time zone {zone!r} has seconds, which Arrow does not have: tz_convert to another one")
    minutes = offset // datetime.timedelta(minutes=1)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "UTC"


def _column(series: pd.Series, name: str, objects: str | None) -> Column:
    column = _column_of_type(series, name, objects)
    if isinstance(series.dtype, pd.SparseDtype):
        if _sparse_dtype(str(series.dtype)) != series.dtype:
            raise TypeError(f"column {name!r} is of the dtype {series.dtype}, which cannot be stored: give it another (astype)")
        column.metadata = {**column.metadata, _SPARSE: str(series.dtype).encode()}
    return column


def _column_of_type(series: pd.Series, name: str, objects: str | None) -> Column:
    dtype = series.dtype
    array = series.array
    if isinstance(dtype, pd.CategoricalDtype):
        return _categories(series, name, objects)
    if isinstance(dtype, pd.DatetimeTZDtype):
        instants = series.to_numpy(dtype=f"datetime64[{dtype.unit}]")
        return _times(name, instants, f"ts{_unit(instants.dtype)}:{_zone(dtype.tz)}")
    if isinstance(dtype, pd.PeriodDtype):
        return _extension(_times(name, array.asi8, "l"), "pandas.period", {"freq": array.freqstr})
    if isinstance(dtype, pd.IntervalDtype):
        ends = [_column(pd.Series(array.left), "left", objects), _column(pd.Series(array.right), "right", objects)]
        extension = {"subtype": str(dtype.subtype), "closed": array.closed}
        return _extension(Column.structure(name, len(series), ends), "pandas.interval", extension)
    if isinstance(dtype, pd.StringDtype):
        if not dtype.storage.startswith("pyarrow") or not _has_c_interface(_pyarrow()):
            return _texts(series.to_numpy(dtype=object), name)
        column = _arrow_backed(array, name)
        column.narrow()
        return column
    if isinstance(dtype, pd.ArrowDtype):
        return _arrow_backed(array, name)
    if isinstance(array, _MASKED_ARRAYS):
        values = array.to_numpy(dtype=dtype.numpy_dtype, na_value=dtype.numpy_dtype.type())
        return _numbers(name, values, array.isna())
    values = np.asarray(array)
    if values.dtype.kind == "M":
        return _times(name, values, f"ts{_unit(values.dtype)}:")
    if values.dtype.kind == "m":
        return _times(name, values, f"tD{_unit(values.dtype)}")
    if values.dtype.kind == "b" or values.dtype.str[1:] in _FORMATS:
        return _numbers(name, values, None)
    if values.dtype.kind == "O":
        return _objects(values, name, objects)
    raise TypeError(f"column {name!r} is of the dtype {dtype}, which Arrow does not have: give it another (astype)")


def _unit(dtype: np.dtype[Any]) -> str:
    """Arrow's letter of the unit of a datetime64 or timedelta64."""
    unit = np.datetime_data(dtype)[0]
    return next(letter for letter, name in _UNITS.items() if name == unit)


def _validity(nulls: np.ndarray[Any, Any] | None) -> np.ndarray[Any, Any] | None:
    return None if nulls is None or not nulls.any() else np.packbits(~nulls, bitorder="little")


def _numbers(name: str, values: np.ndarray[Any, Any], nulls: np.ndarray[Any, Any] | None) -> Column:
    if values.dtype.kind == "b":
        return Column(name, "b", len(values), _validity(nulls), np.packbits(values, bitorder="little"), None, False)
    native = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    return Column(name, _FORMATS[native.dtype.str[1:]], len(native), _validity(nulls), native, None, False)


def _times(name: str, values: np.ndarray[Any, Any], format: str) -> Column:
    """Of 64-bit ticks, among which NaT is null."""
    ticks = np.ascontiguousarray(values).view(np.int64)
    return Column(name, format, len(ticks), _validity(ticks == _NAT), ticks, None, False)


def _categories(series: pd.Series, name: str, objects: str | None) -> Column:
    codes = series.cat.codes.to_numpy()
    nulls = codes < 0
    if nulls.any():
        codes = np.where(nulls, codes.dtype.type(0), codes)
    categories = _column(pd.Series(series.cat.categories), name, objects)
    return Column(name, _FORMATS[codes.dtype.str[1:]], len(codes), _validity(nulls), np.ascontiguousarray(codes), categories,
                  bool(series.cat.ordered))


def _arrow_backed(array: Any, name: str) -> Column:
    if not _has_c_interface(_pyarrow()):
        raise UnsupportedError(f"column {name!r} is pyarrow's, which hands it on from its version 14 on: install that")
    chunks = array.__arrow_array__()
    if hasattr(chunks, "num_chunks"):
        chunks = chunks.chunk(0) if chunks.num_chunks == 1 else chunks.combine_chunks()
    return Column.imported(name, *chunks.__arrow_c_array__())


def _texts(values: np.ndarray[Any, Any], name: str) -> Column:
    try:
        return Column.of_objects(name, np.ascontiguousarray(values), pd.NA)
    except UnicodeEncodeError as error:
        raise InvalidArgumentError(f"column {name!r} holds a str that is no Unicode text: {error}") from None


def _objects(values: np.ndarray[Any, Any], name: str, objects: str | None) -> Column:
    """Whether they are pickled does not depend on what they are: others of the same column may be anything."""
    if objects != "pickle":
        column = _texts(values, name)
        if column.null_count == len(column):
            column.metadata = {_NULLS: b"1"}
        return column
    pickles = np.empty(len(values), dtype=object)
    pickles[:] = [pickle.dumps(value, protocol=5) for value in values]
    column = Column.of_objects(name, pickles, pd.NA)
    column.metadata = {_PICKLED: b"5"}
    return column


def _extension(column: Column, extension: str, metadata: dict[str, str]) -> Column:
    column.metadata = {_EXTENSION: extension.encode(), _EXTENSION_METADATA: json.dumps(metadata).encode()}
    return column


# To pandas


def frame_of(table: Column, unpickle: bool) -> pd.DataFrame:
    """The frame that a table was, or what pandas has for its types. Its arrays are the table's memory."""
    metadata = _metadata_of(table)
    described = {each.get("field_name"): each for each in metadata["columns"]}
    levels = [level for level in metadata["index_columns"] if isinstance(level, str)]
    rows = pd.RangeIndex(len(table))
    names: list[Any] = []
    columns, found = {}, {}
    for column in table.children:
        description = described.get(column.name, {})
        array = _array(column, description, unpickle)
        dtype = array.dtype if array.dtype == object else None  # or strings would be inferred to be
        name = description.get("name", column.name)
        if column.name in levels:
            found[column.name] = pd.Index(array, dtype=dtype, name=name, copy=False)
        else:
            columns[len(names)] = pd.Series(array, index=rows, dtype=dtype, copy=False)
            names.append(name)
    frame = pd.DataFrame(columns, index=rows, copy=False)
    frame.columns = _names(names, metadata["column_indexes"][0] if metadata["column_indexes"] else {})
    if len(levels) == 1:
        frame.index = found[levels[0]]
    elif levels:
        frame.index = pd.MultiIndex.from_arrays([found[level] for level in levels])
    else:
        frame.index = _range(metadata, len(table))
    return frame


def _metadata_of(table: Column) -> dict[str, Any]:
    """What the schema says of pandas, which others may have written: of the form that is relied on."""
    try:
        metadata = json.loads(table.metadata.get(b"pandas", b"{}"))
    except (ValueError, RecursionError) as error:
        raise CorruptionError(f"the metadata 'pandas' of a table are no JSON: {error}") from None
    if not isinstance(metadata, dict):
        raise CorruptionError("the metadata 'pandas' of a table are no object of JSON")
    parts = {part: metadata.get(part) or [] for part in ("columns", "column_indexes", "index_columns")}
    fields = {column.name for column in table.children}
    are_lists = all(isinstance(part, list) for part in parts.values())
    if not are_lists or not all(map(_is_description, [*parts["columns"], *parts["column_indexes"]])):
        raise CorruptionError("the metadata 'pandas' of a table do not describe columns")
    for level in parts["index_columns"]:
        if level not in fields if isinstance(level, str) else not isinstance(level, dict):
            raise CorruptionError(f"the metadata 'pandas' of a table have the index {level!r}, and no column has")
    return parts


def _is_description(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("metadata") or {}, dict):
        return False
    details = value.get("metadata") or {}
    texts = [value.get(key) for key in ("field_name", "pandas_type", "numpy_type")]
    texts += [details.get(key) for key in ("categories_type", "timezone")]
    is_name = not isinstance(value.get("name"), (dict, list))
    return is_name and all(text is None or isinstance(text, str) for text in texts)


def _range(metadata: dict[str, Any], length: int) -> pd.RangeIndex:
    """As it was, if all rows are here that it numbered."""
    described: dict[str, Any] = next((level for level in metadata["index_columns"] if isinstance(level, dict)), {})
    numbers = [described.get(key) for key in ("start", "stop", "step")]
    name = described.get("name") if isinstance(described.get("name"), (str, int)) else None
    if described.get("kind") != "range":
        return pd.RangeIndex(length)
    try:
        restored = pd.RangeIndex(*numbers, name=name)
        return restored if len(restored) == length else pd.RangeIndex(length, name=name)
    except (OverflowError, TypeError, ValueError):
        raise CorruptionError(f"the metadata 'pandas' of a table have no such range: {described!r}") from None


def _dtype(numpy_type: str) -> Any:
    try:
        return pd.api.types.pandas_dtype(numpy_type)
    except (TypeError, ValueError, SyntaxError):
        raise CorruptionError(f"the metadata 'pandas' of a table name the dtype {numpy_type!r}") from None


def _sparse_dtype(text: str) -> pd.SparseDtype | None:
    """Of numbers, with any value that is not stored; pandas itself reads only those with the usual one."""
    # numpy 2 says np.float64(1.0) and np.True_.
    found = re.fullmatch(r"Sparse\[(bool|u?int\d+|float\d+), (?:np\.)?(?:\w+\()?([^()]+?)[_)]?\]", text)
    if found is None:
        return None
    subtype, fill = found.groups()
    try:
        value = float(fill) if fill.strip("+-") in ("nan", "inf") else ast.literal_eval(fill)
        return pd.SparseDtype(subtype, value)
    except (SyntaxError, TypeError, ValueError):
        return None


def _names(names: list[str], description: dict[str, Any]) -> pd.Index:
    """The labels of columns: what they were before they became str."""
    numpy_type, name = description.get("numpy_type"), description.get("name")
    kind = description.get("pandas_type") or "unicode"
    if kind == "unicode":
        return pd.Index(names, dtype=_string_dtype(numpy_type) or object, name=name)
    if kind == "categorical" or numpy_type is None or numpy_type == "object":
        return pd.Index(names, dtype=object, name=name)
    zone = (description.get("metadata") or {}).get("timezone")
    dtype = _dtype(numpy_type)
    labels: Any = names
    try:
        if dtype == bool:
            labels = [{"True": True, "False": False}[label] for label in names]
        elif zone is not None:
            moments = pd.DatetimeIndex([pd.Timestamp(label).tz_convert("UTC") for label in names], tz="UTC")
            labels = (moments.astype(f"{dtype.str[1:-1]}, UTC]") if _HAS_ALL_UNITS else moments).tz_convert(zone)
            return labels.rename(name)
        elif dtype.kind in "Mm":
            labels = [pd.Timestamp(label) if dtype.kind == "M" else pd.Timedelta(label) for label in names]
        return pd.Index(labels, dtype=object).astype(dtype).rename(name)
    except (LookupError, TypeError, ValueError):
        raise CorruptionError(f"the labels of a table's columns are not all of the dtype {numpy_type!r}") from None


def _nulls(column: Column) -> np.ndarray[Any, Any] | None:
    return None if column.validity is None else ~_bits(column.validity, len(column))


def _bits(buffer: Any, count: int) -> np.ndarray[Any, Any]:
    return np.unpackbits(np.frombuffer(buffer, np.uint8), count=count, bitorder="little").view(bool)


def _array(column: Column, description: dict[str, Any], unpickle: bool) -> Any:
    numpy_type = description.get("numpy_type")
    if _PICKLED in column.metadata:
        return _unpickled(column, unpickle)
    if (description.get("metadata") or {}).get("is_arrow"):
        array = _array_of_pyarrow(column)
        return pd.ArrowDtype(array.type).__from_arrow__(array)
    if column.dictionary is not None:
        return _categorical(column, column.dictionary, description, unpickle)
    if numpy_type is not None and numpy_type.startswith("period[") and column.format == "l":
        return _periods(column, _dtype(numpy_type))
    if numpy_type is not None and numpy_type.startswith("interval[") and len(column.children) == 2:
        left, right = (_array(end, {}, unpickle) for end in column.children)
        return pd.arrays.IntervalArray.from_arrays(left, right, closed=_dtype(numpy_type).closed)
    if column.format in ("u", "U"):
        return _strings(column, numpy_type)
    if column.format in ("z", "Z"):
        return _filled(column, None)
    if column.format == "n":
        return np.full(len(column), None, dtype=object)
    if column.format in _DTYPES or column.format == "b":
        return _of_numbers(column, numpy_type)
    if column.format.startswith(("ts", "tD", "td")):
        return _of_times(column)
    return _array_of_pyarrow(column).to_pandas().array


def _of_numbers(column: Column, numpy_type: str | None) -> Any:
    nulls = _nulls(column)
    if column.format == "b":
        values = _bits(column.values, len(column))
    else:
        values = np.frombuffer(column.values, _DTYPES[column.format])
    is_masked = numpy_type is not None and numpy_type.lower() != numpy_type or numpy_type == "boolean"
    if numpy_type is not None and numpy_type.startswith("Sparse"):
        if nulls is not None:
            raise UnsupportedError(f"column {column.name!r} is sparse and has nulls: gather to 'arrow'")
        dtype = _sparse_dtype(numpy_type)
        if dtype is None:
            raise CorruptionError(f"the metadata 'pandas' of a table name the dtype {numpy_type!r}")
        return pd.array(values, dtype=dtype)
    if values.dtype.kind == "f" and not is_masked:
        if nulls is not None:
            values[nulls] = np.nan
        return values
    if nulls is None and not is_masked:
        return values
    masked = {"b": pd.arrays.BooleanArray, "f": pd.arrays.FloatingArray}.get(values.dtype.kind, pd.arrays.IntegerArray)
    return masked(values, np.zeros(len(values), bool) if nulls is None else nulls)


def _of_times(column: Column) -> Any:
    """Dates become times of day 0. A pandas before 2 has nanoseconds alone."""
    if column.format == "tdD":
        unit, ticks = "D", np.frombuffer(column.values, np.int32).astype(np.int64)
    else:
        unit, ticks = _UNITS[column.format[2]], np.frombuffer(column.values, np.int64)
    if (nulls := _nulls(column)) is not None:
        ticks[nulls] = _NAT
    times = ticks.view(f"{'m' if column.format.startswith('tD') else 'M'}8[{unit}]")
    if not _HAS_ALL_UNITS:
        times = times.astype(times.dtype.str[1:2] + "8[ns]")
    elif unit == "D":
        times = times.astype("M8[s]")
    zone = column.format[4:] if column.format.startswith("ts") else ""
    if not zone:
        return times
    try:
        return pd.Series(times, copy=False).dt.tz_localize("UTC").dt.tz_convert(zone).array
    except (LookupError, ValueError):
        raise UnsupportedError(f"column {column.name!r} is in the time zone {zone!r}, which is not known here") from None


def _periods(column: Column, dtype: Any) -> Any:
    ordinals = np.frombuffer(column.values, np.int64)
    if (nulls := _nulls(column)) is not None:
        ordinals[nulls] = _NAT
    return pd.arrays.PeriodArray(ordinals, dtype=dtype)


def _categorical(column: Column, dictionary: Column, description: dict[str, Any], unpickle: bool) -> Any:
    """A Categorical; objects, where the values are none that pandas can have as categories, such as lists."""
    codes = np.frombuffer(column.values, _DTYPES[column.format])
    if codes.dtype.kind == "u":
        codes = codes.astype(np.int64)
    if (nulls := _nulls(column)) is not None:
        codes[nulls] = -1
    categories_type = (description.get("metadata") or {}).get("categories_type")
    categories = _array(dictionary, {"numpy_type": categories_type}, unpickle)
    if categories_type is not None and not isinstance(categories, pd.api.extensions.ExtensionArray):
        try:
            categories = pd.Index(categories, dtype=_dtype(categories_type))
        except (TypeError, ValueError):
            raise CorruptionError(f"column {column.name!r} has no categories of the dtype {categories_type!r}") from None
    categories = pd.Index(categories)
    try:
        are_distinct = categories.is_unique and not categories.hasnans  # which Arrow does not ask for
    except TypeError:
        values = np.full(len(categories) + 1, None, dtype=object)
        values[:-1] = categories.to_numpy(dtype=object)
        return values[np.where(codes < 0, len(categories), codes)]
    if not are_distinct:
        numbers, categories = pd.factorize(categories)
        codes = np.where(codes < 0, -1, numbers[codes])
    return pd.Categorical.from_codes(codes, categories=categories, ordered=column.is_ordered)


def _strings(column: Column, numpy_type: str | None) -> Any:
    dtype = _string_dtype(numpy_type)
    if dtype is None:
        return _filled(column, None)
    if dtype.storage.startswith("pyarrow") and _has_c_interface(_pyarrow()):
        return dtype.__from_arrow__(_array_of_pyarrow(column).cast(arrow_type_of(dtype)))
    return pd.array(_filled(column, dtype.na_value), dtype=dtype)


@functools.cache
def _string_dtype(numpy_type: str | None) -> pd.StringDtype | None:
    """None for objects, which strings are by default before pandas 3."""
    if numpy_type == "object":
        return None
    if numpy_type is None or numpy_type == "str":
        default = pd.Series(["text"]).dtype
        return default if isinstance(default, pd.StringDtype) else None
    try:
        dtype = _dtype(numpy_type)
    except ImportError:  # of pyarrow
        return pd.StringDtype("python")
    return dtype if isinstance(dtype, pd.StringDtype) else None


def _filled(column: Column, missing: Any) -> np.ndarray[Any, Any]:
    objects = np.empty(len(column), dtype=object)
    column.fill(objects, missing)
    return objects


def _unpickled(column: Column, unpickle: bool) -> np.ndarray[Any, Any]:
    if not unpickle:
        raise InvalidArgumentError(
            f"column {column.name!r} holds pickles, and reading one may run any code: say unpickle=True if you trust all who "
            "may append"
        )
    objects = _filled(column, None)
    objects[:] = [None if value is None else pickle.loads(value) for value in objects]
    return objects


@functools.cache
def arrow_type_of(dtype: Any) -> Any:
    """pyarrow's, in which pandas keeps values of a dtype of its; older versions refuse strings in another."""
    return dtype.pyarrow_dtype if isinstance(dtype, pd.ArrowDtype) else pd.array(["x"], dtype=dtype).__arrow_array__().type


def _array_of_pyarrow(column: Column) -> Any:
    pyarrow = _pyarrow()
    if not _has_c_interface(pyarrow):
        raise UnsupportedError(
            f"column {column.name!r} is of Arrow's type {column.format!r}: to have it in pandas, install pyarrow, 14 or newer; or "
            "gather to 'arrow'"
        )
    return pyarrow.array(column)


def _pyarrow() -> Any:
    """None where it is not installed."""
    try:
        import pyarrow
    except ImportError:
        return None
    return pyarrow


def _has_c_interface(pyarrow: Any) -> bool:
    """Whether it takes and hands on arrays by Arrow's C interface, as from version 14 on."""
    return pyarrow is not None and hasattr(pyarrow.Array, "__arrow_c_array__")
