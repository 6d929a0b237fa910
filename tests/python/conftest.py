import os
import signal
import subprocess
import time

import pytest

# Whoever runs the tests in the background, without a terminal, has them ignore it; and so would the programs they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

import accrete  # noqa: E402
import sanitizer  # noqa: E402


def pytest_configure(config):
    if sanitizer.is_there():
        config.pluginmanager.register(sanitizer.Reports())


@pytest.fixture
def url(tmp_path):
    """An empty dataset."""
    path = str(tmp_path / "data")
    accrete.create(path)
    return path


def _compressed(path):
    return accrete.compressed(accrete.open(path), "lz4")


KINDS = {
    "files": accrete.open,
    "buffer": lambda path: accrete.open(path, buffer=8 << 20),
    "codec": _compressed,
    "buffered": lambda path: accrete.buffered(accrete.open(path)),
    "memory": lambda _: accrete.memory(),
    "temporary": lambda path: accrete.temporary(path.rpartition("/")[0]),
}


@pytest.fixture(params=KINDS)
def store(request, url):
    """An empty store of each kind."""
    with KINDS[request.param](url) as store:
        yield store


@pytest.fixture
def interrupt():
    """Has another process send this one a signal, a while after it is called."""
    senders = []

    def interrupt(number=signal.SIGINT):
        senders.append(subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -{int(number)} {os.getpid()}"]))

    yield interrupt
    for sender in senders:
        sender.wait()


@pytest.fixture
def handler():
    """Sets the handler of a signal for the test."""
    before = {}

    def handler(number, function):
        before[number] = signal.signal(number, function)

    yield handler
    for number, function in before.items():
        signal.signal(number, function)


@pytest.fixture
def interrupted(interrupt):
    """Has a call be ended by Ctrl-C, within a second; the KeyboardInterrupt."""

    def interrupted(call):
        interrupt()
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt) as caught:
            call()
        assert 0.2 < time.monotonic() - began < 1.3
        return caught.value

    return interrupted


def pytest_sessionfinish(session, exitstatus):
    """Where all of a file is skipped, as for a module that is not there, Meson is to count it as skipped."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = 77
