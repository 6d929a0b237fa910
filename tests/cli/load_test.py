"""accrete load: what becomes of rows, good and malformed, and of a load that is repeated."""
import array
import contextlib
import fcntl
import json
import os
import random
import re
import signal
import struct
import subprocess
import termios
import unittest

from accrete_cli import PROGRAM, CliTest

FLIGHTS = b"date,origin,destination\n1,SEA,PDX\n2,PDX,SEA\n3,SEA,LAX\n"


class Delimited(CliTest):
    def load(self, content, *args):
        self.create()
        self.ok("load", self.data, "-", *args, stdin=content)
        return self.values()

    def test_whole_rows_go_to_the_key_of_their_column_in_order(self):
        self.assertEqual(
            self.load(FLIGHTS, "--by", "origin"), {b"SEA": b"1,SEA,PDX\n3,SEA,LAX\n", b"PDX": b"2,PDX,SEA\n"}
        )

    def test_several_columns_are_joined_in_the_order_given(self):
        self.assertEqual(list(self.load(FLIGHTS, "--by", "destination,origin")), [b"LAX,SEA", b"PDX,SEA", b"SEA,PDX"])

    def test_the_key_separator_may_be_any_text_or_none(self):
        self.assertIn(b"SEA->PDX", self.load(FLIGHTS, "--by", "origin,destination", "--key-separator", "->"))
        self.ok("drop", self.data)
        self.ok("load", self.data, "--by", "origin,destination", "--key-separator", "", stdin=FLIGHTS)
        self.assertIn(b"SEAPDX", self.values())

    def test_without_a_header_columns_have_numbers(self):
        self.assertEqual(
            self.load(b"a\tx\nb\ty\n", "--by", "2", "--no-header", "--delimiter", "\\t"),
            {b"x": b"a\tx\n", b"y": b"b\ty\n"},
        )
        for wrong in "0", "x", "-1", "1.5", "":
            self.fails(2, "load", self.data, "--no-header", "--by", wrong, stdin=b"a\n")

    def test_quoted_fields_make_keys_without_quotes_and_rows_with_them(self):
        content = b'"a b","k"\r\n"x\r\ny","one ""1"", two"\r\n2,plain\r\n'
        self.assertEqual(
            self.load(content, "--by", "k"), {b'one "1", two': b'"x\r\ny","one ""1"", two"\r\n', b"plain": b"2,plain\r\n"}
        )

    def test_a_column_name_with_a_comma_is_given_in_quotes(self):
        self.assertEqual(self.load(b'"a,b",c\n1,2\n', "--by", '"a,b",c'), {b"1,2": b"1,2\n"})

    def test_a_byte_order_mark_is_no_part_of_a_name_or_key(self):
        self.assertEqual(self.load(b"\xef\xbb\xbfk,v\na,1\n", "--by", "k"), {b"a": b"a,1\n"})
        self.ok("load", self.data, "--no-header", "--by", "1", stdin=b"\xef\xbb\xbfb,1\n")
        self.assertEqual(self.values(), {b"a": b"a,1\n", b"b": b"b,1\n"})

    def test_the_last_row_gets_the_ending_of_the_row_before(self):
        self.assertEqual(self.load(b"k\r\na\r\nb", "--by", "k")[b"b"], b"b\r\n")
        for content, ending in (b"a\nb", b"\n"), (b"b", b"\n"), (b"a\r\nb\r", b"\r\n"), (b"b\r", b"\r\n"):
            self.ok("drop", self.data)
            self.ok("load", self.data, "--no-header", "--by", "1", stdin=content)
            self.assertEqual(self.values()[b"b"], b"b" + ending)

    def test_blank_lines_are_passed_over(self):
        self.assertEqual(self.load(b"\n\r\nk,v\n\na,1\n\r\n\n", "--by", "k"), {b"a": b"a,1\n"})

    def test_nul_bytes_are_ordinary(self):
        self.create()
        self.ok("load", self.data, "--by", "k", stdin=b"k,v\na\0b,\0\n")
        self.assertEqual(self.ok("keys", "-0", self.data), b"a\0b\0")

    def test_each_file_has_its_own_header(self):
        first = self.write("1.csv", b"k,v\na,1\n")
        second = self.write("2.csv", b"k,v\na,2\n")
        self.create()
        self.ok("load", self.data, first, second, "-", "--by", "k", stdin=b"k,v\na,3\n")
        self.assertEqual(self.values(), {b"a": b"a,1\na,2\na,3\n"})

    def test_an_input_without_rows_loads_nothing_and_says_so(self):
        self.create()
        for content in b"k,v\n", b"k,v", b"\n\nk,v\n\n", b"\xef\xbb\xbfk,v":
            done = self.run_program("load", self.data, "--by", "k", stdin=content)
            self.assertEqual((done.returncode, done.stderr), (0, b"accrete: 0 rows\n"))
        for content in b"", b"\n\n", b"\xef\xbb\xbf":
            done = self.run_program("load", self.data, "--no-header", "--by", "1", stdin=content)
            self.assertEqual((done.returncode, done.stderr), (0, b"accrete: 0 rows\n"))
            message = self.fails(4, "load", self.data, "--by", "k", stdin=content)
            self.assertIn("no column 'k', for there is no header", message)
        self.assertEqual(self.values(), {})

    def test_the_summary_counts_and_quiet_leaves_it_out(self):
        self.create()
        done = self.run_program("load", self.data, "--by", "origin", stdin=FLIGHTS)
        self.assertRegex(done.stderr, rb"^accrete: 3 rows \(30 B\) in .* MB/s; the dataset has 2 keys\n$")
        self.assertEqual(self.run_program("load", "--quiet", self.data, "--by", "origin", stdin=FLIGHTS).stderr, b"")

    def test_loading_again_appends_again(self):
        self.create()
        for _ in range(2):
            self.ok("load", "--sync", self.data, "--by", "origin", stdin=FLIGHTS)
        self.assertEqual(self.values()[b"PDX"], b"2,PDX,SEA\n" * 2)

    def test_rows_of_many_batches_keep_their_order(self):
        rows = [b"%d,%d,%s\n" % (i % 97, i, b"x" * (i % 400)) for i in range(200_000)]  # 40 MB
        self.create()
        self.ok("load", self.data, "--no-header", "--by", "1", stdin=b"".join(rows))
        for key in range(97):
            self.assertEqual(self.ok("get", self.data, str(key)), b"".join(rows[key::97]))

    def test_a_line_of_100_mb_is_loaded_whole(self):
        self.create()
        line = b'k,"' + b"0123456789" * 10_000_000 + b'\n"\n'
        path = self.write("long.csv", b"a,1\n" + line + b"b,2\n")
        self.ok("load", self.data, path, "--no-header", "--by", "1")
        self.assertEqual(self.ok("get", self.data, "k"), line)
        self.assertEqual(self.ok("get", self.data, "a", "b"), b"a,1\nb,2\n")


