"""accrete load: what becomes of rows, good and malformed, and of a load that is repeated."""
import json
import random
import subprocess
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
        second = self.write("2.csv", b"v,k\n2,a\n")
        self.create()
        self.ok("load", self.data, first, second, "-", "--by", "k", stdin=b"k\na\n")
        self.assertEqual(self.values(), {b"a": b"a,1\n2,a\na\n"})

    def test_an_input_without_rows_loads_nothing_and_says_so(self):
        self.create()
        for content in b"", b"k,v\n", b"k,v", b"\n\n", b"\xef\xbb\xbf":
            done = self.run_program("load", self.data, "--by", "k", stdin=content)
            self.assertEqual((done.returncode, done.stderr), (0, b"accrete: 0 rows\n"))
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
        lines = [b'{"u":"a\\u00e9\\n","n":1}\n', b' {"n": 1.50 ,"u":"b"} \r\n', b'{"u":"b","n":null}']
        self.assertEqual(
            self.load(b"\xef\xbb\xbf" + b"".join(lines), "--by", "u,n", "--key-separator", ":"),
            {"aé\n:1".encode(): lines[0], b"b:1.50": lines[1], b"b:null": lines[2] + b"\r\n"},
        )

    def test_numbers_keep_their_text_also_beyond_64_bits(self):
        content = b'{"n":123456789012345678901234567890}\n{"n":-0}\n{"n":1E3 }\n{"n":true}\n'
        self.assertEqual(set(self.load(content, "--by", "n")), {b"123456789012345678901234567890", b"-0", b"1E3", b"true"})

    def test_names_of_fields_may_be_escaped(self):
        self.assertEqual(list(self.load(b'{"\\u0061":"x"}\n', "--by", "a")), [b"x"])

    def test_malformed_lines_are_errors_with_their_number(self):
        self.create()
        wrong = [b"{", b"[1]", b'"a"', b'{"a":1} x', b'{"b":1}', b'{"a":{}}', b'{"a":[1]}', b'{"a":01}', b'{"a":"\xff"}',
                 b'{"a":1,}', b'{"a":1,"b":tru}', b"  ", b"12345678901234567890123", b'{"a":""}']
        for line in wrong:
            message = self.fails(4, "load", self.data, "--jsonl", "--by", "a", stdin=b'{"a":1}\n' + line + b"\n")
            self.assertIn("standard input:2: ", message)
        self.ok("load", self.data, "--jsonl", "--by", "a", "--on-error", "skip", stdin=b"\n".join(wrong))
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

    def test_the_first_malformed_row_ends_the_load_behind_the_rows_before_it(self):
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
            ["--by", "k", "--delimiter", "ab"],
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
                process.stdin.write(content[: appended + 30_000_000])
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

    def test_a_last_row_without_ending_may_get_it_later(self):
        self.create()
        self.load(b"k,i\n0,0\n1,1")
        self.assertIn(b"already loaded", self.load(b"k,i\n0,0\n1,1"))
        self.load(b"k,i\n0,0\n1,1\n2,2\n")
        self.assertEqual(self.values(), {b"0": b"0,0\n", b"1": b"1,1\n", b"2": b"2,2\n"})

    def test_a_last_row_that_goes_on_later_is_an_error(self):
        self.create()
        self.load(b"k,i\n0,0\n1,1")
        message = self.fails(4, "load", self.data, "--by", "k", "--id", "once", stdin=b"k,i\n0,0\n1,12\n")
        self.assertIn("standard input:3: ", message)
        self.assertEqual(self.values(), {b"0": b"0,0\n", b"1": b"1,1\n"})

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

    def test_line_numbers_are_right_behind_what_was_loaded_before(self):
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


if __name__ == "__main__":
    unittest.main()
