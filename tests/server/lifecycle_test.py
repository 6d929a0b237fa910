"""How a server begins and ends: what it writes down, what it refuses, and what is left when it is stopped or killed."""
import contextlib
import fcntl
import json
import os
import signal
import socket
import stat
import struct
import subprocess
import threading
import time
import unittest

import raw_client as raw
from raw_client import RawClient
from serving import PROGRAM, ServerTest

MEBIBYTES = raw.FIRST_PARTS * raw.PART_BYTES // (1 << 20) + 1  # more than a reply may have without more credit


class Ending(ServerTest):
    def test_stop_ends_the_server_and_leaves_nothing_of_it(self):
        server = self.serve()
        self.assertEqual(stat.S_IFMT(os.lstat(os.path.join(self.data, ".socket")).st_mode), stat.S_IFSOCK)
        with open(os.path.join(self.data, ".server"), encoding="utf-8") as file:
            text = file.read()
        for endpoint in server.endpoints:
            self.assertIn(f"endpoint {endpoint}\n", text)
        self.assertIn(f"process {server.process.pid}\n", text)
        self.run_program("stop", self.data)
        self.assertEqual(server.wait(), 0)
        self.assertFalse({".server", ".server-new", ".socket"} & set(os.listdir(self.data)))

    def test_a_served_dataset_is_used_whatever_its_marker_looks_like_to_the_client(self):
        path = os.path.join(self.data, ".accrete")
        with open(path, "rb") as file:
            marker = file.read()
        server = self.serve()
        unknown_codec = marker.replace(b"codec none", b"codec of-a-newer-version")
        for number, text in enumerate((b"damaged", b"accrete dataset\nformat 999\n", unknown_codec, None)):
            os.remove(path)
            if text is not None:
                with open(path, "wb") as file:
                    file.write(text)
            self.run_program("put", self.data, f"key {number}", "value")
            self.assertEqual(self.run_program("get", self.data, f"key {number}"), b"value")
        with open(path, "wb") as file:
            file.write(marker)
        self.assertEqual(server.end(), 0)
        self.assertEqual(self.run_program("get", self.data, "key 0"), b"value")

    def test_stat_says_what_the_server_has_done(self):
        self.assertNotIn(b"clients", self.run_program("stat", self.data))
        self.assertNotIn("server", json.loads(self.run_program("stat", "--json", self.data)))
        server = self.serve()
        for number in range(3):
            self.run_program("put", self.data, "key", str(number))
        text = self.run_program("stat", self.data).decode()
        self.assertIn("\nclients  1\n", text)
        self.assertIn("\nbatches  3 applied", text)
        of_server = json.loads(self.run_program("stat", "--json", self.data))["server"]
        self.assertEqual((of_server["batches"], of_server["refused_batches"], of_server["queued_bytes"]), (3, 0, 0))
        self.assertEqual(server.end(), 0)

    def test_stop_says_that_no_server_runs(self):
        self.assertIn("none runs", self.run_program("stop", self.data, code=1))
        self.run_program("stop", os.path.join(self.dir, "none"), code=1)

    def test_a_server_whose_file_is_missing_or_damaged_is_named_and_not_taken_for_none(self):
        path = os.path.join(self.data, ".server")
        self.serve().end(signal.SIGKILL)
        with open(path, "rb") as file:
            of_the_dead = file.read()
        server = self.serve()
        told = f"process {server.process.pid} has the dataset for itself, but no whole file '.server'"
        for text in (of_the_dead, b"damaged", None):
            os.remove(path)
            if text is not None:
                with open(path, "wb") as file:
                    file.write(text)
            self.assertIn(told, self.run_program("stop", self.data, code=3))
        self.assertEqual(server.end(), 0)
        self.assertIn("none runs", self.run_program("stop", self.data, code=1))

    @unittest.skipIf(os.geteuid() != 0, "only root can be another user")
    def test_who_may_not_stop_a_server_is_told_so(self):
        os.chmod(self.dir, 0o755)
        server = self.serve()
        done = subprocess.run([PROGRAM, "stop", self.data], capture_output=True, user=65534, check=False)
        self.assertEqual(done.returncode, 4)
        self.assertIn(f"process {server.process.pid} serves it, and this user may not", done.stderr.decode())
        self.check_well(server)

    def test_what_was_acknowledged_is_there_after_a_stop(self):
        self.check_stopped_while_appending(signal.SIGTERM)
        self.check_stopped_while_appending(signal.SIGINT)

    def test_a_client_goes_on_after_what_a_killed_server_has_applied(self):
        client, sent = self.check_stopped_while_appending(signal.SIGKILL)
        server = self.serve()
        with server.client(session=client.session) as again:
            self.assertGreaterEqual(again.applied, client.applied)
            self.assertNotEqual(again.incarnation, client.incarnation)
            while again.sequence < sent:
                again.append([(b"%d" % signal.SIGKILL, b"x" * 100)])
            self.assertEqual(len(again.get(b"%d" % signal.SIGKILL)[0]), 100 * sent)
        self.check_well(server)

    def check_stopped_while_appending(self, number):
        """The client, whose connection is gone, and how many batches it has sent."""
        key = b"%d" % number
        server = self.serve()
        client = server.client()
        stopper = threading.Timer(0.05, server.process.send_signal, [number])
        stopper.start()
        sent = 0
        try:
            while True:
                client.append([(key, b"x" * 100)])
                sent += 1
                if sent - client.applied >= 100:
                    client.receive()
        except (raw.Closed, ConnectionError):
            pass
        stopper.join()
        try:
            while True:
                client.receive()
        except (raw.Closed, ConnectionError):
            client.close()
        self.assertEqual(server.wait(), -number if number == signal.SIGKILL else 0, server.logged())
        kept = len(self.run_program("get", self.data, key))
        self.assertGreaterEqual(kept, 100 * client.applied)
        self.assertLessEqual(kept, 100 * sent)
        self.assertEqual(kept % 100, 0)
        return client, sent

    def test_a_second_signal_ends_a_server_that_is_stopping(self):
        server = self.serve()
        with server.client() as deaf:
            deaf.append_mebibytes(b"k", MEBIBYTES)
            deaf.receive_reply_to(deaf.start(raw.GET, struct.pack("<I", 1) + raw.sized(b"k")))
            server.process.send_signal(signal.SIGTERM)
            while "stopping" not in server.logged():
                pass
            # It waits for the client, which does not ask for the last part of its value.
            self.assertEqual(server.end(), -signal.SIGTERM)
        self.assertEqual(self.run_program("get", self.data, "k"), b"x" * (MEBIBYTES << 20))

    def load_that_has_begun(self, *options):
        """A program that has opened the dataset, and waits for more rows."""
        command = [PROGRAM, "load", self.data, "--pairs", "|", *options]
        load = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(load.kill)
        load.stdin.write(b"a|1\n")
        load.stdin.flush()
        while self.run_program("keys", self.data) != b"a\n":
            pass
        return load

    def test_a_program_that_waits_for_the_dataset_is_not_taken_for_its_server(self):
        load = self.load_that_has_begun()
        server = self.serve()
        load.stdin.write(b"b|2\n")
        load.stdin.flush()
        while "WRITE" not in self.locks_of(load):  # in the queue
            pass
        self.run_program("stop", self.data)
        self.assertEqual(server.wait(), 0)
        load.communicate()
        self.assertEqual(load.returncode, 0)
        self.assertEqual(self.run_program("get", self.data, "b"), b"2")

    def test_a_program_that_opened_the_dataset_before_is_told_of_the_server(self):
        load = self.load_that_has_begun("--timeout", "0.1")
        server = self.serve()
        _, said = load.communicate(b"b|2\n")
        self.assertEqual(load.returncode, 3, said)
        self.assertIn(f"a server (process {server.process.pid}) serves the dataset: open it anew", said.decode())

    @staticmethod
    def locks_of(process):
        directory = f"/proc/{process.pid}/fdinfo"
        text = ""
        for name in os.listdir(directory):
            with contextlib.suppress(FileNotFoundError), open(os.path.join(directory, name), encoding="ascii") as file:
                text += file.read()
        return text

    def test_signals_that_do_not_ask_to_stop_end_nothing(self):
        server = self.serve("--durability", "memory")
        numbers = [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF]
        numbers += [signal.SIGIO, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGRTMIN, signal.SIGRTMAX]
        with server.client() as client:
            for sent, number in enumerate(numbers, start=1):
                client.append([(b"k", b"x")])
                client.wait_for_ack()
                server.process.send_signal(number)
                self.assertEqual(client.get(b"k"), [b"x" * sent])
        self.check_well(server)
        self.assertIn("ignored a signal (Hangup)", server.logged())
        self.assertEqual(self.run_program("get", self.data, "k"), b"x" * len(numbers))

    def test_signals_that_ask_to_stop_leave_nothing_unflushed(self):
        for sent, number in enumerate([signal.SIGQUIT, signal.SIGPWR, signal.SIGXCPU], start=1):
            server = self.serve("--durability", "memory")
            with server.client() as client:
                client.append([(b"k", b"x")])
                client.wait_for_ack()
            self.assertEqual(server.end(number), 0, server.logged())
            self.assertEqual(self.run_program("get", self.data, "k"), b"x" * sent)

    def test_a_dataset_with_what_a_killed_server_left_is_served_again(self):
        server = self.serve()
        with server.client() as client:
            client.append([(b"k", b"1")])
            client.wait_for_ack()
        server.end(signal.SIGKILL)
        self.assertIn(".server", os.listdir(self.data))
        self.assertIn("none runs", self.run_program("stop", self.data, code=1))
        self.assertEqual(self.run_program("get", self.data, "k"), b"1")
        again = self.serve()
        with again.client() as client:
            client.append([(b"k", b"2")])
            client.wait_for_ack()
            self.assertEqual(client.get(b"k"), [b"12"])
        self.check_well(again)

    def test_a_dataset_with_what_a_killed_server_left_is_verified_and_destroyed(self):
        self.serve().end(signal.SIGKILL)
        self.assertIn(b"ok: ", self.run_program("verify", "--repair", self.data))
        self.run_program("destroy", self.data)
        self.assertFalse(os.path.exists(self.data))


