"""Dict, File and Buffer: as partd's, where partd is right; and, each with its name, where it is not."""

import errno
import gc
import multiprocessing
import os
import pickle
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time

import pytest
from accrete.partd import Buffer, Dict, Encode, File, Interface, Pickle
from accrete.partd import file as file_module
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# Keys that partd keeps apart. A tuple's first member is no other key, as it is the name of a directory.
KEYS = ["x", "y z", "a.b-c_(d)", 0, 17, -3, ("t", "x"), ("t", 1), ("t", "u", "v"), ("w", 0)]
key_lists = st.lists(st.sampled_from(KEYS), max_size=4)
operations = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.dictionaries(st.sampled_from(KEYS), st.binary(max_size=20), max_size=4)),
        st.tuples(st.just("get"), key_lists),
        st.tuples(st.just("get"), st.sampled_from(KEYS)),
        st.tuples(st.just("get"), st.lists(key_lists.filter(bool), min_size=1, max_size=3)),
        st.tuples(st.just("delete"), key_lists),
        st.tuples(st.just("drop")),
    ),
    max_size=20,
)


def run(store, steps):
    results = [getattr(store, name)(*arguments) for name, *arguments in steps]
    return [*results, store.get(KEYS)]


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(steps=operations)
@pytest.mark.parametrize("kind", ["Dict", "File", "Buffer"])
def test_the_same_operations_give_the_same_results_as_with_partd(kind, steps):
    partd = pytest.importorskip("partd", reason="partd is not installed")

    def results(module):
        with tempfile.TemporaryDirectory() as directory:
            if kind == "Dict":
                return run(module.Dict(), steps)
            file = module.File(os.path.join(directory, "data"))
            if kind == "File":
                return run(file, steps)
            return run(module.Buffer(module.Dict(), file), steps)

    import accrete.partd

    assert results(accrete.partd) == results(partd)


@pytest.fixture(params=["Dict", "File", "Buffer", "small Buffer", "Buffer of Files"])
def store(request, tmp_path):
    """An empty one of each kind."""
    slow = File(str(tmp_path / "slow"))
    return {
        "Dict": Dict,
        "File": lambda: slow,
        "Buffer": lambda: Buffer(Dict(), slow),
        "small Buffer": lambda: Buffer(Dict(), slow, available_memory=5),
        "Buffer of Files": lambda: Buffer(File(str(tmp_path / "fast")), slow, available_memory=20),
    }[request.param]()


def test_a_value_is_all_that_was_appended_in_order(store):
    for i in range(20):
        store.append({"x": b"%d," % i, ("y", 1): b"%d;" % i})
    assert store.get(["x", ("y", 1), "z"]) == [
        b"".join(b"%d," % i for i in range(20)), b"".join(b"%d;" % i for i in range(20)), b""
    ]


@pytest.mark.parametrize("keys", [[], ["x"], ["x", ["y", ["x"]]], ("t", "u"), "x"])
def test_get_answers_as_it_is_asked(store, keys):
    store.append({"x": b"1", "y": b"2", ("t", "u"): b"3"})
    assert store.get(keys) == {
        str([]): [], str(["x"]): [b"1"], str(["x", ["y", ["x"]]]): [b"1", [b"2", [b"1"]]], str(("t", "u")): b"3", "x": b"1"
    }[str(keys)]


DISTINCT = [
    "a", "a?", "a!", "a/b", ("a", "b"), (("a",), "b"), ("a", "b", "c"), ("a", ("b", "c")), (("a", "b"), "c"), ("a",), "", (),
    ".", "..", ".lock", "/etc/passwd", ("..", "x"), "a\0", "é", b"a", b"'a'", None, "None", 1, "1", 1.5, "1.5", -1, "-1", "01",
    "x" * 300, "x" * 240 + "y", float("inf"), "inf", 10**30, "\udc80", "%e", "%", "a%", ("a%", "b"),
]


