"""Small files in the shapes of real ones: what load makes of each is what an independent reader makes of it."""
import bz2
import csv
import gzip
import json
import lzma
import os
import random
import shutil
import subprocess
import unittest

from accrete_cli import CliTest

FILES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")


def content_of(name):
    with open(os.path.join(FILES, name), "rb") as file:
        return file.read()


def grouped(pairs):
    values = {}
    for key, row in pairs:
        values[key] = values.get(key, b"") + row
    return values


def csv_rows(content, **dialect):
    """[(bytes of the row, fields)] as Python's csv reads them."""
    lines = content.decode("utf-8").splitlines(keepends=True)
    reader = csv.reader(iter(lines), strict=True, **dialect)
    rows = []
    begin = 0
    for fields in reader:
        rows.append(("".join(lines[begin : reader.line_num]).encode(), fields))
        begin = reader.line_num
    return rows


def by_column(rows, column):
    return grouped((fields[column].encode(), row) for row, fields in rows)


class Dialects(CliTest):
    def load(self, content, *args):
        self.ok("load", self.data, "--create", "--empty-key", "(none)", *args, stdin=content)
        values = self.values()
        shutil.rmtree(self.data)
        return values

    def test_rows_without_quoting(self):
        content = content_of("imdb.tsv")
        rows = csv_rows(content, delimiter="\t", quoting=csv.QUOTE_NONE)[1:]
        self.assertEqual(self.load(content, "--by", "region", "--delimiter", "\\t", "--no-quotes"), by_column(rows, 3))
        content = content_of("sms.tsv")
        rows = csv_rows(content, delimiter="\t", quoting=csv.QUOTE_NONE)
        self.assertEqual(
            self.load(content, "--by", "1", "--no-header", "--delimiter", "\\t", "--no-quotes"), by_column(rows, 0)
        )

    def test_a_quote_that_is_no_quote_between_tabs_is_an_error_that_names_the_option(self):
        self.create()
        for name, args in ("imdb.tsv", ["--by", "region"]), ("sms.tsv", ["--by", "1", "--no-header"]):
            message = self.fails(
                4, "load", self.data, *args, "--delimiter", "\\t", stdin=content_of(name)
            )
            self.assertIn("does not end with one", message)
            self.assertIn("--no-quotes", message)
            self.assertIn("standard input:3: ", message)

    def test_quotes_between_tabs_that_are_closed_are_quotes(self):
        values = self.load(b'k\tv\n"a"\t1\na\t"2"\n"b ""c"""\t\n', "--by", "k", "--delimiter", "\\t")
        self.assertEqual(values, {b"a": b'"a"\t1\na\t"2"\n', b'b "c"': b'"b ""c"""\t\n'})

    def test_quoted_tabs_and_line_endings_with_quotes(self):
        content = content_of("excel.tsv")
        rows = csv_rows(content, delimiter="\t")[1:]
        self.assertEqual(self.load(content, "--by", "name", "--delimiter", "\\t", "--quotes"), by_column(rows, 0))
        self.create()
        self.assertIn("--quotes", self.fails(4, "load", self.data, "--by", "name", "--delimiter", "\\t", stdin=content))

    def test_a_log_of_a_web_server(self):
        content = content_of("access.log")
        rows = csv_rows(content, delimiter=" ", quoting=csv.QUOTE_NONE)
        self.assertEqual(
            self.load(content, "--by", "1", "--no-header", "--delimiter", " ", "--no-quotes"), by_column(rows, 0)
        )

    def test_semicolons_without_a_header(self):
        content = content_of("UnicodeData.txt")
        rows = csv_rows(content, delimiter=";")
        self.assertEqual(self.load(content, "--by", "3", "--no-header", "--delimiter", ";"), by_column(rows, 2))

    def test_rows_without_a_key_go_to_the_empty_key(self):
        content = content_of("empty-rows.csv")
        rows = csv_rows(content)[1:]
        wanted = by_column(rows, 0)
        wanted[b"(none)"] = wanted.pop(b"")
        self.assertEqual(self.load(content, "--by", "name"), wanted)
        self.create()
        message = self.fails(4, "load", self.data, "--by", "name", stdin=content)
        self.assertIn("--empty-key", message)
        self.ok("load", self.data, "--by", "name", "--on-error", "skip", stdin=content)
        del wanted[b"(none)"]
        self.assertEqual(self.values(), wanted)

    def test_lines_that_end_with_cr_alone(self):
        content = content_of("mac.csv")
        rows = csv_rows(content)[1:]
        self.assertEqual(self.load(content, "--by", "city"), by_column(rows, 1))
        self.assertEqual(self.load(b"a|1\rb|2\ra|3", "--pairs", "|"), {b"a": b"13", b"b": b"2"})
        self.assertEqual(self.load(b"k\rx\ry", "--by", "k")[b"y"], b"y\r")

    def test_a_byte_order_mark(self):
        content = content_of("bom.csv")
        rows = csv_rows(content.removeprefix(b"\xef\xbb\xbf"))[1:]
        self.assertEqual(self.load(content, "--by", "name"), by_column(rows, 0))
        self.assertEqual(self.load(b"\xef\xbb\xbfa|1\nb|2\n", "--pairs", "|"), {b"a": b"1", b"b": b"2"})

    def test_title_rows_above_the_header(self):
        content = content_of("titles.csv")
        rows = csv_rows(content)[3:]
        self.assertEqual(self.load(content, "--by", "region", "--skip-lines", "2"), by_column(rows, 0))
        self.create()
        message = self.fails(4, "load", self.data, "--by", "amount", "--skip-lines", "2", stdin=content + b"west\n")
        self.assertIn("standard input:7: ", message)

    def test_comments(self):
        content = content_of("comments.csv")
        rows = csv_rows(b"".join(line for line in content.splitlines(True) if not line.startswith(b"#")))[1:]
        self.assertEqual(self.load(content, "--by", "station", "--comment", "#"), by_column(rows, 0))

    def test_ragged_rows(self):
        content = content_of("ragged.csv")
        self.assertEqual(self.load(content, "--by", "k"), by_column(csv_rows(content)[1:], 0))

    def test_delimiters_of_several_bytes(self):
        content = content_of("ratings.dat")
        rows = [(line, line.rstrip(b"\n").decode().split("::")) for line in content.splitlines(True)]
        self.assertEqual(self.load(content, "--by", "2", "--no-header", "--delimiter", "::"), by_column(rows, 1))
        self.assertEqual(
            self.load(b'"a::b"::1\nc::2\n', "--by", "1", "--no-header", "--delimiter", "::"),
            {b"a::b": b'"a::b"::1\n', b"c": b"c::2\n"},
        )

    def test_chosen_columns_in_another_order(self):
        content = content_of("bom.csv")
        rows = csv_rows(content.removeprefix(b"\xef\xbb\xbf"))[1:]
        wanted = {f[0].encode(): b'"%s","%s"\r\n' % (f[1].encode(), f[0].encode()) for _, f in rows}
        self.assertEqual(self.load(content, "--by", "name", "--columns", "city,name"), wanted)
        self.assertEqual(
            self.load(b"a,b,c\n1,2,3", "--by", "a", "--columns", "c"), {b"1": b"3\n"}
        )
        self.assertEqual(
            self.load(b"1,2,3\n1,5,6\n", "--by", "1", "--columns", "3,3", "--no-header"), {b"1": b"3,3\n6,6\n"}
        )
        self.create()
        self.assertIn("no column 'd'", self.fails(4, "load", self.data, "--by", "a", "--columns", "d", stdin=b"a\n1\n"))
        self.ok("load", self.data, "--by", "a", "--columns", "c", "--as", "msgpack", stdin=b"a,b,c\n1,2,3\n")
        self.assertEqual(json.loads(self.ok("cat", self.data, "--as", "msgpack"))["item"], {"c": "3"})


