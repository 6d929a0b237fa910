"""Ctrl-C, and other calls within handlers of signals, while a call waits."""
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import accrete
import pytest

# A process that has a dataset's locks until it reads a line.
HOLDER = """
import fcntl, os, struct, sys
F_OFD_SETLK = 37
lock = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
for name in ".lock", ".control":
  fcntl.fcntl(os.open(os.path.join(sys.argv[1], name), os.O_RDWR), F_OFD_SETLK, lock)
print("held", flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def held(url):
    with subprocess.Popen([sys.executable, "-c", HOLDER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.communicate(b"\n")


@pytest.mark.parametrize("call", [
    lambda url, store: accrete.open(url),
    lambda url, store: accrete.put(url, {"key": b"x"}),
    lambda url, store: accrete.get(url, ["key"]),
    lambda url, store: accrete.verify(url),
    lambda url, store: accrete.destroy(url),
    lambda url, store: store.append("key", b"x"),
    lambda url, store: store.append({"key": b"x"}),
    lambda url, store: store.get("key"),
    lambda url, store: store.get(["key"]),
    lambda url, store: store.size("key"),
    lambda url, store: "key" in store,
    lambda url, store: len(store),
    lambda url, store: store.keys(),
    lambda url, store: store.stats(),
    lambda url, store: store.erase("key"),
    lambda url, store: store.drop(),
    lambda url, store: store.sync(),
    lambda url, store: store.set_attribute("name", b"x"),
    lambda url, store: store.attribute("name"),
])
def test_a_call_that_waits_for_a_lock_ends_and_has_done_nothing(url, call, interrupted):
    with accrete.open(url) as store:
        store.append("key", b"before")
        with held(url):
            interrupted(lambda: call(url, store))
        assert store.get("key") == b"before"
        assert store.attribute("name") is None
        store.append("key", b" after")
        assert store.get("key") == b"before after"


def test_it_ends_though_other_threads_compute(url, interrupted):
    stop = False

    def compute():
        while not stop:
            pass

    thread = threading.Thread(target=compute)
    thread.start()
    with accrete.open(url) as store, held(url):
        interrupted(lambda: store.append("key", b"x"))
    stop = True
    thread.join()


def test_a_flush_that_waits_for_a_lock_ends_and_what_is_gathered_stays(url, interrupted):
    with accrete.buffered(accrete.open(url)) as store:
        store.append("key", b"gathered")
        with held(url):
            interrupted(store.flush)
        assert store.get("key") == b"gathered"
        store.flush()
        assert accrete.get(url, ["key"]) == [b"gathered"]


def test_an_append_that_waits_for_room_ends_and_has_done_nothing(url, interrupt):
    with accrete.buffered(accrete.open(url, lock_timeout=3), limit=1 << 20) as store:
        with held(url):
            interrupt()
            appended = 0
            began = time.monotonic()
            with pytest.raises(KeyboardInterrupt):
                while True:
                    store.append("key", b"x" * 10_000)
                    appended += 1
            assert time.monotonic() - began < 1.3
        store.flush()
        assert store.get("key") == b"x" * 10_000 * appended


def test_who_catches_it_may_go_on(url, interrupted):
    with accrete.open(url) as store:
        with held(url):
            for _ in range(2):
                interrupted(lambda: store.append("key", b"no"))
        store.append("key", b"yes")
        assert store.get("key") == b"yes"


def test_after_a_handler_that_returns_the_call_goes_on(url, interrupt, handler):
    got = []
    handler(signal.SIGINT, lambda number, frame: got.append(number))
    with accrete.open(url) as store:
        with held(url):
            interrupt()
            threading.Timer(0.8, lambda: got.append("over")).start()
            with pytest.raises(accrete.LockedError):
                accrete.open(url, lock_timeout=1)
        assert got == [signal.SIGINT, "over"]
        store.append("key", b"x")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("wait", [0.02, 0.05, 0.08])
def test_a_signal_that_comes_soon_after_its_handler_was_set_ends_the_call(url, handler, number, wait):
    with accrete.open(url) as store, held(url):
        handler(signal.SIGTERM, signal.default_int_handler)
        handler(signal.SIGINT, signal.default_int_handler)
        threading.Timer(wait, os.kill, (os.getpid(), number)).start()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            store.append("key", b"x")
        assert time.monotonic() - began < 1


def test_other_exceptions_of_handlers_end_the_call(url, interrupt, handler):
    def leave(number, frame):
        sys.exit(3)

    handler(signal.SIGTERM, leave)
    with accrete.open(url) as store, held(url):
        interrupt(signal.SIGTERM)
        with pytest.raises(SystemExit):
            store.append("key", b"x")


@pytest.mark.parametrize("make", [accrete.open, lambda url: accrete.buffered(accrete.open(url)), lambda url: accrete.memory()])
def test_a_handler_may_use_the_store_that_a_call_waits_for(url, make, interrupt, handler):
    """The call has let go of all locks by then. Handlers that run between calls do so, too."""
    with make(url) as store, accrete.open(url) as other:

        def use(number, frame):
            store.append("handler", b"1")

        holder = contextlib.ExitStack()

        def release_and_use(number, frame):
            holder.close()
            use(number, frame)

        handler(signal.SIGINT, release_and_use)
        handler(signal.SIGALRM, use)
        holder.enter_context(held(url))
        interrupt()
        other.append("other", b"2")
        assert store.get("handler") == b"1"
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        try:
            appended = 0
            while len(store.get("handler")) < 20:
                store.append("main", b"1")
                appended += 1
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        assert store.get("main") == b"1" * appended


def test_it_ends_though_another_thread_forks(url, interrupted):
    """That has the GIL, and waits for what the call has locked."""
    def fork():
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)

    forker = threading.Timer(0.1, fork)
    with accrete.buffered(accrete.open(url)) as store, held(url):
        store.append("key", b"x")
        forker.start()
        interrupted(store.flush)
        forker.join()


def test_ctrl_c_in_a_program_that_waits(url):
    with held(url):
        program = subprocess.Popen([sys.executable, "-c", "import accrete, sys\nprint('waits', flush=True)\naccrete.get(sys.argv[1], ['x'])", url],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert program.stdout.readline() == "waits\n"
        time.sleep(0.3)
        program.send_signal(signal.SIGINT)
        said = program.communicate(timeout=30)[1]  # long before it gives up
        assert said.endswith("KeyboardInterrupt\n") and program.returncode == -signal.SIGINT
