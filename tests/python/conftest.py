import accrete
import pytest


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
