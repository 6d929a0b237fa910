"""Each command but load: what it does, prints and returns."""
import base64
import json
import os
import random
import subprocess
import unittest

from accrete_cli import PROGRAM, CliTest

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden")
COMMANDS = """create put get load keys cat export stat attribute rm drop destroy verify sweep serve stop reload
    keygen""".split()


class Help(CliTest):
    def test_every_command_has_help_with_an_example(self):
        for command in COMMANDS:
            text = self.ok(command, "--help").decode()
            self.assertIn("Example:\n  ", text)
            self.assertIn(f"accrete {command} ", text)

    def test_help_lists_every_command(self):
        text = self.ok("--help").decode()
        for command in COMMANDS:
            self.assertIn(f"  {command} ", text)

    def test_version_is_printed(self):
        self.assertRegex(self.ok("--version"), rb"^accrete \d+\.\d+\.\d+\n$")

    def test_wrong_usage_exits_with_2(self):
        self.fails(2)
        self.fails(2, "frobnicate")
        self.fails(2, "get")
        self.fails(2, "create", "--no-such-option", self.data)
        self.fails(2, "keys", "--limit", "many", self.data)


class Values(CliTest):
    def test_put_appends_and_get_returns_the_whole(self):
        data = self.create()
        self.ok("put", data, "x", "Hello ")
        self.ok("put", data, "x", stdin=b"world\n")
        self.ok("put", data, "x", "-", stdin=b"\x00\xff")
        self.assertEqual(self.ok("get", data, "x"), b"Hello world\n\x00\xff")

    def test_get_writes_values_in_the_order_asked_for(self):
        data = self.create()
        self.ok("put", data, "a", "1")
        self.ok("put", data, "b", "2")
        self.assertEqual(self.ok("get", data, "b", "a", "b"), b"212")

    def test_get_names_a_missing_key_and_still_writes_the_others(self):
        data = self.create()
        self.ok("put", data, "a", "1")
        done = self.run_program("get", data, "a", "gone", "a")
        self.assertEqual((done.returncode, done.stdout), (1, b"11"))
        self.assertEqual(done.stderr, b"accrete: there is no key 'gone'\n")

    def test_empty_bytes_make_an_empty_value(self):
        data = self.create()
        self.ok("put", data, "argument", "")
        self.ok("put", data, "input", stdin=b"")
        self.assertEqual(self.ok("keys", data), b"argument\ninput\n")
        self.assertEqual(self.ok("get", data, "argument", "input"), b"")

    def test_keys_may_be_named_like_commands_and_options(self):
        data = self.create()
        for key in COMMANDS:
            self.ok("put", data, key, "put")
        self.ok("put", data, "--", "-k", "--json")
        self.assertEqual(self.ok("get", data, "get", "put"), b"putput")
        self.assertEqual(self.ok("get", data, "--", "-k"), b"--json")

    def test_put_with_expect_size_appends_only_to_that_size(self):
        data = self.create()
        self.ok("put", "--expect-size", "0", data, "k", "12")
        self.fails(4, "put", "--expect-size", "0", data, "k", "x")
        self.fails(4, "put", "--expect-size", "1", data, "k", "x")
        self.ok("put", "--expect-size", "2", "--sync", data, "k", "34")
        self.assertEqual(self.ok("get", data, "k"), b"1234")

    def test_put_of_more_than_one_piece_keeps_every_byte(self):
        data = self.create()
        content = random.Random(1).randbytes(1 << 20) * 65
        self.ok("put", "--expect-size", "0", data, "k", stdin=content)
        self.assertEqual(self.ok("get", data, "k"), content)

    def test_a_failing_input_appends_nothing(self):
        data = self.create()
        directory = os.open(self.dir, os.O_RDONLY)
        self.addCleanup(os.close, directory)
        with subprocess.Popen([PROGRAM, "put", data, "k"], stdin=directory, stderr=subprocess.PIPE) as process:
            message = process.communicate()[1]
        self.assertEqual(process.returncode, 4, message)
        self.assertIn(b"'standard input'", message)
        self.assertEqual(self.ok("keys", data), b"")

    def test_invalid_keys_are_wrong_usage(self):
        data = self.create()
        for key in ["", "k" * 1025]:
            self.fails(2, "put", data, key, "x")
            self.fails(2, "get", data, key)
            self.fails(2, "rm", data, key)
        self.ok("put", data, "k" * 1024, "x")

    def test_rm_erases_and_names_what_is_missing(self):
        data = self.create()
        for key in "abc":
            self.ok("put", data, key, key)
        self.assertIn("'gone'", self.fails(1, "rm", data, "a", "gone", "c"))
        self.assertEqual(self.ok("keys", data), b"b\n")

    def test_drop_removes_all_keys_and_destroy_the_dataset(self):
        data = self.create()
        self.ok("put", data, "a", "1")
        self.ok("drop", data)
        self.assertEqual(self.ok("keys", data), b"")
        self.ok("destroy", data)
        self.assertFalse(os.path.exists(data))


