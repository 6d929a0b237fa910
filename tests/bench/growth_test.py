"""accrete-bench growth and accrete-bench instructions, with programs and clocks in place of the real ones."""

import argparse
import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from fake_programs import describe, make_build

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

from driver import growth, instructions, results  # noqa: E402  the path comes first
from driver.cell import Outcome  # noqa: E402
from driver.results import BenchError, UsageError  # noqa: E402

VALGRIND = '''#!/usr/bin/python3
import json, sys
from pathlib import Path
words = sys.argv[1:]
name, iterations = words[-2], int(words[-1])
assert words[0] == "--tool=callgrind"
per_operation = json.loads((Path(__file__).parent / "instructions").read_text()).get(name)
if per_operation is None:
    sys.exit("bench_hot_paths: cannot open 'x': no room")
print("==7== Callgrind, a call-graph generating cache profiler", file=sys.stderr)
print(f"==7== Collected : {20_000_000 + per_operation * iterations}\\n", file=sys.stderr)
'''


def write_program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


ENGINES = {name: describe(name) for name in (*growth.STACKS, "stdio", "rocksdb")}


class CommandTest(unittest.TestCase):
    module = None

    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="accrete-bench-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.build = self.dir / "build"

    def patch(self, name, value):
        patcher = mock.patch(name, value)
        patcher.start()
        self.addCleanup(patcher.stop)

    def call(self, *words):
        """(exit code, what was said)"""
        parser = argparse.ArgumentParser()
        parser.add_argument("--build", type=Path)
        self.module.add_parser(parser.add_subparsers())
        arguments = parser.parse_args(["--build", str(self.build), *map(str, words)])
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = arguments.main(arguments)
        return code, said.getvalue()


