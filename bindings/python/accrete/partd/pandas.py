"""Frames of pandas: PandasBlocks keeps them as they are, PandasColumns a key a column.

A piece is a schema (columns, and what each block and the index is made of) and the bytes of blocks and index. The pieces
of a value that have one schema, as those of a shuffle do, are joined in C++, byte by byte, before there is a frame;
other ones are joined by pandas.
"""

from __future__ import annotations

import copy
import io
import pickle
import zlib
from collections import OrderedDict
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.extensions import ExtensionArray

from .. import _native
from .._frames import arrow_type_of
from ..errors import CorruptionError
from . import numpy as pnp
from .core import Interface, Over, held
from .dict import as_dict
from .encode import Encode
from .utils import extend, frame, framesplit

_release = tuple(int(part) for part in pd.__version__.split(".")[:2])
PANDAS_GE_210 = _release >= (2, 1)
PANDAS_GE_300 = _release >= (3, 0)

if not PANDAS_GE_300:
    from pandas.core.internals import make_block
    from pandas.core.internals.managers import BlockManager

try:
    import pyarrow as pa
except ImportError:
    pa = None

dumps = partial(pickle.dumps, protocol=pickle.HIGHEST_PROTOCOL)


def is_extension_array(x: Any) -> bool:
    return isinstance(x, ExtensionArray)


# What an array's parts are. The numbers are in what is stored.
_fixed = 0  # its numbers
_times = 1  # its times as numbers
_texts = 2  # of each row, the sizes of its texts and their UTF-8, as native/partd_tables.cpp has them
_arrow = 3  # the same, of an Arrow array
_codes = 4  # the numbers of its categories
_pickled = 5  # itself
_range = 6  # of an index: start, stop and step


class _Kind(NamedTuple):
    kind: int
    dtype: Any  # of categories, with that of their numbers; what is pickled is joined if it has one dtype
    rows: int  # of a block of columns; 0 of an array of one dimension

    @property
    def lines(self) -> tuple[int, ...]:
        if self.kind in (_texts, _arrow):
            return (1, 1) * max(self.rows, 1)
        return (0,) if self.kind == _pickled else (max(self.rows, 1),)

    @property
    def integer_sizes(self) -> tuple[int, ...]:
        """Of each part; 0 of one that is not narrowed."""
        if self.kind in (_texts, _arrow):
            return (4, 0) * max(self.rows, 1)
        if self.kind == _times:
            return (8,)
        is_integer = self.kind == _fixed and self.dtype.kind in "iu"
        return (self.dtype.itemsize if is_integer and self.dtype.itemsize > 1 else 0,)


def _parts_of(kind: _Kind, values: Any) -> list[Any] | None:
    """The bytes of an array, in as many parts as its kind has; None if it is not of that kind after all."""
    if kind.kind == _fixed:
        return [_bytes_of(values)]
    if kind.kind == _times:
        return [_bytes_of(values.asi8)]
    if kind.kind == _codes:
        return [_bytes_of(values.codes)]
    if kind.kind == _arrow:
        return _arrow_parts(values)
    if kind.kind == _texts:
        return _text_parts(np.asarray(values, dtype=object))
    if kind.kind == _range:
        return [np.array([values.start, values.stop, values.step], dtype="i8")]
    return [dumps(values)]


def _bytes_of(values: np.ndarray[Any, Any]) -> Any:
    return values if values.flags.c_contiguous else np.ascontiguousarray(values)


def _text_parts(values: np.ndarray[Any, Any]) -> list[Any] | None:
    parts: list[Any] = []
    rows: Any = values if values.ndim == 2 else (values,)
    for row in rows:
        packed = _native.partd_pack_texts(row, pd.NA)
        if packed is None:
            return None
        parts += packed
    return parts


def _arrow_parts(values: Any) -> list[Any] | None:
    chunks = values.__arrow_array__()
    array = chunks.chunk(0) if chunks.num_chunks == 1 else pa.concat_arrays(chunks.chunks or [pa.array([], chunks.type)])
    _, offsets, data = array.buffers()
    size = len(array)
    if not size:
        return [b"", b""]
    width = "i8" if pa.types.is_large_string(array.type) else "i4"
    ends = np.frombuffer(offsets, width, size + 1, array.offset * int(width[1]))
    lengths = ends[1:] - ends[:-1]
    if int(lengths.max()) >= _missing:
        return None
    lengths = lengths.astype("<u4")
    if array.null_count:
        is_missing = array.is_null().to_numpy(zero_copy_only=False)
        if lengths[is_missing].any():  # bytes that belong to no text
            return _arrow_parts(type(values)._from_sequence(array.to_pylist(), dtype=values.dtype))
        lengths[is_missing] = _missing
    return [lengths, memoryview(data)[ends[0] : ends[-1]] if data is not None else b""]


