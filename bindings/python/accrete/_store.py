"""Stores: what a dataset is once it is open, and the factories of the other ones."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

from . import _native
from ._types import Key, Url
from .errors import ErasedError, InvalidArgumentError

_Self = TypeVar("_Self", bound="Store")


class Stats(NamedTuple):
    """The totals of a store; all but `keys` and `flushes` are bytes."""

    keys: int
    bytes: int  #: of all values together
    stored_bytes: int  #: that they take at the bottom: compressed, and without what is buffered
    buffered_bytes: int  #: of these, in memory and not yet handed down
    flushes: int  #: how often a buffer has handed bytes down since it was opened


class Store(_native.Store):
    """An appendable key -> bytes store: made by `open`, `memory`, `buffered`, `compressed` and `temporary`.

    Any number of threads may call any of its methods at once, and a forked child may go on using it. A method does all
    that it says, or raises an Error and changes nothing. None holds the GIL while it works.

    A Store that `open` has made can be pickled: the copy opens the dataset anew. In a `with` block it is closed at the
    end; one that is collected closes itself.
    """

    _reopen: tuple[Url, dict[str, Any]] | None = None

    def sizes(self, prefix: Key = "", *, after: Key | None = None, limit: int | None = None) -> dict[str, int]:
        """Keys in byte order with the bytes in their values, as they were at one moment.

        Only those that begin with `prefix`, come after the key `after`, and at most `limit` of them.
        """
        return dict(self._list(prefix, after, limit))

    def keys(self, prefix: Key = "", *, after: Key | None = None, limit: int | None = None) -> list[str]:
        """As `sizes`, the keys alone."""
        return [key for key, _ in self._list(prefix, after, limit)]

    def items(self, prefix: Key = "") -> Iterator[tuple[str, bytes]]:
        """Each key with its value, one at a time. A key that is erased meanwhile is passed over."""
        for key in self.keys(prefix):
            value = self.get(key)
            if value or key in self:
                yield key, value

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __delitem__(self, key: Key) -> None:
        """Remove a key and its value. Raises KeyError for a missing one, which `erase` does not."""
        if key not in self:
            raise KeyError(key)
        self.erase(key)

    def reader(self, key: Key) -> io.BufferedReader:
        """The value as a binary file object, of any size within little memory; it ends where the value did when it was
        opened. Raises ErasedError from a read if keys have been removed since, and the value may be another."""
        return io.BufferedReader(_Value(self, key))

    def scatter(
        self, table: Any, by: Any, n: int | None = None, *, null_key: Key | None = None, index: bool = True,
        objects: str | None = None, sync: bool = False, id: tuple[bytes, int] | None = None,
    ) -> None:
        """Append each row of a table to its key, the rows of a key as one piece; `gather` reads them back.

        table: a pandas.DataFrame, or what has `__arrow_c_stream__`, such as tables of pyarrow and Polars and relations
        of DuckDB, or a LazyFrame of Polars; of that and of a reader, batch by batch, each with an append of its own. A
        table of one batch is appended as a whole or not at all, if it fits `max_batch_bytes` of the dataset's server,
        where it has one.

        by: a column, whose values are the keys: strings and bytes as they are, ints packed; or a list of several, whose
        keys are tuples. Or an array with an int from 0 to n - 1 for each row, the keys. null_key: of rows with a null
        there; without it they are InvalidArgumentError.

        index=False: leave out a frame's index. objects="pickle": pickle all columns of the dtype object, and categories
        of it; without it they hold str alone or bytes alone, besides nulls, and others are TypeError. sync=True: the rows
        survive power loss on return. id=(writer, sequence): as for `append`; the table is then one append, with all
        batches of a reader, and TooLargeError if it does not fit `max_batch_bytes` of the dataset's server, having
        appended nothing: scatter smaller tables, each with its own sequence.

        Raises TypeMismatchError, having appended nothing, for other columns than the dataset's tables have: the first
        one that is scattered decides. Its columns are in the attribute "table.schema".
        """
        from . import _tables

        _tables.scatter(self, table, by, n, null_key, index, objects, sync, id)

    def gather(self, key: Key | list[Key], *, to: str | None = None, unpickle: bool = False) -> Any:
        """The rows that were scattered to a key, in the order in which they were appended; of a list of keys, theirs one
        after the other. No rows for a missing key.

        to: "pandas", a DataFrame, whose arrays can be written to and whose equal strings are one object; "arrow", a
        Table, which pyarrow, Polars and DuckDB read without a copy; None: "pandas" if pandas' frames were scattered.
        unpickle: read columns that were pickled, which may run any code; refused otherwise.

        Raises CorruptionError for damaged bytes, and InvalidArgumentError if no table was scattered here.
        """
        from . import _tables

        return _tables.gather(self, key, to, unpickle)

    def stats(self) -> Stats:
        """Totals, at a cost that does not depend on how many keys there are, but for compressed stores."""
        return Stats(*self._stats())

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        name = type(self).__name__
        if self.closed:
            return f"<accrete.{name}, closed>"
        return f"<accrete.{name} {os.fsdecode(self._reopen[0])!r}>" if self._reopen else f"<accrete.{name} in memory>"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._reopen is None:
            raise TypeError("only a store that accrete.open has made can be pickled: it is opened anew, by its URL")
        url, options = self._reopen
        return _reopen, (type(self), url, options)


class _Value(io.RawIOBase):
    """The bytes of a value, read where they are asked for."""

    def __init__(self, store: Store, key: Key) -> None:
        self._store = store
        self._key = key
        self._removals = store.removals()
        self._size = store.size(key) or 0
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        bases = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}
        if whence not in bases:  # BufferedReader lets SEEK_DATA and SEEK_HOLE through
            raise InvalidArgumentError(f"cannot seek from {whence!r}: whence is 0, 1 or 2")
        base = bases[whence]
        if base + offset < 0:
            raise InvalidArgumentError(f"cannot seek to {base + offset}")
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self._size - self._position))
        if count == 0:
            return 0
        got = self._store.get_into(self._key, view[:count], self._position)
        if got < count or self._store.removals() != self._removals:
            raise ErasedError(f"the value of {self._key!r} may have been erased while it was read: read it again")
        self._position += got
        return got


def open(
    url: Url,
    *,
    buffer: int | bool | None = None,
    durability: str | None = None,
    lock_timeout: float = 60.0,
    max_open_files: int = 0,
    timeout: float = 60.0,
    server_key: str = "",
    key_file: Url = "",
) -> Store:
    """Open a dataset: the path of its directory, or the endpoint of its server, ipc://... or tcp://...

    buffer: gather appends in so many bytes of memory (True: 256 MiB). The dataset is then this Store's alone until it
    is closed; others get LockedError. durability: what an append that has returned survives: "memory" nothing, "os" the
    death of any process (the default for files), "sync" power loss. lock_timeout: seconds to wait for others who have
    the dataset locked, before LockedError. max_open_files: files of values kept open; 0: half of what the process may.
    timeout: seconds to wait for a server. server_key, key_file: on TCP, the server's public key, and the file of this
    client's keys, as `accrete keygen` writes it.

    Raises NotFoundError, LockedError, UnsupportedError, CorruptionError, NetworkError, AuthError, IoError.
    """
    options = {
        "buffer": buffer, "durability": durability, "lock_timeout": lock_timeout, "max_open_files": max_open_files,
        "timeout": timeout, "server_key": server_key, "key_file": key_file,
    }
    return _reopen(Store, url, options)


def connect(endpoint: str, *, timeout: float = 60.0, server_key: str = "", key_file: Url = "") -> Store:
    """Open the dataset that a server serves at an endpoint, ipc://... or tcp://..., and nothing else: a path is
    InvalidArgumentError. The arguments are those of `open`."""
    if not str(endpoint).startswith(("ipc://", "tcp://")):
        raise InvalidArgumentError(f"{endpoint!r} is no endpoint of a server, ipc://... or tcp://...: open() takes paths")
    return open(endpoint, timeout=timeout, server_key=server_key, key_file=key_file)


def _count(name: str, value: Any) -> int:
    if not hasattr(value, "__index__"):
        raise TypeError(f"{name} is an int, not {type(value).__name__}")
    if value < 0:
        raise InvalidArgumentError(f"{name} is {value}, and cannot be negative")
    return int(value)


def _seconds(name: str, value: Any) -> float:
    if not hasattr(value, "__float__"):
        raise TypeError(f"{name} is a number of seconds, not {type(value).__name__}")
    return float(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} is a str, not {type(value).__name__}")
    return value


def _reopen(cls: type[_Self], url: Url, options: dict[str, Any]) -> _Self:
    buffer, durability = options["buffer"], options["durability"]
    limit = _default_buffer if buffer is True else None if buffer in (None, False) else _count("buffer", buffer)
    store = cls.__new__(cls)
    _native.open(
        store, os.fsencode(url), _seconds("lock_timeout", options["lock_timeout"]),
        _count("max_open_files", options["max_open_files"]), limit,
        None if durability is None else _text("durability", durability), _seconds("timeout", options["timeout"]),
        _text("server_key", options["server_key"]), os.fsencode(options["key_file"]),
    )
    store._reopen = _absolute(url), {**options, "key_file": _absolute(options["key_file"])}
    return store


def _absolute(url: Url) -> bytes:
    """The same for whoever has another working directory."""
    scheme, separator, path = os.fsencode(url).rpartition(b"://")
    is_path = path and (not separator or (scheme == b"ipc" and not path.startswith(b"@")))
    return scheme + separator + (os.path.join(os.getcwdb(), path) if is_path else path)


_default_buffer = 256 << 20


def memory() -> Store:
    """A store in this process's memory, for tests."""
    store = Store()
    _native.memory(store)
    return store


