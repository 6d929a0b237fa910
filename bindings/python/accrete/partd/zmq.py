"""A store that one process has and others use, over ZeroMQ.

    request = id command keys-and-options *value
    reply   = id "ok" *value / id "error" error

`keys-and-options` and `error` are literals of Python: (keys, options), and (type, arguments). partd's clients and servers
speak another protocol.
"""

from __future__ import annotations

import ast
import builtins
import logging
import math
import operator
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import zmq

from .. import errors
from .buffer import Buffer, keys_to_flush
from .core import Interface, Lock
from .dict import Dict, as_dict
from .file import File

__all__ = [
    "Client", "File", "NotALock", "Server", "deserialize_key", "keys_to_flush", "logerrors", "logger", "serialize_key",
    "tuple_sep",
]

tuple_sep = b"-|-"
logger = logging.getLogger(__name__)

_poll_milliseconds = 100
_linger_milliseconds = 1000


@contextmanager
def logerrors() -> Iterator[None]:
    try:
        yield
    except Exception as e:
        logger.exception(e)
        raise


def serialize_key(key: Any) -> bytes:
    """A key as partd sends it. (('a', 'b', 1): b'a-|-b-|-1')"""
    if isinstance(key, tuple):
        return tuple_sep.join(map(serialize_key, key))
    return key if isinstance(key, bytes) else str(key).encode()


def deserialize_key(text: bytes) -> Any:
    """(b'a-|-b-|-1': (b'a', b'b', b'1'))"""
    return tuple(text.split(tuple_sep)) if tuple_sep in text else text


def _literal(value: Any) -> bytes:
    return repr(value).encode()


def _plain(key: Any) -> Any:
    """The same key, of a type that has a literal."""
    if isinstance(key, tuple):
        return tuple(map(_plain, key))
    if key is None:
        return key
    if isinstance(key, str):
        return str.__str__(key)  # an Enum's own is the name of its member
    if isinstance(key, bytes):
        return bytes(key)
    if isinstance(key, float):
        if not math.isfinite(key):
            raise ValueError(f"a number that is a Client's key is finite, not {key}")
        return float(key)
    try:
        return operator.index(key)
    except TypeError:
        raise TypeError(f"a key is a str, bytes, a number, None or a tuple of such, not {type(key).__name__}") from None


def _error_of(error: BaseException) -> bytes:
    arguments = [arg if isinstance(arg, (str, int)) else str(arg) for arg in error.args]
    if isinstance(error, OSError) and error.filename is not None and len(arguments) == 2:
        arguments.append(os.fsdecode(error.filename))
    return _literal((type(error).__name__, arguments))


def _raise(error: bytes) -> None:
    name, arguments = ast.literal_eval(error.decode())
    kind = getattr(errors, name, None) or getattr(builtins, name, None)
    raised: BaseException = RuntimeError(f"the server: {name}: {', '.join(map(str, arguments))}")
    if isinstance(kind, type) and issubclass(kind, Exception):
        with suppress(TypeError):  # it takes other arguments
            raised = kind(*arguments)
    raise raised