class Listing(CliTest):
    HOSTILE = [b"a|b", b"new\nline", b"esc\x1b[31m", b"back\\slash", b"\xff\xfe", "é".encode(), b"\xef\xbb\xbfbom", b"tab\t"]

    def fill(self):
        data = self.create()
        for key in self.HOSTILE:
            self.ok("put", data, key, b"v")
        return data

    def test_keys_prints_a_key_a_line_with_what_would_break_it_escaped(self):
        lines = self.ok("keys", self.fill()).split(b"\n")
        self.assertEqual(lines.pop(), b"")
        self.assertEqual(len(lines), len(self.HOSTILE))
        for wanted in [b"new\\x0aline", b"esc\\x1b[31m", b"back\\x5cslash", b"\\xff\\xfe", "é".encode()]:
            self.assertIn(wanted, lines)

    def test_keys_0_prints_raw_keys_in_byte_order(self):
        self.assertEqual(self.ok("keys", "-0", self.fill()).split(b"\0"), sorted(self.HOSTILE) + [b""])

    def test_keys_json_escapes_or_encodes(self):
        listed = json.loads(self.ok("keys", "--json", self.fill()))
        keys = [row["key"].encode() if "key" in row else base64.b64decode(row["key_base64"]) for row in listed]
        self.assertEqual(keys, sorted(self.HOSTILE))
        self.assertEqual({row["size"] for row in listed}, {1})
        self.assertEqual([row["key_base64"] for row in listed if "key_base64" in row], ["//4="])

    def test_prefix_after_and_limit_choose_keys(self):
        data = self.create()
        for key in ["a1", "a2", "a3", "b1"]:
            self.ok("put", data, key, "v")
        self.assertEqual(self.ok("keys", data, "--prefix", "a"), b"a1\na2\na3\n")
        self.assertEqual(self.ok("keys", data, "--after", "a2"), b"a3\nb1\n")
        self.assertEqual(self.ok("keys", data, "--limit", "2"), b"a1\na2\n")
        self.assertEqual(self.ok("keys", data, "--prefix", "a", "--after", "a1", "--limit", "1"), b"a2\n")

    def test_an_empty_dataset_lists_nothing(self):
        data = self.create()
        self.assertEqual(self.ok("keys", data), b"")
        self.assertEqual(json.loads(self.ok("keys", "--json", data)), [])
        self.assertEqual(self.ok("cat", data), b"")

    def test_get_json_holds_text_binary_and_missing_values(self):
        data = self.create()
        self.ok("put", data, "text", "a\"b\n\u00e9\x01")
        self.ok("put", data, "binary", stdin=b"\xff\x00")
        self.ok("put", data, "empty", "")
        done = self.run_program("get", "--json", data, "text", "binary", "empty", "gone")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            json.loads(done.stdout),
            [
                {"key": "text", "value": "a\"b\n\u00e9\x01"},
                {"key": "binary", "value_base64": "/wA="},
                {"key": "empty", "value": ""},
                {"key": "gone", "value": None},
            ],
        )

    def test_get_json_of_large_values_parts_no_character(self):
        data = self.create()
        text = "x" + "aé€😀" * 300_000  # 3 MB
        self.ok("put", data, "text", stdin=text.encode())
        self.ok("put", data, "cut", stdin=text.encode()[:-1])
        values = json.loads(self.ok("get", "--json", data, "text", "cut"))
        self.assertEqual(values[0], {"key": "text", "value": text})
        self.assertEqual(base64.b64decode(values[1]["value_base64"]), text.encode()[:-1])

    def test_stat_json_holds_the_totals(self):
        data = self.create()
        self.ok("put", data, "a", "123")
        self.ok("put", data, "b", "45")
        stat = json.loads(self.ok("stat", "--json", data))
        self.assertEqual((stat["keys"], stat["bytes"], stat["layout"]), (2, 5, "files"))
        self.assertEqual(len(stat["uuid"]), 36)

    def test_stat_shows_the_largest_key_and_a_histogram(self):
        data = self.create()
        self.ok("put", data, "small", "1")
        self.ok("put", data, "large", stdin=b"x" * 2500)
        text = self.ok("stat", data).decode()
        self.assertIn("'large', 2.5 kB", text)
        self.assertRegex(text, r"1 to 9 B +1  #+\n +10 to 99 B +0\n +100 to 999 B +0\n +1 to 9.9 kB +1  #+\n$")
        self.assertTrue(all(len(line) < 80 for line in text.splitlines()))


