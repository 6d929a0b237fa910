"""What the program says of appends that a server cannot keep: never that they are stored."""
import fcntl
import os
import resource
import signal
import struct
import subprocess
import unittest

from serving import PROGRAM, Server, ServerTest

LIMIT = 2 << 20


class LimitedServer(Server):
    """Under a limit of the size of files, as `ulimit -f` sets it."""

    def __init__(self, dataset, *options):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
        try:
            super().__init__(dataset, *options)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


class Goodbyes(ServerTest):
    def writers(self):
        with open(os.path.join(self.data, ".writers"), "rb") as file:
            table = file.read()
        return sum(any(table[at + 16 : at + 24]) for at in range(64, len(table), 32))

    def test_a_large_put_leaves_no_id_behind_also_after_a_kill(self):
        server = self.serve()
        with server.client() as other:
            for size in 3 << 20, 100:
                self.run_program("put", self.data, "k", stdin=b"x" * size)
            while other.clients() > 1:  # the goodbyes are on the way
                pass
            other.append([(b"other", b"")])
            other.wait_for_ack()  # and after them
        server.end(signal.SIGKILL)
        self.assertEqual(len(self.run_program("get", self.data, "k")), (3 << 20) + 100)
        self.assertEqual(self.writers(), 1)  # the session of the other client, which has not said goodbye


class FileSizeLimit(ServerTest):
    def serve_limited(self, *options):
        self.server = LimitedServer(self.data, *options)
        self.addCleanup(self.server.log.close)
        self.addCleanup(self.server.end, signal.SIGKILL)

    def fill(self):
        """What `put` says it has appended, until it fails."""
        piece = b"p" * 100_000
        stored = 0
        while True:
            done = subprocess.run([PROGRAM, "put", self.data, "k"], input=piece, capture_output=True, check=False)
            if done.returncode != 0:
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assertIn(b"File too large", done.stderr)
                return stored
            stored += len(piece)
            self.assertLess(stored, 10 * LIMIT)

    def test_put_ends_with_4_for_what_is_not_stored(self):
        for durability in "os", "memory":
            self.run_program("drop", self.data)
            self.serve_limited("--durability", durability)
            self.run_program("put", self.data, "k", stdin=b"x" * (LIMIT + 1), code=4)
            self.assertEqual(self.run_program("cat", self.data), b"")
            stored = self.fill()
            self.assertEqual(len(self.run_program("get", self.data, "k")), stored)
            self.server.end(signal.SIGKILL)
            if durability == "os":
                self.assertEqual(len(self.run_program("get", self.data, "k")), stored)

    def test_load_ends_with_4_and_says_how_much_is_stored(self):
        self.serve_limited()
        rows = b"".join(b"k,%060d\n" % i for i in range(200_000))
        for arguments in ("--no-header", "--by", "1"), ("--quiet", "--no-header", "--by", "1"):
            said = self.run_program("load", self.data, *arguments, stdin=rows, code=4)
            self.assertIn("nothing of this input was appended", said)
            self.assertEqual(self.run_program("cat", self.data), b"")

    def test_stop_says_that_the_server_could_not_flush(self):
        for durability in "os", "memory":
            self.run_program("drop", self.data)
            self.serve_limited("--durability", durability)
            with self.server.client() as client:
                # What does not fit comes at once, so that nothing is refused for what could not be handed down before.
                client.append([(b"k", b"b" * 10_000)] * 150)
                client.append([(b"k", b"b" * 10_000)] * 150)
                client.wait_for_ack()
            said = self.run_program("stop", self.data, code=4)
            self.assertIn("could not hand down", said)
            self.assertIn("is in its journal" if durability == "os" else "There is no journal", said)
            self.assertEqual(self.server.wait(), 4)
            self.assertIn("File too large", self.server.logged())
            if durability == "os":
                self.assertEqual(len(self.run_program("get", self.data, "k")), 3_000_000)
            self.serve_limited()
            self.run_program("stop", self.data)


