"""What a load takes: a long row is in its memory once, one that is too long not beyond --max-row, and many small files
take no more than few."""
import gzip
import os
import shutil
import subprocess
import tempfile
import unittest

PROGRAM = os.environ["ACCRETE"]
MEBIBYTE = 1 << 20
BESIDES = 64 * MEBIBYTE  # the program itself, and its buffers


class LoadMemory(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="accrete-limits-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.data = os.path.join(self.dir, "data")
        subprocess.run([PROGRAM, "create", self.data], check=True)

    def load_row(self, mebibytes, *options):
        """The exit code, and the most bytes that were resident."""
        command = [PROGRAM, "load", self.data, "--quiet", "--no-header", "--by", "1", *options]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as load:
            try:
                load.stdin.write(b'k,"')
                for _ in range(mebibytes):
                    load.stdin.write(b"x" * MEBIBYTE)
                load.stdin.write(b'"\n')
                load.stdin.close()
            except BrokenPipeError:
                pass
            _, status, usage = os.wait4(load.pid, 0)
            load.returncode = os.waitstatus_to_exitcode(status)
        return load.returncode, usage.ru_maxrss * 1024

    def test_a_long_row_is_in_memory_once(self):
        for options in [], ["--id", "once"]:
            code, resident = self.load_row(300, *options)
            self.assertEqual(code, 0)
            self.assertLess(resident, 300 * MEBIBYTE + BESIDES)
        size = os.path.getsize(os.path.join(self.data, "k"))
        self.assertEqual(size, 2 * (300 * MEBIBYTE + len(b'k,""\n')))

    def test_a_row_that_is_too_long_takes_no_more_than_max_row(self):
        code, resident = self.load_row(300, "--max-row", str(150 * MEBIBYTE))
        self.assertEqual(code, 4)
        self.assertLess(resident, 150 * MEBIBYTE + BESIDES)

    def load_files(self, count, content, *options):
        """The most bytes that were resident."""
        for i in range(count):
            with open(os.path.join(self.dir, f"{i:04}"), "wb") as file:
                file.write(content)
        files = [os.path.join(self.dir, f"{i:04}") for i in range(count)]
        command = [PROGRAM, "load", self.data, "--quiet", "--by", "k", "--threads", "2", *options, *files]
        with subprocess.Popen(command) as load:
            _, status, usage = os.wait4(load.pid, 0)
            load.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(load.returncode, 0)
        return usage.ru_maxrss * 1024

    def test_many_small_files_that_hold_much(self):
        much = b"k,v\n" + b"".join(b"%d,%s\n" % (i % 50, b"z" * 80) for i in range(6000))  # 0.5 MB
        self.assertLess(self.load_files(600, gzip.compress(much)), 192 * MEBIBYTE)
        long_name = b"k," + b"n" * 4000 + b"\n" + b"1,2\n" * 1000  # 8 KB, as maps 4 MB
        self.assertLess(self.load_files(100, long_name, "--as", "msgpack"), 192 * MEBIBYTE)

    def test_where_memory_is_out_the_files_that_are_loaded_are_said_to_be(self):
        files = [os.path.join(self.dir, f"{i}.csv") for i in range(300)]
        for i, name in enumerate(files):
            with open(name, "w", encoding="ascii") as file:
                file.write(f"k,v\na,{i}\n")
        loaded = 0
        for kilobytes in range(24_000, 200_000, 4000):
            subprocess.run([PROGRAM, "drop", self.data], check=True)
            command = ["bash", "-c", f'ulimit -v {kilobytes}; exec "$0" "$@"', PROGRAM, "load", self.data, *files,
                       "--by", "k", "--threads", "8"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            value = subprocess.run([PROGRAM, "get", self.data, "a"], capture_output=True, text=True, check=False).stdout
            loaded = value.count("\n")
            self.assertEqual(value, "".join(f"a,{i}\n" for i in range(loaded)))
            if done.returncode == 0:
                break
            if loaded > 0:
                self.assertIn("are loaded whole", done.stderr)
        self.assertEqual(loaded, 300)


if __name__ == "__main__":
    unittest.main()
