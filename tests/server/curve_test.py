"""The program and a server on TCP that asks for CURVE: its commands with the right keys and with wrong ones."""
import os
import re
import signal
import subprocess
import unittest
import unittest.mock

from serving import PROGRAM, ServerTest


class CurveTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.server_key = self.keygen("server.key")
        self.key = self.keygen("client.key")
        self.allowed = self.path("clients")
        self.allow(self.key)

    def path(self, name):
        return os.path.join(self.dir, name)

    def keygen(self, name):
        self.run_program("keygen", self.path(name))
        return self.path(name)

    @staticmethod
    def public(key):
        with open(key + ".pub", encoding="ascii") as file:
            return file.read().strip()

    def allow(self, *keys):
        with open(self.allowed + ".new", "w", encoding="ascii") as file:
            file.writelines(self.public(key) + "\n" for key in keys)
        os.rename(self.allowed + ".new", self.allowed)

    def serving(self):
        """The options of serve."""
        return ["--bind", "tcp://127.0.0.1:*", "--server-key", self.server_key, "--allow-client-keys", self.allowed]

    def serve_with_keys(self):
        return self.serve(*self.serving())

    def client_options(self, key=None, server_key=None):
        return ["--server-key", server_key or self.server_key + ".pub", "--key", key or self.key]


