"""Numbers and words that are none: each is told with the option or variable that it stands in."""
import os
import unittest

from accrete_cli import CliTest

NO_NUMBERS = ["", "-1", "+1", " 1", "1 ", "1e3", "0x10", "1,000", "1_000", "many", "inf", "nan", "--", "٣"]
TOO_LARGE = ["18446744073709551616", "99999999999999999999999"]  # 2^64 and more
NO_COUNTS = NO_NUMBERS + TOO_LARGE + ["1.5", "1k"]
NO_SIZES = NO_NUMBERS + TOO_LARGE + ["1.5", "-4GB", "4XB", "4KBB", "GB", "4 G B", "16EiB", "18446744073709551615kB",
                                     "17592186044416MiB"]  # the last: 2^64 bytes
NO_SECONDS = NO_NUMBERS + ["-0.5", "1.5.", ".", "1000001", "1e-3"]


class Numbers(CliTest):
    """What is given to serve is refused before its dataset is looked for: where it is taken, there is none to serve."""

    def refuse_each(self, texts, option, command, *arguments):
        for text in texts:
            for given in ([option, text], [f"{option}={text}"]):
                # CLI11 itself has no way to give an empty text after '='.
                if given[0].endswith("="):
                    continue
                message = self.fails(2, command, *given, *arguments)
                self.assertIn(f"{option} '{text}' is not a", message)
                self.assertIn(f"(see accrete {command} --help)", message)

    def test_what_is_no_count_is_refused_by_each_option(self):
        data = self.create()
        self.refuse_each(NO_COUNTS, "--limit", "keys", data)
        self.refuse_each(NO_COUNTS, "--expect-size", "put", data, "k", "bytes")
        self.refuse_each(NO_COUNTS + ["0", "1000001"], "--max-clients", "serve", self.path("none"))
        self.assertEqual(self.ok("keys", data), b"")

    def test_what_is_no_size_is_refused_by_each_option(self):
        self.refuse_each(NO_SIZES, "--memory", "serve", self.data)
        self.refuse_each(NO_SIZES, "--max-message", "serve", self.data)

    def test_what_is_no_time_is_refused_by_each_command(self):
        data = self.create()
        for command, *rest in (
            ["put", data, "k", "v"], ["get", data, "k"], ["load", data, "--pairs", "|"], ["keys", data], ["cat", data],
            ["stat", data], ["rm", data, "k"], ["drop", data], ["serve", self.path("none")], ["stop", data], ["reload", data],
        ):
            self.refuse_each(NO_SECONDS if command == "keys" else ["-1", "nan"], "--timeout", command, *rest)

    def test_what_is_no_port_is_refused(self):
        for port in "", "-1", " 5", "1e3", "0x10", "65536", "99999", "18446744073709551617":
            endpoint = f"tcp://127.0.0.1:{port}"
            self.assertIn(f"'{endpoint}'", self.fails(2, "serve", self.data, "--bind", endpoint))
            self.assertIn(f"'{endpoint}'", self.fails(2, "keys", endpoint))

    def test_numbers_are_taken_to_their_ends(self):
        data = self.create()
        self.ok("put", "--expect-size", "0", data, "k", "12")
        self.ok("put", "--expect-size", "002", data, "k", "3")  # no octal number
        for limit, keys in ("0", b""), ("1", b"k\n"), ("18446744073709551615", b"k\n"):
            self.assertEqual(self.ok("keys", "--limit", limit, data), keys)
        self.fails(4, "put", "--expect-size", "18446744073709551615", data, "k", "x")
        for seconds in "0", "0.5", ".5", "5.", "1000000":
            self.ok("keys", "--timeout", seconds, data)

    def test_sizes_have_units(self):
        data = self.create()
        for size in "1MB", "1mb", "1 MB", "1M", "1000kB", "1000000", "1000000B", "976KiB":  # all too few: 8 messages
            self.assertIn("bytes of memory", self.fails(2, "serve", data, "--memory", size))
        self.assertIn("1048576 bytes of memory", self.fails(2, "serve", data, "--memory", "1MiB"))
        self.assertIn("1000000 bytes of memory", self.fails(2, "serve", data, "--memory", "1MB"))


class Environment(CliTest):
    def test_words_of_trust_locks_that_name_no_file_system_are_told_and_stop_nothing(self):
        data = self.create()
        environment = os.environ | {"ACCRETE_TRUST_LOCKS": "fuse, nfs,0x00009fa0,0x9FA0,bogus,ext4"}
        done = self.run_program("put", data, "k", "v", env=environment)
        said = done.stderr.decode()
        self.assertEqual((done.returncode, said.count("names no file system")), (0, 3), said)
        for word in " nfs", "0x9FA0", "bogus":
            self.assertIn(f"ACCRETE_TRUST_LOCKS has '{word}' in it", said)
        for names in "", "fuse,nfs":
            done = self.run_program("get", data, "k", env=os.environ | {"ACCRETE_TRUST_LOCKS": names})
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"v", b""))


if __name__ == "__main__":
    unittest.main()
