"""The server as an object, and the program."""
import os
import pickle
import signal
import subprocess
import sys
import threading

import accrete
import pytest


def test_programs_append_through_a_server(url):
    with accrete.Server(url, memory=64 << 20) as server:
        assert "closed" not in repr(server)
        assert server.endpoints[0].startswith("ipc://")

        def work(number):
            with accrete.open(url) as store:
                for i in range(100):
                    store.append("key", b"%d.%d\n" % (number, i))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with accrete.open(server.endpoints[0]) as store:
            assert store.get("key").count(b"\n") == 400
            with pickle.loads(pickle.dumps(store)) as copy:
                assert copy.size("key") == store.size("key")
    assert repr(server).endswith("closed>")
    server.close()
    lines = accrete.get(url, ["key"])[0].splitlines()
    for number in range(4):
        assert [line for line in lines if line.startswith(b"%d." % number)] == [b"%d.%d" % (number, i) for i in range(100)]


def test_who_unpickles_elsewhere_finds_the_same_server(tmp_path, monkeypatch):
    for directory in ("here", "there"):
        (tmp_path / directory).mkdir()
        accrete.create(tmp_path / directory / "data")
    monkeypatch.chdir(tmp_path / "here")
    with accrete.Server("data"), accrete.open("ipc://data/.socket") as store:
        monkeypatch.chdir(tmp_path / "there")
        with accrete.Server("data"), pickle.loads(pickle.dumps(store)) as copy:
            copy.append("key", b"1")
            assert copy.get("key") == store.get("key") == b"1"


def test_a_server_on_tcp(url):
    with accrete.Server(url, bind=["tcp://127.0.0.1:*"], durability="memory") as server:
        with accrete.connect(server.endpoints[1], timeout=10) as store:
            store.append("key", b"1")
    assert accrete.get(url, ["key"]) == [b"1"]


def test_a_server_that_cannot_serve_says_why(url, tmp_path):
    with pytest.raises(accrete.Error, match="no dataset at"):
        accrete.Server(tmp_path / "missing")
    with pytest.raises(accrete.Error, match="--memory"):
        accrete.Server(url, memory=-1)
    with accrete.Server(url), pytest.raises(accrete.Error, match="serve"):
        accrete.Server(url)


def test_an_open_server_ends_with_the_interpreter_and_not_with_its_children(url):
    script = ("import accrete, os, sys\n"
              "server = accrete.Server(sys.argv[1])\n"
              "store = accrete.open(sys.argv[1])\n"
              "store.append('key', b'1')\n"
              "if os.fork() == 0: sys.exit()\n"
              "os.wait()\n"
              "store.append('key', b'2')\n"
              "store.flush()\n")
    subprocess.run([sys.executable, "-c", script, url], check=True, timeout=60)
    with accrete.open(url, buffer=True, lock_timeout=0.1) as store:  # nobody has it
        assert store.get("key") == b"12"


def test_what_a_server_has_not_flushed_is_told(url):
    server = accrete.Server(url)
    server._process.kill()
    with pytest.raises(accrete.Error, match="exit code -9"):
        server.close()


def test_the_program(url):
    def run(*args):
        return subprocess.run([sys.executable, "-m", "accrete", *args], capture_output=True, text=True, check=False)

    assert run("put", url, "key", "value").returncode == 0
    assert run("get", url, "key").stdout == "value"
    assert run("nonsense").returncode == 2
    missing = subprocess.run([sys.executable, "-m", "accrete", "version"], capture_output=True, text=True, check=False,
                             env={**os.environ, "ACCRETE_PROGRAM": "/nonexistent"})
    assert missing.returncode == 1
    assert missing.stderr.startswith("accrete: ")


@pytest.fixture
def silent(url):
    """A store of a dataset whose server does not answer until it is told to, and how to tell it."""
    with accrete.Server(url) as server, accrete.open(url) as store:
        store.append("key", b"before")
        store.flush()
        process = server._process
        process.send_signal(signal.SIGSTOP)
        try:
            yield store, lambda: process.send_signal(signal.SIGCONT)
        finally:
            process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("call", [
    lambda url, store: store.get("key"),
    lambda url, store: store.get(["key"]),
    lambda url, store: store.size("key"),
    lambda url, store: store.stats(),
    lambda url, store: store.flush(),
    lambda url, store: [store.append("large", b"x" * 100_000) for _ in range(10_000)],
    lambda url, store: accrete.open(url),
    lambda url, store: accrete.put(url, {"key": b"x"}),
])
def test_a_call_that_waits_for_a_server_ends_with_ctrl_c_and_has_done_nothing(url, silent, call, interrupted):
    store, go_on = silent
    assert interrupted(lambda: call(url, store)).__context__ is None
    go_on()
    assert store.get("key") == b"before"


def test_an_append_that_was_sent_and_is_interrupted_says_how_to_go_on(silent, interrupted):
    store, go_on = silent
    unknown = interrupted(lambda: store.append("key", b"+", sync=True)).__context__
    assert isinstance(unknown, accrete.UnknownOutcomeError)
    go_on()
    for _ in range(3):
        store.append("key", b"+", id=unknown.batch)
    assert store.get("key") == b"before+"


def test_an_append_that_was_sent_goes_on_after_a_handler_that_returns(silent, interrupt, handler):
    store, go_on = silent
    handler(signal.SIGINT, lambda number, frame: go_on())
    interrupt()
    store.append("key", b"+", sync=True)
    assert store.get("key") == b"before+"


def test_a_server_leaves_no_file_open(url, tmp_path):
    code = ("import accrete, sys\n"
            "accrete.Server(sys.argv[1]).close()\n"
            "try: accrete.Server(sys.argv[2])\n"
            "except accrete.Error: pass\n")
    ended = subprocess.run([sys.executable, "-X", "dev", "-c", code, url, tmp_path / "missing"], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