class CatAndPairs(CliTest):
    def test_cat_read_back_by_load_pairs_is_the_same_dataset(self):
        data = self.create()
        random_bytes = random.Random(7)
        wanted = {b"empty": b"", b"a|b\\x41": b"1|2\\x41\n\r\n", b"\xef\xbb\xbfbom": b"\r", b"\r": b"v\r"}
        wanted[b"large"] = ("é€" * 700_000).encode() + b"\xe2\x82"
        for _ in range(40):
            wanted[random_bytes.randbytes(random_bytes.randrange(1, 30))] = random_bytes.randbytes(200)
        for key, value in wanted.items():
            if b"\0" not in key:
                self.ok("put", data, "--", key, "-", stdin=value)
        wanted = {key: value for key, value in wanted.items() if b"\0" not in key}
        self.assertEqual(self.values(), wanted)
        for separator in "|", ",", "\\t", " ":
            lines = self.ok("cat", data, "--separator", separator)
            copy = self.path("copy" + str(ord(separator[-1])))
            self.ok("create", copy)
            self.ok("load", copy, "--pairs", separator, stdin=lines)
            self.assertEqual(self.ok("cat", copy), self.ok("cat", data), separator)
            self.assertEqual(self.values(copy), wanted)

    def test_cat_prints_chosen_keys(self):
        data = self.create()
        for key in ["a1", "a2", "b|1"]:
            self.ok("put", data, key, key)
        self.assertEqual(self.ok("cat", data, "--prefix", "a"), b"a1|a1\na2|a2\n")
        self.assertEqual(self.ok("cat", data, "b|1", "a1"), b"b\\x7c1|b|1\na1|a1\n")
        done = self.run_program("cat", data, "gone", "a1")
        self.assertEqual((done.returncode, done.stdout), (1, b"a1|a1\n"))

    def test_cat_as_numbers_prints_an_element_a_line(self):
        data = self.create()
        for name in "doubles", "bools", "structs":
            self.ok("put", data, "a|" + name, stdin=self.golden_number(name))
        elements = {"bools": ["1", "0", "1"], "doubles": ["1.5", "-0", "1e+300"], "structs": ["-7,1,-0.5,1+2j", "0,0,0,0+0j"]}
        wanted = "".join(f"a\\x7c{name}|{element}\n" for name in elements for element in elements[name])
        self.assertEqual(self.ok("cat", data, "--as", "numbers"), wanted.encode())
        self.assertEqual(self.ok("cat", data, "--as", "numbers", "--separator", "\\t", "a|bools").count(b"\t"), 3)
        self.assertEqual(self.ok("cat", data, "--as", "bytes"), self.ok("cat", data))

    def test_cat_as_numbers_of_other_values_is_a_failure(self):
        data = self.create()
        self.ok("put", data, "raw", "text")
        self.assertIn("'raw' holds no typed elements", self.fails(4, "cat", data, "--as", "numbers"))
        self.fails(1, "cat", data, "--as", "numbers", "gone")
        self.assertIn("--as: letters not in {bytes,numbers,msgpack}", self.fails(2, "cat", data, "--as", "letters"))
        self.fails(2, "cat", data, "--as", "1")

    def test_cat_as_numbers_prints_what_is_sound_beside_what_is_not(self):
        data = self.create()
        sound = self.golden_number("doubles")
        damaged = bytearray(sound * 1000)
        damaged[len(sound) * 500 + 40] ^= 1
        torn = sound + sound[:40]
        self.put_values({b"a": sound, b"damaged": bytes(damaged), b"raw": b"text", b"torn": torn, b"z": sound})
        lines = {key: [b"%s|%s" % (key, element) for element in (b"1.5", b"-0", b"1e+300")] for key in (b"a", b"damaged", b"torn", b"z")}
        wanted = lines[b"a"] + 500 * lines[b"damaged"] + lines[b"torn"] + lines[b"z"]
        for keys in [], ["a", "damaged", "raw", "torn", "z"]:
            done = self.run_program("cat", data, "--as", "numbers", *keys)
            self.assertEqual(done.returncode, 4)
            self.assertEqual(done.stdout.splitlines(), wanted)
            messages = done.stderr.decode().splitlines()
            self.assertEqual(["'damaged'" in messages[0], "'raw'" in messages[1], "'torn'" in messages[2]], [True] * 3, messages)
            self.assertEqual(len(messages), 3)

    def test_cat_as_msgpack_prints_the_keys_after_a_damaged_one(self):
        data = self.create()
        self.put_values({b"a": b"\x01\xc1", b"b": b"\x02"})
        done = self.run_program("cat", data, "--as", "msgpack")
        self.assertEqual((done.returncode, done.stdout), (4, b'{"key":"a","item":1}\n{"key":"b","item":2}\n'))
        self.assertIn(b"'a'", done.stderr)

    def test_cat_as_numbers_prints_a_table_by_its_key(self):
        data = self.create()
        names = ["table%00", "table%00a", "table%00b"]
        header, a, b = (self.golden_number(name) for name in names)
        self.put_values({b"table\0": header, b"table\0a": a + a, b"table\0b": b + b})
        self.assertEqual(self.ok("cat", data, "--as", "numbers", "table"), b"table|a,b\ntable|-2,2.5\ntable|-2,2.5\n")
        self.assertEqual(self.ok("cat", data, "--as", "numbers"), b"".join(
            b"table\\x00%s|%s\n" % column for column in [(b"a", b"-2")] * 2 + [(b"b", b"2.5")] * 2))
        self.fails(1, "cat", data, "table")
        self.fails(1, "cat", data, "--as", "numbers", "x" * 1024)
        self.put_values({b"table\0a": a})
        done = self.run_program("cat", data, "--as", "numbers", "table")
        self.assertEqual((done.returncode, done.stdout), (4, b"table|a,b\ntable|-2,2.5\ntable|-2,2.5\n"))
        self.assertIn(b"its column 'b' has fewer rows than its column 'a'", done.stderr)

    def golden_number(self, name):
        with open(os.path.join(GOLDEN, "numeric", name), "rb") as file:
            return file.read()

    def put_values(self, values):
        """Also under keys that no argument can be."""
        escaped = {key: b"".join(b"\\x%02x" % byte for byte in value) for key, value in values.items()}
        lines = b"".join(key.replace(b"\0", b"\\x00") + b"|" + value + b"\n" for key, value in escaped.items())
        self.ok("load", self.data, "--pairs", "|", "--quiet", stdin=lines)

    def test_a_separator_that_escapes_hold_is_refused(self):
        data = self.create()
        for separator in ["x", "0", "f", "\\", "\n", "ab", ""]:
            self.fails(2, "cat", data, "--separator", separator)


