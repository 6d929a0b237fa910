import contextlib
import signal

import pytest


@pytest.fixture
def interrupting():
    """A `with` in which KeyboardInterrupt comes after so many seconds, if it lasts as long."""

    @contextlib.contextmanager
    def interrupting(seconds):
        def raise_once(number, frame):
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise KeyboardInterrupt

        signal.signal(signal.SIGALRM, raise_once)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    before = signal.getsignal(signal.SIGALRM)
    yield interrupting
    signal.signal(signal.SIGALRM, before)