class Pairs(CliTest):
    def test_lines_are_split_at_the_first_separator_and_unescaped(self):
        self.create()
        self.ok("load", self.data, "--pairs", "|", stdin=b"a|1|2\n\\x7c|\\x0a\nempty|\n\na|\r\nlast|x")
        self.assertEqual(self.values(), {b"a": b"1|2\r", b"|": b"\n", b"empty": b"", b"last": b"x"})

    def test_raw_takes_escapes_as_they_are(self):
        self.create()
        self.ok("load", self.data, "--pairs", "x", "--raw", stdin=b"\\y\\x0a\n")
        self.assertEqual(self.values(), {b"\\y\\": b"0a"})

    def test_a_line_without_separator_is_malformed(self):
        self.create()
        self.assertIn("standard input:2: ", self.fails(4, "load", self.data, "--pairs", "|", stdin=b"a|1\nb\n"))
        self.assertEqual(self.values(), {b"a": b"1"})


class JsonLines(CliTest):
    def load(self, content, *args):
        self.create()
        self.ok("load", self.data, "--jsonl", *args, stdin=content)
        return self.values()

    def test_lines_go_whole_to_the_key_of_their_fields(self):
        lines = [b'{"u":"a\\u00e9\\n","n":1}\n', b' {"n": 1.50 ,"u":"b"} \r\n', b'{"u":"b","n":true}']
        self.assertEqual(
            self.load(b"\xef\xbb\xbf" + b"".join(lines), "--by", "u,n", "--key-separator", ":"),
            {"aé\n:1".encode(): lines[0], b"b:1.50": lines[1], b"b:true": lines[2] + b"\r\n"},
        )

    def test_numbers_keep_their_text_also_beyond_64_bits(self):
        content = b'{"n":123456789012345678901234567890}\n{"n":-0}\n{"n":1E3 }\n{"n":true}\n'
        self.assertEqual(set(self.load(content, "--by", "n")), {b"123456789012345678901234567890", b"-0", b"1E3", b"true"})

    def test_names_of_fields_may_be_escaped(self):
        self.assertEqual(list(self.load(b'{"\\u0061":"x"}\n', "--by", "a")), [b"x"])

    def test_malformed_lines_are_errors_with_their_number(self):
        self.create()
        wrong = [b"{", b"[1]", b'"a"', b'{"a":1} x', b'{"b":1}', b'{"a":{}}', b'{"a":[1]}', b'{"a":01}', b'{"a":"\xff"}',
                 b'{"a":1,}', b'{"a":1,"b":tru}', b'{"a":1,"b":1e400,}', b"12345678901234567890123", b'{"a":""}']
        for line in wrong:
            message = self.fails(4, "load", self.data, "--jsonl", "--by", "a", stdin=b'{"a":1}\n' + line + b"\n")
            self.assertIn("standard input:2: ", message)
        message = self.fails(4, "load", self.data, "--jsonl", "--by", "a", "--on-error", "skip", stdin=b"\n".join(wrong))
        self.assertIn("none of the rows was loaded", message)
        self.assertEqual(self.values(), {b"1": b'{"a":1}\n' * len(wrong)})

    def test_many_lines_of_random_json_load_as_python_reads_them(self):
        random_lines = random.Random(3)
        rows = [
            {"pad": "é" * random_lines.randrange(100), "k": random_lines.choice(["x", "y\n", "", "😀"]) + "k"}
            for _ in range(30_000)
        ]
        lines = [json.dumps(row, ensure_ascii=random_lines.random() < 0.5).encode() + b"\n" for row in rows]
        wanted = {}
        for row, line in zip(rows, lines):
            wanted[row["k"].encode()] = wanted.get(row["k"].encode(), b"") + line
        self.create()
        self.ok("load", self.data, "--jsonl", "--by", "k", stdin=b"".join(lines))
        self.assertEqual(self.values(), wanted)