def buffered(next: Store, *, limit: int = _default_buffer) -> Store:
    """A buffer of `limit` bytes of memory over another store: appends are gathered by key and handed down in large
    pieces. Close it, or use it in a `with` block: that flushes it. What is not flushed dies with the process; for a
    dataset, `open(url, buffer=True)` has a journal against that."""
    store = Store()
    _native.buffered(store, next, _count("limit", limit))
    return store


def compressed(next: Store, codec: str = "lz4") -> Store:
    """Values compressed in another store, with checksums: NAME or NAME:LEVEL, of `codec_names`."""
    store = Store()
    _native.compressed(store, next, _text("codec", codec))
    return store


class _TemporaryStore(Store):
    """A Store whose dataset goes when it is closed."""

    _dataset: _native.TemporaryDataset

    def close(self) -> None:
        """Close it and remove its dataset; a copy of it, in another process or by pickling, is only closed."""
        super().close()
        if "_dataset" in self.__dict__:
            self._dataset.remove()

    def __del__(self) -> None:
        self.close()


def temporary(directory: Url | None = None, **options: Any) -> Store:
    """A store over a new dataset inside a directory (by default tempfile.gettempdir()), which is removed when the store
    is closed or collected, by the process that made it alone; if that dies first, `sweep` removes it. Other processes
    may open it meanwhile: pickling the store passes its URL. `options` are those of `open`."""
    if directory is None:
        import tempfile  # takes as long as the rest of the package

        directory = tempfile.gettempdir()
    dataset = _native.TemporaryDataset(os.fsencode(directory))
    defaults = dict(open.__kwdefaults__ or {})
    unknown = options.keys() - defaults.keys()
    if unknown:
        raise TypeError(f"temporary() has no argument {sorted(unknown)[0]!r}")
    store = _reopen(_TemporaryStore, dataset.url, {**defaults, **options})
    store._dataset = dataset
    return store