_missing = 0xFFFFFFFF


def _kind_of(values: Any) -> _Kind:
    rows = values.shape[0] if values.ndim == 2 else 0
    dtype = values.dtype
    if isinstance(dtype, np.dtype):
        if isinstance(values, np.ndarray) and dtype.kind in "biufc" and dtype.isnative:
            return _Kind(_fixed, dtype, rows)
        if dtype.kind in "mM" and is_extension_array(values):
            return _Kind(_times, dtype, rows)
        if dtype == object and isinstance(values, np.ndarray):
            return _Kind(_texts, dtype, rows)
        return _Kind(_pickled, dtype, 0)
    if isinstance(values, pd.Categorical):
        return _Kind(_codes, (dtype, values.codes.dtype), 0)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return _Kind(_times, dtype, rows)
    if isinstance(dtype, pd.StringDtype) or (pa and isinstance(dtype, getattr(pd, "ArrowDtype", ()))):
        if pa and hasattr(values, "__arrow_array__") and getattr(dtype, "storage", "pyarrow") != "python":
            arrow_type = values.__arrow_array__().type
            if pa.types.is_string(arrow_type) or pa.types.is_large_string(arrow_type):
                return _Kind(_arrow, dtype, 0)
        elif isinstance(dtype, pd.StringDtype):
            return _Kind(_texts, dtype, 0)
    return _Kind(_pickled, dtype, 0)


def _array_from(kind: _Kind, parts: list[Any]) -> Any:
    if kind.kind == _fixed:
        return _shaped(np.frombuffer(parts[0], kind.dtype), kind)
    if kind.kind == _times:
        return _times_from(_shaped(np.frombuffer(parts[0], "i8"), kind), kind.dtype)
    if kind.kind == _codes:
        dtype, codes_dtype = kind.dtype
        return pd.Categorical.from_codes(np.frombuffer(parts[0], codes_dtype), dtype=dtype)
    if kind.kind == _arrow:
        return _arrow_from(kind.dtype, *parts)
    if kind.kind == _texts:
        return _texts_from(kind, parts)
    arrays = [pickle.loads(piece) for piece in parts[0]]
    if len(arrays) == 1:
        return arrays[0]
    if isinstance(arrays[0], np.ndarray):
        return np.concatenate(arrays, axis=-1)
    return type(arrays[0])._concat_same_type(arrays, **({"axis": 1} if arrays[0].ndim == 2 else {}))


def _shaped(values: np.ndarray[Any, Any], kind: _Kind) -> np.ndarray[Any, Any]:
    return values.reshape(kind.rows, -1) if kind.rows else values


def _times_from(values: np.ndarray[Any, Any], dtype: Any) -> Any:
    if isinstance(dtype, np.dtype):
        return values.view(dtype)
    array = type(pd.array([], dtype=dtype))
    return array._simple_new(values.view(f"M8[{dtype.unit}]"), dtype=dtype)