class Malformed(CliTest):
    BAD = b'k,v\na,1\nb\n"x"y,2\n,3\nc,4\n' + b"k" * 1025 + b',5\nd,"6\ne,7\n'

    def test_the_first_malformed_row_ends_the_load_after_the_rows_before_it(self):
        self.create()
        path = self.write("bad.csv", self.BAD)
        message = self.fails(4, "load", self.data, path, "--by", "v,k")
        self.assertIn("bad.csv:3: the row has 1 column, but column 2 is needed; 1 row (4 bytes) of this input was", message)
        self.assertEqual(self.values(), {b"1,a": b"a,1\n"})

    def test_skip_passes_over_malformed_rows_and_counts_them(self):
        self.create()
        done = self.run_program("load", self.data, "--by", "k", "--on-error", "skip", stdin=self.BAD)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.values(), {b"a": b"a,1\n", b"b": b"b\n", b"c": b"c,4\n", b"e": b"e,7\n"})
        for line in 4, 5, 7, 8:
            self.assertIn(b"standard input:%d: " % line, done.stderr)
        self.assertIn(b"accrete: 4 malformed rows skipped\n", done.stderr)

    def test_only_the_first_few_malformed_rows_are_shown(self):
        self.create()
        done = self.run_program("load", self.data, "--by", "v", "--on-error", "skip", stdin=b"k,v\n" + b"x\n" * 1000)
        self.assertEqual(done.stderr.count(b"(skipped)"), 5)
        self.assertIn(b"1,000 malformed rows skipped", done.stderr)

    def test_line_numbers_count_the_lines_within_quotes(self):
        self.create()
        content = b'k,v\n"a\n\n",1\n\n' + b'b,"\n"\n' * 100_000 + b"c\n"
        self.assertIn("standard input:200006: ", self.fails(4, "load", self.data, "--by", "v", stdin=content))

    def test_a_missing_column_is_an_error_that_lists_the_columns(self):
        self.create()
        message = self.fails(4, "load", self.data, "--by", "carrier", stdin=FLIGHTS)
        self.assertIn("there is no column 'carrier'; the columns are 'date', 'origin', 'destination'", message)
        self.assertIn("nothing of this input was appended", message)

    def test_a_column_that_is_there_twice_is_an_error(self):
        self.create()
        self.assertIn("several columns 'k'", self.fails(4, "load", self.data, "--by", "k", stdin=b"k,k\n1,2\n"))

    def test_a_malformed_header_is_an_error_also_with_skip(self):
        self.create()
        for header in b'"k\n', b'"k"x\n':
            message = self.fails(4, "load", self.data, "--by", "k", "--on-error", "skip", stdin=header + b"a\n")
            self.assertIn("standard input:1: the header has ", message)

    def test_rows_longer_than_max_row_are_malformed(self):
        self.create()
        long_row = b"x" * 3_000_000 + b"\n"
        for content in b"a\n" + long_row + b"b\n", b"a\nxxxxxxxxxxxx\nb\n", b'a\n"xxxxxxxxxxx\nb\n':
            self.ok("drop", self.data)
            args = ["load", self.data, "--no-header", "--by", "1", "--max-row", "10"]
            self.assertIn("standard input:2: the row is longer than 10 bytes", self.fails(4, *args, stdin=content))
            self.assertEqual(self.values(), {b"a": b"a\n"})
            self.ok("drop", self.data)
            self.ok(*args, "--on-error", "skip", stdin=content)
            self.assertEqual(self.values(), {b"a": b"a\n", b"b": b"b\n"})

    def test_a_later_file_at_fault_leaves_the_earlier_ones_loaded(self):
        self.create()
        good = self.write("good.csv", b"k\na\n")
        bad = self.write("bad.csv", b'k\nb\n"\n')
        for fault in bad, self.path("gone.csv"), self.dir:
            self.ok("drop", self.data)
            message = self.fails(4, "load", self.data, good, fault, "--by", "k")
            self.assertIn("the inputs before", message)
            self.assertEqual(self.values()[b"a"], b"a\n")

    def test_options_that_do_not_go_together_are_wrong_usage(self):
        self.create()
        for args in (
            [],
            ["--by", "k", "--pairs", "|"],
            ["--jsonl", "--pairs", "|"],
            ["--by", "k", "--raw"],
            ["--by", "k", "--jsonl", "--no-header"],
            ["--by", "k", "--delimiter", ""],
            ["--by", "k", "--delimiter", 'a"'],
            ["--by", "k", "--comment", ","],
            ["--by", "k", "--quotes", "--no-quotes"],
            ["--by", "k", "--jsonl", "--columns", "k"],
            ["--pairs", "|", "--skip-lines", "1"],
            ["--by", "1", "--no-header", "--reorder"],
            ["--by", "k", "--threads", "0"],
            ["--by", "k", "--delimiter", '"'],
            ["--by", "k", "--on-error", "panic"],
            ["--by", '"k'],
            ["--pairs", "\\"],
            ["--by", "k", "-", "-"],
        ):
            self.fails(2, "load", self.data, *args, stdin=b"k\na\n")
        self.assertEqual(self.values(), {})


