"""The lock of Dict, File and Buffer: between threads and processes, and what signals do to it."""

import contextlib
import fcntl
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
from accrete.partd import File
from accrete.partd.core import Lock, lock_file


@pytest.fixture(params=["of threads", "of processes"])
def lock(request, tmp_path):
    return Lock() if request.param == "of threads" else Lock(str(tmp_path / "made" / ".lock"))


def is_free(path):
    """Whether nobody, in any process, has it."""
    with open(path, "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextlib.contextmanager
def held_by_a_process(path):
    script = "import fcntl, sys\nf = open(sys.argv[1], 'a')\nfcntl.flock(f, 2)\nprint(flush=True)\nsys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holder:
        holder.stdout.readline()
        yield holder
        holder.stdin.close()


def in_thread(work):
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join(30)
    return results[0]


def test_it_excludes_other_threads_and_is_taken_again_by_who_has_it(lock):
    assert not lock.locked()
    with lock as entered:
        assert entered is lock
        assert lock.acquire(False)
        lock.release()
        assert lock.locked()
        assert in_thread(lambda: lock.acquire(blocking=False)) is False
        began = time.monotonic()
        assert in_thread(lambda: lock.acquire(timeout=0.1)) is False
        assert time.monotonic() - began >= 0.1
    assert in_thread(lambda: lock.acquire()) is True
    assert lock.locked()
    lock.release()  # of another thread
    assert not lock.locked()
    with pytest.raises(RuntimeError):
        lock.release()


def test_an_attempt_holds_it_if_it_can(lock):
    with lock.attempt(0) as is_held:
        assert is_held
        assert lock.locked()

        def attempt():
            with lock.attempt(0.01) as is_held:
                return is_held

        assert in_thread(attempt) is False
        assert lock.locked()
    assert not lock.locked()


def test_a_process_waits_for_another_one(tmp_path):
    lock = lock_file(str(tmp_path / ".lock"))
    with held_by_a_process(lock.path) as holder:
        assert not lock.acquire(blocking=False)
        assert not lock.acquire(timeout=0.05)
        threading.Timer(0.2, holder.stdin.close).start()
        assert lock.acquire(timeout=30)
    assert not is_free(lock.path)
    lock.release()
    assert is_free(lock.path)


def test_a_file_of_the_lock_that_cannot_be_made_is_an_error_and_nothing_is_taken(tmp_path):
    (tmp_path / "file").touch()
    lock = Lock(str(tmp_path / "file" / ".lock"))
    with pytest.raises(NotADirectoryError) as error:
        lock.acquire()
    assert error.value.filename == lock.path
    assert not lock.locked()
    (tmp_path / "file").unlink()
    with lock:
        assert lock.locked()


def test_in_a_forked_child_it_is_free_and_the_parent_keeps_it(lock):
    with lock:
        child = os.fork()
        if child == 0:
            lock.release()  # of the parent's `with`
            os._exit(lock.locked() or (lock.path is None and not lock.acquire(False)))
        assert os.waitpid(child, 0)[1] == 0
        assert lock.locked()
        assert lock.path is None or not is_free(lock.path)


@pytest.mark.parametrize("kind", ["a process", "a thread"])
def test_ctrl_c_ends_the_wait_for_it(tmp_path, kind, interrupted):
    file = File(str(tmp_path))
    with contextlib.ExitStack() as stack:
        if kind == "a process":
            stack.enter_context(held_by_a_process(file.lock.path))
        else:
            in_thread(file.lock.acquire)
            stack.callback(file.lock.release)
        interrupted(lambda: file.append({"x": b"1"}))
    assert not file.lock.locked()
    file.append({"x": b"2"})
    assert file.get("x") == b"2"


def test_a_handler_may_take_the_lock_that_is_waited_for(tmp_path, interrupt, handler):
    file = File(str(tmp_path))
    with contextlib.ExitStack() as stack:
        stack.enter_context(held_by_a_process(file.lock.path))

        def use(number, frame):
            stack.close()
            file.append({"x": b"handler "})

        handler(signal.SIGINT, use)
        interrupt()
        file.append({"x": b"call"})
    assert file.get("x") == b"handler call"


def test_no_moment_at_which_ctrl_c_comes_leaves_it_taken(tmp_path, interrupting):
    file = File(str(tmp_path))
    interrupts = 0
    until = time.monotonic() + 2
    while time.monotonic() < until:
        try:
            with interrupting(random.uniform(1e-5, 2e-4)):
                while True:
                    file.append({"x": b"1"})
        except KeyboardInterrupt:
            interrupts += 1
        assert not file.lock.locked()
        assert is_free(file.lock.path)
    assert interrupts > 100
