"""Calls that Ctrl-C ends while they wait, or that a handler of it only delays, leave nothing behind."""
import contextlib
import signal
import threading
import time

import accrete
import growth
import pytest
from accrete.partd import File
from accrete.partd.core import Lock
from test_signals import held

pytestmark = growth.takes_long


@pytest.fixture
def interrupting(handler):
    """Makes calls of calls that wait: they end when another thread has sent the signal, to which the handler raises
    KeyboardInterrupt. It is sent again until the handler has run: a wait may begin just after it has come."""
    is_waiting = is_over = False
    main = threading.main_thread().ident

    def handle(number, frame):
        nonlocal is_waiting
        if is_waiting:
            is_waiting = False
            raise KeyboardInterrupt

    def send():
        while not is_over:
            if is_waiting:
                signal.pthread_kill(main, signal.SIGINT)
            time.sleep(0.0005)

    def interrupting(call):
        def made():
            nonlocal is_waiting
            try:
                is_waiting = True
                call()
            except KeyboardInterrupt:
                return
            raise AssertionError("it has not waited")

        return made

    handler(signal.SIGINT, handle)
    sender = threading.Thread(target=send)
    sender.start()
    yield interrupting
    is_over = True
    sender.join()


def test_calls_of_a_store_that_wait(url, interrupting):
    with accrete.open(url) as store:
        store.append("key", b"1")
        calls = {
            "append": lambda: store.append({"key": bytearray(b"x"), ("a", 1): b"y"}),
            "get list": lambda: store.get(["key", ("a", 1)]),
            "append one": lambda: store.append("key", b"x"),
            "get": lambda: store.get("key"),
            "get_into": lambda: store.get_into("key", bytearray(10)),
            "reader": lambda: store.reader("key"),
            "size": lambda: store.size("key"),
            "in": lambda: "key" in store,
            "len": lambda: len(store),
            "keys": lambda: store.keys(),
            "erase": lambda: store.erase("key"),
            "set_attribute": lambda: store.set_attribute("name", b"x"),
            "gather": lambda: store.gather("key"),
            "open": lambda: accrete.open(url),
            "put": lambda: accrete.put(url, {"key": b"x"}),
            "get of a dataset": lambda: accrete.get(url, ["key"]),
            "verify": lambda: accrete.verify(url),
        }
        with held(url):
            assert growth.leaks({name: interrupting(call) for name, call in calls.items()}, every=200) == {}


def test_locks_that_are_waited_for(tmp_path, interrupting):
    file = File(str(tmp_path / "file"))
    locks = {"of threads": Lock(), "of processes": Lock(str(tmp_path / ".lock")), "of a File": file.lock}
    is_held, is_over = threading.Event(), threading.Event()

    def hold():
        with contextlib.ExitStack() as stack:
            for lock in locks.values():
                stack.enter_context(lock)
            is_held.set()
            is_over.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait()
    try:
        left = {}
        for name, lock in locks.items():
            left |= {f"{name}, {what}": how for what, how in growth.leaks({
                "acquire": interrupting(lock.acquire),
                "acquire with a time": interrupting(lambda: lock.acquire(timeout=30)),
                "with": interrupting(lock.__enter__),
                "attempt": interrupting(lambda: lock.attempt(30).__enter__()),
            }, every=20).items()}
        assert left | growth.leaks({"append": interrupting(lambda: file.append({"x": b"1"}))}, every=20) == {}
    finally:
        is_over.set()
        thread.join()