class Once(CliTest):
    def rows(self, count):
        return [b"%d,%d,%s\n" % (i % 7, i, b"x" * (i % 300)) for i in range(count)]

    def load(self, content, *args, by="k"):
        done = self.run_program("load", self.data, "--by", by, "--id", "once", *args, stdin=content)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def check(self, rows):
        for key in range(7):
            self.assertEqual(self.ok("get", self.data, str(key)), b"".join(rows[key::7]))

    def test_a_repeated_load_does_nothing(self):
        self.create()
        rows = self.rows(1000)
        content = b"k,i,x\n" + b"".join(rows)
        self.load(content)
        self.assertIn(b"already loaded", self.load(content))
        self.assertIn(b"already loaded", self.load(content, self.write("same.csv", content)))
        self.check(rows)

    def test_an_input_that_grew_by_batches_is_continued(self):
        rows = self.rows(300_000)  # 47 MB
        content = b"k,i,x\n" + b"".join(rows)
        self.create()
        for cut in 1_000_000, 17_000_000, 34_000_001:
            self.load(content[: content.rindex(b"\n", 0, cut) + 1])
        self.load(content)
        self.check(rows)

    def test_a_load_that_was_killed_is_gone_on_with_and_nothing_doubled(self):
        rows = self.rows(400_000)  # 63 MB
        content = b"k,i,x\n" + b"".join(rows)
        self.create()
        appended = 0
        for _ in range(3):
            command = [PROGRAM, "load", self.data, "--by", "k", "--id", "once"]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                process.stdin.write(content[: appended + 20_000_000])
                before = appended
                while appended == before:
                    appended = json.loads(self.ok("stat", "--json", self.data))["bytes"]
                process.kill()
            self.assertLess(appended, len(content) - 6)
        self.assertIn(b"loaded before", self.load(content))
        self.check(rows)

    def test_an_input_that_grew_is_continued(self):
        self.create()
        rows = self.rows(300)
        for count in 1, 100, 100, 300:
            self.load(b"k,i,x\n" + b"".join(rows[:count]))
        self.check(rows)

    def test_a_last_row_without_ending_waits_for_the_next_load(self):
        self.create()
        self.assertIn(b"its 3 bytes are not loaded", self.load(b"k,i\n0,0\n1,1"))
        self.assertEqual(self.values(), {b"0": b"0,0\n"})
        self.assertIn(b"its 3 bytes are not loaded", self.load(b"k,i\n0,0\n1,1", "--quiet"))
        self.load(b"k,i\n0,0\n1,12\n2,2\n")
        self.assertEqual(self.values(), {b"0": b"0,0\n", b"1": b"1,12\n", b"2": b"2,2\n"})

    def test_an_input_may_be_cut_anywhere_and_is_then_continued(self):
        content = b'k,i\r\n0,"a\n""b"\r\n\r\n1,1\r\n'
        for cut in range(len(content)):
            self.create()
            self.load(content[:cut], "--no-header", by="1")
            self.load(content, "--no-header", by="1")
            self.assertEqual(
                self.values(), {b"k": b"k,i\r\n", b"0": b'0,"a\n""b"\r\n', b"1": b"1,1\r\n"}, content[:cut]
            )
            self.ok("destroy", self.data)

    def test_a_header_without_ending_waits_too(self):
        self.create()
        self.load(b"k,")
        self.load(b"k,i\n0,0\n")
        self.assertEqual(self.values(), {b"0": b"0,0\n"})

    def test_pairs_and_json_lines_without_ending_wait_too(self):
        self.create()
        for content in b"alice|1\nbo", b"alice|1\nbob|2\n":
            self.ok("load", self.data, "--pairs", "|", "--id", "p", stdin=content)
        for content in b'{"a":1}\n{"a":2', b'{"a":1}\n{"a":23}\n':
            self.ok("load", self.data, "--jsonl", "--by", "a", "--id", "j", stdin=content)
        self.assertEqual(self.values(), {b"alice": b"1", b"bob": b"2", b"1": b'{"a":1}\n', b"23": b'{"a":23}\n'})

    def test_a_log_is_loaded_time_and_again_while_it_is_written(self):
        self.create()
        rows = [b"%d,%d\n" % (i % 7, i) for i in range(20_000)]
        log = self.write("log", b"")
        with open(log, "wb", buffering=4096) as out:
            for load in range(16):
                for row in rows[load * 1250 : (load + 1) * 1250]:
                    out.write(row)  # what is in the file ends anywhere
                self.load(b"", log, "--no-header", by="1")
        self.load(b"", log, "--no-header", by="1")
        self.check(rows)

    def test_a_shorter_input_is_an_error(self):
        self.create()
        self.load(b"k,i\n0,0\n1,1\n")
        message = self.fails(4, "load", self.data, "--by", "k", "--id", "once", stdin=b"k,i\n0,0\n")
        self.assertIn("it is not the same input", message)

    def test_an_input_that_begins_alike_but_differs_further_on_is_an_error(self):
        self.create()
        self.load(b"k,i\n0,0\n1,1\n2,2\n")
        for other in b"k,i\n0,0\n1,7\n2,2\n", b"k,i\n0,0\n1,7\n2,2\n3,3\n":
            message = self.fails(4, "load", self.data, "--by", "k", "--id", "once", stdin=other)
            self.assertIn("it is not the same input", message)
        self.assertEqual(self.values(), {b"0": b"0,0\n", b"1": b"1,1\n", b"2": b"2,2\n"})

    def test_a_malformed_row_that_was_mended_is_gone_on_from(self):
        self.create()
        self.fails(4, "load", self.data, "--by", "i", "--id", "once", stdin=b"k,i\n0,0\n1\n2,2\n")
        self.load(b"k,i\n0,0\n1,1\n2,2\n", by="i")
        self.assertEqual(self.values(), {b"0": b"0,0\n", b"1": b"1,1\n", b"2": b"2,2\n"})

    def test_a_malformed_row_may_be_skipped_the_second_time(self):
        self.create()
        content = b"k,i\n0,0\n1\n2,2\n3\n"
        self.fails(4, "load", self.data, "--by", "i", "--id", "once", stdin=content)
        for _ in range(2):
            self.load(content, "--on-error", "skip", by="i")
        self.assertEqual(self.values(), {b"0": b"0,0\n", b"2": b"2,2\n"})

    def test_line_numbers_are_right_after_what_was_loaded_before(self):
        self.create()
        content = b'k,i\n"a\n",0\n\nb,1\n'
        self.load(content)
        message = self.fails(4, "load", self.data, "--by", "i", "--id", "once", stdin=content + b"\nc\n")
        self.assertIn("standard input:7: ", message)

    def test_other_names_columns_and_inputs_are_loads_of_their_own(self):
        self.create()
        content = b"k,i\n0,5\n"
        self.load(content)
        self.load(content, by="i")
        self.ok("load", self.data, "--by", "k", "--id", "other", stdin=content)
        self.load(b"k,i\n0,6\n")
        self.assertEqual(self.values(), {b"0": b"0,5\n0,5\n0,6\n", b"5": b"0,5\n"})

    def test_files_that_begin_alike_are_told_apart_by_their_order(self):
        self.create()
        first = self.write("1.csv", b"k,i\n0,0\n1,1\n")
        second = self.write("2.csv", b"k,i\n0,0\n2,2\n")
        for _ in range(2):
            self.load(b"", first, second)
        self.assertEqual(self.values(), {b"0": b"0,0\n0,0\n", b"1": b"1,1\n", b"2": b"2,2\n"})

    def test_pairs_and_json_lines_are_loaded_once_too(self):
        self.create()
        for _ in range(2):
            self.ok("load", self.data, "--pairs", "|", "--id", "p", stdin=b"a|1\nb|\n")
            self.ok("load", self.data, "--jsonl", "--by", "a", "--id", "j", stdin=b'{"a":1}\n')
        self.assertEqual(self.values(), {b"a": b"1", b"b": b"", b"1": b'{"a":1}\n'})


