"""Datasets with a codec: how they are created and adopted, what each command prints of them, and what damage looks like."""
import base64
import json
import os
import re
import shutil
import unittest

from accrete_cli import CliTest

HEADER_SIZE = 24  # of a frame
STORED = ["--codec", "stored"]  # each build has it, and what it takes is known


class Codec(CliTest):
    def codecs(self):
        """The methods of this build."""
        text = self.ok("create", "--help").decode()
        return re.search(r"Methods of this build: ([a-z0-9, ]+)\.", text)[1].split(", ")

    def create(self, *options, name="data"):
        self.ok("create", self.path(name), *options)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def flip(self, name, at):
        content = bytearray(self.read(name))
        content[at] ^= 1
        self.write(name, bytes(content))


class Creating(Codec):
    def test_each_codec_of_the_build_keeps_values_and_makes_them_smaller(self):
        lines = b"a line of a log, as there are many\n" * 2000
        self.assertIn("stored", self.codecs())
        for codec in self.codecs():
            with self.subTest(codec=codec):
                data = self.create("--codec", codec, name=codec)
                self.ok("put", data, "k", stdin=lines)
                self.ok("put", data, "k", stdin=b"\x00\xff")
                self.assertEqual(self.ok("get", data, "k"), lines + b"\x00\xff")
                stat = json.loads(self.ok("stat", "--json", data))
                self.assertEqual((stat["codec"], stat["keys"], stat["bytes"]), (codec, 1, len(lines) + 2))
                self.assertEqual(stat["stored_bytes"], os.path.getsize(os.path.join(data, "k")))
                if codec != "stored":
                    self.assertLess(stat["stored_bytes"], len(lines) / 5)
                self.assertEqual(self.ok("verify", data), b"ok: 1 key, %s bytes\n" % grouped(len(lines) + 2))

    def test_a_level_is_kept_and_the_usual_one_is_not_named(self):
        for codec in {"zstd", "zlib", "bz2"} & set(self.codecs()):
            with self.subTest(codec=codec):
                self.assertIn(f"\ncodec    {codec}:1\n", self.ok("stat", self.create("--codec", codec + ":1", name=codec)).decode())
        usual = {"zstd": "zstd:3", "zlib": "zlib:6", "bz2": "bz2:9", "blosc": "blosc:8"}
        for codec in usual.keys() & set(self.codecs()):
            data = self.create("--codec", usual[codec], name=usual[codec])
            self.assertIn(f"\ncodec    {codec}\n", self.ok("stat", data).decode())

    def test_a_wrong_name_is_wrong_usage_and_makes_nothing(self):
        for name in ["lzma", "", "stored:1", "STORED", "stored ", "stored:", ":9"]:
            with self.subTest(name=name):
                message = self.fails(2, "create", self.data, "--codec", name)
                self.assertTrue(message.startswith(f"accrete: there is no codec '{name}'; there are: stored"), message)
                self.assertFalse(os.path.exists(self.data))

    def test_a_wrong_level_is_wrong_usage_and_makes_nothing(self):
        highest = {"zstd": 22, "zlib": 9, "bz2": 9, "blosc": 255}
        for codec in highest.keys() & set(self.codecs()):
            what = "element size" if codec == "blosc" else "level"
            for level in 0, highest[codec] + 1, -1:
                with self.subTest(codec=codec, level=level):
                    self.assertEqual(
                        self.fails(2, "create", self.data, "--codec", f"{codec}:{level}"),
                        f"accrete: cannot use the codec '{codec}' with the {what} {level}: it takes 1 to {highest[codec]}\n",
                    )
            for level in ["x", "", "1x", "99999999999999999999"]:
                message = self.fails(2, "create", self.data, "--codec", f"{codec}:{level}")
                self.assertTrue(message.startswith(f"accrete: there is no codec '{codec}:{level}'; "), message)
            self.assertFalse(os.path.exists(self.data))

    def test_without_a_codec_none_is_shown(self):
        data = self.create()
        self.ok("put", data, "k", "123")
        self.assertNotIn(b"codec", self.ok("stat", data))
        stat = json.loads(self.ok("stat", "--json", data))
        self.assertEqual((stat["codec"], stat["stored_bytes"]), ("none", 3))