class GrowthTest(CommandTest):
    module = growth

    def setUp(self):
        super().setUp()
        make_build(self.build)
        self.now = 0.0
        self.run = []  # (engine, keys, appends)
        self.patch("driver.growth.known_engines", lambda build: ENGINES)
        self.patch("driver.growth.settle", lambda: True)
        self.room = (10 ** 12, 10 ** 9)  # bytes and files
        self.patch("driver.growth.free_room", lambda place: self.room)

    def take_over(self, seconds_of):
        """In place of the program: seconds_of(cell) says how long a point takes, or what comes of it instead."""
        def run_cell(cell, directory, build, deadline_seconds):
            self.run.append((cell.engine, cell.keys, cell.appends))
            seconds = seconds_of(cell)
            if isinstance(seconds, Outcome):
                return seconds
            self.now += seconds
            return Outcome(result={"seconds": {"append": seconds / 2}, "cpu_seconds": seconds / 2, "memory_bytes": 5,
                                   "stored_files": cell.keys, "appends": cell.appends})

        self.patch("driver.growth.run_cell", run_cell)
        self.patch("driver.growth.time", SimpleNamespace(monotonic=lambda: self.now))

    def growth(self):
        return results.load(self.build / "results.json")["growth"]

    def sizes(self, name, axis):
        return [point[axis] for point in self.growth() if (point["engine"], point["axis"]) == (name, axis)]

    def test_a_file_of_results_is_made_if_there_is_none(self):
        code, said = self.call("growth", "--quick", "--engine", "files", "stdio")
        self.assertEqual(code, 0, said)
        found = results.load(self.build / "results.json")
        self.assertEqual([engine["name"] for engine in found["engines"]], ["files", "stdio"])
        self.assertEqual((found["patterns"], found["cells"], found["limits"]), ([], [], {}))
        self.assertLessEqual({10 ** 3, 10 ** 4, 10 ** 5}, set(self.sizes("files", "keys")))
        self.assertLessEqual({10 ** 5, 10 ** 6}, set(self.sizes("stdio", "appends")))
        point = self.growth()[0]
        self.assertEqual((point["seconds"], point["cpu_seconds"], point["memory_bytes"]), (0.5, 0.4, 1))
        self.assertRegex(said, r"files +1,000 +1,000,000 +500 ns +400 ns +0 MB")
        self.assertEqual(list(self.build.glob("data-*")), [], "datasets are left behind")

    def test_the_default_is_our_stacks_over_all_decades(self):
        self.take_over(lambda cell: 5)
        self.assertEqual(self.call("growth")[0], 0)
        for name in growth.STACKS:
            self.assertEqual(self.sizes(name, "keys"), [10 ** n for n in range(3, 8)])
            self.assertEqual(self.sizes(name, "appends"), [10 ** n for n in range(5, 9)])
        self.assertEqual({name for name, *_ in self.run}, set(growth.STACKS))
        by_keys = {point["keys"]: point["appends"] for point in self.growth() if point["axis"] == "keys"}
        self.assertEqual((by_keys[10 ** 3], by_keys[10 ** 7]), (10 ** 6, 10 ** 7))
        self.assertEqual({point["keys"] for point in self.growth() if point["axis"] == "appends"}, {1000})

    def test_engines_take_turns_at_each_size(self):
        self.take_over(lambda cell: 5)
        self.call("growth", "--quick", "--axis", "keys", "--engine", "files", "--engine", "rocksdb")
        self.assertEqual([(name, keys) for name, keys, _ in self.run],
                         [(name, keys) for keys in (10 ** 3, 10 ** 4, 10 ** 5) for name in ("files", "rocksdb")])

    def test_what_is_cheap_is_measured_between_decades_too(self):
        self.take_over(lambda cell: 1 if cell.appends < 10 ** 6 else 5)
        self.call("growth", "--axis", "appends", "--engine", "files")
        self.assertEqual(self.sizes("files", "appends"), [10 ** 5, 3 * 10 ** 5, 10 ** 6, 10 ** 7, 10 ** 8])

    def test_an_engine_stops_before_a_point_that_would_take_too_long_and_others_go_on(self):
        self.take_over(lambda cell: 31 if cell.engine == "files" and cell.keys == 10 ** 4 else 5)
        code, said = self.call("growth", "--axis", "keys", "--engine", "files", "rocksdb", "--limit-seconds", "300")
        self.assertEqual(code, 0, said)
        self.assertEqual(self.sizes("files", "keys"), [10 ** 3, 10 ** 4])
        self.assertEqual(len(self.sizes("rocksdb", "keys")), 5)
        stopped = [point for point in self.growth() if "stopped" in point]
        self.assertEqual([(point["engine"], point["keys"], point["seconds"]) for point in stopped],
                         [("files", 10 ** 4, 15.5)])
        self.assertIn("100,000 would take about 310 s", stopped[0]["stopped"])

    def test_the_last_point_may_take_longer_than_the_limit(self):
        self.take_over(lambda cell: 31 if cell.keys == 10 ** 7 else 2.5)
        code, said = self.call("growth", "--axis", "keys", "--engine", "files", "--limit-seconds", "30")
        self.assertEqual(code, 0, said)
        self.assertEqual(self.sizes("files", "keys"), [10 ** n for n in range(3, 8)])
        self.assertNotIn("stopped", said)

    def test_a_failure_ends_the_engine_and_is_told_and_what_it_cannot_do_is_no_failure(self):
        outcomes = {"files": Outcome(failed="a value ends at byte 7"), "stdio": Outcome(unavailable="it cannot")}
        self.take_over(lambda cell: outcomes.get(cell.engine, 5))
        code, said = self.call("growth", "--quick", "--axis", "keys", "--engine", "files", "stdio", "rocksdb")
        self.assertEqual(code, 1)
        self.assertIn("failed: a value ends at byte 7", said)
        self.assertEqual([len(self.sizes(name, "keys")) for name in ("files", "stdio", "rocksdb")], [1, 1, 3])
        self.assertEqual(self.growth()[0]["failed"], "a value ends at byte 7")
        self.assertIsNone(self.growth()[0]["seconds"])
        self.assertEqual(self.call("growth", "--quick", "--axis", "keys", "--engine", "stdio")[0], 0)

    def test_an_interrupt_keeps_what_is_measured(self):
        def interrupt(cell):
            if cell.keys > 10 ** 3:
                raise KeyboardInterrupt
            return 5

        self.take_over(interrupt)
        with self.assertRaises(KeyboardInterrupt):
            self.call("growth", "--axis", "keys", "--engine", "files")
        self.assertEqual(self.sizes("files", "keys"), [10 ** 3])
        self.assertEqual(list(self.build.glob("data-*")), [], "datasets are left behind")

    def test_other_results_of_the_file_stay_and_what_is_measured_again_is_replaced(self):
        self.take_over(lambda cell: 5)
        self.call("growth", "--quick", "--engine", "files", "rocksdb")
        path = self.build / "results.json"
        before = results.load(path)
        before["cells"] = [{"pattern": "P1"}]
        results.save(path, before)
        self.take_over(lambda cell: 7)
        self.call("growth", "--quick", "--axis", "keys", "--engine", "files", "stdio")
        after = results.load(path)
        self.assertEqual(after["cells"], [{"pattern": "P1"}])
        self.assertEqual([engine["name"] for engine in after["engines"]], ["files", "rocksdb", "stdio"])
        seconds = {(point["engine"], point["axis"]): point["seconds"] for point in after["growth"]}
        self.assertEqual(seconds, {("files", "keys"): 3.5, ("stdio", "keys"): 3.5, ("rocksdb", "keys"): 2.5,
                                   ("files", "appends"): 2.5, ("rocksdb", "appends"): 2.5})
        self.assertEqual(len(after["growth"]), 3 * 3 + 2 * 2)

    def test_too_few_inodes_or_too_little_disk_are_told_before_anything_runs(self):
        self.take_over(lambda cell: 5)
        for self.room in ((10 ** 12, 10 ** 6), (40 * 10 ** 9, 10 ** 9)):
            with self.assertRaisesRegex(BenchError, "may need 44 GB of disk and 10,000,000 files.*--directory"):
                self.call("growth")
        self.assertEqual(self.run, [])
        self.room = (31 * 10 ** 9, 10 ** 6)
        self.assertEqual(self.call("growth", "--axis", "appends", "--engine", "rocksdb")[0], 0)

    def test_wrong_arguments_are_told(self):
        with self.assertRaisesRegex(UsageError, "no engine 'nope'; there are files, "):
            self.call("growth", "--engine", "nope")
        with self.assertRaisesRegex(UsageError, "--limit-seconds"):
            self.call("growth", "--limit-seconds", "0")