class Pipes(CliTest):
    """Inputs that come slowly, and loads that are to stop."""

    def begin(self, *args, hangup=signal.SIG_DFL):
        process = subprocess.Popen(
            [PROGRAM, "load", self.data, "--no-header", "--by", "1", *args],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, hangup),
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def give(self, process, content):
        process.stdin.write(content)
        process.stdin.flush()

    def wait_for(self, key, value):
        while self.run_program("get", self.data, key).stdout != value:
            pass

    def test_what_has_come_is_appended_while_more_is_waited_for(self):
        self.create()
        for arguments in [], ["--id", "once"]:
            process = self.begin(*arguments)
            self.give(process, b"a,1\nb,")
            self.wait_for("a", b"a,1\n")
            self.give(process, b"2\na,3\n")
            self.wait_for("a", b"a,1\na,3\n")
            self.assertEqual(self.ok("get", self.data, "b"), b"b,2\n")
            process.stdin.close()
            self.assertEqual(process.wait(), 0)
            process.stderr.close()
            self.ok("drop", self.data)

    def test_what_comes_without_a_pause_is_appended_too(self):
        self.create()
        process = self.begin()
        while not self.run_program("get", self.data, "a").stdout:
            self.give(process, b"a,1\n")
        process.stdin.close()
        self.assertEqual(process.wait(), 0)
        process.stderr.close()

    def test_signals_end_a_load_with_the_rows_that_were_read_whole(self):
        for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
            self.create()
            process = self.begin()
            self.give(process, b"a,1\n")
            self.wait_for("a", b"a,1\n")
            self.give(process, b"b,2\nc,")
            while self.unread(process) > 0:
                pass
            process.send_signal(number)
            said = process.stderr.read().decode()
            process.stderr.close()
            self.assertEqual(process.wait(), 4, said)
            self.assertIn("stopped by a signal", said)
            self.assertIn("up to byte 8", said)
            self.assertIn("2 rows (8 bytes)", said)
            self.assertEqual(self.values(), {b"a": b"a,1\n", b"b": b"b,2\n"})
            process.stdin.close()
            self.ok("destroy", self.data)

    def test_a_load_that_nohup_has_started_goes_on_after_a_hangup(self):
        self.create()
        process = self.begin(hangup=signal.SIG_IGN)
        self.give(process, b"a,1\n")
        self.wait_for("a", b"a,1\n")
        process.send_signal(signal.SIGHUP)
        self.give(process, b"b,2\n")
        self.wait_for("b", b"b,2\n")
        process.communicate()
        self.assertEqual(process.returncode, 0)

    def wait_for_signals(self, process, held_back):
        """Until it holds back what asks it to stop, or lets it through, or has ended."""
        while process.poll() is None:
            with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                blocked = int(re.search(r"SigBlk:\s+(\w+)", status.read())[1], 16)
            if bool(blocked >> (signal.SIGTERM - 1) & 1) == held_back:
                return

    def named_pipe(self):
        os.mkfifo(self.path("pipe"))
        return self.path("pipe")

    def test_a_signal_ends_a_load_that_waits_for_the_writer_of_a_named_pipe(self):
        self.create()
        process = self.begin(self.write("before.csv", b"a,1\n"), self.named_pipe())
        self.wait_for("a", b"a,1\n")
        process.send_signal(signal.SIGTERM)
        said = process.communicate()[1].decode()
        self.assertEqual(process.returncode, 4, said)
        self.assertIn("stopped by a signal", said)
        self.assertIn("the inputs before this one are loaded whole", said)

    def test_a_named_pipe_is_waited_for_and_read_to_the_end(self):
        self.create()
        pipe = self.named_pipe()
        process = self.begin(pipe)
        with open(pipe, "wb") as out:  # waits for the reader
            out.write(b"a,1\n")
            out.flush()
            self.wait_for("a", b"a,1\n")
            out.write(b"b,2\n" * 100_000)
        process.communicate()
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.values(), {b"a": b"a,1\n", b"b": b"b,2\n" * 100_000})

    def test_a_named_pipe_that_was_opened_and_closed_is_empty(self):
        self.create()
        pipe = self.named_pipe()
        process = self.begin(pipe)
        with open(pipe, "wb"):
            pass
        said = process.communicate()[1]
        self.assertEqual((process.returncode, said), (0, b"accrete: 0 rows\n"))

    def test_a_signal_ends_a_load_that_waits_for_the_dataset(self):
        self.create()
        self.ok("put", self.data, "a", "")
        with open(os.path.join(self.data, ".lock"), "rb+") as lock:
            set_lock_of_open_file = 37  # F_OFD_SETLK
            fcntl.fcntl(lock, set_lock_of_open_file, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0))
            process = self.begin("--timeout", "10")
            opened = os.path.join(self.data, ".lock")
            while process.poll() is None and opened not in self.files_of(process):
                pass
            process.send_signal(signal.SIGTERM)
            said = process.communicate()[1]
        self.assertEqual(process.returncode, -signal.SIGTERM, said)

    def files_of(self, process):
        folder = f"/proc/{process.pid}/fd"
        for name in os.listdir(folder):
            with contextlib.suppress(FileNotFoundError):
                yield os.readlink(os.path.join(folder, name))

    def test_a_signal_ends_a_load_that_has_appended_all_and_waits_for_the_sync(self):
        self.create()
        with subprocess.Popen([PROGRAM, "serve", self.data], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
            self.addCleanup(server.kill)
            server.stdout.readline()
            process = self.begin("--sync", "--timeout", "10")
            self.give(process, b"a,1\n")
            self.wait_for("a", b"a,1\n")
            server.send_signal(signal.SIGSTOP)
            process.stdin.close()
            self.wait_for_signals(process, held_back=False)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(), -signal.SIGTERM, process.stderr.read())
            process.stderr.close()
            server.kill()

    def unread(self, process):
        """Bytes in the pipe."""
        count = array.array("i", [0])
        fcntl.ioctl(process.stdin, termios.FIONREAD, count)
        return count[0]

    def test_a_load_that_was_stopped_is_continued_under_its_id(self):
        self.create()
        process = self.begin("--id", "once")
        self.give(process, b"a,1\nb,2")
        self.wait_for("a", b"a,1\n")
        process.send_signal(signal.SIGTERM)
        process.communicate()
        self.assertEqual(process.returncode, 4)
        self.ok("load", self.data, "--no-header", "--by", "1", "--id", "once", stdin=b"a,1\nb,23\n")
        self.assertEqual(self.values(), {b"a": b"a,1\n", b"b": b"b,23\n"})