def _texts_from(kind: _Kind, parts: list[Any]) -> Any:
    rows = []
    for lengths, texts in zip(parts[::2], parts[1::2]):
        row = np.empty(len(lengths) // 4, dtype=object)
        _native.partd_unpack_texts(lengths, texts, row, np.nan, pd.NA)
        rows.append(row)
    if kind.rows:
        return np.stack(rows)
    return rows[0] if isinstance(kind.dtype, np.dtype) else pd.array(rows[0], dtype=kind.dtype)


def _arrow_from(dtype: Any, lengths: Any, texts: Any) -> Any:
    sizes = np.frombuffer(lengths, "<u4")
    is_missing = sizes == _missing
    sizes = np.where(is_missing, 0, sizes)
    ends = np.zeros(len(sizes) + 1, dtype="i8")
    np.cumsum(sizes, out=ends[1:])
    if ends[-1] != len(texts):
        raise CorruptionError("the texts of a piece of a table are cut")
    valid = pa.py_buffer(np.packbits(~is_missing, bitorder="little")) if is_missing.any() else None
    array = pa.Array.from_buffers(pa.large_string(), len(sizes), [valid, pa.py_buffer(ends), pa.py_buffer(texts)])
    return dtype.__from_arrow__(pa.chunked_array([array.cast(arrow_type_of(dtype))]))


_index_classes = (pd.Index, pd.DatetimeIndex, pd.TimedeltaIndex, pd.CategoricalIndex)


def _kind_of_index(index: pd.Index) -> _Kind:
    if type(index) is pd.RangeIndex:
        return _Kind(_range, None, 0)
    is_numeric = type(index).__name__ in ("Int64Index", "UInt64Index", "Float64Index")  # before pandas 2
    if (type(index) in _index_classes or is_numeric) and getattr(index, "freq", None) is None:
        return _kind_of(index._values)
    return _Kind(_pickled, None, 0)


def _packed(schema: Any) -> bytes:
    """Of equal schemas the same bytes, so that their pieces can be joined. Small, since they stand in each piece."""
    packed = io.BytesIO()
    pickler = pickle.Pickler(packed, pickle.HIGHEST_PROTOCOL)
    pickler.fast = True  # else bytes depend on which of the equal objects are one
    pickler.dump(schema)
    return zlib.compress(packed.getvalue(), 1)


class _Schema:
    """Of a frame: what `bytes` has of it, pickled, and what a frame must have for it to be its schema, too."""

    def __init__(self, columns: pd.Index, index: pd.Index, blocks: Any) -> None:
        self._columns = columns.copy()  # whose names can be changed in place
        self._given_columns = columns
        self._index_class = type(index)
        self._index_dtype = index.dtype
        self._name = index.name
        self._names = [*columns.names, index.name]
        self._blocks = [(block.mgr_locs, block.values.dtype) for block in blocks]
        self._set_kinds([_kind_of_index(index), *(_kind_of(block.values) for block in blocks)])

    def _set_kinds(self, kinds: list[_Kind]) -> None:
        """First the index's."""
        self.kinds = kinds
        self.lines = sum((kind.lines for kind in kinds), ())
        self.integer_sizes = sum((kind.integer_sizes for kind in kinds), ())
        index_class = self._index_class if self._index_class in _index_classes else pd.Index
        placements = [locations.as_array for locations, _ in self._blocks]
        self.bytes = _packed((self._columns, index_class, self._name, placements, [tuple(kind) for kind in kinds]))

    def index_array(self, index: pd.Index) -> Any:
        return index if self.kinds[0].kind in (_range, _pickled) else index._values

    def fits(self, columns: pd.Index, index: pd.Index, blocks: Any) -> bool:
        given = self._given_columns
        if not (columns is given or columns.is_(given)) or type(index) is not self._index_class:
            return False
        if len(blocks) != len(self._blocks) or not _are_same_names([*columns.names, index.name], self._names):
            return False
        if getattr(index, "freq", None) is not None or not _is_same(index.dtype, self._index_dtype):
            return False
        for block, (locations, dtype) in zip(blocks, self._blocks):
            if block.mgr_locs is not locations and not np.array_equal(block.mgr_locs.as_array, locations.as_array):
                return False
            if not _is_same(block.values.dtype, dtype):
                return False
        return True

    def pickling(self, number: int) -> _Schema:
        """As this one, but for an array whose members turned out to be no texts."""
        other = copy.copy(self)
        other._set_kinds([*self.kinds[:number], _Kind(_pickled, self.kinds[number].dtype, 0), *self.kinds[number + 1 :]])
        return other


def _are_same_names(ones: list[Any], others: list[Any]) -> bool:
    """1, 1.0 and True, which are equal, are not; a tuple may be made of such."""
    return all(one is other or (type(one) is type(other) is str and one == other) for one, other in zip(ones, others))


def _is_same(one: Any, other: Any) -> bool:
    """The same categories, for one, may be two dtypes that are compared slowly: those are as good as different ones."""
    return one is other or (isinstance(one, np.dtype) and one == other)


def _piece(df: pd.DataFrame, schema: _Schema | None) -> tuple[bytes, _Schema]:
    """The frame (of bytes) of a frame (of pandas), and its schema. It is the one given, of another frame, if that fits."""
    columns, index, blocks = df.columns, df.index, df._mgr.blocks
    if schema is None or not schema.fits(columns, index, blocks):
        schema = _Schema(columns, index, blocks)
    while True:
        arrays = [schema.index_array(index), *(block.values for block in blocks)]
        parts: list[Any] = []
        for number, (kind, values) in enumerate(zip(schema.kinds, arrays)):
            more = _parts_of(kind, values)
            if more is None:
                schema = schema.pickling(number)
                break
            parts += more
        else:
            return _native.partd_piece(schema.bytes, schema.lines, schema.integer_sizes, parts), schema


class _Layout:
    """A schema as it is read."""

    def __init__(self, schema: bytes) -> None:
        self.columns, self.index_class, self.name, self.placements, kinds = pickle.loads(zlib.decompress(schema))
        self.kinds = [_Kind(*kind) for kind in kinds]

    def frame(self, parts: list[Any]) -> pd.DataFrame:
        of_each = []
        for kind in self.kinds:
            count = len(kind.lines)
            of_each.append(parts[:count])
            parts = parts[count:]
        arrays = [_array_from(kind, own) for kind, own in zip(self.kinds[1:], of_each[1:])]
        return _frame_of(self.columns, self._index(self.kinds[0], of_each[0]), arrays, self.placements)

    def _index(self, kind: _Kind, parts: list[Any]) -> pd.Index:
        if kind.kind == _range:
            numbers = np.frombuffer(parts[0], "i8").reshape(-1, 3).tolist()
            indices = [pd.RangeIndex(*row, name=self.name) for row in numbers]
        elif kind.kind == _pickled:
            indices = [pickle.loads(piece) for piece in parts[0]]
        else:
            dtype = {"dtype": object} if isinstance(kind.dtype, np.dtype) and kind.dtype == object else {}
            return self.index_class(_array_from(kind, parts), name=self.name, **dtype)
        return indices[0].append(indices[1:]) if len(indices) > 1 else indices[0]


_layouts: OrderedDict[bytes, _Layout] = OrderedDict()
_max_layouts = 64


def _layout_of(schema: bytes) -> _Layout:
    layout = _layouts.get(schema)
    if layout is None:
        layout = _layouts[schema] = _Layout(schema)
        while len(_layouts) > _max_layouts:
            _layouts.popitem(last=False)
    return layout


def _frame_of(columns: pd.Index, index: pd.Index, arrays: list[Any], placements: list[Any]) -> pd.DataFrame:
    if PANDAS_GE_300:
        return pd.api.internals.create_dataframe_from_blocks(
            list(zip(arrays, placements)), index=index, columns=columns
        )
    blocks = tuple(make_block(values, placement=place, ndim=2) for values, place in zip(arrays, placements))
    manager = BlockManager(blocks, [columns, index])
    return pd.DataFrame._from_mgr(manager, axes=manager.axes) if PANDAS_GE_210 else pd.DataFrame(manager)


def serialize(df: pd.DataFrame) -> bytes:
    """A frame as bytes, which `deserialize` makes one of again."""
    return next(framesplit(_piece(df, None)[0]))


def deserialize(bytes: bytes) -> pd.DataFrame:
    """Of what `serialize` has made, or partd's."""
    return _joined(_native.partd_frame(bytes))


def join(dfs: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(dfs) if dfs else pd.DataFrame()


def _joined(value: bytes) -> pd.DataFrame:
    try:
        frames = [
            _partds_frame(parts[0][0]) if schema is None else _layout_of(schema).frame(parts)
            for schema, parts in _native.partd_join(value)
        ]
    except pickle.UnpicklingError as error:
        raise CorruptionError(f"a frame cannot be unpickled: {error}") from error
    return frames[0] if len(frames) == 1 else join(frames)


class _Frames(Encode):
    """What the functions above do with one piece is done with all of a dict's, and all of a value's, at once."""

    _schema: _Schema | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_schema"}

    def append(self, data: Any, **kwargs: Any) -> None:
        schema = self._schema
        pieces = {}
        for key, df in as_dict(data).items():
            pieces[key], schema = _piece(df, schema)
        self._schema = schema
        self.partd.append(pieces, **kwargs)

    def _get(self, keys: Any, **kwargs: Any) -> list[pd.DataFrame]:
        return [_joined(value) for value in self.partd._get(keys, **kwargs)]


PandasBlocks = partial(_Frames, serialize, deserialize, join)


_other_dtype = b"accrete.frame"  # in the place of a dtype: of what numpy has none for, in a frame of one column
_columns_key, _index_key, _index_name_key = ".columns", ".index", ".index-name"


class PandasColumns(Over):
    """Frames, of which single columns can be read: `get(key, columns=[...])`. All of a key's have the same columns."""

    def __init__(self, partd: Any = None) -> None:
        self.partd = pnp.Numpy(partd)
        Interface.__init__(self)

    def append(self, data: Any, lock: Any = True, **kwargs: Any) -> None:
        data = as_dict(data)
        dtypes: dict[Any, bytes] = {}
        values: dict[Any, bytes] = {}
        for key, df in data.items():
            for column, array in self._arrays(df):
                own = _column_key(key, column)
                dtypes[own], values[own] = _column(array)
        with held(self.lock, lock):
            self._set_headers(data)
            self.partd._set_dtypes(dtypes)
            self.partd.partd.append(values, lock=False, **kwargs)

    @staticmethod
    def _arrays(df: pd.DataFrame) -> list[tuple[Any, Any]]:
        names = [extend("", column) for column in df.columns]
        reserved = {extend("", name) for name in (_columns_key, _index_key, _index_name_key)}
        if len(set(names)) < len(names) or reserved & set(names):
            raise ValueError("two columns have one name, or one that PandasColumns needs: use PandasBlocks")
        arrays = [df.iloc[:, number] for number in range(len(df.columns))]
        columns = [(column, own.values if isinstance(own.dtype, np.dtype) else own.array) for column, own in zip(df, arrays)]
        index = df.index
        is_plain = isinstance(index.dtype, np.dtype) and not isinstance(index, pd.MultiIndex)
        return [*columns, (_index_key, index.values if is_plain else index)]

    def _set_headers(self, data: dict[Any, pd.DataFrame]) -> None:
        """For who has the lock, as Numpy's _set_dtypes."""
        missing = self._without_columns(data)
        for key, df in missing.items():
            self.partd.partd._iset(_column_key(key, _index_name_key), dumps(df.index.name), lock=False)
            # Last: where they are, the name is, too, whatever comes in between.
            self.partd.partd._iset(_column_key(key, _columns_key), dumps(list(df.columns)), lock=False)
        self._without_columns(missing)

    def _without_columns(self, data: dict[Any, pd.DataFrame]) -> dict[Any, pd.DataFrame]:
        """Those whose keys have none yet. ValueError if a key has other ones."""
        stored = dict(zip(data, self._values([_column_key(key, _columns_key) for key in data]))) if data else {}
        for key, df in data.items():
            columns = list(df.columns)
            if stored[key] not in (b"", dumps(columns)) and pickle.loads(stored[key]) != columns:  # NaN is not NaN
                raise ValueError(f"{key!r} has frames of other columns")
        return {key: df for key, df in data.items() if not stored[key]}

    def _get(self, keys: Any, columns: Any = None, **kwargs: Any) -> list[pd.DataFrame]:
        with held(self.lock, kwargs.pop("lock", True)):
            return [self._frame(key, columns) for key in keys]

    def _frame(self, key: Any, columns: Any) -> pd.DataFrame:
        stored, index_name = self._values([_column_key(key, _columns_key), _column_key(key, _index_name_key)])
        if not stored:
            raise KeyError(key)
        if columns is None:
            columns = pickle.loads(stored)
        own = [_column_key(key, column) for column in [*columns, _index_key]]
        dtypes = self.partd._stored_dtypes(own)
        *arrays, index = map(_array_of_column, own, self._values(own), dtypes)
        if not isinstance(index, pd.Index):
            index = pd.Index(index, name=pickle.loads(index_name), dtype=index.dtype)
        frame = pd.DataFrame({i: pd.Series(array, index, array.dtype) for i, array in enumerate(arrays)}, index=index)
        frame.columns = pd.Index(columns) if columns else pd.Index([], dtype=object)
        return frame

    def _values(self, keys: list[Any]) -> list[bytes]:
        return self.partd.partd._get(keys, lock=False)

    def _delete(self, keys: Any, **kwargs: Any) -> None:
        for key in keys:
            stored = self.partd.partd.get(_column_key(key, _columns_key), **kwargs)
            names = [_column_key(key, column) for column in [*(pickle.loads(stored) if stored else []), _index_key]]
            headers = [_column_key(key, _columns_key), _column_key(key, _index_name_key)]
            self.partd.delete(names, **kwargs)
            self.partd.partd.delete(headers, **kwargs)
            self._iset_seen.difference_update(headers)

    def __getstate__(self) -> dict[str, Any]:
        return {"partd": self.partd}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Interface.__setstate__(self, state)

    def _iset(self, key: Any, value: Any) -> None:
        self.partd._iset(key, value)


def _column_key(key: Any, column: Any) -> Any:
    """A tuple that is all of a key, or of a column, stays one, so that no two have one name; in a File partd's name is
    the same. ('x', 'c': ('x', 'c'); ('x',), 'c': (('x',), 'c'); 'x', ('c', 'd'): ('x', ('c', 'd')))"""
    members = key if isinstance(key, tuple) and len(key) > 1 else (key,)
    return (*members, column if isinstance(column, (str, tuple)) else str(column))


def _column(array: Any) -> tuple[bytes, bytes]:
    """The dtype and the bytes of a column, or of an index."""
    if isinstance(array, np.ndarray):
        return pnp.serialize_dtype(array.dtype), pnp.serialize(array)
    held_in = pd.DataFrame(index=array) if isinstance(array, pd.Index) else pd.DataFrame({0: array})
    return _other_dtype, _piece(held_in, None)[0]


def _array_of_column(key: Any, value: bytes, dtype: bytes) -> Any:
    if not dtype:
        raise KeyError(key)
    if dtype != _other_dtype:
        return pnp.deserialize(value, pnp.parse_dtype(dtype), copy=True)
    held_in = _joined(value)
    return held_in.iloc[:, 0].array if len(held_in.columns) else held_in.index


# What follows is partd's format: Index and block each as a header and bytes. It is read, and written by nobody here.


def index_to_header_bytes(ind: pd.Index) -> tuple[Any, bytes]:
    """A header, or None if the bytes are a pickle of the whole index, and the bytes."""
    if isinstance(ind, (pd.DatetimeIndex, pd.MultiIndex, pd.RangeIndex)) or is_extension_array(ind._values):
        return None, dumps(ind)
    values = ind.values
    attributes = {name: getattr(ind, name, None) for name in ind._attributes}
    return (type(ind), attributes, values.dtype, None), pnp.compress(pnp.serialize(values), values.dtype)


def index_from_header_bytes(header: Any, bytes: bytes) -> pd.Index:
    if header is None:
        return pickle.loads(bytes)
    index_class, attributes, dtype, categories = header
    data: Any = pnp.deserialize(pnp.decompress(bytes, dtype), dtype, copy=True)
    if categories:
        data = pd.Categorical.from_codes(data, categories[1], ordered=categories[0])
    elif dtype == object and index_class is pd.Index:
        attributes = {**attributes, "dtype": object}
    return index_class(data, **attributes)


def block_to_header_bytes(block: Any) -> tuple[Any, bytes]:
    values = block.values
    extension: tuple[str, tuple[Any, ...]] = ("numpy_type", ())
    if isinstance(values, pd.Categorical):
        extension = ("categorical_type", (values.ordered, values.categories))
        values = values.codes
    elif is_extension_array(values):
        return (block.mgr_locs.as_array, values.dtype, values.shape, ("other", ())), dumps(values)
    header = (block.mgr_locs.as_array, values.dtype, values.shape, extension)
    return header, pnp.compress(pnp.serialize(values), values.dtype)


def block_from_header_bytes(header: Any, bytes: bytes, create_block: bool = not PANDAS_GE_300) -> Any:
    """A block, or its values and their places among the columns."""
    placement, dtype, shape, (kind, details) = header
    if kind == "other":
        values = pickle.loads(bytes)
    else:
        values = pnp.deserialize(pnp.decompress(bytes, dtype), dtype, copy=True).reshape(shape)
    if kind == "categorical_type":
        values = pd.Categorical.from_codes(values, details[1], ordered=details[0])
    elif kind == "datetime64_tz_type":
        values = pd.DatetimeIndex(values).tz_localize("utc").tz_convert(details[0])
    return make_block(values, placement=placement, ndim=2) if create_block else (values, placement)


def _partds_frame(piece: bytes) -> pd.DataFrame:
    try:
        header, *parts = framesplit(piece)
        headers = pickle.loads(header)
        columns, index = map(index_from_header_bytes, headers[:2], parts[:2])
        blocks = [block_from_header_bytes(h, b, create_block=False) for h, b in zip(headers[2:], parts[2:], strict=True)]
        return _frame_of(columns, index, [values for values, _ in blocks], [placement for _, placement in blocks])
    except ImportError:
        raise
    except Exception as error:  # it has no checksum, and what unpickles what is damaged may raise anything
        raise CorruptionError(f"a frame that partd has written cannot be read: {error}") from error