class Commands(CurveTest):
    def use_each(self, endpoint, *options):
        """Each command that a client has; `options` stand before what they are about."""
        rows = self.path("rows.csv")
        with open(rows, "w", encoding="ascii") as file:
            file.write("k,v\nloaded,1\n")
        self.run_program("put", *options, endpoint, "a", "1")
        self.run_program("put", *options, endpoint, "a", stdin=b"2")
        self.run_program("load", *options, endpoint, rows, "--by", "k", "--quiet")
        self.assertEqual(self.run_program("get", *options, endpoint, "a"), b"12")
        self.assertEqual(self.run_program("keys", *options, endpoint), b"a\nloaded\n")
        self.assertIn(b"a|12\n", self.run_program("cat", *options, endpoint))
        self.assertIn(b"clients  1\n", self.run_program("stat", *options, endpoint))
        self.run_program("rm", *options, endpoint, "a")
        self.assertEqual(self.run_program("keys", *options, endpoint), b"loaded\n")
        self.run_program("drop", *options, endpoint)
        self.assertEqual(self.run_program("keys", *options, endpoint), b"")

    def refuse_each(self, code, why, endpoint, *options):
        for command, *rest in (
            ["put", "a", "x"], ["load", "--pairs", "|"], ["get", "a"], ["keys"], ["cat"], ["stat"], ["rm", "a"],
            ["drop"],
        ):
            self.assertRegex(self.run_program(command, *options, endpoint, *rest, code=code), why)

    def test_the_right_keys_are_let_in_by_each_command(self):
        server = self.serve_with_keys()
        self.use_each(server.tcp(), *self.client_options())
        self.use_each(server.tcp(), *self.client_options(server_key=self.public(self.server_key)))
        self.check_well(server)

    def test_keys_come_from_the_environment_and_options_win(self):
        server = self.serve_with_keys()
        stranger = self.keygen("stranger.key")
        with self.environment(ACCRETE_SERVER_KEY=self.public(self.server_key), ACCRETE_KEY=self.key):
            self.use_each(server.tcp())
            self.run_program("keys", "--key", stranger, server.tcp(), code=4)
            self.run_program("keys", "--key", "", server.tcp(), code=4)
        with self.environment(ACCRETE_SERVER_KEY=self.public(stranger), ACCRETE_KEY=stranger):
            self.use_each(server.tcp(), *self.client_options())
            self.run_program("keys", server.tcp(), code=4)
        self.check_well(server)

    def environment(self, **variables):
        return unittest.mock.patch.dict(os.environ, variables)

    def test_wrong_keys_and_none_are_refused_by_each_command(self):
        server = self.serve_with_keys()
        self.run_program("put", *self.client_options(), server.tcp(), "a", "kept")
        stranger = self.keygen("stranger.key")
        why = "cannot connect to the server '.*': it"
        self.refuse_each(4, f"{why} (asks for keys, and no server key was given|ended the handshake)", server.tcp())
        unknown = f"{why} does not know this client's key "
        self.refuse_each(4, unknown + re.escape(self.public(stranger)), server.tcp(), *self.client_options(key=stranger))
        self.refuse_each(4, why + " does not know this client's key, for none was given", server.tcp(), "--server-key",
                         self.server_key + ".pub")
        self.run_program("drop", *self.client_options(server_key=self.public(stranger)), server.tcp(), code=4)
        self.assertEqual(self.run_program("cat", *self.client_options(), server.tcp()), b"a|kept\n")
        self.check_well(server)

    def test_keys_are_refused_where_none_is_asked_for_and_the_environment_is_not_looked_at(self):
        server = self.serve_with_keys()
        for place in self.data, server.endpoints[0]:
            self.refuse_each(2, "--key goes only with tcp://", place, "--key", self.key)
            self.refuse_each(2, "--server-key goes only with tcp://", place, *self.client_options())
        with self.environment(ACCRETE_SERVER_KEY="none", ACCRETE_KEY="none"):
            self.use_each(self.data)
            self.use_each(server.endpoints[0])
        self.check_well(server)

    def test_a_key_without_the_servers_is_wrong_usage(self):
        self.refuse_each(2, "--key is of no use without .*--server-key", "tcp://127.0.0.1:1", "--key", self.key)
        with self.environment(ACCRETE_KEY=self.key):
            self.refuse_each(2, "ACCRETE_KEY is of no use without", "tcp://127.0.0.1:1")

    def test_what_is_no_key_is_named(self):
        def refused(code, why, *options):
            message = self.run_program("keys", *options, "tcp://127.0.0.1:1", code=code)
            self.assertRegex(message, why)
            return message

        refused(4, "cannot read keys from '.*none': No such file", *self.client_options(key=self.path("none")))
        refused(4, "cannot read keys from '.*none': No such file", *self.client_options(server_key=self.path("none")))
        refused(2, "client.key.pub:1: it is a public key", *self.client_options(key=self.key + ".pub"))
        refused(2, "holds a secret key; .*\\.pub", *self.client_options(server_key=self.server_key))
        os.chmod(self.key, 0o640)
        refused(2, "chmod 600", *self.client_options())

    def test_a_secret_key_on_the_command_line_is_refused_and_not_repeated(self):
        with open(self.key, encoding="ascii") as file:
            secret = file.read().split()[-1]
        message = self.run_program("keys", *self.client_options(key=secret), "tcp://127.0.0.1:1", code=2)
        self.assertIn("takes the name of a file", message)
        self.assertNotIn(secret, message)

    def test_a_key_that_is_also_the_name_of_a_file_is_refused_until_it_is_said_which(self):
        server = self.serve_with_keys()
        name = "k" * 40
        os.rename(self.server_key + ".pub", self.path(name))

        def keys(server_key):
            options = self.client_options(server_key=server_key)
            return subprocess.run([PROGRAM, "keys", *options, server.tcp()], cwd=self.dir, capture_output=True)

        done = keys(name)
        self.assertEqual((done.returncode, b"write ./ before" in done.stderr), (2, True), done.stderr)
        self.assertEqual(keys("./" + name).returncode, 0)
        self.check_well(server)