class Json(CliTest):
    def rows(self, name):
        """[(line, object)]; names that stand twice are given as a list."""

        def pairs(found):
            merged = {}
            for key, value in found:
                merged[key] = [merged[key], value] if key in merged else value
            return merged

        lines = [line for line in content_of(name).splitlines(True) if line.strip()]
        return [(line, json.loads(line, object_pairs_hook=pairs)) for line in lines]

    def test_lines_of_a_log(self):
        self.ok("load", self.data, "--create", "--jsonl", "--by", "response", stdin=content_of("nginx.jsonl"))
        wanted = grouped((str(row["response"]).encode(), line) for line, row in self.rows("nginx.jsonl"))
        self.assertEqual(self.values(), wanted)

    def test_nested_missing_null_and_doubled_names(self):
        content = content_of("people.jsonl")
        self.create()
        args = ["load", self.data, "--jsonl", "--by", "properties.net", "--empty-key", "(none)"]
        done = self.run_program(*args, "--on-error", "skip", stdin=content)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b":7: its field 'properties.net' stands there twice", done.stderr)
        self.assertIn(b":8: its field 'net' is an object or an array", done.stderr)
        wanted = {}
        for line, row in self.rows("people.jsonl"):
            net = row.get("properties.net") or (row["properties"] or {}).get("net")
            if isinstance(net, list):
                continue
            key = (net or "(none)").encode()
            wanted[key] = wanted.get(key, b"") + line
        self.assertEqual(self.values(), wanted)

    def test_null_is_no_text(self):
        self.create()
        content = b'{"k":"null"}\n{"k":null}\n'
        message = self.fails(4, "load", self.data, "--jsonl", "--by", "k", stdin=content)
        self.assertIn("its field 'k' is null", message)
        self.assertEqual(self.values(), {b"null": b'{"k":"null"}\n'})

    def test_the_text_of_a_number_is_its_key(self):
        self.create()
        lines = [b'{"k":1}\n', b'{"k":1.0}\n', b'{"k":1e0}\n', b'{"k":"1"}\n', b'{"k":1e400,"n":-0.5E-7}\n']
        self.ok("load", self.data, "--jsonl", "--by", "k", stdin=b"".join(lines))
        self.assertEqual(
            self.values(), {b"1": lines[0] + lines[3], b"1.0": lines[1], b"1e0": lines[2], b"1e400": lines[4]}
        )

    def test_an_array_is_told_from_lines(self):
        self.create()
        message = self.fails(4, "load", self.data, "--jsonl", "--by", "a", stdin=content_of("array.json"))
        self.assertIn("jq -c '.[]'", message)
        message = self.fails(4, "load", self.data, "--jsonl", "--by", "a", stdin=b'{\n "a": 1\n}\n')
        self.assertIn("jq -c .", message)


