"""Arrays of numbers, and tables of them, as values: Numeric and Columns, over numpy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from . import _native
from ._types import Key
from .errors import InvalidArgumentError, TooLargeError, TypeMismatchError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, DTypeLike, NDArray

    from ._store import Store


def _numpy() -> Any:
    """Asked for where it is used: `import accrete` needs no numpy."""
    import numpy

    return numpy


def _field_type(dtype: np.dtype[Any]) -> str:
    if dtype.kind not in "biufc" or dtype.shape or dtype.itemsize > 16 or dtype.name in ("float16", "float128"):
        hint = ", but its view as int64 can" if dtype.kind in "mM" else ""
        raise TypeError(
            f"a dtype {dtype} cannot be stored{hint}: numbers are int8 to int64, uint8 to uint64, float32, float64, "
            "complex64, complex128 and bool"
        )
    return str(dtype.newbyteorder("=").name)


def _layout(dtype: np.dtype[Any]) -> list[tuple[str, str, int]]:
    """Name, type and offset of each field; of a number, one without a name."""
    if dtype.fields is None:
        return [("", _field_type(dtype), 0)]
    if not dtype.names:
        raise TypeError("a dtype without fields cannot be stored")
    return [(name, _field_type(dtype.fields[name][0]), dtype.fields[name][1]) for name in dtype.names]


def _elements(key: Key, values: ArrayLike, dtype: np.dtype[Any]) -> NDArray[Any]:
    """As they are to be stored; what is no array yet becomes one, and one of another dtype is refused."""
    np = _numpy()
    _check_unmasked(key, values)
    has_dtype = hasattr(values, "dtype") and not isinstance(values, np.generic)  # as a Series of pandas has
    array = np.asarray(values) if has_dtype else _converted(key, values, dtype)
    if array.dtype.newbyteorder("=") != dtype:
        raise TypeMismatchError(
            f"cannot append elements of {array.dtype} to key {key!r}: they are of {dtype} (astype() converts)"
        )
    if array.ndim > 1:
        raise InvalidArgumentError(
            f"cannot append an array of shape {array.shape} to key {key!r}: arrays are flat (ravel() makes them so)"
        )
    return np.ascontiguousarray(array, dtype)  # type: ignore[no-any-return]


def _check_unmasked(key: Key, values: ArrayLike) -> None:
    if _numpy().ma.is_masked(values):
        raise TypeError(f"cannot append an array with masked elements to key {key!r}: filled() gives them values")


def _converted(key: Key, values: ArrayLike, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Numbers that are no array of numpy's, such as a list. Where they become ints or bools they stay the same: numpy would
    cut what follows the point and what is too large, and make some number of a NaN, which a null of pyarrow is."""
    np = _numpy()
    if dtype.kind not in "biu":
        return np.asarray(values, dtype)  # type: ignore[no-any-return]
    numbers = np.asarray(values)
    if numbers.dtype.kind in "biufO":
        with np.errstate(invalid="ignore"), contextlib.suppress(OverflowError, ValueError):
            array = numbers.astype(dtype) if numbers.dtype.kind in "biu" else np.asarray(values, dtype)
            if np.array_equal(array, numbers):
                return array  # type: ignore[no-any-return]
    raise InvalidArgumentError(f"cannot append to key {key!r} what are not all numbers of {dtype}: convert them before")


