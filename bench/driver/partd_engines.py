"""partd's stores, as partd_cell.py uses them: each with one call to append a batch, to flush and to destroy."""

import multiprocessing
import os
from contextlib import suppress

import partd
from partd.zmq import Client, Server

BUFFER_BYTES = 1e9  # what partd.Buffer has by default
PATIENCE_SECONDS = 300

fork = multiprocessing.get_context("fork")


class FileEngine:
    numeric = False
    server_process = None

    def __init__(self, directory):
        self.path = os.path.join(directory, "partd")

    def open(self):
        return partd.File(self.path)

    def append(self, store, batch, durable):
        store.append(batch, fsync=durable)

    def flush(self, store):
        pass

    def flush_all(self):
        """What is left to flush when every writer has."""

    def destroy(self):
        self.open().drop()

    def close(self):
        pass


class BufferEngine(FileEngine):
    def open(self):
        return partd.Buffer(partd.Dict(), partd.File(self.path), available_memory=BUFFER_BYTES)

    def append(self, store, batch, durable):
        store.append(batch)

    def flush(self, store):
        store.flush()


class NumpyEngine(FileEngine):
    numeric = True

    def open(self):
        return partd.Numpy(partd.File(self.path))


class ServerEngine(FileEngine):
    """A server in a process of its own, over what it has by default, but in the directory."""

    def __init__(self, directory):
        super().__init__(directory)
        self.pipe, far_end = fork.Pipe()
        self.server_process = fork.Process(target=self._serve, args=(far_end,), daemon=True)
        self.server_process.start()
        far_end.close()
        self.address = self._answer()

    def _serve(self, pipe):
        self.pipe.close()
        store = partd.Buffer(partd.Dict(), partd.File(self.path), available_memory=BUFFER_BYTES)
        server = Server(store, hostname="127.0.0.1")
        pipe.send(server.address)
        with suppress(EOFError):
            while True:
                pipe.recv()
                store.flush()
                pipe.send("flushed")
        server.close()

    def _answer(self):
        if not self.pipe.poll(PATIENCE_SECONDS):
            raise RuntimeError("the server of partd does not answer")
        return self.pipe.recv()

    def open(self):
        client = Client(self.address)
        client.socket.poll()  # the connection stands; Client itself takes the message
        return client

    def append(self, store, batch, durable):
        store.append(batch)

    def flush(self, store):
        store.socket.recv_multipart()  # the acknowledgement of the last append

    def flush_all(self):
        self.pipe.send("flush")
        self._answer()

    def destroy(self):
        client = self.open()
        client.drop()
        client.socket.recv_multipart()  # its acknowledgement, which drop() does not wait for

    def close(self):
        self.pipe.close()
        self.server_process.join(PATIENCE_SECONDS)


ENGINES = {"partd.File": FileEngine, "partd.Buffer": BufferEngine, "partd.Server": ServerEngine,
           "partd.Numpy": NumpyEngine}

JOINED = ["batch", "one dictionary; entries of one key joined before, outside of the clock: append() takes no other"]
BUFFERED = ["available_memory", "1e9, the default of Buffer"]
DESCRIPTIONS = {
    "partd.File": {"title": "partd, File", "level": "os", "processes": True, "server": False, "numeric": False,
                   "durable": True, "settings": [JOINED, ["fsync", "with --durable: of each file of a batch"]]},
    "partd.Buffer": {"title": "partd, Buffer over File", "level": "memory", "processes": True, "server": False,
                     "numeric": False, "durable": False, "settings": [JOINED, BUFFERED, ["flush", "once, at the end"]]},
    "partd.Server": {"title": "partd, Client and Server", "level": "memory", "processes": True, "server": True,
                     "numeric": False, "durable": False,
                     "settings": [JOINED, BUFFERED, ["server", "over Buffer and File, as by default; TCP: it has no other"],
                                  ["flush", "once, at the end, in the server's process: clients have no call for it"]]},
    "partd.Numpy": {"title": "partd, Numpy over File", "level": "os", "processes": True, "server": False,
                    "numeric": True, "durable": True, "settings": [JOINED]},
}


def describe_engines():
    return [{"name": name, "ours": False, "family": "partd", "version": partd.__version__, "codec": None, **description}
            for name, description in DESCRIPTIONS.items()]
