"""Times partd's Client and Server on the patterns of bench_server.cpp: partd_server.py DIRECTORY CLIENTS APPENDS ENTRIES

Prints "acknowledged<TAB>partd<TAB>million appends a second until the last client has its last acknowledgement"."""

import itertools
import multiprocessing
import os
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from partd import Buffer, Dict, File
from partd.zmq import Client, Server

from workload import ENTRY, KEYS

PATIENCE = 60  # seconds until the other clients have connected

fork = multiprocessing.get_context("fork")


def serve(place, pipe):
    """Over what a Server has by default, but in `place`; it cannot bind to an address that is given."""
    server = Server(Buffer(Dict(), File(place)), hostname="127.0.0.1")
    pipe.send(server.address)
    keys = pipe.recv()
    pipe.send([len(value) for value in server.get(keys)])
    server.close()


def append_all(address, append_count, batch_entries):
    """When the client has begun and ended."""
    batches = [dict.fromkeys(KEYS[i:i + batch_entries], ENTRY) for i in range(0, len(KEYS), batch_entries)]
    client = Client(address)
    client.socket.poll()  # the connection stands; Client itself takes the message
    begin_together.wait(PATIENCE)
    begin = time.perf_counter_ns()
    for batch in itertools.islice(itertools.cycle(batches), append_count // batch_entries):
        client.append(batch)
    client.socket.recv_multipart()  # the acknowledgement of the last append
    return begin, time.perf_counter_ns()


def main():
    global begin_together  # clients inherit it
    place = os.path.join(sys.argv[1], "server.partd")
    client_count, append_count, batch_entries = (int(argument) for argument in sys.argv[2:])
    begin_together = fork.Barrier(client_count)
    pipe, server_pipe = fork.Pipe()
    server = fork.Process(target=serve, args=(place, server_pipe), daemon=True)
    server.start()
    address = pipe.recv()
    with ProcessPoolExecutor(client_count, mp_context=fork) as clients:
        work = (address, append_count // client_count, batch_entries)
        futures = [clients.submit(append_all, *work) for _ in range(client_count)]
        begins, ends = zip(*(future.result() for future in futures))
    pipe.send([key.encode() for key in KEYS])
    if pipe.recv() != [append_count // len(KEYS) * len(ENTRY)] * len(KEYS):
        sys.exit("partd_server: partd lacks what was appended")
    server.join()
    shutil.rmtree(place)
    print(f"acknowledged\tpartd\t{append_count / (max(ends) - min(begins)) * 1000}")


if __name__ == "__main__":
    main()
