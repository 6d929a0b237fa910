"""Threads, forks, and the ends of interpreters."""
import contextlib
import os
import subprocess
import sys
import threading
import time

import accrete
import pytest


def run(script, *args):
    """A Python of its own; what it prints."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, *map(str, args)]  # of forks amid threads
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
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


# One of each kind, over the dataset of its argument: `stores`.
STORES = """
import accrete, os, signal, sys, threading, time
base = accrete.open(sys.argv[1])
stores = [base, accrete.buffered(accrete.open(sys.argv[1]), limit=1 << 20), accrete.memory(), accrete.compressed(accrete.memory())]
"""

# All that a store does, in threads that do it until `stop` is true.
WORK = """
stop = False

def work(store):
    large = bytes(300_000)
    while not stop:
        store.append({f"key{i}": b"1" for i in range(20)})
        store.append("large", large)
        assert len(store.get("large")) % len(large) == 0
        store.get(["large", "key1"]); store.keys(); store.size("key1"); "x" in store; len(store)
        if (store.size("large") or 0) > 3_000_000:
            store.erase("large")
        for wrong in ("key", 5), ("", b""), (5.5, b""):
            try:
                store.append(*wrong)
            except (TypeError, ValueError):
                pass

def start(daemon):
    threads = [threading.Thread(target=work, args=(store,), daemon=daemon) for store in stores for _ in range(2)]
    for thread in threads:
        thread.start()
    return threads
"""


def test_daemon_threads_within_calls_of_all_stores_at_the_end(url):
    for _ in range(5):
        run(STORES + WORK + "start(daemon=True); time.sleep(0.2)", url)


def test_children_of_a_process_whose_threads_are_within_calls(url):
    run(STORES + WORK + """
threads = start(daemon=False)
for i in range(20):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        code = 1
        try:
            for number, store in enumerate(stores):
                store.append(f"{i}.{number}", b"1")
                assert store.get(f"{i}.{number}") == b"1"
            code = 0
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1] != 0:
        print("a child has failed")
stop = True
for thread in threads:
    thread.join()
""", url)


def test_stores_that_are_collected_while_they_flush_and_another_thread_computes(url):
    run(STORES + """
for _ in range(5):
    store = accrete.buffered(base, limit=1 << 20)
    for i in range(3000):
        store.append(f"key{i % 50}", b"x" * 1000)
    thread = threading.Thread(target=lambda: sum(range(1_000_000)))
    thread.start()
    del store
    thread.join()
assert base.stats().bytes == 5 * 3000 * 1000
""", url)


def test_what_is_used_while_the_interpreter_ends(url):
    run(STORES + """
import atexit
atexit.register(lambda: base.append("atexit", b"1"))

class AtTheEnd:
    def __init__(self, store):
        self.store, self.me = store, self

    def __del__(self):
        self.store.append("collected", b"1")
        for wrong in ("key", 5), ("", b""):
            try:
                self.store.append(*wrong)
            except Exception:
                pass
        self.store.close()

ends = [AtTheEnd(store) for store in stores]
sys.kept = ends
""", url)
    assert accrete.get(url, ["atexit", "collected"]) == [b"1", b"11"]


def test_a_thread_that_waits_for_a_lock_does_not_keep_the_interpreter_from_ending(url):
    with accrete.open(url, buffer=True):
        began = time.monotonic()
        run("import accrete, sys, threading, time\n"
            "for _ in range(3): threading.Thread(target=accrete.get, args=(sys.argv[1], ['x']), daemon=True).start()\n"
            "time.sleep(0.2)", url)
        assert time.monotonic() - began < 30


def test_a_store_that_ten_threads_use_and_close(url):
    for _ in range(10):
        store = accrete.open(url, buffer=1 << 20)
        barrier = threading.Barrier(10)
        told = []

        def work(number):
            barrier.wait()
            try:
                for i in range(50):
                    store.append(f"key{number}", b"1")
                    store.stats()
                    if i == 20 and number % 3 == 0:
                        store.close()
            except ValueError as error:
                told.append(str(error))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.closed and set(told) == {"the store is closed"}


def test_signals_that_come_all_the_time_leave_batches_whole(url):
    run(STORES + """
class Interrupted(Exception):
    pass

def interrupt(number, frame):
    if is_in_call:
        raise Interrupted

def send():
    while not stop:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.0003)

is_in_call = False
signal.signal(signal.SIGINT, interrupt)
for store in stores:
    stop = False
    sender = threading.Thread(target=send)
    sender.start()
    caught = 0
    end = time.monotonic() + 20
    while caught < 20 and time.monotonic() < end:
        try:
            try:
                is_in_call = True
                store.append({f"key{i}": b"1" for i in range(20)})
            finally:
                is_in_call = False
        except Interrupted:
            caught += 1
    stop = True
    sender.join()
    if len({len(value) for value in store.get([f"key{i}" for i in range(20)])}) != 1:
        print("a batch is not whole")
""", url)


def test_what_is_changed_while_it_is_being_converted():
    """By a key whose __index__ is Python."""
    batch, keys, value = {}, [], bytearray(100)

    class Key:
        def __init__(self, meddle):
            self.meddle = meddle

        def __index__(self):
            self.meddle()
            return 7

    def grow():
        with contextlib.suppress(BufferError):
            value.extend(bytes(100_000))

    with accrete.memory() as store:
        for _ in range(100):
            batch.update({f"first{i}": b"x" * 1000 for i in range(20)})
            batch[Key(batch.clear)] = b"y" * 500
            store.append(batch)
            keys[:] = ["a", Key(keys.clear), "b"]
            assert len(store.get(keys)) == 2
            store.append([("key", value), (Key(grow), b"z"), ("key", value)])
        assert len(store.get("key")) == 200 * 100


def error_in_subinterpreter(code):
    """In words."""
    try:
        import _interpreters as interpreters
    except ImportError:
        interpreters = pytest.importorskip("_xxsubinterpreters")
    other = interpreters.create()
    try:
        if hasattr(interpreters, "exec"):
            return str(interpreters.exec(other, code))
        with pytest.raises(interpreters.RunFailedError) as caught:
            interpreters.run_string(other, code)
        return str(caught.value)
    finally:
        interpreters.destroy(other)


def test_a_subinterpreter_is_told_why_it_gets_no_store():
    for _ in range(2):
        error = error_in_subinterpreter(f"import sys; sys.path[:] = {sys.path!r}; import accrete")
        assert "ImportError" in error and "subinterpreter" in error
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