class SameFile(CliTest):
    def test_a_file_of_the_dataset_is_not_loaded_into_it(self):
        self.create()
        long_key = "k" * 600
        for key in "x", long_key:
            self.ok("put", self.data, key, "x,1\n")
        value = os.path.join(self.data, "x")
        os.symlink(value, self.path("symlink"))
        os.symlink(self.data, self.path("other"))
        hard_link = self.path("hard")
        os.link(value, hard_link)
        os.link(next(iter(self.files_of(long_key))), self.path("hard-long"))
        before = self.values()
        inputs = [value, self.path("symlink"), self.path("other/x"), hard_link, self.path("hard-long")]
        for dataset in self.data, self.path("other"):
            for name in inputs:
                message = self.fails(4, "load", dataset, name, "--no-header", "--by", "1")
                self.assertIn("input file is output file", message)
                with open(name, "rb") as file:
                    done = subprocess.run(
                        [PROGRAM, "load", dataset, "--no-header", "--by", "1"], stdin=file, capture_output=True, check=False
                    )
                self.assertEqual(done.returncode, 4)
                self.assertIn(b"input file is output file", done.stderr)
        os.unlink(hard_link)
        os.unlink(self.path("hard-long"))
        self.assertEqual(self.values(), before)

    def files_of(self, key):
        for folder, _, names in os.walk(self.data):
            for name in names:
                if folder != self.data and set(name) == {key[0]}:
                    yield os.path.join(folder, name)

    def test_files_of_others_and_of_other_datasets_are_loaded(self):
        self.create()
        other = self.path("other")
        self.ok("create", other)
        self.ok("put", other, "x", "x,1\n")
        self.ok("load", self.data, os.path.join(other, "x"), "--no-header", "--by", "1")
        self.assertEqual(self.values(), {b"x": b"x,1\n"})

    def test_a_value_is_not_put_after_itself_but_after_others(self):
        self.create()
        self.ok("put", self.data, "x", "bytes")
        with open(os.path.join(self.data, "x"), "rb") as file:
            done = subprocess.run([PROGRAM, "put", self.data, "x"], stdin=file, capture_output=True, check=False)
            self.assertEqual(done.returncode, 4)
            self.assertIn(b"input file is output file", done.stderr)
            done = subprocess.run([PROGRAM, "put", self.data, "y"], stdin=file, capture_output=True, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(self.values(), {b"x": b"bytes", b"y": b"bytes"})

    def test_values_are_not_written_to_a_file_of_the_dataset(self):
        self.create()
        self.ok("put", self.data, "x", "bytes")
        with open(os.path.join(self.data, "x"), "ab") as file:
            for arguments in ["cat", self.data], ["get", self.data, "x"]:
                done = subprocess.run([PROGRAM, *arguments], stdout=file, stderr=subprocess.PIPE, check=False)
                self.assertEqual(done.returncode, 4)
                self.assertIn(b"output file is input file", done.stderr)
        self.assertEqual(self.values(), {b"x": b"bytes"})


if __name__ == "__main__":
    unittest.main()