class Server:
    """Serves `partd`, a Buffer of a Dict and a temporary File if it is not given, to Clients that are told `address`.

    `bind`: a ZeroMQ address; without it, a port of all of the host's interfaces: whoever can reach it may use it.
    """

    def __init__(
        self, partd: Any = None, bind: Any = None, start: bool = True, block: bool = False, hostname: str | None = None
    ) -> None:
        self.context = zmq.Context()
        self.partd = Buffer(Dict(), File()) if partd is None else partd
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = _linger_milliseconds
        self.address = self._bind(bind.decode() if isinstance(bind, bytes) else bind, hostname or socket.gethostname())
        self.status = "created"
        self._lock = threading.Lock()
        self._listen_thread: threading.Thread | None = None
        if start:
            self.start()
        if block:
            self.block()

    def _bind(self, bind: str | None, hostname: str) -> bytes:
        """The address, for clients."""
        try:
            if bind is None:
                bind = f"tcp://*:{self.socket.bind_to_random_port('tcp://*')}"
            else:
                self.socket.bind(bind)
        except BaseException:
            self.socket.close()
            self.context.term()
            raise
        if bind.startswith("tcp:"):
            return f"tcp://{hostname}:{bind.rpartition(':')[2].rstrip('/')}".encode()
        return bind.encode()

    def start(self) -> None:
        if self.status != "run":
            self.status = "run"
            self._listen_thread = threading.Thread(target=self.listen, name="accrete.partd.Server", daemon=True)
            self._listen_thread.start()

    def block(self) -> None:
        """Returns when the server has been closed."""
        if self._listen_thread:
            self._listen_thread.join()

    def listen(self) -> None:
        with logerrors():
            while self.status != "closed":
                if self.socket.poll(_poll_milliseconds):
                    self._answer(*self.socket.recv_multipart())

    def _answer(self, client: bytes, *request: bytes) -> None:
        """A bad request, as any error, is the client's."""
        identity = request[0] if request else b""
        try:
            _, command, header, *values = request
            keys, options = ast.literal_eval(header.decode())
            answer = self._run(command, keys, options, values)
            if not all(memoryview(value).c_contiguous for value in answer):
                raise TypeError("what the store has for a key are no contiguous bytes")
        except Exception as error:
            logger.debug("a request has failed", exc_info=True)
            self.socket.send_multipart([client, identity, b"error", _error_of(error)])
        else:
            self.send_to_client((client, identity), answer)

    def send_to_client(self, address: tuple[bytes, bytes], result: Any) -> None:
        """Answers a request: of that client, with that id."""
        values = result if isinstance(result, list) else [result]
        self.socket.send_multipart([*address, b"ok", *values], copy=False)

    def ack(self, address: tuple[bytes, bytes], flow_control: bool = True) -> None:
        self.send_to_client(address, [])

    def _run(self, command: bytes, keys: list[Any], options: dict[str, Any], values: list[bytes]) -> list[bytes]:
        if command == b"append":
            self.append(dict(zip(keys, values, strict=True)), fsync=options.get("fsync", False))
        elif command == b"iset":
            with self._lock:
                for key, value in zip(keys, values, strict=True):
                    self.partd.iset(key, value)
        elif command == b"get":
            return self.get(keys)
        elif command == b"delete":
            with self._lock:
                self.partd.delete(keys)
        elif command == b"drop":
            self.drop()
        elif command == b"close":
            self.status = "closed"
        elif command != b"syn":
            raise ValueError(f"there is no command {command!r}")
        return []

    def append(self, data: Any, **kwargs: Any) -> None:
        with self._lock:
            self.partd.append(data, **kwargs)

    def drop(self) -> None:
        with self._lock:
            self.partd.drop()

    def get(self, keys: Any) -> Any:
        with self._lock:
            return self.partd.get(keys)

    def close(self) -> None:
        self.status = "closed"
        self.block()
        self.socket.close()
        self.context.term()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *args: Any) -> None:
        self.close()
        self.partd.__exit__(*args)


class ServerTimeoutError(errors.UnknownOutcomeError, builtins.TimeoutError):
    """The server has not answered in time: what it was asked to change it may have changed, or may change yet."""


