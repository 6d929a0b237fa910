"""Gigabytes, such as more than 2 GiB of strings under one key. They take long, so whoever runs them says so: LARGE_TABLES=1."""
import os
import re
from pathlib import Path

import accrete
import pytest

pd = pytest.importorskip("pandas", reason="pandas is not installed")

if os.environ.get("LARGE_TABLES") != "1":
    pytest.skip("LARGE_TABLES is not 1", allow_module_level=True)

NEEDED = 12 << 30  # bytes of memory
TEXT = "0123456789abcdef" * (1 << 24)  # 256 MiB
COUNT = 9


def _available():
    found = re.search(r"MemAvailable: *(\d+) kB", Path("/proc/meminfo").read_text(encoding="ascii"))
    return int(found[1]) << 10


@pytest.fixture(autouse=True)
def memory():
    if _available() < NEEDED:
        pytest.skip(f"there are no {NEEDED >> 30} GiB of free memory")


@pytest.fixture
def store():
    with accrete.memory() as store:
        yield store


@pytest.mark.parametrize("dtype", [object, "string"])
def test_a_column_of_a_frame_may_have_more_than_2_gib(store, dtype):
    frame = pd.DataFrame({"number": range(COUNT), "text": pd.Series([TEXT] * COUNT, dtype=dtype)})
    store.scatter(frame, [7] * COUNT, 8)
    del frame
    assert store.size(7) > 2 << 30
    got = store.gather(7)
    assert got["number"].tolist() == list(range(COUNT)) and got["text"].dtype == dtype
    for text in got["text"]:
        assert text == TEXT


@pytest.mark.parametrize(("type", "sizes"), [("large_string", [COUNT]), ("string", [5, 4]), ("string_view", [COUNT])])
def test_a_column_of_arrow_may_have_more_than_2_gib(store, type, sizes):
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    texts = pa.chunked_array([pa.array([TEXT] * size, getattr(pa, type)()) for size in sizes])
    store.scatter(pa.table({"number": range(COUNT), "text": texts}), [7] * COUNT, 8)
    del texts
    assert store.size(7) > 2 << 30
    got = pa.table(store.gather(7, to="arrow"))
    assert got["number"].to_pylist() == list(range(COUNT)) and got["text"].type == pa.large_string()
    got["text"].validate(full=True)
    one = pa.array([TEXT], pa.large_string())
    for row in range(COUNT):
        assert got["text"].slice(row, 1).combine_chunks().equals(one)


def test_an_append_of_gigabytes_is_interrupted_and_has_done_nothing(store, interrupt):
    store.append("old", b"before")
    many = bytes(6 << 30)
    interrupt()
    with pytest.raises(KeyboardInterrupt):
        store.append({"old": b"after", "new": many})
    assert store.get("old") == b"before" and store.keys() == ["old"]


def test_metadata_of_more_than_2_gib_are_damaged(store):
    """As when a bit of their size has flipped in a large value."""
    size = (1 << 31) + 64
    store.append(7, b"\xff\xff\xff\xff" + size.to_bytes(4, "little"))
    store.append(7, bytes(size))
    with pytest.raises(accrete.CorruptionError, match="too large"):
        store.gather(7)