class Output(CliTest):
    def fill(self):
        data = self.create()
        self.ok("put", data, "k", stdin=b"line\n" * 1_000_000)
        return data

    def test_a_closed_pipe_ends_quietly(self):
        data = self.fill()
        for command in ["get", data, "k"], ["cat", data], ["get", "--json", data, "k"]:
            with subprocess.Popen([PROGRAM, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                process.stdout.read(3)
                process.stdout.close()
                self.assertEqual(process.stderr.read(), b"")
            self.assertEqual(process.returncode, 0)

    def test_a_full_device_is_a_failure(self):
        data = self.fill()
        for command in ["get", data, "k"], ["keys", data], ["--help"], ["stat", data]:
            with open("/dev/full", "wb") as full:
                done = subprocess.run([PROGRAM, *command], stdout=full, stderr=subprocess.PIPE, check=False)
            self.assertEqual(done.returncode, 4, command)
            self.assertIn(b"standard output", done.stderr)

    def test_closed_standard_streams_do_not_take_the_place_of_files(self):
        data = self.create()
        self.ok("put", data, "k", "v")
        done = subprocess.run(["sh", "-c", f'"{PROGRAM}" get "{data}" k >&-'], stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 4)
        done = subprocess.run(["sh", "-c", f'"{PROGRAM}" put "{data}" k w <&- >&- 2>&-'], check=False)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.ok("get", data, "k"), b"vw")
        self.assertTrue(self.ok("verify", data).startswith(b"ok: 1 key, 2 bytes"))


class Whole(CliTest):
    def test_verify_says_ok_and_how_much_there_is(self):
        data = self.create()
        self.ok("put", data, "k", "123")
        self.assertEqual(self.ok("verify", data), b"ok: 1 key, 3 bytes\n")

    def test_verify_says_what_is_wrong_and_fails(self):
        data = self.create()
        with open(os.path.join(data, "bad%zz"), "wb"):
            pass
        done = self.run_program("verify", data)
        self.assertEqual(done.returncode, 4)
        self.assertRegex(done.stdout, rb"^problem: .*bad%zz")

    def test_create_adopts_a_directory_of_raw_files(self):
        os.mkdir(self.data)
        with open(os.path.join(self.data, "x"), "wb") as file:
            file.write(b"123")
        self.fails(4, "create", self.data)
        self.assertIn("'accrete create --adopt' makes one of a directory and the files", self.fails(1, "get", self.data, "x"))
        self.ok("create", "--adopt", self.data)
        self.assertEqual(self.ok("get", self.data, "x"), b"123")

    def test_create_adopt_of_names_that_are_no_keys_is_a_failure(self):
        os.mkdir(self.data)
        with open(os.path.join(self.data, "%zz"), "wb"):
            pass
        self.assertIn("%zz", self.fails(4, "create", "--adopt", self.data))

    def test_sweep_of_a_directory_without_leftovers_prints_nothing(self):
        self.create()
        self.assertEqual(self.ok("sweep", self.dir), b"")
        self.assertTrue(os.path.exists(self.data))


class Attributes(CliTest):
    def test_an_attribute_is_set_listed_written_and_removed(self):
        data = self.create()
        self.assertEqual(self.ok("attribute", data), b"")
        self.ok("attribute", data, "b", "text")
        self.ok("attribute", data, "a.raw", "-", stdin=b"\x00\xff\n")
        self.ok("attribute", data, "empty", "")
        self.assertEqual(self.ok("attribute", data), b"a.raw\nb\nempty\n")
        self.assertEqual(self.ok("attribute", data, "a.raw"), b"\x00\xff\n")
        self.assertEqual(self.ok("attribute", data, "empty"), b"")
        self.ok("attribute", data, "b", "other")
        self.assertEqual(self.ok("attribute", data, "b"), b"other")
        self.ok("put", data, "key", "value")
        self.ok("drop", data)
        self.ok("attribute", "--remove", data, "b")
        self.assertEqual(self.ok("attribute", data), b"a.raw\nempty\n")

    def test_a_missing_attribute_exits_with_1(self):
        data = self.create()
        self.assertEqual(self.fails(1, "attribute", data, "a"), "accrete: there is no attribute 'a'\n")
        self.assertEqual(self.fails(1, "attribute", "--remove", data, "a"), "accrete: there is no attribute 'a'\n")
        self.fails(1, "attribute", self.path("nowhere"))

    def test_an_attribute_that_is_there_is_left_as_it_is_where_it_should_be_new(self):
        data = self.create()
        self.ok("attribute", "--new", data, "a", "first")
        self.assertIn("there is one already", self.fails(4, "attribute", "--new", data, "a", "second"))
        self.assertEqual(self.ok("attribute", data, "a"), b"first")

    def test_of_programs_that_set_a_new_attribute_one_does(self):
        data = self.create()
        programs = [subprocess.Popen([PROGRAM, "attribute", "--new", data, "a", str(number)], stderr=subprocess.PIPE)
                    for number in range(6)]
        for program in programs:
            program.communicate()
        codes = [program.returncode for program in programs]
        self.assertEqual(sorted(codes), [0, 4, 4, 4, 4, 4])
        self.assertEqual(self.ok("attribute", data, "a").decode(), str(codes.index(0)))

    def test_limits_and_wrong_usage_are_told(self):
        data = self.create()
        self.ok("attribute", data, "a", "-", stdin=b"v" * 262144)
        self.assertIn("262144 at most", self.fails(4, "attribute", data, "a", "-", stdin=b"v" * 262145))
        self.assertEqual(len(self.ok("attribute", data, "a")), 262144)
        self.assertIn("no name of an attribute", self.fails(2, "attribute", data, "a/b"))
        self.fails(2, "attribute", data, "n" * 65, "v")
        self.fails(2, "attribute", "--remove", data)
        self.fails(2, "attribute", "--new", data, "a")
        self.fails(2, "attribute", "--remove", data, "a", "v")

    def test_damaged_attributes_are_named_by_verify_and_set_aside_by_a_repair(self):
        data = self.create()
        self.ok("attribute", data, "a", "value")
        self.write("data/.attributes", b"accrete attributes\nnonsense")
        self.assertIn(".attributes' are damaged", self.fails(4, "attribute", data, "a"))
        self.assertIn("verify --repair", self.fails(4, "attribute", data, "a", "new"))
        self.assertIn(b".attributes' are damaged", self.run_program("verify", data).stdout)
        self.assertIn(b"repaired: ", self.ok("verify", "--repair", data))
        self.assertEqual(self.ok("attribute", data), b"")


if __name__ == "__main__":
    unittest.main()
