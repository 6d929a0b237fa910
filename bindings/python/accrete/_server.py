"""The caching server as an object."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from typing import IO

from ._program import program
from ._types import Url
from .errors import Error

_log = logging.getLogger("accrete.server")
_ANNOUNCEMENT = "accrete: serving "


class Server:
    """The caching server of a dataset: gathers what many programs append to it, in memory. It has begun to serve when
    this object is made; when it is closed, it flushes and ends:

        with accrete.Server("events"):
            with accrete.open("events") as store:  # here, or in any other program
                store.append("x", b"1")

    memory: bytes that it may take, 1 GiB if not given. durability: what an acknowledged append survives: "memory"
    nothing, "os" the death of any process, the server's included (the default), "sync" power loss. bind: further
    endpoints to listen at, tcp://HOST:PORT or ipc://PATH. options: of `accrete serve`, as they are. What it logs, the
    logger "accrete.server" gets.

    It is a process of its own, the program `accrete`, which ACCRETE_PROGRAM may name; one that is still open when the
    interpreter ends is closed then. Raises Error, with what the program says, if it cannot serve.
    """

    def __init__(
        self,
        url: Url,
        *,
        memory: int | None = None,
        durability: str | None = None,
        bind: Sequence[str] = (),
        options: Sequence[str] = (),
    ) -> None:
        arguments = [program(), "serve", *options]
        if memory is not None:
            arguments += ["--memory", str(memory)]
        if durability is not None:
            arguments += ["--durability", durability]
        for endpoint in bind:
            arguments += ["--bind", endpoint]
        self.url = os.fsdecode(url)
        self._process = subprocess.Popen(
            [*arguments, "--", self.url],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="surrogateescape",
            start_new_session=True,  # Ctrl-C is this process's, which then closes the server
        )
        assert self._process.stdout and self._process.stderr
        self._said: deque[str] = deque(maxlen=20)
        self._reader = threading.Thread(target=_read, args=(self._process.stderr, self._said), daemon=True)
        self._reader.start()
        announcement = self._process.stdout.readline()
        if not announcement.startswith(_ANNOUNCEMENT):
            self._process.wait()
            self._process.stdout.close()
            raise self._error(f"cannot serve {self.url!r}")
        #: What clients may give to `open`; the first is the socket that those find that open the dataset by its path.
        self.endpoints: list[str] = announcement.rpartition(" at ")[2].split()
        self._finalizer = weakref.finalize(self, _end, self._process, os.getpid())

    def close(self) -> None:
        """Have it apply and flush what it has received, and end. Raises Error if it could not flush all of that."""
        if not self._finalizer.detach():
            return
        _end(self._process, os.getpid())
        if self._process.returncode != 0:
            raise self._error(f"the server of {self.url!r} has ended with exit code {self._process.returncode}")

    def _error(self, problem: str) -> Error:
        self._reader.join()
        return Error("\n".join([problem, *self._said]))

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<accrete.Server of {self.url!r}{'' if self._finalizer.alive else ', closed'}>"


def _read(stderr: IO[str], said: deque[str]) -> None:
    with stderr:
        for line in stderr:
            said.append(line.rstrip("\n"))
            _log.info("%s", said[-1])


def _end(process: subprocess.Popen[str], owner: int) -> None:
    """A forked child has the object, but not the server."""
    if os.getpid() == owner:
        process.terminate()
        process.wait()
        assert process.stdout
        process.stdout.close()
