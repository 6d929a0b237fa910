"""The header of the rows in a dataset: kept with it, asked of later files, and written in front of values."""
import csv
import io
import os
import subprocess
import unittest

from accrete_cli import PROGRAM, CliTest


class Header(CliTest):
    def test_a_value_with_the_header_is_a_file_of_rows_again(self):
        content = b'name,"city, country",n\r\nAnn,"Oslo, NO",1\r\nBob,"Rome, IT",2\r\nCid,"Oslo, NO",3\r\n'
        self.ok("load", self.data, "--create", "--by", '"city, country"', stdin=content)
        rows = list(csv.DictReader(io.StringIO(self.ok("get", self.data, "Oslo, NO", "--header").decode())))
        self.assertEqual([row["name"] for row in rows], ["Ann", "Cid"])
        whole = self.ok("cat", self.data, "--rows", "--header")
        self.assertEqual(sorted(whole.splitlines()), sorted(content.splitlines()))
        self.assertTrue(whole.startswith(content.splitlines(True)[0]))
        self.assertEqual(self.ok("cat", self.data, "--rows", "Rome, IT"), b'Bob,"Rome, IT",2\r\n')

    def test_the_header_of_a_file_without_rows_or_ending_is_kept_too(self):
        self.ok("load", self.data, "--create", "--by", "k", stdin=b"k,v")
        self.ok("load", self.data, "--by", "k", stdin=b"k,v\na,1\n")
        self.assertEqual(self.ok("get", self.data, "a", "--header"), b"k,v\na,1\n")

    def test_title_lines_marks_and_blank_lines_are_no_part_of_it(self):
        content = b"\xef\xbb\xbftitle\n\nk,v\na,1\n"
        self.ok("load", self.data, "--create", "--by", "k", "--skip-lines", "1", stdin=content)
        self.assertEqual(self.ok("get", self.data, "a", "--header"), b"k,v\na,1\n")

    def test_without_a_header_that_is_said(self):
        self.ok("load", self.data, "--create", "--by", "1", "--no-header", stdin=b"a,1\n")
        self.assertIn("no header", self.fails(1, "get", self.data, "a", "--header"))
        self.assertIn("no header", self.fails(1, "cat", self.data, "--rows", "--header"))
        self.ok("load", self.data, "--by", "k", stdin=b"k,v\nb,1\n")
        self.assertEqual(self.ok("get", self.data, "a", "--header"), b"k,v\na,1\n")

    def test_items_and_json_have_none(self):
        self.ok("load", self.data, "--create", "--by", "k", "--as", "msgpack", stdin=b"k,v\na,1\n")
        self.ok("load", self.data, "--by", "k", "--as", "msgpack", stdin=b"v,k,w\n1,a,2\n")
        self.ok("load", self.data, "--jsonl", "--by", "k", stdin=b'{"k":"a"}\n')
        self.fails(1, "get", self.data, "a", "--header")

    def test_options_that_do_not_go_together(self):
        self.create()
        self.fails(2, "cat", self.data, "--header")
        self.fails(2, "cat", self.data, "--rows", "--as", "numbers")
        self.fails(2, "cat", self.data, "--rows", "--separator", ";")
        self.fails(2, "get", self.data, "a", "--header", "--json")

    def test_a_file_of_other_columns_is_refused(self):
        self.ok("load", self.data, "--create", "--by", "k", stdin=b"k,v\na,1\n")
        for header in b"k,w\n", b"k\n", b"k,v,w\n", b"k;v\n":
            message = self.fails(4, "load", self.data, "--by", "k", "--reorder", stdin=header + b"b,2,3\n")
            self.assertNotIn("--reorder", message)
        message = self.fails(4, "load", self.data, "--by", "k", stdin=b"v,k\n2,b\n")
        self.assertIn("the rows of the dataset have 'k', 'v'", message)
        self.assertIn("--reorder", message)
        self.assertEqual(self.values(), {b"a": b"a,1\n"})

    def test_reorder_puts_the_columns_in_the_order_of_the_first_file(self):
        first = self.write("1.csv", b"k,v,w\na,1,x\n")
        second = self.write("2.csv", b'w,k,v\n"y,\n",a,2\nz,"b",3')
        self.ok("load", self.data, "--create", first, second, "--by", "k", "--reorder")
        self.assertEqual(self.values(), {b"a": b'a,1,x\na,2,"y,\n"\n', b"b": b'"b",3,z\n'})
        for row in b"1,2\n", b"1,b,3,4\n":
            self.fails(4, "load", self.data, "--by", "k", "--reorder", stdin=b"w,k,v\n" + row)
        self.ok("load", self.data, "--by", "k", "--reorder", stdin=b"k,v,w\nc,5,6,7\n")
        self.assertEqual(self.values()[b"c"], b"c,5,6,7\n")

    def test_chosen_columns_have_the_header_that_is_kept(self):
        self.ok("load", self.data, "--create", "--by", "k", "--columns", "w,k", stdin=b"k,v,w\na,1,x\n")
        self.ok("load", self.data, "--by", "k", "--columns", "w,k", stdin=b"w,z,k\ny,0,a\n")
        self.assertEqual(self.ok("get", self.data, "a", "--header"), b"w,k\nx,a\ny,a\n")
        self.fails(4, "load", self.data, "--by", "k", "--columns", "k,w", stdin=b"w,z,k\ny,0,a\n")
        self.ok("load", self.data, "--by", "k", "--columns", "k,w", "--reorder", stdin=b"w,z,k\nz,0,a\n")
        self.assertEqual(self.ok("get", self.data, "a"), b"x,a\ny,a\nz,a\n")

    def test_a_drop_keeps_it(self):
        self.ok("load", self.data, "--create", "--by", "k", stdin=b"k,v\na,1\n")
        self.ok("drop", self.data)
        self.fails(4, "load", self.data, "--by", "k", stdin=b"k,w\na,1\n")

    def test_of_loads_with_different_headers_one_wins(self):
        for round_number in range(10):
            data = self.path("race%d" % round_number)
            self.ok("create", data)
            loads = [
                subprocess.Popen(
                    [PROGRAM, "load", data, "--by", "k", "-q"],
                    stdin=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
                for _ in range(4)
            ]
            for i, load in enumerate(loads):
                load.stdin.write(b"k,v%d\na,%d\n" % (i % 2, i % 2))
                load.stdin.close()
            codes = [load.wait() for load in loads]
            for load in loads:
                load.stderr.close()
            self.assertIn(codes, ([0, 4, 0, 4], [4, 0, 4, 0]))
            winner = codes.index(0)
            self.assertEqual(self.ok("get", data, "a", "--header"), b"k,v%d\na,%d\na,%d\n" % ((winner,) * 3))

    def test_through_a_server(self):
        self.create()
        with subprocess.Popen([PROGRAM, "serve", self.data], stdout=subprocess.PIPE) as server:
            server.stdout.readline()
            self.ok("load", self.data, "--by", "k", stdin=b"k,v\na,1\n")
            self.fails(4, "load", self.data, "--by", "k", stdin=b"v,k\n1,a\n")
            self.assertEqual(self.ok("get", self.data, "a", "--header"), b"k,v\na,1\n")
            self.ok("stop", self.data)
        self.assertEqual(self.ok("get", self.data, "a", "--header"), b"k,v\na,1\n")


class Export(CliTest):
    def files(self, directory):
        found = {}
        for folder, _, names in os.walk(directory):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, directory)] = file.read()
        return found

    def test_each_value_becomes_a_file_with_the_header(self):
        long_key = b"l" * 500
        content = b"k,v\na,1\nb/c,2\na,3\n" + long_key + b",4\n"
        self.ok("load", self.data, "--create", "--by", "k", stdin=content)
        out = self.path("out")
        done = self.run_program("export", self.data, out, "--suffix", ".csv")
        self.assertEqual((done.returncode, done.stderr), (0, b"accrete: 3 files\n"))
        files = self.files(out)
        self.assertEqual(files.pop("a.csv"), b"k,v\na,1\na,3\n")
        self.assertEqual(files.pop("b%2Fc.csv"), b"k,v\nb/c,2\n")
        self.assertEqual(list(files.values()), [b"k,v\n" + long_key + b",4\n"])

    def test_values_alone_of_some_keys(self):
        self.ok("load", self.data, "--create", "--by", "k", stdin=b"k,v\na,1\nab,2\nb,3\n")
        out = self.path("out")
        os.mkdir(out)
        self.ok("export", self.data, out, "--prefix", "a", "--no-header", "-q")
        self.assertEqual(self.files(out), {"a": b"a,1\n", "ab": b"ab,2\n"})

    def test_what_is_there_is_not_touched(self):
        self.ok("load", self.data, "--create", "--by", "k", stdin=b"k,v\na,1\n")
        self.write("kept", b"kept")
        self.assertIn("not empty", self.fails(4, "export", self.data, self.dir))
        self.assertIn("no directory", self.fails(4, "export", self.data, self.path("kept")))
        self.fails(2, "export", self.data, self.path("out"), "--suffix", "/x")
        self.fails(1, "export", self.path("gone"), self.path("out"))
        self.assertFalse(os.path.exists(self.path("out")))

    def test_a_file_that_cannot_be_written_is_told_with_how_many_are_whole(self):
        self.ok("load", self.data, "--create", "--by", "k", stdin=b"k,v\na,1\n" + b"b,%s\n" % (b"x" * 100_000))
        message = self.fails(4, "export", self.data, self.path("out"), preexec_fn=limit_file_size)
        self.assertIn("1 file of 2 in", message)


def limit_file_size():
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


if __name__ == "__main__":
    unittest.main()
