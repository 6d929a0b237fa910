"""What a table's value is in bytes: what damages it, who appends to it, and how it is split."""
import threading

import accrete
import pytest

np = pytest.importorskip("numpy", reason="numpy is not installed")
pd = pytest.importorskip("pandas", reason="pandas is not installed")


def _frame(first=0):
    return pd.DataFrame({
        "number": [first, first + 1, first + 2],
        "text": pd.Series(["", None, "text"], dtype=object),
        "category": pd.Categorical(["a", "b", None]),
        "flag": [True, False, True],
    })


def _value(frames=1):
    with accrete.memory() as store:
        for i in range(frames):
            store.scatter(_frame(i), [0, 0, 0], 1)
        return store.get(0)


def _gather(value):
    with accrete.memory() as store:
        store.append("key", value)
        return store.gather("key", to="arrow")


@pytest.mark.parametrize("frames", [1, 2])
def test_a_value_that_is_cut_is_damaged(frames):
    value = _value(frames)
    assert len(_gather(value)) == 3 * frames
    whole_pieces = {len(value) // frames * i for i in range(frames + 1)}
    for size in set(range(len(value))) - whole_pieces:
        with pytest.raises(accrete.CorruptionError, match="cannot gather 'key'"):
            _gather(value[:size])


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_a_value_of_which_a_byte_is_flipped_is_damaged(flip):
    value = _value(2)
    for at in range(len(value)):
        damaged = bytearray(value)
        damaged[at] ^= flip
        with pytest.raises(accrete.CorruptionError):
            _gather(damaged)


def test_bytes_that_are_no_table_are_damaged():
    for value in (b"x", b"hello, world", bytes(1000), b"\xff" * 1000, b"\xff\xff\xff\xff" + bytes(4)):
        with pytest.raises(accrete.CorruptionError):
            _gather(value)


def test_pieces_of_different_tables_are_not_joined():
    with accrete.memory() as store:
        store.scatter(pd.DataFrame({"other": [1.0]}), [0], 1)
        other = store.get(0)
    with pytest.raises(accrete.TypeMismatchError, match="'number'.*'other'"):
        _gather(_value() + other)


def test_pieces_are_as_many_as_the_keys_that_have_rows(store):
    store.scatter(_frame(), [5, 5, 900], 1000)
    assert [accrete.unpack_key(key) for key in store.keys()] == [5, 900]
    assert store.gather(5)["number"].tolist() == [0, 1]


def test_a_table_of_a_server_is_appended_in_batches_that_it_takes(url):
    rows = 200_000
    frame = pd.DataFrame({"number": np.arange(rows), "real": np.arange(rows) / 3})
    try:
        server = accrete.Server(url, options=["--max-message", "1MiB"])
    except accrete.NotFoundError as error:
        pytest.skip(str(error))
    with server, accrete.open(url) as store:
        store.scatter(frame, frame["number"] % 40, 40)
        pd.testing.assert_frame_equal(store.gather(7), frame[frame["number"] % 40 == 7])


def test_writers_at_the_same_time_lose_and_mix_nothing(url):
    writers, scatters, keys = 4, 10, 3

    def write(writer):
        with accrete.open(url) as store:
            for i in range(scatters):
                number = np.full(30, writer * scatters + i)
                frame = pd.DataFrame({"number": number, "category": pd.Categorical([f"writer {writer}"] * 30)})
                store.scatter(frame, np.arange(30) % keys, keys)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with accrete.open(url) as store:
        for key in range(keys):
            got = store.gather(key)
            assert got["category"].astype(object).tolist() == [f"writer {number // scatters}" for number in got["number"]]
            assert sorted(got["number"]) == sorted(list(range(writers * scatters)) * 10)
            # A piece is whole, and each writer's are in order.
            numbers = got["number"].to_numpy().reshape(-1, 10)
            assert (numbers == numbers[:, :1]).all()
            for writer in range(writers):
                own = numbers[numbers[:, 0] // scatters == writer, 0]
                assert own.tolist() == sorted(own.tolist())


def test_of_first_writers_at_the_same_time_one_decides_the_columns(url):
    outcomes = []

    def write(column):
        with accrete.open(url) as store:
            try:
                store.scatter(pd.DataFrame({column: [1]}), [0], 1)
                outcomes.append(column)
            except accrete.TypeMismatchError:
                outcomes.append(None)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [column for column in outcomes if column]
    assert len(winners) == 1 and len(outcomes) == 6
    with accrete.open(url) as store:
        assert store.gather(0).columns.tolist() == winners


def test_a_compressed_dataset_holds_tables(tmp_path):
    path = tmp_path / "data"
    accrete.create(path, codec="lz4")
    frame = pd.DataFrame({"text": ["the same"] * 10_000})
    with accrete.open(path) as store:
        store.scatter(frame, [0] * len(frame), 1)
        assert store.stats().stored_bytes < store.stats().bytes / 2
        pd.testing.assert_frame_equal(store.gather(0), frame)


def test_a_memory_store_that_is_closed_is_an_error():
    store = accrete.memory()
    store.close()
    with pytest.raises(accrete.InvalidArgumentError):
        store.scatter(_frame(), [0, 0, 0], 1)
    with pytest.raises(accrete.InvalidArgumentError):
        store.gather(0)