class Using(Codec):
    def test_commands_show_the_bytes_that_were_appended(self):
        data = self.create(*STORED)
        self.ok("load", data, "--pairs", "|", stdin=b"a|1\nb|two\na|3\n\\xff|\n")
        self.ok("put", data, "b", "!")
        self.assertEqual(self.ok("get", data, "b", "a"), b"two!13")
        self.assertEqual(self.ok("cat", data), b"a|13\nb|two!\n\\xff|\n")
        self.assertEqual(self.ok("cat", data, "b"), b"b|two!\n")
        self.assertEqual(self.ok("keys", data), b"a\nb\n\\xff\n")
        self.assertEqual(
            json.loads(self.ok("keys", "--json", data)),
            [{"key": "a", "size": 2}, {"key": "b", "size": 4}, {"key_base64": "/w==", "size": 0}],
        )
        self.assertEqual(json.loads(self.ok("get", "--json", data, "b")), [{"key": "b", "value": "two!"}])
        self.ok("put", "--expect-size", "4", data, "b", "?")
        self.fails(4, "put", "--expect-size", "4", data, "b", "?")
        self.assertEqual(self.ok("get", data, "b"), b"two!?")
        self.assertEqual(self.ok("verify", data), b"ok: 3 keys, 7 bytes\n")
        self.ok("rm", data, "a")
        self.assertEqual(self.ok("keys", data), b"b\n\\xff\n")
        self.ok("drop", data)
        self.assertEqual(self.ok("verify", data), b"ok: 0 keys, 0 bytes\n")

    def test_rows_are_loaded_by_their_keys(self):
        rows = b"".join(b"%d,row %d\n" % (i % 3, i) for i in range(3000))
        for codec in self.codecs():
            with self.subTest(codec=codec):
                data = self.create("--codec", codec, name=codec)
                self.ok("load", data, "--no-header", "--by", "1", stdin=rows)
                for key in range(3):
                    wanted = b"".join(line for line in rows.splitlines(True) if line.startswith(b"%d," % key))
                    self.assertEqual(self.ok("get", data, str(key)), wanted)

    def test_a_value_of_many_frames_is_written_piece_by_piece(self):
        data = self.create("--codec", self.codecs()[-1])
        content = os.urandom(300_000) + b"0" * 5_000_000 + os.urandom(100_001)
        self.ok("put", data, "k", stdin=content)
        self.assertEqual(self.ok("get", data, "k"), content)
        value = json.loads(self.ok("get", "--json", data, "k"))[0]
        self.assertEqual(base64.b64decode(value["value_base64"]), content)

    def test_stat_shows_the_codec_and_the_share_stored(self):
        data = self.create(*STORED)
        self.ok("put", data, "k", "x" * 100)
        lines = self.ok("stat", data).decode().splitlines()
        self.assertEqual(
            lines[2:7],
            ["keys     1", "bytes    100", "codec    stored", "stored   124 B (124.0 % of the bytes)", "largest  'k', 100 B"],
        )
        stat = json.loads(self.ok("stat", "--json", data))
        self.assertEqual((stat["codec"], stat["bytes"], stat["stored_bytes"]), ("stored", 100, 124))

    def test_stat_of_nothing_has_no_share(self):
        data = self.create(*STORED)
        self.assertTrue(self.ok("stat", data).endswith(b"\nkeys     0\nbytes    0\ncodec    stored\nstored   0 B\n"))