def test_distinct_keys_stay_distinct_which_partd_mixes_up_or_lets_out_of_the_directory(store, tmp_path):
    for part in (b"1 ", b"2 "):
        store.append({key: part + repr(key).encode() for key in DISTINCT})
    for key, value in zip(DISTINCT, store.get(DISTINCT)):
        assert value == b"1 " + repr(key).encode() + b"2 " + repr(key).encode()
    assert set(os.listdir(tmp_path)) <= {"slow", "fast"}
    store.delete(DISTINCT[::2])
    assert [bool(value) for value in store.get(DISTINCT)] == [False, True] * (len(DISTINCT) // 2)


def test_a_key_that_begins_as_the_lock_leaves_that_as_it_is(tmp_path):
    file = File(str(tmp_path))
    keys = [(".lock", "x"), (".lock", ("x",)), ".lock", (".lock",), ("x", ".lock")]
    file.append({key: b"%d" % i for i, key in enumerate(keys)})
    for opened in (file, File(str(tmp_path))):
        assert opened.get(keys) == [b"0", b"1", b"2", b"3", b"4"]
    assert (tmp_path / ".lock").is_file()


def test_numbers_that_are_equal_are_one_key(store):
    np = pytest.importorskip("numpy", reason="numpy is not installed")
    same = [3, 3.0, np.int8(3), np.uint64(3), np.float32(3), np.int64(3)]
    for key in same:
        store.append({key: b"x"})
    assert store.get(same) == [b"x" * len(same)] * len(same)
    store.append({True: b"t"})
    assert store.get(1) == b"t"
    store.append({0.5: b"h"})
    assert store.get(np.float32(0.5)) == b"h"


def test_the_file_of_a_key_is_where_partd_has_it(tmp_path):
    file = File(str(tmp_path / "data"))
    file.append({"x y": b"1", 12: b"2", ("t", "u", 3): b"3"})
    for name, content in (("x y", b"1"), ("12", b"2"), ("t/u/3", b"3")):
        assert (tmp_path / "data" / name).read_bytes() == content
    assert file.filename(("t", "u", 3)) == str(tmp_path / "data" / "t" / "u" / "3")


def test_a_directory_that_partd_wrote_is_read_under_the_keys_it_was_written_with(tmp_path):
    partd = pytest.importorskip("partd", reason="partd is not installed")
    path = str(tmp_path / "data")
    keys = ["x", "a?b", 1, ("t", "u"), "c/d", 2.0, b"bytes", None, "é", "3"]
    partd.File(path).append({key: repr(key).encode() for key in keys if key != "é"})
    file = File(path)
    for key in keys:
        assert file.get(key) == (b"" if key == "é" else repr(key).encode())
    file.append({"a?b": b"more"})
    assert partd.File(path).get("a?b") == b"'a?b'more"
    file.delete("a?b")
    assert file.get("a?b") == b""
    assert File(path).get(["x", 1]) == [b"'x'", b"1"]


def test_a_directory_that_partd_wrote_has_keys_that_partd_can_have_no_file_for(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / "x").write_bytes(b"partd's")
    file = File(str(tmp_path))
    keys = ["k" * 256, ("t", "k" * 300), "?" + "k" * 255]
    assert file.get(keys) == [b"", b"", b""]
    file.append({key: b"%d" % i for i, key in enumerate(keys)})
    file.append({"x": b", ours"})
    assert file.get([*keys, "x"]) == [b"0", b"1", b"2", b"partd's, ours"]


def test_partd_and_file_work_on_one_directory_at_a_time(tmp_path):
    partd = pytest.importorskip("partd", reason="partd is not installed")
    theirs, own = partd.File(str(tmp_path)), File(str(tmp_path))
    entered = threading.Event()

    def append():
        entered.set()
        own.append({"x": b"ours"})

    with theirs.lock:
        thread = threading.Thread(target=append)
        thread.start()
        entered.wait()
        thread.join(0.2)
        assert thread.is_alive()
    thread.join(10)
    theirs.append({"x": b" theirs"})
    assert own.get("x") == theirs.get("x") == b"ours theirs"


def test_a_directory_in_which_partd_is_at_work_is_opened_at_once_and_taken_for_partds(tmp_path):
    partd = pytest.importorskip("partd", reason="partd is not installed")
    theirs = partd.File(str(tmp_path))
    with theirs.lock:
        own = File(str(tmp_path))
        theirs.append({"a?": b"1"}, lock=False)
    assert own.get("a?") == b"1"


def test_the_lock_excludes_threads_and_may_be_taken_again_where_partd_hangs(store):
    with store.lock:
        store.append({"x": b"1"})
        store.drop()
        assert store.get("x", lock=False) == b""
        thread = threading.Thread(target=store.append, args=({"x": b"2"},))
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
    thread.join(10)
    assert store.pop("x") == b"2"
    assert store.get("x") == b""
    assert not store.lock.acquire(False) or store.lock.release() is None


def test_a_lock_of_the_callers_is_used(tmp_path):
    class Counting:
        taken = 0

        def acquire(self):
            self.taken += 1

        def release(self):
            pass

    for store in (Dict(), File(str(tmp_path / "a")), Buffer(Dict(), File(str(tmp_path / "b")))):
        store.lock = Counting()
        store.append({"x": b"1"})
        store.append({"x": b"1"}, lock=False)
        store.get("x")
        store.drop()
        assert store.lock.taken == 2


def test_iset_sets_once_until_the_key_is_deleted_or_all_is_dropped(store):
    store.iset("x", b"1")
    store.iset("x", b"2")
    assert store.get("x") == b"1"
    store.delete("x")
    store.iset("x", b"3")
    assert store.get("x") == b"3"
    store.drop()
    store.iset("x", b"4")
    assert store.get("x") == b"4"


def test_what_two_buffers_set_in_one_directory_is_there_once(tmp_path):
    for _ in range(2):
        buffer = Buffer(Dict(), File(str(tmp_path)))
        buffer.iset("x", b"1")
        buffer.flush()
    assert File(str(tmp_path)).get("x") == b"1"


def test_what_is_appended_may_be_of_any_type_that_holds_bytes_and_is_taken_as_it_is(store):
    changing = bytearray(b"1")
    store.append({"x": changing})
    changing[:] = b"2"
    store.append({"x": memoryview(b"3")})
    assert store.get("x") == b"13"


@pytest.mark.parametrize("bad", ["text", None, 3])
def test_a_value_that_is_no_bytes_is_an_error_and_nothing_is_appended(store, bad):
    with pytest.raises(TypeError):
        store.append({"x": b"1", "y": bad})
    assert store.get(["x", "y"]) == [b"", b""]


# Errors


def limited(size, work):
    """Runs it with files limited to so many bytes, as a full disk stops them."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        return work()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_an_append_that_fails_has_appended_to_no_key_where_partd_leaves_a_part(tmp_path):
    file = File(str(tmp_path))
    file.append({"a": b"1", "c": b"1" * 900})
    with pytest.raises(OSError) as error:
        limited(1000, lambda: file.append({"a": b"2", "b": b"2", "c": b"2" * 200}))
    assert error.value.errno == errno.EFBIG
    assert error.value.filename == file.filename("c")
    assert file.get(["a", "b", "c"]) == [b"1", b"", b"1" * 900]
    assert not os.path.exists(file.filename("b"))


def test_an_append_that_fails_is_taken_back_from_a_key_whose_name_it_has_made_a_directorys(tmp_path):
    file = File(str(tmp_path))
    with pytest.raises(OSError):
        limited(1000, lambda: file.append({"a": b"1", ("a", "b"): b"2", "c": b"3" * 2000}))
    assert file.get(["a", ("a", "b"), "c"]) == [b"", b"", b""]


def test_a_flush_that_fails_leaves_the_bytes_where_they_were_which_partd_loses_or_doubles(tmp_path):
    buffer = Buffer(Dict(), File(str(tmp_path)), available_memory=3000)
    buffer.append({"a": b"1" * 2000, "b": b"1"})
    with pytest.raises(OSError):
        limited(1000, buffer.flush)
    assert buffer.get(["a", "b"]) == [b"1" * 2000, b"1"]
    with pytest.raises(OSError):
        limited(1000, lambda: buffer.append({"a": b"2" * 2000, "c": b"3"}))
    assert buffer.get(["a", "b", "c"]) == [b"1" * 2000, b"1", b""]
    assert buffer.memory_usage == sum(buffer.lengths.values()) == 2001
    buffer.append({"a": b"2" * 2000})
    assert buffer.get("a") == b"1" * 2000 + b"2" * 2000


def files_below(path):
    return sorted(found for found in path.rglob("*") if found.is_file())


@pytest.mark.parametrize("kind", ["File", "Renamed"])
def test_an_iset_that_fails_leaves_the_value_where_partd_loses_it(tmp_path, kind):
    file = {"File": File, "Renamed": Renamed}[kind](str(tmp_path))
    file.append({"x": b"old", ("x", "y"): b"old", "z": b"1"})
    before = files_below(tmp_path)
    for key in ("x", ("x", "y"), "new", ("new", "y")):
        with pytest.raises(OSError):
            limited(1000, lambda: file.iset(key, bytes(2000)))
    assert file.get(["x", ("x", "y"), "new", ("new", "y")]) == [b"old", b"old", b"", b""]
    assert files_below(tmp_path) == before
    for key in ("x", ("x", "y"), "new", ("new", "y")):
        file.iset(key, b"set")
        file.append({key: b" and more"})
    assert file.get(["x", ("x", "y"), "new", ("new", "y")]) == [b"set and more"] * 4


def test_an_error_in_reading_is_raised_where_partd_reads_it_as_nothing(tmp_path):
    file = File(str(tmp_path))
    os.symlink("x", file.filename("x"))
    with pytest.raises((OSError, ValueError)):
        file.get("x")
    gone = File(str(tmp_path / "gone"))
    os.remove(gone.lock.path)
    os.rmdir(gone.path)
    with pytest.raises(FileNotFoundError):
        gone.get("x")


@pytest.mark.parametrize("count", [1, 30])
def test_fsync_is_one_commit_for_all_keys(tmp_path, count):
    script = (
        "import sys, accrete.partd as p\n"
        f"p.File(sys.argv[1]).append({{i: b'x' for i in range({count})}}, fsync=True)"
    )
    try:
        traced = subprocess.run(
            ["strace", "-f", "-e", "trace=fsync,fdatasync,syncfs", sys.executable, "-c", script, str(tmp_path)],
            capture_output=True, text=True, timeout=60, check=True,
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("strace cannot be used here")
    calls = [line for line in traced.stderr.splitlines() if "sync" in line and "(" in line]
    assert 1 <= len(calls) <= 3
    assert File(str(tmp_path)).get(0) == b"x"


# Buffer


def test_a_buffer_keeps_within_its_memory_and_says_what_it_has(tmp_path):
    buffer = Buffer(Dict(), File(str(tmp_path)), available_memory=1000)
    for i in range(200):
        buffer.append({i % 7: bytes(i), "x": b"1"})
        assert buffer.memory_usage == sum(buffer.lengths.values()) <= 1000
        assert sum(map(len, buffer.fast.get(list(buffer.lengths)))) == buffer.memory_usage
    assert buffer.get("x") == b"1" * 200
    buffer.drop()
    assert not buffer.memory_usage
    assert not buffer.lengths


class Renamed(File):
    def filename(self, key):
        return super().filename(key) + ".bin"


@pytest.mark.parametrize("slow", ["File", "Renamed", "Dict"])
@pytest.mark.parametrize("call", ["append", "flush"])
def test_ctrl_c_in_a_buffer_neither_doubles_nor_loses_bytes_where_partd_does(tmp_path, slow, call, interrupting):
    """A flush has moved a key or has not; an append was made to all keys or to none."""
    slow = {"File": File, "Renamed": Renamed, "Dict": lambda path: Dict()}[slow](str(tmp_path))
    buffer = Buffer(Dict(), slow, available_memory=1e9 if call == "flush" else 100_000)
    keys = list(range(40))
    appended = 0
    interrupts = 0
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        began = False
        piece = {key: b"%06d" % appended + bytes(key * 100) for key in keys}
        if call == "flush":
            buffer.append(piece)
            appended += 1
        try:
            with interrupting(random.uniform(1e-5, 1e-3)):
                began = True
                buffer.append(piece) if call == "append" else buffer.flush()
                appended += call == "append"
                time.sleep(1)
        except KeyboardInterrupt:
            interrupts += 1
        sizes = [len(value) / (6 + 100 * key) for key, value in zip(keys, buffer.get(keys))]
        if call == "append" and began and sizes[0] == appended + 1:
            appended += 1  # Ctrl-C came after it
        assert sizes == [appended] * len(keys)
        assert buffer.memory_usage == sum(buffer.lengths.values()) == sum(map(len, buffer.fast.get(list(buffer.lengths))))
        if appended > 20:
            buffer.drop()
            appended = 0
    assert interrupts > 20


def test_a_buffer_flushes_its_largest_keys_first():
    fast, slow = Dict(), Dict()
    buffer = Buffer(fast, slow, available_memory=10)
    buffer.append({"x": b"Hello", "y": b"abc"})
    buffer.append({"x": b"World!", "y": b"def"})
    assert fast.get(["x", "y"]) == [b"", b"abcdef"]
    assert slow.get(["x", "y"]) == [b"HelloWorld!", b""]


def test_pickling_a_buffer_flushes_it_which_partd_does_not(tmp_path):
    buffer = Buffer(Dict(), File(str(tmp_path)))
    buffer.append({"x": b"1"})
    copy = pickle.loads(pickle.dumps(buffer))
    assert File(str(tmp_path)).get("x") == b"1"
    copy.append({"x": b"2"})
    copy.flush()
    buffer.append({"x": b"3"})
    assert buffer.get("x") == copy.get("x") + b"3" == b"123"


def append_and_flush(buffer, results):
    buffer.append({"x": b"2"})
    buffer.flush()
    results.put(buffer.get("x"))


def test_a_forked_child_doubles_nothing(tmp_path):
    buffer = Buffer(Dict(), File(str(tmp_path)))
    buffer.append({"x": b"1"})
    fork = multiprocessing.get_context("fork")
    results = fork.Queue()
    child = fork.Process(target=append_and_flush, args=(buffer, results))
    child.start()
    assert results.get(timeout=30) == b"12"
    child.join()
    buffer.append({"x": b"3"})
    buffer.flush()
    assert buffer.get("x") == b"123"


def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    return os.waitpid(child, 0)[1]


def test_threads_that_fork_at_once_leave_a_buffer_free(tmp_path):
    buffer = Buffer(Dict(), File(str(tmp_path)))
    buffer.append({"x": b"1"})
    threads = [threading.Thread(target=fork) for _ in range(3)]
    with buffer.lock:
        for thread in threads:
            thread.start()
        time.sleep(0.3)  # all of them wait for the lock
    for thread in threads:
        thread.join(30)
    assert not buffer.lock.locked()
    assert buffer.get("x") == b"1"


class BusyBuffer(Buffer):
    """Lets it be known that somebody appends, who has not got the lock yet."""

    def __init__(self, *args):
        super().__init__(*args)
        self.is_busy = threading.Event()

    def append(self, *args, **kwargs):
        self.is_busy.set()
        time.sleep(0.3)
        super().append(*args, **kwargs)


def one_over_the_other(path, is_upper_first):
    """A Buffer over an encoding of another one; which of the two is first in memory is as it comes."""
    others = []
    while True:
        lower = BusyBuffer(Dict(), File(str(path)))
        upper = Buffer(Dict(), Encode(bytes, bytes, b"".join, lower))
        if (id(upper) < id(lower)) == is_upper_first:
            return upper, lower
        others.append((upper, lower))


@pytest.mark.parametrize("is_upper_first", [False, True])
def test_a_forked_child_has_what_was_in_two_buffers(tmp_path, is_upper_first):
    upper, lower = one_over_the_other(tmp_path, is_upper_first)
    upper.append({"x": b"1"})
    upper.flush()
    upper.append({"x": b"2"})
    child = os.fork()
    if child == 0:
        os._exit(upper.get("x") != b"12")
    assert os.waitpid(child, 0)[1] == 0
    assert upper.get("x") == b"12"


@pytest.mark.parametrize("is_upper_first", [False, True])
def test_a_fork_waits_for_a_buffer_that_is_flushed_to_another_one(tmp_path, is_upper_first):
    upper, lower = one_over_the_other(tmp_path, is_upper_first)
    upper.append({"x": b"1"})
    threads = [threading.Thread(target=work, daemon=True) for work in (upper.flush, fork)]
    threads[0].start()
    lower.is_busy.wait()
    threads[1].start()
    for thread in threads:
        thread.join(30)
    assert not lower.lock.locked()
    assert not upper.lock.locked()
    assert upper.get("x") == b"1"


def test_a_buffer_whose_lock_fails_in_a_fork_harms_no_other_one(tmp_path):
    class Failing:
        def acquire(self):
            raise OSError("no lock")

        release = acquire

    buffers = [Buffer(Dict(), File(str(tmp_path / str(i)))) for i in range(3)]
    for buffer in buffers:
        buffer.append({"x": b"1"})
    buffers[1].lock, locks = Failing(), [buffers[0].lock, buffers[2].lock]
    child = os.fork()
    if child == 0:
        os._exit([buffers[i].get("x", lock=False) for i in range(3)] != [b"1", b"", b"1"])
    assert os.waitpid(child, 0)[1] == 0
    assert not any(lock.locked() for lock in locks)
    assert [buffer.get("x", lock=False) for buffer in buffers] == [b"1"] * 3


# What is removed, and what is not


def test_a_forked_child_deletes_nothing_where_partd_removes_its_parents_data(tmp_path):
    script = """if True:
        import os, sys
        from accrete.partd import Buffer, Dict, File
        import accrete.partd.file
        temporary = File(dir=sys.argv[1])
        temporary.append({"x": b"1"})
        given = File(os.path.join(sys.argv[1], "given"))
        given.append({"x": b"1"})
        os.mkdir(os.path.join(sys.argv[1], "listed"))
        accrete.partd.file.cleanup_files.append(os.path.join(sys.argv[1], "listed"))
        with given, Buffer(Dict(), given):
            if os.fork() == 0:
                sys.exit()
            os.wait()
            print(temporary.get("x"), given.get("x"), os.listdir(sys.argv[1]).__len__())
    """
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.stdout == "b'1' b'1' 3\n", done.stderr
    assert os.listdir(tmp_path) == []


def test_a_temporary_directory_ends_in_partd_and_goes_with_its_object(tmp_path):
    file = File(dir=str(tmp_path))
    assert os.path.dirname(file.path) == str(tmp_path)
    assert file.path.endswith(".partd")
    assert file.path in file_module.cleanup_files
    path = file.path
    del file
    assert not os.path.exists(path)
    assert path not in file_module.cleanup_files


def test_with_removes_the_directory(tmp_path):
    with File(str(tmp_path / "data")) as file:
        file.append({"x": b"1", ("y", "z"): b"2"})
    assert not os.path.exists(file.path)


@pytest.mark.parametrize("first", ["x", ("x", "y")])
def test_a_file_that_was_making_way_for_a_directory_when_its_process_was_killed_is_found(tmp_path, first):
    file = File(str(tmp_path))
    file.append({"x": b"1"})
    os.mkdir(tmp_path / "x%m")
    os.rename(tmp_path / "x", tmp_path / "x%m" / "%")
    file.append({first: b"2"})
    file.append({"x": b"3", ("x", "y"): b"4"})
    assert file.get(["x", ("x", "y")]) == ([b"123", b"4"] if first == "x" else [b"13", b"24"])


def test_drop_leaves_what_no_key_has_made_where_partd_removes_all(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("1")
    path = tmp_path / "data"
    with File(str(path)) as file:
        file.append({"x": b"1", ("y", "z"): b"2"})
        os.symlink(tmp_path / "outside", path / "link")
        (path / "notes~").write_text("1")
        file.drop()
        assert sorted(os.listdir(path)) == [".lock", "link", "notes~"]
    assert (path / "notes~").exists()
    assert (tmp_path / "outside" / "precious").exists()


def test_key_files_may_be_deleted_and_rewritten_between_appends(tmp_path):
    path = tempfile.mkdtemp(suffix=".partd", dir=tmp_path)
    file = File(path)
    file.append({"x": b"1", ("t", "u"): b"1"})
    os.remove(file.filename("x"))
    file.append({"x": b"2"})
    with open(file.filename(("t", "u")), "wb") as written:
        written.write(b"new ")
    file.append({("t", "u"): b"3"})
    assert file.get(["x", ("t", "u")]) == [b"2", b"new 3"]


def test_appends_go_on_while_the_directory_is_dropped(tmp_path):
    file = File(str(tmp_path / "data"))
    errors = []

    def append():
        try:
            for i in range(200):
                file.append({("t", i % 5): b"x", i % 3: b"y"})
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=append) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        file.drop()
    assert not errors
    file.append({"x": b"1"})
    assert file.get("x") == b"1"


# Callers' own classes


def test_a_file_whose_names_are_the_callers_own(tmp_path):
    class Suffixed(File):
        def filename(self, key):
            return super().filename(key) + ".bin"

    file = Suffixed(str(tmp_path / "data"))
    buffer = Buffer(Dict(), file)
    buffer.append({"x": b"1", ("t", "u"): b"2"})
    buffer.flush()
    assert (tmp_path / "data" / "x.bin").read_bytes() == b"1"
    assert (tmp_path / "data" / "t" / "u.bin").read_bytes() == b"2"
    with pytest.raises(OSError):
        limited(1000, lambda: file.append({"x": b"2", "z": bytes(2000)}))
    assert buffer.get(["x", "z", ("t", "u")]) == [b"1", b"", b"2"]
    file.iset("x", b"3")
    file.delete(("t", "u"))
    assert file.get(["x", ("t", "u")]) == [b"3", b""]


def test_a_file_that_keeps_several_keys_in_one_file(tmp_path):
    class ByFirst(File):
        def filename(self, key):
            return super().filename(key[0])

    file = ByFirst(str(tmp_path / "data"))
    file.append({"a1": b"1", "a2": b"2", "b": b"3"})
    buffer = Buffer(Dict(), file)
    buffer.append({"a1": b"4", "a2": b"5"})
    buffer.flush()
    assert file.get(["a1", "a2", "b"]) == [b"1245", b"1245", b"3"]
    with pytest.raises(OSError):
        limited(1000, lambda: file.append({"a1": b"6", "a2": b"7", "c1": b"8", "c2": b"9", "b": bytes(2000)}))
    assert file.get(["a1", "b", "c"]) == [b"1245", b"3", b""]
    assert not os.path.exists(file.filename("c"))


def test_a_file_whose_append_and_get_are_the_callers_own(tmp_path):
    class Upper(File):
        calls = 0

        def append(self, data, **kwargs):
            Upper.calls += 1
            super().append({key: value.upper() for key, value in data.items()}, **kwargs)

        def _get(self, keys, **kwargs):
            return [b"<" + value + b">" for value in super()._get(keys, **kwargs)]

    buffer = Buffer(Dict(), Upper(str(tmp_path)), available_memory=2)
    buffer.append({"x": b"abc"})
    assert Upper.calls == 1
    assert buffer.get("x") == b"<ABC>"
    assert Encode(bytes, bytes, b"".join, buffer.slow).partd is buffer.slow


class Stating(File):
    def __getstate__(self):
        return {**super().__getstate__(), "own": 1}


def test_a_file_whose_state_is_the_callers_own(tmp_path):
    Stating(str(tmp_path)).append({"x": b"1"})
    copy = pickle.loads(pickle.dumps(Stating(str(tmp_path))))
    assert (copy.own, copy.get("x")) == (1, b"1")


def test_a_store_of_the_callers_own(tmp_path):
    class Own(Interface):
        def __init__(self):
            self.values = {}
            self.lock = threading.Lock()
            Interface.__init__(self)

        def append(self, data, lock=True, **kwargs):
            for key, value in data.items():
                self.values[key] = self.values.get(key, b"") + value

        def _get(self, keys, lock=True, **kwargs):
            return [self.values.get(key, b"") for key in keys]

        def _delete(self, keys, lock=True, **kwargs):
            for key in keys:
                self.values.pop(key, None)

        def drop(self):
            self.values.clear()

    for buffer in (Buffer(Own(), File(str(tmp_path)), 5), Buffer(Dict(), Own(), 5)):
        with buffer, Pickle(buffer) as p:
            for i in range(10):
                p.append({"x": [i]}, fsync=True)
            assert p.get("x") == list(range(10))


def test_a_temporary_file_that_was_pickled_is_left_to_who_has_it_where_partd_deletes_it():
    file = File()
    file.append({"x": b"1"})
    copy = pickle.loads(pickle.dumps(file))
    del file
    gc.collect()
    assert copy.get("x") == b"1"
    assert copy.path in file_module.cleanup_files
    copy.__exit__()
