"""bench_cell and partd_cell: each engine that they list keeps small workloads, and says what it cannot do. BENCH_CELL: the
program."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from driver.cell import cell_command, known_engines  # noqa: E402  the path comes first

PROGRAM = os.environ["BENCH_CELL"]
BUILD = Path(PROGRAM).resolve().parents[2]
TEXT = str(Path(__file__).parents[2] / "examples" / "data" / "flights-sample.csv")
CELL = {"appends": 2000, "keys": 50, "entry_bytes": 100, "batch": 100, "skew": 0, "processes": 1, "durable": False,
        "numeric": False, "text": "", "gets": True, "accrete_program": str(BUILD / "cli" / "accrete")}
DONE, FAILED, USAGE, UNAVAILABLE = range(4)


def call(argument, engine=""):
    return subprocess.run([*cell_command(BUILD, engine), argument], capture_output=True, text=True, timeout=300)


def run(engine, **options):
    """In a directory of its own, which it must remove."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory, options.pop("place", "cell"))
        place.mkdir(parents=True)
        result = call(json.dumps({**CELL, "engine": engine, "directory": str(place), **options}), engine)
        if result.returncode == DONE and place.exists():
            raise AssertionError(f"{engine} has left {os.listdir(place)}")
        return result


ENGINES = list(known_engines(BUILD).values())


def holders(of="bytes"):
    """The engines that hold bytes, or numbers."""
    return [engine for engine in ENGINES if engine["numeric" if of == "numbers" else "bytes"]]


class CellTest(unittest.TestCase):
    def cell(self, engine, **options):
        result = run(engine, **options)
        self.assertEqual(result.returncode, DONE, result.stderr)
        self.assertEqual(result.stderr, "")
        cell = json.loads(result.stdout)
        self.assertGreater(cell["seconds"]["append"], 0)
        self.assertGreater(cell["seconds"]["destroy"], 0)
        self.assertGreater(cell["cpu_seconds"], 0)
        self.assertLess(cell["cpu_seconds"], 60)
        self.assertGreaterEqual(cell["memory_bytes"], 0)
        return cell

    def refused(self, code, word, engine="files", **options):
        result = run(engine, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertTrue(result.stderr.startswith("bench_cell: "), result.stderr)
        self.assertIn(word, result.stderr)


class Engines(CellTest):
    def test_each_is_described(self):
        names = [engine["name"] for engine in ENGINES]
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual({"files", "buffered.os", "server.os", "memory", "accrete.numeric", "stdio"}, set(names))
        for engine in ENGINES:
            self.assertEqual(
                set(engine),
                set("name title ours version level processes server codec bytes numeric durable".split()),
            )
            self.assertIn(engine["level"], ("memory", "os", "sync"))

    def test_each_keeps_what_is_appended_round_robin(self):
        for engine in holders():
            with self.subTest(engine=engine["name"]):
                cell = self.cell(engine["name"])
                self.assertEqual(cell["state"], "durable" if engine["level"] == "sync" else "cached")
                self.assertGreater(cell["seconds"]["get"], 0)
                if engine["name"] not in ("memory", "redis"):
                    self.assertGreaterEqual(cell["stored_bytes"], 50_000)

    def test_each_keeps_what_is_appended_to_keys_of_all_frequencies(self):
        for engine in holders():
            with self.subTest(engine=engine["name"]):
                self.cell(engine["name"], skew=0.99, keys=500)

    def test_each_takes_batches_of_one(self):
        for engine in holders():
            with self.subTest(engine=engine["name"]):
                self.cell(engine["name"], appends=100, batch=1)

    def test_each_keeps_large_entries_of_text(self):
        for engine in holders():
            with self.subTest(engine=engine["name"]):
                self.cell(engine["name"], appends=100, keys=7, entry_bytes=65536, batch=16, text=TEXT)

    def test_several_processes_append_at_once_or_are_refused(self):
        for engine in holders():
            with self.subTest(engine=engine["name"]):
                if engine["processes"]:
                    self.cell(engine["name"], processes=4)
                    self.cell(engine["name"], processes=3, keys=10, skew=0.5, batch=7)
                    self.cell(engine["name"], processes=4, entry_bytes=1000)
                else:
                    self.refused(UNAVAILABLE, "process", engine=engine["name"], processes=4)

    def test_each_batch_is_synced_or_that_is_refused(self):
        for engine in holders():
            with self.subTest(engine=engine["name"]):
                if engine["durable"]:
                    self.assertEqual(self.cell(engine["name"], durable=True, appends=300)["state"], "durable")
                else:
                    self.refused(UNAVAILABLE, "sync", engine=engine["name"], durable=True)

    def test_numbers_are_kept_or_refused(self):
        for engine in holders("numbers"):
            with self.subTest(engine=engine["name"]):
                self.cell(engine["name"], numeric=True, entry_bytes=800)
                self.cell(engine["name"], numeric=True, entry_bytes=8, batch=1, appends=100)
        for engine in [engine for engine in ENGINES if not engine["numeric"]]:
            with self.subTest(engine=engine["name"]):
                self.refused(UNAVAILABLE, "numbers", engine=engine["name"], numeric=True, entry_bytes=800)

    def test_numbers_of_several_processes_are_kept(self):
        for engine in [engine for engine in holders("numbers") if engine["processes"]]:
            with self.subTest(engine=engine["name"]):
                self.cell(engine["name"], numeric=True, entry_bytes=800, processes=4)

    def test_what_holds_only_numbers_refuses_bytes(self):
        self.refused(UNAVAILABLE, "numbers", engine="accrete.numeric")


class Options(CellTest):
    def test_without_gets_there_is_no_time_of_them(self):
        self.assertIsNone(self.cell("files", gets=False)["seconds"]["get"])

    def test_what_is_not_asked_for_properly_is_told(self):
        self.refused(UNAVAILABLE, "no engine 'nope'", engine="nope")
        self.refused(FAILED, "cannot read a text from 'nowhere'", text="nowhere")
        self.refused(FAILED, "numbers", appends=5_000_000_000)
        self.assertEqual(call('{"engine": "files"}').returncode, FAILED)

    def test_a_directory_that_is_not_empty_is_refused_and_left_alone(self):
        with tempfile.TemporaryDirectory() as directory:
            Path(directory, "mine").touch()
            self.refused(FAILED, "is not empty", directory=directory)
            self.assertEqual(os.listdir(directory), ["mine"])

    def test_the_path_of_the_server_may_be_relative(self):
        self.cell("server.os", accrete_program=os.path.relpath(BUILD / "cli" / "accrete"))

    def test_a_program_that_is_no_server_is_a_failure(self):
        self.refused(FAILED, "/bin/false", engine="server.os", accrete_program="/bin/false")

    def test_a_path_too_long_for_a_socket_will_do(self):
        for name in {engine["name"] for engine in ENGINES if engine["server"]}:
            with self.subTest(engine=name):
                self.cell(name, place="/".join(["x" * 60] * 4))


if __name__ == "__main__":
    unittest.main()
