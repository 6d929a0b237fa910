"""accrete load of many small files, which are read side by side: as if each were loaded by itself."""
import gzip
import os
import random
import threading
import unittest

from accrete_cli import CliTest

HEADER = "k,text,number"


class SmallFiles(CliTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random(7)

    def rows(self, ending):
        for _ in range(self.random.randrange(12)):
            text = self.random.choice(["plain", '"in, quotes"', '"two\nlines"', '"two\r\nlines"', '"a ""quote"""', ""])
            yield f"{self.random.choice('abcdefgh')},{text},{self.random.randrange(1000)}{ending}"

    def content(self):
        ending = self.random.choice(["\n", "\r\n"])
        text = HEADER + ending + "".join(self.rows(ending))
        if self.random.random() < 0.3:
            text = text.rstrip("\r\n")
        if self.random.random() < 0.1:
            text += ending * 2
        if self.random.random() < 0.1:
            text = "\ufeff" + text
        return text.encode()

    def write_some(self, count):
        names = []
        for i in range(count):
            content = self.content()
            names.append(self.write(f"{i}.csv", gzip.compress(content) if self.random.random() < 0.1 else content))
        return names

    def one_by_one(self, names, *args):
        """The values that come of it."""
        self.ok("create", self.path("other"))
        for name in names:
            self.ok("load", self.path("other"), name, *args)
        values = self.values(self.path("other"))
        self.ok("destroy", self.path("other"))
        return values

    def test_files_of_many_shapes(self):
        names = self.write_some(120)
        # Some are read by themselves: one of many rows, one that is compressed to few bytes, one that is empty at the end.
        names.insert(50, self.write("large.csv", (HEADER + "\n" + "a,large,1\n" * 100_000).encode()))
        names.insert(80, self.write("packed.csv", gzip.compress((HEADER + "\n" + "b,packed,1\n" * 100_000).encode())))
        for args in (["--by", "k"], ["--by", "k", "--as", "msgpack"], ["--by", "k", "--columns", "number,k"]):
            wanted = self.one_by_one(names, *args)
            for threads in "1", "2", "5":
                self.create()
                self.ok("load", self.data, *names, *args, "--threads", threads)
                self.assertEqual(self.values(), wanted, (args, threads))
                self.ok("destroy", self.data)

    def test_files_without_a_header_of_lines_that_cr_ends_and_of_pairs(self):
        names = [self.write(f"{i}.txt", f"a,{i}{ending}b,{i}".encode()) for i, ending in enumerate(["\n", "\r\n", "\r"] * 9)]
        for args in (["--by", "1", "--no-header"], ["--pairs", ","], ["--pairs", ",", "--raw"]):
            wanted = self.one_by_one(names, *args)
            self.create()
            self.ok("load", self.data, *names, *args)
            self.assertEqual(self.values(), wanted)
            self.ok("destroy", self.data)

    def test_files_whose_columns_stand_in_another_order(self):
        orders = [("k", "v", "w"), ("w", "k", "v"), ("v", "w", "k")]
        names = []
        for i in range(30):
            order = orders[i % 3]
            row = {"k": f"key{i % 4}", "v": f"v{i}", "w": f"w{i}"}
            names.append(self.write(f"{i}.csv", f"{','.join(order)}\n{','.join(row[name] for name in order)}\n".encode()))
        self.create()
        self.ok("load", self.data, *names, "--by", "k", "--reorder")
        self.assertEqual(self.values()[b"key1"], "".join(f"key1,v{i},w{i}\n" for i in range(1, 30, 4)).encode())
        self.ok("drop", self.data)
        said = self.fails(4, "load", self.data, *names, "--by", "k")
        self.assertIn("1.csv:1: ", said)
        self.assertIn("the inputs before this one are loaded whole", said)

    def test_what_is_wrong_with_one_ends_the_load_after_all_that_stands_before_it(self):
        good = [self.write(f"{i}.csv", f"k,v\na,{i}\nb,{i}\n".encode()) for i in range(60)]
        no_text = self.write("no_text.csv", b"PAR1" + bytes(100))
        for fault, said_of_it in (
            (self.write("fault.csv", b"k,v\na,x\n,y\na,z\n"), "fault.csv:3: the key is empty"),
            (self.write("quote.csv", b'k,v\na,x\n"b\n'), "quote.csv:3: "),
            (no_text, "no_text.csv is "),
            (self.path("gone.csv"), "No such file"),
            (self.dir, "irectory"),
        ):
            self.create()
            said = self.fails(4, "load", self.data, *good[:40], fault, *good[40:], "--by", "k")
            self.assertIn(said_of_it, said)
            self.assertIn("the inputs before", said)
            before = b"".join(b"a,%d\n" % i for i in range(40))
            partly = b"a,x\n" if fault.endswith(("fault.csv", "quote.csv")) else b""
            self.assertEqual(self.values()[b"a"], before + partly)
            self.ok("destroy", self.data)

    def test_malformed_rows_that_are_passed_over_are_told_with_their_lines(self):
        self.create()
        names = [self.write(f"{i}.csv", b"k,v\na,1\n" + b"\n" * i + b"b\na,2\n") for i in range(4)]
        said = self.run_program("load", self.data, *names, "--by", "k,v", "--on-error", "skip").stderr.decode()
        self.assertEqual([f"{i}.csv:{i + 3}: " in said for i in range(4)], [True] * 4, said)
        self.assertIn("4 malformed rows skipped", said)
        self.assertIn("8 rows", said)
        self.assertEqual(self.values()[b"a,1"], b"a,1\n" * 4)

    def test_a_named_pipe_and_standard_input_among_them(self):
        self.create()
        os.mkfifo(self.path("pipe"))
        names = [self.write(f"{i}.csv", f"a,{i}\n".encode()) for i in range(20)]
        names[10:10] = [self.path("pipe"), "-"]

        def send():
            with open(self.path("pipe"), "wb") as pipe:
                pipe.write(b"a,pipe\n")

        sender = threading.Thread(target=send)
        sender.start()
        self.ok("load", self.data, *names, "--by", "1", "--no-header", stdin=b"a,input\n")
        sender.join()
        wanted = [*range(10), "pipe", "input", *range(10, 20)]
        self.assertEqual(self.values()[b"a"], "".join(f"a,{i}\n" for i in wanted).encode())

    def test_files_with_each_of_which_something_is_wrong(self):
        self.create()
        names = [self.write(f"{i}.csv", b'k,v\na,%d\nb,"open' % i) for i in range(500)]
        self.ok("load", self.data, *names, "--by", "k", "--on-error", "skip")
        self.assertEqual(self.values(), {b"a": b"".join(b"a,%d\n" % i for i in range(500))})

    def test_files_without_a_row(self):
        self.create()
        names = [self.write(f"{i}.csv", b"k,v\n") for i in range(20)]
        self.assertIn(b"0 rows", self.run_program("load", self.data, *names, "--by", "k").stderr)
        self.assertEqual(self.values(), {})

    def test_each_row_once_under_an_id(self):
        self.create()
        names = [self.write(f"{i}.csv", f"a,{i}\n".encode()) for i in range(20)]
        for _ in range(2):
            self.ok("load", self.data, *names, "--by", "1", "--no-header", "--id", "once")
        self.assertEqual(self.values()[b"a"], "".join(f"a,{i}\n" for i in range(20)).encode())


if __name__ == "__main__":
    unittest.main()
