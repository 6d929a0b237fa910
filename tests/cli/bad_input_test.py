"""What is no dataset, may not be changed, is busy or does not fit: a clear error each, and nothing lost."""
import fcntl
import os
import subprocess
import unittest

from accrete_cli import PROGRAM, CliTest

READING = [["get", "x"], ["keys"], ["cat"], ["stat"], ["rm", "x"], ["drop"], ["put", "x", "y"], ["load", "--by", "a"]]


class BadInput(CliTest):
    def each_command_fails(self, code, path):
        for command in READING + [["destroy"], ["verify"]]:
            with self.subTest(command=command[0]):
                message = self.fails(code, command[0], path, *command[1:])
                self.assertIn(path, message)

    def replace_marker(self, *change):
        marker = os.path.join(self.data, ".accrete")
        with open(marker, "rb") as file:
            content = file.read()
        self.assertIn(change[0], content)
        with open(marker, "wb") as file:
            file.write(content.replace(*change))

    def test_a_missing_dataset_exits_with_1(self):
        self.each_command_fails(1, self.path("gone"))

    def test_a_directory_that_is_no_dataset_is_named_and_left_alone(self):
        os.mkdir(self.data)
        kept = self.write("data/file", b"kept")
        for command in READING + [["destroy"], ["verify"]]:
            done = self.run_program(command[0], self.data, *command[1:])
            self.assertIn(done.returncode, (1, 4))
            self.assertIn(self.data.encode(), done.stderr)
        with open(kept, "rb") as file:
            self.assertEqual(file.read(), b"kept")

    def test_create_refuses_what_is_there(self):
        self.create()
        self.ok("put", self.data, "k", "v")
        self.assertIn(f"'{self.data}': it is there already", self.fails(4, "create", self.data))
        self.assertIn("there is a file of that name", self.fails(4, "create", self.write("file", b"")))
        self.assertIn("which is no dataset", self.fails(4, "create", self.dir))
        self.assertEqual(self.values(), {b"k": b"v"})

    def test_destroy_refuses_a_symbolic_link(self):
        self.create()
        self.ok("put", self.data, "k", "v")
        os.symlink(self.data, self.path("link"))
        self.fails(4, "destroy", self.path("link"))
        self.assertEqual(self.values(), {b"k": b"v"})

    def test_destroy_refuses_a_dataset_that_holds_other_files(self):
        self.create()
        self.ok("put", self.data, "k", "v")
        self.write("data/.foreign", b"kept")
        self.assertIn(".foreign", self.fails(4, "destroy", self.data))
        self.assertEqual(self.values(), {b"k": b"v"})

    def test_a_corrupt_marker_is_an_error(self):
        self.create()
        self.write("data/.accrete", b"\x00garbage")
        self.each_command_fails(4, self.data)

    def test_a_value_that_was_planted_as_a_symbolic_link_is_not_followed(self):
        self.create()
        secret = self.write("secret", b"secret")
        os.symlink(secret, os.path.join(self.data, "x"))
        done = self.run_program("get", self.data, "x")
        self.assertNotEqual(done.returncode, 0)
        self.assertNotIn(b"secret", done.stdout)
        self.fails(4, "put", self.data, "x", "more")
        with open(secret, "rb") as file:
            self.assertEqual(file.read(), b"secret")

    def test_a_busy_dataset_exits_with_3_when_the_time_is_up(self):
        self.create()
        self.ok("put", self.data, "x", "1")
        with open(os.path.join(self.data, ".lock"), "r+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            for command in READING:
                self.fails(3, command[0], self.data, *command[1:], "--timeout", "0.05")
        self.assertEqual(self.ok("get", self.data, "x"), b"1")

    def test_a_file_size_limit_is_an_error_and_leaves_the_value_as_it_was(self):
        self.create()
        self.ok("put", self.data, "x", "1")
        limited = ["sh", "-c", 'ulimit -f 128; exec "$@"', "sh", PROGRAM]
        rows = b"k\n" + b"x" * 100_000 + b"\n"
        for command, stdin in (["put", self.data, "x"], b"0" * 1_000_000), (["load", self.data, "--by", "k"], rows * 20):
            done = subprocess.run([*limited, *command], input=stdin, capture_output=True, check=False)
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertTrue(done.stderr.startswith(b"accrete: "), done.stderr)
            self.assertEqual(self.ok("get", self.data, "x"), b"1")

    def test_few_descriptors_are_enough(self):
        self.create()
        rows = b"".join(b"%d\n" % (i % 200) for i in range(1000))
        limited = ["sh", "-c", 'ulimit -n 32; exec "$@"', "sh", PROGRAM]
        done = subprocess.run(
            [*limited, "load", self.data, "--no-header", "--by", "1"], input=rows, capture_output=True, check=False
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([*limited, "cat", self.data], capture_output=True, check=False)
        self.assertEqual(len(done.stdout.splitlines()), 200, done.stderr)

    def test_what_is_done_on_the_servers_host_alone_refuses_its_endpoint(self):
        for command in "stop", "serve":
            for endpoint in "tcp://127.0.0.1:1", "ipc:///none/.socket":
                self.assertIn("give the dataset's directory", self.fails(2, command, endpoint))
        for command in "create", "destroy", "verify":
            self.assertIn("give the path of its directory", self.fails(4, command, "tcp://127.0.0.1:1"))

    def test_a_load_into_what_is_no_dataset_says_how_it_is_made(self):
        rows = self.write("rows.csv", b"k\na\n")
        self.assertIn("and so does load --create", self.fails(1, "load", self.data, rows, "--by", "k"))
        self.assertIn("the dataset comes first", self.fails(1, "load", rows, self.data, "--by", "k"))
        self.assertNotIn("load", self.fails(1, "load", self.dir, rows, "--by", "k"))

    def test_a_url_of_another_scheme_is_refused(self):
        for command in READING:
            self.assertIn("tcp://", self.fails(4, command[0], "redis://host:1", *command[1:]))

    def test_a_message_is_one_line_whatever_a_name_holds(self):
        message = self.fails(1, "get", self.path("a\nb\x1b[31m"), "k")
        self.assertEqual(message.count("\n"), 1)
        self.assertNotIn("\x1b", message)

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_a_dataset_that_may_only_be_read_is_read(self):
        self.create()
        self.ok("put", self.data, "x", "1")
        for name in os.listdir(self.data):
            os.chmod(os.path.join(self.data, name), 0o444)
        os.chmod(self.data, 0o555)
        self.addCleanup(os.chmod, self.data, 0o755)
        self.assertEqual(self.ok("get", self.data, "x"), b"1")
        self.fails(4, "put", self.data, "x", "2")


if __name__ == "__main__":
    unittest.main()
