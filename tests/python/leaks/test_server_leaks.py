"""Calls that go to a server leave nothing behind."""
import os
import signal

import accrete
import growth
import store_calls

pytestmark = growth.takes_long


def test_calls_of_a_client(url):
    with accrete.Server(url, memory=64 << 20), accrete.open(url) as store:
        store_calls.fill(store)
        assert growth.leaks(store_calls.calls_of(store), every=10, spare_bytes=8) == {}
        assert growth.leaks(store_calls.refused_by(store), every=10, spare_bytes=8) == {}


def test_clients_that_come_and_go(url):
    def used(make):
        def call():
            with make() as store:
                store.append("key", b"1")
                store.erase("key")

        return call

    with accrete.Server(url) as server:
        assert growth.leaks({
            "open": used(lambda: accrete.open(url)),
            "connect": used(lambda: accrete.connect(server.endpoints[0])),
            "open, not closed": lambda: accrete.open(url).get("key"),
            "put": lambda: accrete.put(url, {"key": b""}),
        }, every=40, spare_bytes=8) == {}


def wait_until_stopped(pid):
    while True:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            if stat.read().rpartition(")")[2].split()[0] == "T":
                return


def test_a_server_that_does_not_answer(url):
    with accrete.Server(url) as server, accrete.open(server.endpoints[0], timeout=0.05) as store:
        store.append("key", b"1")
        os.kill(server._process.pid, signal.SIGSTOP)
        wait_until_stopped(server._process.pid)
        try:
            calls = {
                "flush": (accrete.Error, lambda: store.flush()),
                "get": (accrete.TimeoutError, lambda: store.get("key")),
                "append": (accrete.Error, lambda: store.append("key", b"2", sync=True)),
                "erase": (accrete.Error, lambda: store.erase("key")),
                "connect": (accrete.Error, lambda: accrete.connect(server.endpoints[0], timeout=0.05)),
            }
            # Requests that were sent wait for it.
            left = growth.leaks(growth.refused(calls), every=200, spare_bytes=4096)
        finally:
            os.kill(server._process.pid, signal.SIGCONT)
        assert left == {}


def test_servers_that_come_and_go(url, tmp_path):
    def served():
        with accrete.Server(url), accrete.open(url) as store:
            store.append("key", b"")

    assert growth.leaks({"Server": served}, every=200, spare_bytes=8) == {}
    assert growth.leaks(growth.refused({
        "Server": (accrete.Error, lambda: accrete.Server(tmp_path / "missing")),
    }), every=200, spare_bytes=8) == {}
