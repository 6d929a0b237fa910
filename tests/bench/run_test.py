"""accrete-bench run, with programs in place of the real ones: the order of cells, failures, interrupts."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from fake_programs import make_build

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

# The machine that runs tests may never come to rest.
RUN = f"""
import runpy, sys
sys.path.insert(0, {str(BENCH)!r})
import driver.run
driver.run.settle = driver.machine.settle = lambda: None
runpy.run_path({str(BENCH / "accrete-bench")!r}, run_name="__main__")
"""
PATIENCE_SECONDS = 60


class RunTest(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="accrete-bench-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.build = self.dir / "build"

    def command(self, *words):
        return [sys.executable, "-c", RUN, "--build", str(self.build), *words]

    def bench(self, *words, code=0):
        """Runs accrete-bench, which must exit so; what it says."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False,
                              timeout=PATIENCE_SECONDS)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout + done.stderr

    def results(self):
        return json.loads((self.build / "results.json").read_text(encoding="utf-8"))

    def cell(self, engine, pattern="P1"):
        return next(cell for cell in self.results()["cells"] if (cell["engine"], cell["pattern"]) == (engine, pattern))

    def log(self):
        return (self.build / "log").read_text(encoding="utf-8").splitlines()

    def test_engines_take_turns_and_none_is_always_after_the_same_one(self):
        make_build(self.build)
        self.bench("run", "--repetitions", "3", "--pattern", "P1", "P4", "--engine", "files", "stdio", "lmdb")
        turns = (["files", "stdio", "lmdb"], ["stdio", "lmdb", "files"], ["lmdb", "files", "stdio"])
        expected = [name for turn in turns for name in ("limits", *turn, *turn)]
        self.assertEqual([line.split()[0] for line in self.log()], expected)
        found = self.results()
        self.assertEqual([len(cell["repetitions"]) for cell in found["cells"]], [3] * 6)
        self.assertEqual(found["limits"], {"memcpy": {"unit": "bytes/s", "values": [9e9] * 3},
                                           "file_read": {"unit": "1/s", "values": [1e5] * 3},
                                           "fdatasync": {"unit": "s", "values": [3e5 / 1e9] * 3}})
        self.assertEqual([engine["name"] for engine in found["engines"]], ["files", "stdio", "lmdb"])

    def test_a_failing_cell_is_told_and_does_not_end_the_run(self):
        make_build(self.build, {"stdio": "fail", "lmdb": "garbage"})
        said = self.bench("run", "--repetitions", "2", "--pattern", "P1", "--engine", "files", "stdio", "lmdb", code=1)
        self.assertEqual(self.cell("stdio")["failed"], "the value of 'key-00000001' ends at byte 7")
        self.assertIn("failed: P1 stdio: the value of", said)
        self.assertIn("no JSON", self.cell("lmdb")["failed"])
        self.assertEqual(len(self.cell("files")["repetitions"]), 2)
        self.assertIsNone(self.cell("files")["failed"])
        names = [line.split()[0] for line in self.log()]
        self.assertEqual((names.count("files"), names.count("stdio")), (2, 1))

    def test_what_an_engine_cannot_do_is_no_failure(self):
        make_build(self.build, {"rocksdb": "cannot"})
        said = self.bench("run", "--quick", "--pattern", "P5")
        self.assertEqual(self.cell("rocksdb", "P5")["unavailable"], "one process at a time")
        self.assertIsNone(self.cell("rocksdb", "P5")["failed"])
        self.assertIn("n/a: one process at a time", said)
        self.assertIn("left out, as they are not built here: buffered.os", said)

    def test_an_interrupt_keeps_what_is_measured_and_leaves_nothing_else(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number.name):
                shutil.rmtree(self.build, ignore_errors=True)
                make_build(self.build, {"stdio": "hang"})
                with subprocess.Popen(self.command("run", "--pattern", "P1", "--engine", "files", "stdio"),
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
                    processes = self.wait_for_hanging()
                    process.send_signal(number)
                    said, _ = process.communicate(timeout=PATIENCE_SECONDS)
                self.assertEqual(process.returncode, 130, said)
                self.assertIn("interrupted", said)
                self.assertEqual(len(self.cell("files")["repetitions"]), 1)
                self.assertEqual(self.cell("stdio")["repetitions"], [])
                self.assertEqual(list(self.build.glob("data-*")), [])
                for process_id in processes:
                    self.wait_until_ended(process_id)

    def wait_for_hanging(self):
        """The process of the cell, and one that it has started."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            path = self.build / "hanging"
            if path.exists() and len(path.read_text(encoding="ascii").split()) == 2:
                return [int(word) for word in path.read_text(encoding="ascii").split()]
            time.sleep(0.01)
        return self.fail("the cell does not begin")

    def wait_until_ended(self, process_id):
        """One that was killed takes a moment, and is nobody's child here whom one could wait for."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while is_alive(process_id):
            self.assertLess(time.monotonic(), deadline, "a process was left")
            time.sleep(0.01)

    def test_what_lies_in_the_directory_of_the_user_stays(self):
        make_build(self.build)
        place = self.dir / "place"
        place.mkdir()
        (place / "precious").write_text("1", encoding="ascii")
        self.bench("run", "--quick", "--pattern", "P1", "--engine", "files", "--directory", str(place))
        self.assertEqual(os.listdir(place), ["precious"])

    def test_sizes_can_be_set_and_a_slow_engine_gets_less(self):
        make_build(self.build)
        self.bench("run", "--quick", "--pattern", "P1", "P9", "--engine", "files", "lmdb",
                   "--set", "P1.appends=5000", "P1.entry_bytes=10", "P9.batch=7")
        self.assertIn("files 5000 1000 10 1000 1 True", self.log())
        self.assertIn("lmdb 1000 1000 10 1000 1 True", self.log())
        self.assertIn("files 100000 1000 100 7 1 False", self.log())
        cell = self.cell("lmdb")
        self.assertEqual((cell["appends"], cell["keys"], cell["bytes"]), (1000, 1000, 10_000))

    def test_bad_arguments_are_named(self):
        make_build(self.build)
        for words in (["--pattern", "P99"], ["--engine", "oracle"], ["--set", "P1.size=3"], ["--set", "P1.appends=many"],
                      ["--set", "P1.appends=0"], ["--repetitions", "0"], ["--pattern", "P8", "--engine", "files"]):
            with self.subTest(words=words):
                self.bench("run", *words, code=2)


def is_alive(process_id):
    """Not ended, but for who waits for it."""
    try:
        status = Path("/proc", str(process_id), "status").read_text(encoding="ascii")
    except OSError:
        return False
    return "State:\tZ" not in status


if __name__ == "__main__":
    unittest.main()