class NoText(CliTest):
    def test_what_is_no_text_is_named_in_one_line(self):
        self.create()
        for content, words in (
            (content_of("utf16.csv"), "UTF-16"),
            (b"PAR1\x15\x04\x15\x10", "Parquet"),
            (b"PK\x03\x04\x14\x00\x06\x00", "spreadsheet"),
            (b"SQLite format 3\0\x10\0", "SQLite"),
            (bytes(range(256)) * 4 + bytes(1000), "binary"),
        ):
            message = self.fails(4, "load", self.data, "--by", "name", stdin=content)
            self.assertIn(words, message)
            self.assertEqual(message.count("\n"), 1)
        self.assertEqual(self.values(), {})


def zstd(content):
    return subprocess.run(["zstd", "-q"], input=content, capture_output=True, check=True).stdout


class Compressed(CliTest):
    CONTENT = b"k,v\n" + b"".join(b"%d,%d\n" % (i % 13, i * i) for i in range(100_000))

    def wanted(self, content):
        return by_column(csv_rows(content)[1:], 0)

    def compressors(self):
        yield gzip.compress
        yield bz2.compress
        yield lzma.compress
        if shutil.which("zstd"):
            yield zstd

    def test_compressed_inputs_are_read_as_what_they_were(self):
        for compress in self.compressors():
            path = self.write("input", compress(self.CONTENT))
            self.ok("load", self.data, "--create", path, "--by", "k")
            self.assertEqual(self.values(), self.wanted(self.CONTENT))
            self.ok("drop", self.data)
            self.ok("load", self.data, "--by", "k", stdin=compress(self.CONTENT))
            self.assertEqual(self.values(), self.wanted(self.CONTENT))
            self.ok("drop", self.data)

    def test_several_streams_in_one_file(self):
        for compress in self.compressors():
            content = compress(self.CONTENT[:1000]) + compress(self.CONTENT[1000:]) + compress(b"") + bytes(512)
            self.ok("load", self.data, "--create", "--by", "k", stdin=content)
            self.assertEqual(self.values(), self.wanted(self.CONTENT))
            self.ok("drop", self.data)

    def test_a_cut_input_is_an_error_after_its_whole_rows_and_an_id_goes_on_from_there(self):
        for compress in self.compressors():
            content = compress(self.CONTENT)
            path = self.write("input", content[: len(content) * 2 // 3])
            args = ["load", self.data, path, "--by", "k", "--id", compress.__module__ + compress.__name__]
            self.create()
            message = self.fails(4, *args)
            self.assertIn("cannot read '%s'" % path, message)
            self.assertIn("cut off", message)
            if compress is gzip.compress:
                self.assertGreater(sum(map(len, self.values().values())), len(self.CONTENT) // 2)
            self.write("input", content)
            self.ok(*args)
            self.assertEqual(self.values(), self.wanted(self.CONTENT))
            self.ok("destroy", self.data)

    def test_a_damaged_input_is_an_error(self):
        content = bytearray(gzip.compress(self.CONTENT))
        content[-6] ^= 1  # of the checksum
        self.create()
        self.assertIn("damaged", self.fails(4, "load", self.data, "--by", "k", stdin=bytes(content)))

    def test_utf_16_that_is_compressed_is_still_utf_16(self):
        self.create()
        content = gzip.compress(content_of("utf16.csv"))
        self.assertIn("UTF-16", self.fails(4, "load", self.data, "--by", "k", stdin=content))

    def test_what_a_slow_pipe_has_sent_compressed_is_appended_meanwhile(self):
        self.create()
        compressor = gzip.GzipFile(fileobj=(pipe := _Pipe()), mode="wb")
        args = [os.environ["ACCRETE"], "load", self.data, "--no-header", "--by", "1", "-q"]
        with subprocess.Popen(args, stdin=subprocess.PIPE) as load:
            compressor.write(b"a,1\n")
            compressor.flush()
            load.stdin.write(pipe.take())
            load.stdin.flush()
            while self.values() != {b"a": b"a,1\n"}:
                self.assertIsNone(load.poll())
            load.terminate()
        self.assertEqual(load.returncode, 4)


class _Pipe:
    def __init__(self):
        self.written = b""

    def write(self, content):
        self.written += content

    def flush(self):
        pass

    def take(self):
        written, self.written = self.written, b""
        return written


class Threads(CliTest):
    """Any number of threads makes the same values."""

    def check(self, content, *args):
        values = []
        for threads in "1", "2", "7":
            self.ok("load", self.data, "--create", "--threads", threads, *args, stdin=content)
            values.append(self.values())
            self.ok("destroy", self.data)
        self.assertTrue(values[0] == values[1] == values[2])
        return values[0]

    def rows(self, seed, field):
        source = random.Random(seed)
        return [(b"%d" % source.randrange(50), field(source)) for _ in range(60_000)]

    def test_plain_rows(self):
        rows = self.rows(1, lambda source: b"x" * source.randrange(100))
        content = b"k,v\n" + b"".join(b"%s,%s\n" % row for row in rows)
        self.assertEqual(self.check(content, "--by", "k"), grouped((k, b"%s,%s\n" % (k, v)) for k, v in rows))

    def test_rows_whose_quotes_hold_lines_that_look_like_rows(self):
        rows = self.rows(2, lambda source: b'"' + b"\n7,no row\n" * source.randrange(20) + b'""\n"')
        content = b"".join(b"%s,%s\n" % row for row in rows)
        values = self.check(content, "--by", "1", "--no-header")
        self.assertEqual(values, grouped((k, b"%s,%s\n" % (k, v)) for k, v in rows))

    def test_one_row_that_is_longer_than_all_parts(self):
        content = b"a,1\n" * 100_000 + b'b,"' + b"c,\n" * 3_000_000 + b'"\n' + b"a,2\n" * 100_000
        values = self.check(content, "--by", "1", "--no-header")
        self.assertEqual(values[b"a"], b"a,1\n" * 100_000 + b"a,2\n" * 100_000)
        self.assertEqual(set(values), {b"a", b"b"})

    def test_malformed_rows_are_passed_over_with_their_lines(self):
        lines = [b"%d,x\n" % (i % 9) for i in range(300_000)]
        lines[3] = lines[123_456] = lines[299_998] = b"y\n"
        for threads in "1", "4":
            args = ["load", self.data, "--create", "--no-header", "--by", "2,1", "--on-error", "skip", "--threads", threads]
            done = self.run_program(*args, stdin=b"".join(lines))
            for line in 4, 123_457, 299_999:
                self.assertIn(b"standard input:%d: " % line, done.stderr)
            self.assertIn(b"3 malformed rows skipped", done.stderr)
            self.assertIn(b"299,997 rows", done.stderr)
            self.ok("destroy", self.data)

    def test_the_first_malformed_row_ends_the_load_after_all_rows_before_it(self):
        lines = [b"%d,x\n" % (i % 9) for i in range(300_000)]
        lines[250_000] = lines[260_000] = b"y\n"
        self.create()
        message = self.fails(
            4, "load", self.data, "--no-header", "--by", "2,1", "--threads", "3", stdin=b"".join(lines)
        )
        self.assertIn("standard input:250001: ", message)
        self.assertIn("250,000 rows", message)
        wanted = grouped((b"x,%d" % (i % 9), line) for i, line in enumerate(lines[:250_000]))
        self.assertEqual(self.values(), wanted)

    def test_json_lines_and_items(self):
        lines = [json.dumps({"k": i % 31, "v": "é" * (i % 40)}).encode() + b"\n" for i in range(60_000)]
        wanted = grouped((b"%d" % (i % 31), line) for i, line in enumerate(lines))
        self.assertEqual(self.check(b"".join(lines), "--jsonl", "--by", "k"), wanted)
        self.check(b"".join(lines), "--jsonl", "--by", "k", "--as", "msgpack")


if __name__ == "__main__":
    unittest.main()
