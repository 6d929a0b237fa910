"""Threads, forks, and the ends of interpreters."""
import os
import subprocess
import sys
import threading
import time

import accrete
import pytest


def run(script, *args):
    """A Python of its own; what it prints."""
    done = subprocess.run([sys.executable, "-c", script, *map(str, args)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_threads_append_to_one_store(store):
    def work(number):
        for i in range(200):
            store.append({"shared": b"%d.%d\n" % (number, i), f"own{number}": b"%d\n" % i})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = store.get("shared").split(b"\n")[:-1]
    for number in range(10):
        mine = [b"%d.%d" % (number, i) for i in range(200)]
        assert [line for line in lines if line.startswith(b"%d." % number)] == mine
        assert store.get(f"own{number}") == b"".join(b"%d\n" % i for i in range(200))


def test_others_run_while_a_call_waits(url):
    """For the lock, which another process holds."""
    holder = subprocess.Popen(
        [sys.executable, "-c", f"import accrete\nwith accrete.open({url!r}, buffer=True):\n  print('held', flush=True)\n  input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    done = []
    waiter = threading.Thread(target=lambda: done.append(accrete.get(url, ["x"])))
    waiter.start()
    turns = 0
    for _ in range(50):
        time.sleep(0.001)
        turns += 1
    assert turns == 50 and not done
    holder.communicate(b"\n")
    waiter.join()
    assert done == [[b""]]


def test_a_value_that_others_append_to_is_read_whole(store):
    """Each append is of one byte, so that a mixture of moments would show."""
    piece = 40_000
    stop = threading.Event()

    def write():
        for i in range(60):
            store.append("key", bytes([i]) * piece)
        stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not stop.is_set():
        value = store.get("key")
        assert len(value) % piece == 0
        assert all(value[i * piece : (i + 1) * piece] == bytes([i]) * piece for i in range(len(value) // piece))
    writer.join()


def test_large_values_are_read_as_of_one_moment(store):
    """Each batch appends as much to both."""
    piece = 1 << 20
    store.append({"a": bytes(piece), "b": bytes(piece)})
    stop = threading.Event()

    def write():
        for i in range(20):
            store.append({"a": bytes([i]) * piece, "b": bytes([i]) * piece})
        stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not stop.is_set():
        a, b = store.get(["a", "b"])
        assert a == b and len(a) % piece == 0
    writer.join()


def test_a_value_that_is_erased_again_and_again_is_never_a_mixture(url):
    with accrete.open(url) as store:
        stop = threading.Event()

        def write():
            for i in range(100):
                store.erase("key")
                store.append("key", bytes([i]) * (40_000 + 1000 * (i % 7)))
            stop.set()

        writer = threading.Thread(target=write)
        writer.start()
        while not stop.is_set():
            value = store.get("key")
            assert len(set(value)) <= 1
            if value:
                assert len(value) == 40_000 + 1000 * (value[0] % 7)
        writer.join()


def test_a_forked_child_goes_on(url):
    with accrete.open(url) as store:
        store.append("key", b"parent ")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                store.append("key", b"child ")
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        store.append("key", b"parent")
        assert store.get("key") == b"parent child parent"


def test_a_forked_child_that_ends_takes_nothing_with_it(tmp_path):
    said = run(
        "import accrete, os, sys\n"
        "store = accrete.temporary(sys.argv[1])\n"
        "store.append('key', b'1')\n"
        "if os.fork() == 0: sys.exit()\n"
        "os.wait()\n"
        "print(store.get('key'), len(os.listdir(sys.argv[1])))\n", tmp_path)
    assert said == "b'1' 1\n"
    assert os.listdir(tmp_path) == []


def test_what_is_open_at_the_end_is_closed(url):
    run("import accrete, sys\n"
        "store = accrete.open(sys.argv[1], buffer=True)\n"
        "store.append('key', b'1')\n"
        "class Holder: pass\n"
        "holder = Holder(); holder.self, holder.store = holder, store\n", url)
    assert accrete.get(url, ["key"]) == [b"1"]


def test_daemon_threads_at_the_end(url):
    run("import accrete, sys, threading, time\n"
        "store = accrete.open(sys.argv[1])\n"
        "def work():\n"
        "  while True: store.append('key', b'1'); store.get('key'); 'x' in store\n"
        "for _ in range(4): threading.Thread(target=work, daemon=True).start()\n"
        "time.sleep(0.3)\n", url)
    assert set(accrete.get(url, ["key"])[0]) == {ord("1")}


def test_a_store_that_is_closed_while_others_use_it(url):
    store = accrete.open(url)
    errors = []

    def work():
        try:
            while True:
                store.append("key", b"1")
        except ValueError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    store.close()
    for thread in threads:
        thread.join()
    assert errors == ["the store is closed"] * 4


def test_a_subinterpreter_is_told_why_it_gets_no_store():
    interpreters = pytest.importorskip("_xxsubinterpreters")
    for _ in range(2):
        other = interpreters.create()
        with pytest.raises(interpreters.RunFailedError, match="ImportError.*cannot be imported in a subinterpreter"):
            interpreters.run_string(other, f"import sys; sys.path[:] = {sys.path!r}; import accrete")
        interpreters.destroy(other)
    with accrete.memory() as store:
        store.append("key", b"x")


def test_calls_leave_no_object_behind(store):
    keys = [f"key{i}" for i in range(10)]
    values = [bytearray(b"x"), b"y" * 3, memoryview(b"zz")]

    def calls():
        for key in keys:
            for value in values:
                store.append(key, value)
        store.append({key: values[1] for key in keys})
        store.get(keys)
        store.get(keys[0])
        store.sizes()
        for wrong in ({keys[0]: 5}, {"": b""}, {1.5: b""}):
            with pytest.raises((TypeError, ValueError)):
                store.append(wrong)

    calls()
    before = [sys.getrefcount(thing) for thing in (*keys, *values)]
    for _ in range(20):
        calls()
    assert [sys.getrefcount(thing) for thing in (*keys, *values)] == before
    values[0].append(1)  # nobody has it exported
