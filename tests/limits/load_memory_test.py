"""A long row is in a load's memory once, and one that is too long not beyond --max-row."""
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


if __name__ == "__main__":
    unittest.main()