class Refusals(ServerTest):
    def refused(self, code, *args):
        return self.run_program("serve", self.data, "--timeout", "0.1", *args, code=code)

    def test_a_dataset_is_served_once(self):
        server = self.serve()
        self.assertIn(f"process {server.process.pid} serves it", self.refused(3))
        self.check_well(server)

    def test_an_endpoint_in_use_is_named_and_the_dataset_is_left_free(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            endpoint = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
            self.assertIn(f"cannot bind '{endpoint}': Address already in use", self.refused(4, "--bind", endpoint))
        self.assertNotIn(".server", os.listdir(self.data))
        self.check_well(self.serve())

    def test_a_socket_of_another_server_is_left_to_it_and_one_that_was_left_behind_is_replaced(self):
        path = os.path.join(self.dir, "socket")
        first = self.serve("--bind", f"ipc://{path}")
        served, self.data = self.data, os.path.join(self.dir, "other")
        self.run_program("create", self.data)
        self.assertIn(f"cannot bind 'ipc://{path}': Address already in use", self.refused(4, "--bind", f"ipc://{path}"))
        with RawClient(f"ipc://{path}") as client:
            self.assertEqual(client.ask(raw.PING), b"")
        first.end(signal.SIGKILL)
        self.check_well(self.serve("--bind", f"ipc://{path}"))
        self.data = served

    def test_endpoints_that_others_reach_need_keys_or_insecure(self):
        for endpoint in ("tcp://0.0.0.0:*", "tcp://*:*", "tcp://[::]:*"):
            self.assertIn("--insecure", self.refused(2, "--bind", endpoint))
        self.check_well(self.serve("--bind", "tcp://0.0.0.0:*", "--insecure"))

    def test_options_that_make_no_sense_are_refused(self):
        key = os.path.join(self.dir, "key")
        self.run_program("keygen", key)
        self.refused(2, "--bind", "nonsense")
        self.refused(2, "--max-clients", "0")
        self.refused(2, "--durability", "high")
        self.refused(2, "--memory", "1MB")
        self.refused(2, "--max-message", "1kB")
        self.refused(2, "--allow-client-keys", key)
        self.assertIn("--allow-client-keys", self.refused(2, "--server-key", key))
        self.refused(4, "--server-key", key + "none", "--insecure")
        self.refused(2, "--server-key", key + ".pub", "--insecure")
        self.assertIn(f"{key}:1: ", self.refused(2, "--server-key", key, "--allow-client-keys", key))

    def test_a_missing_dataset_is_refused(self):
        self.run_program("serve", os.path.join(self.dir, "none"), code=1)


class Places(ServerTest):
    def make_long(self):
        """The dataset gets a path that is too long for a socket."""
        parent = os.path.join(self.dir, "d" * 100)
        os.mkdir(parent)
        self.data = os.path.join(parent, "data")
        self.run_program("create", self.data)

    def serve_with(self, **environment):
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            return self.serve()
        finally:
            os.environ.clear()
            os.environ.update(before)

    def test_the_directory_that_systemd_gives_comes_first_and_is_the_same_after_a_restart(self):
        self.make_long()
        given, other = os.path.join(self.dir, "given"), os.path.join(self.dir, "other")
        os.mkdir(given)
        os.mkdir(other)
        environment = {"RUNTIME_DIRECTORY": f"{self.dir}/missing:{given}:{other}", "XDG_RUNTIME_DIR": other}
        first = self.serve_with(**environment)
        self.assertTrue(first.endpoints[0].startswith(f"ipc://{given}/accrete-"), first.endpoints)
        first.end(signal.SIGKILL)
        again = self.serve_with(**environment)
        self.assertEqual(again.endpoints[0], first.endpoints[0])
        self.assertEqual(self.run_program("put", self.data, "k", "v"), b"")
        self.check_well(again)
        self.assertEqual(os.listdir(given), [])

    def test_a_directory_that_is_not_safe_is_not_used(self):
        self.make_long()
        environment = {"RUNTIME_DIRECTORY": self.dir}
        server = self.serve_with(**environment)
        path = server.endpoints[0].removeprefix("ipc://")
        directory = os.path.dirname(path)
        server.end()
        for make in (lambda: os.mkdir(directory, 0o755), lambda: os.symlink(self.dir, directory)):
            make()
            server = self.serve_with(**environment)
            self.assertNotEqual(server.endpoints[0], f"ipc://{path}")
            self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(server.endpoints[0][6:])).st_mode), 0o700)
            server.end()
            os.remove(directory) if os.path.islink(directory) else os.rmdir(directory)

    def test_who_finds_no_socket_at_its_place_waits_no_longer_than_to_connect(self):
        self.make_long()
        server = self.serve_with(RUNTIME_DIRECTORY=self.dir)
        directory = os.path.dirname(server.endpoints[0].removeprefix("ipc://"))
        os.rename(directory, directory + "-not-seen")
        begin = time.monotonic()
        self.assertIn("nothing answers", self.run_program("get", self.data, "k", code=4))
        self.assertLess(time.monotonic() - begin, 40)  # not the minute that a client waits for a server that it had

    @unittest.skipIf(os.geteuid() != 0, "only root can be another user")
    def test_who_may_not_use_the_socket_is_told_at_once_whose_it_is(self):
        os.chmod(self.dir, 0o755)
        self.serve()
        done = subprocess.run([PROGRAM, "get", self.data, "k"], capture_output=True, user=65534, check=False)
        self.assertEqual(done.returncode, 4)
        self.assertRegex(done.stderr.decode(), r"\.socket': Permission denied; .* the user root \(uid 0\)")

    def test_a_path_too_long_for_a_socket_gets_one_elsewhere(self):
        self.make_long()
        server = self.serve()
        path = server.endpoints[0].removeprefix("ipc://")
        self.assertNotIn(self.data, path)
        directory = os.path.dirname(path)
        self.assertEqual(stat.S_IMODE(os.stat(directory).st_mode), 0o700)
        self.check_well(server)
        self.assertFalse(os.path.exists(directory))

    def test_a_relative_path_is_served_at_an_absolute_one(self):
        process = subprocess.Popen(
            [PROGRAM, "serve", "data"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=self.dir
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        line = process.stdout.readline().decode()
        self.assertEqual(line, f"accrete: serving data at ipc://{os.path.realpath(self.data)}/.socket\n")


def files_of(pid):
    folder = f"/proc/{pid}/fd"
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(os.path.join(folder, name))


class ReadyLine(ServerTest):
    def check_served(self, **streams):
        process = subprocess.Popen([PROGRAM, "serve", self.data], stderr=subprocess.PIPE, text=True, **streams)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(any(" serving " in line for line in process.stderr))
        self.run_program("put", self.data, "x", "y")
        self.run_program("stop", self.data)
        self.assertEqual(process.wait(), 0, process.stderr.read())
        self.assertFalse(os.path.exists(os.path.join(self.data, ".server")))

    def test_a_server_whose_ready_line_nobody_reads_serves(self):
        reader, writer = os.pipe()
        os.close(reader)
        with open(writer, "wb") as closed:
            self.check_served(stdout=closed)

    def test_a_server_that_cannot_write_its_ready_line_serves(self):
        self.check_served(preexec_fn=lambda: os.close(1))
        with open("/dev/full", "wb", buffering=0) as full:
            self.check_served(stdout=full)


class LeftFiles(ServerTest):
    def lock(self):
        """Takes the dataset's lock, for as long as the file that is returned is open."""
        file = open(os.path.join(self.data, ".lock"), "r+b")
        set_lock_of_open_file = 37  # F_OFD_SETLK
        byte_0 = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
        fcntl.fcntl(file, set_lock_of_open_file, byte_0)
        return file

    def test_a_server_file_that_is_empty_or_damaged_blocks_nothing(self):
        path = os.path.join(self.data, ".server")
        for left in (b"", b"accrete server\nformat 1\nnonsense\n"):
            with open(path, "wb") as file:
                file.write(left)
            self.run_program("put", self.data, "x", "y")
            self.run_program("get", self.data, "x")
            self.run_program("verify", self.data)
            self.run_program("verify", "--repair", self.data)
            self.run_program("stop", self.data, code=1)
            self.check_well(self.serve())
        with open(path, "wb"):
            pass
        self.run_program("destroy", self.data)

    def test_a_server_waits_for_who_has_the_lock_for_a_moment_after_a_kill(self):
        killed = self.serve()
        killed.end(signal.SIGKILL)
        holder = self.lock()
        threading.Timer(0.5, holder.close).start()
        self.check_well(self.serve())

    def test_a_signal_ends_a_server_that_waits_for_the_lock(self):
        lock = os.path.join(self.data, ".lock")
        self.run_program("put", self.data, "x", "y")
        with self.lock():
            process = subprocess.Popen(
                [PROGRAM, "serve", self.data, "--timeout", "10"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            self.addCleanup(process.kill)
            while process.poll() is None and lock not in files_of(process.pid):
                pass
            process.send_signal(signal.SIGTERM)
            said = process.communicate()[1]
        self.assertEqual(process.returncode, -signal.SIGTERM, said)

    def test_a_server_that_waits_too_long_names_who_has_the_lock(self):
        self.serve().end(signal.SIGKILL)
        with self.lock():
            said = self.run_program("serve", self.data, "--timeout", "0.05", code=3)
        self.assertIn(f"process {os.getpid()} has it", said)


class Keys(ServerTest):
    def keygen(self, name):
        path = os.path.join(self.dir, name)
        self.run_program("keygen", path)
        return path

    def test_keys_are_written_once_and_for_their_owner(self):
        path = self.keygen("key")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        with open(path, "rb") as secret, open(path + ".pub", "rb") as public:
            before = secret.read()
            self.assertIn(public.read().strip(), before)
        self.assertIn("is there already", self.run_program("keygen", path, code=4))
        os.remove(path)
        self.assertIn(".pub", self.run_program("keygen", path, code=4))
        self.assertFalse(os.path.exists(path))

    def test_a_client_without_curve_is_cut_off_on_tcp_alone(self):
        server_key, client_key = self.keygen("server"), self.keygen("client")
        server = self.serve(
            "--bind", "tcp://127.0.0.1:*", "--server-key", server_key, "--allow-client-keys", client_key + ".pub"
        )
        with open(os.path.join(self.data, ".server"), encoding="utf-8") as file:
            self.assertEqual(file.read().count("public_key "), 1)
        with raw.connect(server.tcp()) as stream:
            stream.sendall(raw.GREETING + raw.ready())
            raw.read_until_closed(stream)
        self.check_well(server)


if __name__ == "__main__":
    unittest.main()