class Damage(Codec):
    """A value of three frames of five bytes, of which the second is damaged in its payload; and a whole one."""

    ADVICE = "restore it from a copy, or have 'accrete verify --repair' cut the damage out"
    MESSAGE = (
        "cannot decode the value of 'bad': the frame at byte 29 of its encoding is damaged: its checksum does not "
        f"match; {ADVICE}"
    )

    def setUp(self):
        super().setUp()
        Codec.create(self, *STORED)
        for piece in "first", "secnd", "third":
            self.ok("put", self.data, "bad", piece)
        self.ok("put", self.data, "whole", "whole")
        self.flip("data/bad", 29 + HEADER_SIZE)

    def test_reads_name_the_key_and_the_place(self):
        for command in ["get", self.data, "bad"], ["cat", self.data], ["get", "--json", self.data, "bad"]:
            with self.subTest(command=command[0]):
                self.assertEqual(self.fails(4, *command), f"accrete: {self.MESSAGE}\n")
        self.assertEqual(self.ok("get", self.data, "whole"), b"whole")

    def test_verify_says_what_a_repair_would_cut_and_changes_nothing(self):
        before = self.read("data/bad")
        for _ in range(2):
            done = self.run_program("verify", self.data)
            self.assertEqual(
                done.stdout.decode(),
                f"problem: {self.MESSAGE} (29 of the 87 bytes of its encoding)\n",
            )
            self.assertEqual((done.returncode, done.stderr.decode()), (4, f"accrete: 1 problem in '{self.data}'\n"))
        self.assertEqual(self.read("data/bad"), before)

    def test_a_repair_cuts_the_frame_out_and_the_next_verify_is_content(self):
        self.assertEqual(
            self.ok("verify", "--repair", self.data).decode(),
            "repaired: the value of 'bad' was damaged: cut 29 of the 87 bytes of its encoding out\nok: 2 keys, 15 bytes\n",
        )
        self.assertEqual(self.ok("verify", self.data), b"ok: 2 keys, 15 bytes\n")
        self.assertEqual(self.ok("get", self.data, "bad"), b"firstthird")
        self.assertEqual(json.loads(self.ok("stat", "--json", self.data))["stored_bytes"], 3 * 29)
        self.assertEqual(sorted(name for name in os.listdir(self.data) if name[0] != "."), ["bad", "whole"])

    def test_a_damaged_header_is_found_by_what_passes_over_it(self):
        self.flip("data/whole", 4)
        message = (
            "cannot decode the value of 'whole': the frame at byte 0 of its encoding is damaged: its header's checksum "
            f"does not match; {self.ADVICE}"
        )
        self.assertEqual(self.fails(4, "keys", "--json", self.data), f"accrete: {message}\n")
        self.assertEqual(self.fails(4, "stat", self.data), f"accrete: {message}\n")
        done = self.run_program("verify", self.data)
        self.assertEqual((done.returncode, done.stdout.count(b"problem: ")), (4, 2))
        self.assertEqual(done.stderr.decode(), f"accrete: 2 problems in '{self.data}'\n")
        self.assertTrue(self.ok("verify", "--repair", self.data).endswith(b"ok: 2 keys, 10 bytes\n"))
        self.assertEqual(self.ok("cat", self.data), b"bad|firstthird\nwhole|\n")


class Adopting(Codec):
    def setUp(self):
        super().setUp()
        self.directory = self.path("directory")
        os.mkdir(self.directory)
        source = self.create(*STORED, name="source")
        self.ok("put", source, "k", "value")
        self.frames = self.read("source/k")

    def test_frames_are_adopted_with_a_codec(self):
        shutil.copy(self.path("source/k"), self.directory)
        self.ok("create", "--adopt", self.directory, *STORED)
        self.ok("put", self.directory, "k", "!")
        self.assertEqual(self.ok("get", self.directory, "k"), b"value!")
        self.assertEqual(self.ok("verify", self.directory), b"ok: 1 key, 6 bytes\n")

    def test_frames_are_not_adopted_as_raw_values(self):
        shutil.copy(self.path("source/k"), self.directory)
        self.assertEqual(
            self.fails(2, "create", "--adopt", self.directory),
            f"accrete: cannot adopt '{self.directory}' as raw values: 'k' is compressed by accrete; give the codec that "
            "the dataset is to have (--codec)\n",
        )
        self.assertEqual((os.listdir(self.directory), self.read("directory/k")), (["k"], self.frames))

    def test_raw_files_are_not_adopted_with_a_codec(self):
        self.write("directory/k", b"raw bytes that are longer than a header")
        message = self.fails(4, "create", "--adopt", self.directory, *STORED)
        self.assertTrue(message.startswith(f"accrete: cannot adopt '{self.directory}' with a codec: cannot decode the value of 'k': "), message)
        self.assertTrue(message.endswith("; without --codec its files are adopted as raw values\n"), message)
        self.assertEqual(os.listdir(self.directory), ["k"])
        self.ok("create", "--adopt", self.directory)
        self.assertEqual(self.ok("get", self.directory, "k"), b"raw bytes that are longer than a header")


def grouped(number):
    return f"{number:,}".encode()


if __name__ == "__main__":
    unittest.main()