class Writers(ServerTest):
    def test_a_load_that_is_not_answered_says_that_it_may_be_applied_yet_and_does_not_double(self):
        server = self.serve()
        load = subprocess.Popen(
            [PROGRAM, "load", "--timeout", "1", self.data, "--no-header", "--by", "1"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        load.stdin.write(b"a,1\n")
        load.stdin.flush()
        while subprocess.run([PROGRAM, "get", self.data, "a"], capture_output=True, check=False).stdout != b"a,1\n":
            pass
        server.process.send_signal(signal.SIGSTOP)
        said = load.communicate(b"b,2\n")[1].decode()
        self.assertEqual(load.returncode, 4, said)
        self.assertIn("may be applied yet", said)
        server.process.send_signal(signal.SIGCONT)
        self.run_program("put", self.data, "b", "b,3\n")
        self.assertEqual(server.end(), 0)
        self.assertIn(self.run_program("get", self.data, "b"), [b"b,3\n", b"b,2\nb,3\n", b"b,3\nb,2\n"])

    def test_a_put_is_cut_into_what_the_server_takes_at_once(self):
        for options in [], ["--memory", "64MB"], ["--memory", "8MiB", "--max-message", "1MiB"]:
            served = self.serve_with(options)
            content = os.urandom(1 << 20) * 65
            self.run_program("put", self.data, "k", "--expect-size", "0", stdin=content)
            self.assertEqual(self.run_program("get", self.data, "k"), content)
            served.send_signal(signal.SIGTERM)
            self.assertEqual(served.wait(), 0)
            self.run_program("drop", self.data)

    def test_a_load_is_cut_into_what_the_server_takes_at_once(self):
        rows = b"".join(b"%d,%0100d\n" % (number % 1000, number) for number in range(100_000))
        served = self.serve_with(["--memory", "8MiB", "--max-message", "1MiB"])
        for _ in range(2):
            self.run_program("load", self.data, "--no-header", "--by", "1", "--id", "once", stdin=rows)
        served.send_signal(signal.SIGTERM)
        self.assertEqual(served.wait(), 0)
        for key in 0, 999:
            expected = b"".join(b"%d,%0100d\n" % (key, number) for number in range(key, 100_000, 1000))
            self.assertEqual(self.run_program("get", self.data, str(key)), expected)

    def serve_with(self, options):
        """With the limits that a server has which is given no others."""
        served = subprocess.Popen([PROGRAM, "serve", self.data, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(served.stdout.close)
        self.addCleanup(served.wait)
        self.addCleanup(served.kill)
        served.stdout.readline()
        return served

    def test_a_put_of_which_a_part_is_appended_is_busy_all_the_same(self):
        put = subprocess.Popen(
            [PROGRAM, "put", self.data, "k", "--timeout", "0.1"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.addCleanup(put.wait)
        self.addCleanup(put.kill)
        put.stdin.write(b"x" * (64 << 20))
        while self.run_program("stat", self.data).find(b"67,108,864") < 0:
            pass
        with open(os.path.join(self.data, ".lock"), "rb+") as lock:
            set_lock_of_open_file = 37  # F_OFD_SETLK
            fcntl.fcntl(lock, set_lock_of_open_file, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0))
            said = put.communicate(b"y")[1].decode()
        self.assertEqual(put.returncode, 3, said)
        self.assertIn("67108864 bytes were appended before it", said)

    def test_nothing_of_a_put_is_left_among_the_writers(self):
        server = self.serve()
        for number in range(20):
            self.run_program("put", self.data, "k", str(number % 10))
        self.assertEqual(self.run_program("get", self.data, "k"), b"0123456789" * 2)
        self.assertEqual(server.end(), 0)
        self.assertLessEqual(len(self.writers()), 1)  # the buffer's own

    def writers(self):
        """The slots of `.writers` that are in use."""
        try:
            with open(os.path.join(self.data, ".writers"), "rb") as file:
                slots = file.read()[32:]
        except FileNotFoundError:
            return []
        return [slots[at : at + 16] for at in range(0, len(slots), 32) if any(slots[at : at + 24])]


if __name__ == "__main__":
    unittest.main()
