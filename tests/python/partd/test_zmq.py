"""Server and Client."""

import contextlib
import enum
import os
import pickle
import signal
import threading
import time

import accrete
import pytest
from accrete import partd
from accrete.partd import Buffer, Dict, Encode, File, Interface, Pickle

zmq = pytest.importorskip("zmq", reason="zmq (python3-zmq) is not installed")

from accrete.partd.zmq import Client, Server, ServerTimeoutError, deserialize_key, serialize_key  # noqa: E402


@pytest.fixture
def server(tmp_path):
    with Server(Buffer(Dict(), File(str(tmp_path / "data"))), hostname="127.0.0.1") as server:
        yield server


@pytest.fixture
def client(server):
    client = Client(server.address, timeout=30)
    yield client
    client.close()


def test_a_client_does_what_the_store_does(server, client):
    keys = ["x", b"x", 1, "1", ("a", 2), (("a",), None), 2.5, "é", ""]
    for _ in range(2):
        client.append({key: repr(key).encode() for key in keys})
    assert client.get(keys) == [repr(key).encode() * 2 for key in keys]
    assert client.get([]) == []
    assert client.get(["x", ["x", ["y"]]]) == [b"'x''x'", [b"'x''x'", [b""]]]
    assert server.partd.get("x") == server.get(["x"])[0] == b"'x''x'"
    client.delete(["x", 1])
    assert client.get(["x", 1, "1"]) == [b"", b"", b"'1''1'"]
    client.iset("z", b"1")
    client.iset("z", b"2")
    assert client.get("z") == b"1"
    client.drop()
    assert client.get(keys) == [b""] * len(keys)


def test_numbers_that_are_equal_are_one_key(client):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    for key in (3, 3.0, np.uint64(3), np.int8(3)):
        client.append({key: b"x"})
    assert client.get(3) == b"xxxx"


def test_a_member_of_an_enum_is_the_str_that_it_equals(client):
    class Airport(str, enum.Enum):
        SEATTLE = "SEA"

    client.append({Airport.SEATTLE: b"1", ("t", Airport.SEATTLE): b"2"})
    assert client.get(["SEA", Airport.SEATTLE, ("t", "SEA")]) == [b"1", b"1", b"2"]


def test_what_is_no_bytes_is_refused_before_anything_is_sent(client):
    socket = client.socket
    with pytest.raises(TypeError):
        client.append({"x": b"1", "y": 5})
    assert client.socket is socket
    assert client.get(["x", "y"]) == [b"", b""]


@pytest.mark.parametrize("key", [float("nan"), float("inf"), ("a", -float("inf"))])
def test_a_number_that_has_no_literal_is_refused_in_words(client, key):
    with pytest.raises(ValueError, match="is finite, not"):
        client.append({key: b"1"})
    assert client.get("x") == b""


def test_fsync_goes_through_an_encoding_where_partds_client_does_not_know_it(client, tmp_path):
    store = Pickle(client)
    for i in range(3):
        store.append({"x": [i]}, fsync=True)
    copy = pickle.loads(pickle.dumps(store))
    assert copy.get("x") == [0, 1, 2]
    with store.lock:
        assert store.pop("x") == [0, 1, 2]


class Failing(Interface):
    def __init__(self):
        self.lock = threading.Lock()
        Interface.__init__(self)

    def append(self, data, **kwargs):
        raise OSError(28, "No space left on device", "a file")

    def _get(self, keys, **kwargs):
        errors = {"corrupt": accrete.CorruptionError("bad"), "own": type("OwnError", (Exception,), {})("why"),
                  "type": TypeError("of a type"), "mismatch": accrete.TypeMismatchError("another dtype")}
        raise errors[keys[0]]

    def drop(self):
        pass


def test_an_error_of_the_server_reaches_the_client_where_partds_server_dies_of_it():
    with Server(Failing(), hostname="127.0.0.1") as server, Client(server.address, timeout=30) as client:
        with pytest.raises(OSError) as error:
            client.append({"x": b"1"})
        assert (error.value.errno, error.value.filename) == (28, "a file")
        with pytest.raises(accrete.CorruptionError, match="bad"):
            client.get("corrupt")
        with pytest.raises(RuntimeError, match="OwnError: why"):
            client.get("own")
        with pytest.raises(TypeError, match="^of a type"):
            client.get("type")
        with pytest.raises(accrete.TypeMismatchError, match="^another dtype"):
            client.get("mismatch")


@pytest.mark.parametrize(
    "frames",
    [[b""], [b"1"], [b"1", b"no such", b"([], {})"], [b"1", b"get", b"(["], [b"1", b"append", b"(['x'], {})"],
     [b"1", b"get", b"([['x']], {})"], [b"1", b"get", b"__import__('os').abort()"],
     [b"1", b"append", b"(['x'], {'lock': False})", b"1"], [b"1", b"iset", b"\xff"]],
)
def test_a_bad_message_harms_nobody_where_partds_server_dies_of_it(server, client, frames):
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.connect(server.address.decode())
    socket.send_multipart(frames)
    assert socket.poll(30_000)
    socket.close(0)
    client.append({"y": b"1"})
    assert client.get("y") == b"1"