class InstructionsTest(CommandTest):
    module = instructions

    def setUp(self):
        super().setUp()
        self.references = self.dir / "references.json"
        self.references.write_text("{}", encoding="utf-8")
        self.setting = "gcc 12"
        write_program(self.dir / "valgrind", VALGRIND)
        write_program(self.build / "bench" / "limits" / "bench_hot_paths", "")
        self.take({name: 1000 for name in instructions.PATHS})
        self.patch("driver.instructions.REFERENCES", self.references)
        self.patch("driver.instructions.setting_of", lambda build: self.setting)
        path = mock.patch.dict(os.environ, {"PATH": f"{self.dir}:{os.environ['PATH']}"})
        path.start()
        self.addCleanup(path.stop)

    def take(self, numbers):
        (self.dir / "instructions").write_text(json.dumps(numbers), encoding="utf-8")

    def instructions(self, *words):
        return self.call("instructions", *words)

    def paths(self):
        return json.loads(self.references.read_text(encoding="utf-8"))[self.setting]

    def test_what_comes_before_and_after_a_path_cancels_out(self):
        code, said = self.instructions("get")
        self.assertEqual(code, 0)
        self.assertRegex(said, r"get +1,000 .*set the reference")

    def test_more_than_the_tolerance_is_a_failure_and_less_a_note(self):
        self.instructions("--update")
        self.take({"files_append": 1029, "get": 971})
        code, said = self.instructions("--check", "files_append", "get")
        self.assertEqual(code, 0, said)
        self.assertNotIn("--update", said)
        self.take({"files_append": 1031, "get": 900})
        code, said = self.instructions("--check", "files_append", "get")
        self.assertEqual(code, 1)
        self.assertRegex(said, r"files_append .*\+3.1 % +more than allowed")
        self.assertRegex(said, r"get .*-10.0 % +set the reference")
        self.assertEqual(self.instructions("files_append")[0], 0, "without --check it is only told")

    def test_an_update_keeps_other_paths_and_those_of_another_setting(self):
        self.instructions("--update")
        self.take({"get": 1500})
        self.instructions("--update", "get")
        self.assertEqual((self.paths()["get"], self.paths()["files_batch"]), (1500, 1000))
        self.setting = "gcc 13"
        self.instructions("--update", "get")
        self.assertEqual(self.paths(), {"get": 1500})
        self.setting = "gcc 12"
        self.assertEqual(self.paths()["files_batch"], 1000)

    def test_what_cannot_be_compared_is_skipped(self):
        self.assertEqual(self.instructions("--check")[0], 77)
        self.instructions("--update")
        self.setting = "gcc 13"
        code, said = self.instructions("--check")
        self.assertEqual(code, 77)
        self.assertRegex(said, "skipped: .*gcc 13")
        self.patch("driver.instructions.shutil", SimpleNamespace(which=lambda name: None))
        self.assertEqual(self.instructions("--check"), (77, "skipped: valgrind is not installed\n"))
        with self.assertRaisesRegex(BenchError, "valgrind is not installed"):
            self.instructions()

    def test_a_path_that_fails_is_told(self):
        self.take({})
        with self.assertRaisesRegex(BenchError, "get fails: cannot open 'x': no room"):
            self.instructions("get")

    def test_wrong_arguments_are_told(self):
        with self.assertRaisesRegex(UsageError, "no hot path 'nope'; there are files_append, "):
            self.instructions("nope")


class SettingTest(unittest.TestCase):
    def setting(self, *options):
        with tempfile.TemporaryDirectory() as build:
            compiler = Path(build, "compiler")
            write_program(compiler, "#!/bin/sh\necho 'c++ (Debian) 12.2.0'; echo more")
            commands = [{"file": f"../limits/{name}.cpp", "command": " ".join(words)} for name, *words in (
                ("other", "false"), ("bench_hot_paths", "env", str(compiler), "-Wall", *options, "-O3", "-c"))]
            Path(build, "compile_commands.json").write_text(json.dumps(commands), encoding="utf-8")
            return instructions.setting_of(Path(build))

    def test_it_names_the_compiler_however_it_is_called(self):
        setting = self.setting()
        self.assertTrue(setting.startswith(f"gcc (Debian) 12.2.0, -O3, {os.uname().machine}, "), setting)

    def test_programs_that_count_for_something_else_are_skipped(self):
        for option in ("-fsanitize=address", "--coverage", "-flto", "-fprofile-generate"):
            with self.assertRaisesRegex(instructions.Skip, option):
                self.setting(option)

    def test_the_references_of_the_repository_have_every_path_at_both_levels(self):
        references = json.loads(instructions.REFERENCES.read_text(encoding="utf-8"))
        self.assertEqual([list(paths) for paths in references.values()], 2 * [list(instructions.PATHS)])


if __name__ == "__main__":
    unittest.main()