class Reload(CurveTest):
    def setUp(self):
        super().setUp()
        self.other = self.keygen("other.key")
        self.server = self.serve_with_keys()

    def let_in(self, key):
        self.run_program("keys", *self.client_options(key=key), self.server.tcp())

    def keep_out(self, key):
        said = self.run_program("keys", *self.client_options(key=key), self.server.tcp(), code=4)
        self.assertIn("does not know", said)

    def reload(self, code=0):
        return self.run_program("reload", self.data, code=code)

    def hang_up(self, line):
        """SIGHUP, until the log has one more such line."""
        before = self.server.logged().count(line)
        self.server.process.send_signal(signal.SIGHUP)
        while self.server.logged().count(line) == before:
            pass

    def test_keys_come_and_go_by_command(self):
        self.keep_out(self.other)
        self.allow(self.key, self.other)
        self.assertEqual(self.reload(), b"2 keys allowed, 1 new, 0 removed\n")
        self.let_in(self.other)
        self.allow(self.other)
        self.assertEqual(self.reload(), b"1 key allowed, 0 new, 1 removed\n")
        self.keep_out(self.key)
        self.let_in(self.other)
        self.run_program("reload", self.server.endpoints[0])
        self.check_well(self.server)

    def test_keys_come_and_go_by_hangup(self):
        self.allow(self.other)
        self.keep_out(self.other)
        self.hang_up("read the allowed keys again")
        self.let_in(self.other)
        self.keep_out(self.key)
        self.check_well(self.server)

    def test_a_hangup_reloads_where_it_is_ignored_otherwise(self):
        self.server.end()
        with open(os.path.join(self.dir, "log"), "w+b") as log:
            process = subprocess.Popen(
                ["nohup", PROGRAM, "serve", self.data, *self.serving()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
            self.addCleanup(process.stdout.close)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            process.stdout.readline()
            process.send_signal(signal.SIGHUP)
            while b"read the allowed keys again" not in log.read():
                log.seek(0)
            process.terminate()
            self.assertEqual(process.wait(), 0)

    def test_a_list_that_is_no_list_leaves_the_one_before(self):
        with open(self.allowed, "a", encoding="ascii") as file:
            file.write("nonsense\n")
        said = self.reload(code=4)
        self.assertRegex(said, "clients:2: 'nonsense' is not a public key.*; the server goes on with those")
        self.assertRegex(self.server.logged(), "warning: goes on with the allowed keys .*clients:2: 'nonsense'")
        self.let_in(self.key)
        self.hang_up("warning: goes on with the allowed keys")
        os.remove(self.allowed)
        self.assertIn("No such file", self.reload(code=4))
        self.let_in(self.key)
        self.keep_out(self.other)
        os.mkfifo(self.allowed)
        self.assertIn("it is a pipe", self.reload(code=4))
        self.let_in(self.key)
        self.check_well(self.server)

    def test_reload_says_who_has_nothing_to_reload(self):
        self.assertIn("the server's host alone", self.run_program("reload", self.server.tcp(), code=2))
        self.check_well(self.server)
        self.assertIn("none runs", self.reload(code=1))
        self.run_program("reload", self.path("none"), code=1)
        self.server = self.serve()
        self.assertIn("no list", self.reload(code=4))
        self.server.process.send_signal(signal.SIGHUP)
        while "ignored a signal (Hangup)" not in self.server.logged():
            pass
        self.check_well(self.server)

    def test_clients_go_on_appending_while_keys_come_and_go(self):
        rows = b"".join(b"k|%d,\n" % number for number in range(60000))
        loads = []
        for writer in range(3):
            rows_of_writer = rows.replace(b"k|", b"k%d|" % writer)
            load = subprocess.Popen(
                [PROGRAM, "load", *self.client_options(), self.server.tcp(), "--pairs", "|", "--quiet"],
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            self.addCleanup(load.stderr.close)
            self.addCleanup(load.kill)
            # Half of it now: the client is connected, and has more to append when its key is gone.
            load.stdin.write(rows_of_writer[: len(rows_of_writer) // 2])
            load.stdin.flush()
            loads.append((load, rows_of_writer[len(rows_of_writer) // 2 :]))
        while self.run_program("keys", self.data) != b"k0\nk1\nk2\n":
            pass
        for number in range(20):
            self.allow(*([self.other] if number % 2 == 0 else [self.key, self.other]))
            if number % 3 == 0:
                self.hang_up("read the allowed keys again")
            else:
                self.reload()
            self.let_in(self.other)
            if number == 10:
                self.keep_out(self.key)
                for load, rest in loads:
                    load.stdin.write(rest)
                    load.stdin.close()
        for load, _ in loads:
            self.assertEqual(load.wait(), 0, load.stderr.read())
        expected = b"".join(b"%d," % number for number in range(60000))
        for writer in range(3):
            self.assertEqual(self.run_program("get", self.data, f"k{writer}"), expected)
        self.check_well(self.server)


if __name__ == "__main__":
    unittest.main()