class Numeric:
    """Arrays of one dtype as the values of a store: what was appended to a key comes back as one flat array.

        delays = accrete.Numeric(accrete.open("delays"), "float32")
        delays.append("SEA", [1.5, -2])
        delays.get("SEA")  # array([ 1.5, -2. ], dtype=float32)

    `dtype` is an integer, float32, float64, complex64, complex128 or bool, or a structure of up to 64 of these
    (np.dtype([("delay", "f4"), ("distance", "i4")])). It is recorded with the elements and checked: appending to a key
    that holds others, or reading it, is TypeMismatchError, and nothing is stored. Floating-point numbers come back bit
    for bit, and each MiB has a checksum: CorruptionError names the key and the byte where a value is damaged or cut.

    Sizes are in elements. It is a view of the store, which stays open, and is to be closed by whoever opened it. In C++
    the same values are accrete::Numeric<T>. Any number of threads may use one object. Needs numpy.
    """

    def __init__(self, store: Store, dtype: DTypeLike) -> None:
        self.store = store
        self.dtype: np.dtype[Any] = _numpy().dtype(dtype).newbyteorder("=")
        self._values = _native.ElementValues(store, self.dtype.itemsize, _layout(self.dtype))

    def append(
        self,
        key: Key | Mapping[Any, ArrayLike],
        elements: ArrayLike | None = None,
        *,
        sync: bool = False,
        expect_size: int | None = None,
        id: tuple[bytes, int] | None = None,
    ) -> None:
        """append(key, array), or append({key: array, ...}): all of them or none. No elements bring an empty value of
        this dtype into being.

        An array is of this dtype, of either byte order; a contiguous one of the machine's own is not copied before it is
        encoded. What is no array, such as a list, is converted; to ints and bools only numbers that are
        some of the dtype, and others are InvalidArgumentError. `expect_size`, for one key: only if the value has so many
        elements, else SizeMismatchError. `sync` and `id` are those of Store.append.
        """
        if elements is None:
            if not isinstance(key, Mapping):
                raise TypeError("append() takes a key and an array, or a mapping of keys to arrays")
            batch = [(k, _elements(k, values, self.dtype)) for k, values in key.items()]
        else:
            batch = [(key, _elements(key, elements, self.dtype))]  # type: ignore[arg-type]
        self._values.append(batch, sync, expect_size, id)

    def get(self, key: Key) -> NDArray[Any]:
        """All elements of a key, a writable array of shape (n,); none for a missing key."""
        np = _numpy()
        stored_bytes = self.store.size(key) or 0
        while True:
            array = np.empty(stored_bytes // self._stored_size, self.dtype)
            try:
                count = self._values.get_into(key, array)
            except TooLargeError:  # others have appended meanwhile
                stored_bytes = max(self.store.size(key) or 0, 2 * stored_bytes)
                continue
            array.resize(count, refcheck=False)
            return array  # type: ignore[no-any-return]

    @property
    def _stored_size(self) -> int:
        """Bytes of an element in a store, which has no gaps between fields."""
        fields = self.dtype.fields
        return self.dtype.itemsize if fields is None else sum(field[0].itemsize for field in fields.values())

    def get_into(self, key: Key, array: NDArray[Any]) -> int:
        """Copy all elements to the front of a writable, contiguous array of this dtype; how many there are. Raises
        TooLargeError if there are more than it holds."""
        if array.dtype != self.dtype:
            raise TypeMismatchError(f"cannot get elements of {self.dtype} into an array of {array.dtype}")
        return self._values.get_into(key, array)

    def size(self, key: Key) -> int | None:
        """Elements in the value; None for a key that was never appended to, or erased since."""
        return self._values.size(key)

    def erase(self, key: Key) -> None:
        """Remove a key and its value; nothing happens for a missing one. Its next elements may be of another dtype."""
        self._values.erase(key)

    def __repr__(self) -> str:
        return f"<accrete.Numeric of {self.dtype} over {self.store!r}>"


class Columns:
    """For each key a table of named columns of numbers, which grows by rows and is read a column at a time.

        events = accrete.Columns(accrete.open("events"))
        events.append("SEA", {"delay": np.array([1.5, -2], "f4"), "distance": np.array([100, 200])})
        events.get("SEA", "delay")  # array([ 1.5, -2. ], dtype=float32)

    A key has the columns of its first append, up to 64, whose names have 1 to 63 letters, digits and underscores, and
    whose dtypes are those of Numeric but for structures. Others are TypeMismatchError, and nothing is stored. Rows are
    added to all columns or to none.

    Each column is a value of the store of its own, under the key, a NUL and the column's name, so reading one reads no
    other. It is a view of the store, which stays open. In C++ the same tables are accrete::Columns. Tables with texts,
    dates and missing values are Store.scatter's. Needs numpy.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._values = _native.ColumnValues(store)

    def append(
        self, key: Key, columns: Mapping[str, ArrayLike], *, sync: bool = False, id: tuple[bytes, int] | None = None
    ) -> None:
        """Add rows: of each column, by its name, an array of shape (rows,). `sync` and `id` are those of Store.append."""
        np = _numpy()
        for values in columns.values():
            _check_unmasked(key, values)
        arrays = {name: np.asarray(values) for name, values in columns.items()}
        rows = [(name, _field_type(array.dtype), _elements(key, array, array.dtype.newbyteorder("=")))
                for name, array in arrays.items()]
        self._values.append(key, rows, sync, id)

    def get(self, key: Key, columns: str | Iterable[str] | None = None) -> Any:
        """One column as an array of shape (rows,); of several names, or of all (None), a dict of name to array, as they
        were at one moment. A missing key has no columns: {}, or an array without elements, of float64.

        Raises InvalidArgumentError for a column that the key does not have.
        """
        np = _numpy()
        names = [columns] if isinstance(columns, str) else list(self.columns(key) if columns is None else columns)
        arrays: dict[int, NDArray[Any]] = {}

        def room(index: int, dtype: str, max_rows: int) -> NDArray[Any]:  # of a call that was interrupted, once more
            arrays[index] = np.empty(max_rows, dtype)
            return arrays[index]

        rows = self._values.get_into(key, names, room) if names else 0
        for array in arrays.values():
            array.resize(rows, refcheck=False)
        if isinstance(columns, str):
            return arrays[0] if arrays else np.empty(0)
        return {names[index]: array for index, array in arrays.items()}

    def columns(self, key: Key) -> dict[str, np.dtype[Any]]:
        """Names and dtypes, in the order of the first append; none for a missing key."""
        np = _numpy()
        return {name: np.dtype(type) for name, type in self._values.columns(key)}

    def rows(self, key: Key) -> int | None:
        """Rows of the table; None for a missing key."""
        return self._values.rows(key)

    def keys(self, prefix: Key = "") -> list[str]:
        """Of all tables whose keys begin with `prefix`, in byte order."""
        return self._values.keys(prefix)

    def erase(self, key: Key) -> None:
        """Remove a key with all its columns, one after the other: nobody may append to it or read it meanwhile. After an
        error call it again; until then, appends are ErasedError."""
        self._values.erase(key)

    def __repr__(self) -> str:
        return f"<accrete.Columns over {self.store!r}>"