def test_values_that_are_no_bytes_are_an_error_of_the_client(tmp_path):
    with Server(Pickle(File(str(tmp_path))), hostname="127.0.0.1") as server:
        server.partd.append({"x": [1]})
        client = Client(server.address, timeout=30)
        for _ in range(2):
            with pytest.raises(TypeError, match="bytes"):
                client.get("x")
        client.close()


def test_a_client_without_a_server_is_told_where_partds_hangs(server):
    client = Client("tcp://127.0.0.1:9", timeout=0.1)
    for call in (lambda: client.get("x"), lambda: client.append({"x": b"1"})):
        with pytest.raises(ServerTimeoutError) as error:
            call()
        assert isinstance(error.value, TimeoutError)
        assert isinstance(error.value, accrete.UnknownOutcomeError)
    client.close()


def test_an_answer_that_comes_late_is_not_taken_for_the_next_one(tmp_path):
    go_on = threading.Event()

    class Slow(Dict):
        def _get(self, keys, **kwargs):
            go_on.wait(30)
            return super()._get(keys, **kwargs)

    store = Slow()
    store.append({"x": b"1", "y": b"2"})
    with Server(store, hostname="127.0.0.1") as server:
        client = Client(server.address, timeout=0.2)
        with pytest.raises(TimeoutError):
            client.get("x")
        client.timeout = 30
        go_on.set()
        assert client.get("y") == b"2"
        client.close()


def test_a_handler_of_a_signal_may_use_the_client_that_a_call_waits_for(server, client):
    def use(number, frame):
        client.append({"x": b"handler"})

    before = signal.signal(signal.SIGALRM, use)
    try:
        for i in range(20):
            server._lock.acquire()
            threading.Timer(0.02, server._lock.release).start()
            signal.setitimer(signal.ITIMER_REAL, 0.0002 * i + 1e-5)
            client.append({"y": b"call"})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert client.get(["x", "y"]) == [b"handler" * 20, b"call" * 20]


def test_a_handler_that_ends_a_call_leaves_the_client_usable(server, client, interrupting):
    client.append({"x": b"1"})
    with server._lock, pytest.raises(KeyboardInterrupt), interrupting(0.1):
        client.get("x")
    assert client.get("x") == b"1"


def test_a_request_waits_for_those_of_other_threads_no_longer_than_it_may(server):
    client = Client(server.address, timeout=0.3)
    with server._lock:
        results = []

        def ask():
            try:
                client.get("x")
            except TimeoutError as error:
                results.append(error)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert time.monotonic() - began < 1
    assert len(results) == 4
    client.close()


def test_threads_and_a_forked_child_share_a_client(client):
    def append(i):
        for _ in range(20):
            client.append({i: b"x", "all": b"y"})

    threads = [threading.Thread(target=append, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            client.append({"child": b"1"})
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert client.get([0, 1, 2, 3, "all", "child"]) == [b"x" * 20] * 4 + [b"y" * 80, b"1"]


def test_a_server_has_an_address_that_clients_and_partds_callers_read(tmp_path):
    with Server(hostname="127.0.0.1") as server:
        assert server.address.startswith(b"tcp://127.0.0.1:")
        assert isinstance(server.partd, partd.Buffer)
        path = server.partd.slow.path
    assert server.status == "closed"
    assert os.listdir(path) == [".lock"]
    del server
    assert not os.path.exists(path)
    server = Server(Dict(), bind=f"ipc://{tmp_path}/socket", start=False)
    server.start()
    client = Client(server.address, timeout=30)
    client.append({"x": b"1"})
    assert server.get(["x"]) == [b"1"]
    client.close_server()
    server.block()
    client.close()
    server.close()


@pytest.mark.parametrize("kind", ["Numpy", "PandasColumns"])
def test_clients_that_append_at_once_never_bring_two_dtypes_or_other_columns_under_one_key(server, client, kind):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    if kind == "Numpy":
        values = [np.array([1, 2], dtype) for dtype in ("i4", "f8")]
    else:
        pd = pytest.importorskip("pandas", reason="pandas is not installed")
        values = [pd.DataFrame({column: [1, 2]}) for column in "ab"]
    make = getattr(partd, kind)
    for key in range(20):
        barrier = threading.Barrier(2)
        appended = []

        def append(value):
            with contextlib.closing(Client(server.address)) as own:
                store = make(own)
                barrier.wait()
                with contextlib.suppress(TypeError, ValueError):
                    store.append({key: value})
                    appended.append(value)

        threads = [threading.Thread(target=append, args=(value,)) for value in values]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(appended) == 1
        assert (np.asarray(make(client).get(key)) == np.asarray(appended[0])).all()


def test_a_buffer_over_a_client_has_what_is_appended(client):
    with Encode(bytes, bytes, b"".join, Buffer(Dict(), client, available_memory=10)) as store:
        for i in range(20):
            store.append({"x": b"%d," % i})
        assert store.get("x") == b"".join(b"%d," % i for i in range(20))


def test_keys_as_partd_sends_them():
    assert serialize_key(("a", "b", 1)) == b"a-|-b-|-1"
    assert deserialize_key(b"a-|-b-|-1") == (b"a", b"b", b"1")
    assert deserialize_key(serialize_key("x")) == b"x"