class Client(Interface):
    """Of the server at `address`. An error there is raised here; `timeout`: seconds to wait for an answer.

    For any number of threads, for forked children, and for handlers of signals while a call waits.
    """

    def __init__(self, address: Any = None, create_server: bool = False, timeout: float = 60, **kwargs: Any) -> None:
        self.address = address
        self.timeout = timeout
        self.lock: Any = NotALock()
        self._mutex = Lock()
        self._requests = 0
        self._connect()
        Interface.__init__(self)

    def _connect(self) -> None:
        self._owner = os.getpid()
        self.context = zmq.Context()
        self.socket = self._connected()
        self._is_asking = False

    def _connected(self) -> zmq.Socket[bytes]:
        socket = self.context.socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(self.address)
        return socket

    def __getstate__(self) -> dict[str, Any]:
        return {"address": self.address, "timeout": self.timeout}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Client.__init__(self, **state)

    def send(self, command: bytes, payload: list[Any], recv: bool = False, ack_required: bool = True) -> Any:
        """A request of keys; of "append" and "iset", of keys and values in turn. With `recv`, what is answered."""
        has_values = command in (b"append", b"iset")
        answer = self._ask(command, payload[::2], payload[1::2]) if has_values else self._ask(command, payload)
        return answer if recv else None

    def _ask(self, command: bytes, keys: list[Any], values: Any = (), **options: Any) -> list[bytes]:
        """What the server answers. ServerTimeoutError if it does not."""
        header = _literal(([_plain(key) for key in keys], options))
        if self._owner != os.getpid():  # ZeroMQ's threads are the parent's
            self._connect()
        deadline = time.monotonic() + self.timeout
        with self._mutex.attempt(self.timeout) as is_held:
            if not is_held:
                raise errors.TimeoutError(f"other threads' requests to {self.address!r} have taken {self.timeout} s")
            self._requests += 1
            # Other values are refused here: they would take a connection with them.
            request = [self._requests.to_bytes(8, "little"), command, header, *(memoryview(value) for value in values)]
            status, *answer = self._exchange_amid_another(request, deadline) if self._is_asking else self._exchange(
                request, deadline
            )
        if status != b"ok":
            _raise(answer[0])
        return answer

    def _exchange(self, request: list[Any], deadline: float) -> list[bytes]:
        self._is_asking = True
        try:
            return self._answer(self.socket, request, deadline)
        except ServerTimeoutError:
            raise
        except BaseException:  # a message may have been sent, or read, in part
            self.socket.close()
            self.socket = self._connected()
            raise
        finally:
            self._is_asking = False

    def _exchange_amid_another(self, request: list[Any], deadline: float) -> list[bytes]:
        """Of a signal's handler, which has come between the parts of a message, perhaps: by a connection of its own."""
        with self._connected() as socket:
            return self._answer(socket, request, deadline)

    def _answer(self, socket: zmq.Socket[bytes], request: list[Any], deadline: float) -> list[bytes]:
        socket.send_multipart(request, copy=False)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not socket.poll(int(left * 1000) + 1):
                command = request[1].decode()
                raise ServerTimeoutError(f"no answer from {self.address!r} to '{command}' in {self.timeout} s")
            reply = socket.recv_multipart()
            if reply[0] == request[0]:  # and not to what was given up
                return reply[1:]

    def _get(self, keys: Any, lock: Any = None, **kwargs: Any) -> list[bytes]:
        """`lock` is ignored: the server does one thing after the other."""
        return self._ask(b"get", list(keys))

    def append(self, data: Any, lock: Any = None, fsync: bool = False, **kwargs: Any) -> None:
        data = as_dict(data)
        self._ask(b"append", list(data), data.values(), **({"fsync": True} if fsync else {}))

    def _delete(self, keys: Any, lock: Any = None) -> None:
        self._ask(b"delete", list(keys))

    def _iset(self, key: Any, value: Any, lock: Any = None) -> None:
        self._ask(b"iset", [key], [value])

    def drop(self) -> None:
        self._iset_seen.clear()
        self._ask(b"drop", [])

    def close_server(self) -> None:
        self._ask(b"close", [])

    def close(self) -> None:
        if getattr(self, "_owner", None) == os.getpid() and not self.socket.closed:
            self.socket.close()
            self.context.term()

    def __exit__(self, type: Any, value: Any, traceback: Any) -> None:
        if not self._is_parents():
            self.drop()
            self.close()

    def __del__(self) -> None:
        self.close()


class NotALock:
    """For callers that take a store's lock: the server does one thing after the other."""

    def acquire(self) -> None:
        pass

    def release(self) -> None:
        pass

    def __enter__(self) -> NotALock:
        return self

    def __exit__(self, *args: object) -> None:
        pass
