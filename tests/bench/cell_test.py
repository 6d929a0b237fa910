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
TEXT = Path(__file__).parents[2] / "examples" / "data" / "flights-sample.csv"
SIZES = {"--appends": 2000, "--keys": 50, "--entry-bytes": 100, "--batch": 100}
DONE, FAILED, USAGE, UNAVAILABLE = range(4)


def call(*args, engine=""):
    return subprocess.run([*cell_command(BUILD, engine), *map(str, args)], capture_output=True, text=True, timeout=300)


def run(engine, *flags, **options):
    """In a directory of its own, which it must leave empty. Options are named as the program's, with underscores."""
    sizes = SIZES | {"--" + name.replace("_", "-"): value for name, value in options.items()}
    with tempfile.TemporaryDirectory() as directory:
        words = [word for pair in sizes.items() for word in pair]
        result = call("run", "--engine", engine, "--directory", directory, *words, *flags, engine=engine)
        if result.returncode == DONE and os.listdir(directory):
            raise AssertionError(f"{engine} has left {os.listdir(directory)}")
        return result


ENGINES = list(known_engines(BUILD).values())


def holders(of="bytes"):
    """The engines that hold bytes, or numbers."""
    return [engine for engine in ENGINES if engine["numeric" if of == "numbers" else "bytes"]]


class CellTest(unittest.TestCase):
    def cell(self, engine, *flags, **options):
        result = run(engine, *flags, **options)
        self.assertEqual(result.returncode, DONE, result.stderr)
        self.assertEqual(result.stderr, "")
        self.assertEqual(result.stdout.count("\n"), 1)
        cell = json.loads(result.stdout)
        self.assertEqual(cell["engine"], engine)
        self.assertIs(cell["verified"], True)
        self.assertGreater(cell["seconds"]["append"], 0)
        self.assertGreater(cell["seconds"]["destroy"], 0)
        self.assertGreater(cell["cpu_seconds"], 0)
        self.assertLess(cell["cpu_seconds"], 60)
        self.assertGreaterEqual(cell["memory_bytes"], 0)
        return cell

    def refused(self, code, *words, **kwargs):
        result = run(kwargs.pop("engine", "files"), *kwargs.pop("flags", ()), **kwargs)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertTrue(result.stderr.startswith("bench_cell: "), result.stderr)
        for word in words:
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
                self.assertEqual((cell["appends"], cell["bytes"]), (2000, 200_000))
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
                    self.assertEqual(self.cell(engine["name"], "--durable", appends=300)["state"], "durable")
                else:
                    self.refused(UNAVAILABLE, "sync", engine=engine["name"], flags=("--durable",))

    def test_numbers_are_kept_or_refused(self):
        for engine in holders("numbers"):
            with self.subTest(engine=engine["name"]):
                self.cell(engine["name"], "--numeric", entry_bytes=800)
                self.cell(engine["name"], "--numeric", entry_bytes=8, batch=1, appends=100)
        for engine in [engine for engine in ENGINES if not engine["numeric"]]:
            with self.subTest(engine=engine["name"]):
                self.refused(UNAVAILABLE, "numbers", engine=engine["name"], flags=("--numeric",), entry_bytes=800)

    def test_numbers_of_several_processes_are_kept(self):
        for engine in [engine for engine in holders("numbers") if engine["processes"]]:
            with self.subTest(engine=engine["name"]):
                self.cell(engine["name"], "--numeric", entry_bytes=800, processes=4)

    def test_what_holds_only_numbers_refuses_bytes(self):
        self.refused(UNAVAILABLE, "numbers", engine="accrete.numeric")


class Options(CellTest):
    def test_without_gets_there_is_no_time_of_them(self):
        self.assertIsNone(self.cell("files", "--no-gets")["seconds"]["get"])

    def test_an_unknown_engine_is_refused_with_the_names_of_all(self):
        names = (engine["name"] for engine in ENGINES if not engine["name"].startswith("partd."))
        self.refused(USAGE, "--engine", *names, engine="nope")

    def test_values_out_of_range_are_refused_with_the_name_of_the_option(self):
        for name in "appends", "keys", "entry_bytes", "batch", "processes":
            for value in 0, -1, "x":
                self.refused(USAGE, "--" + name.replace("_", "-"), **{name: value})
        self.refused(USAGE, "--skew", skew=-1)
        self.refused(USAGE, "--text", text="nowhere")
        self.refused(USAGE, "--accrete", accrete="nowhere")
        self.refused(USAGE, "--entry-bytes", flags=("--numeric",), entry_bytes=100)
        self.refused(USAGE, "--text", flags=("--numeric",), entry_bytes=800, text=TEXT)

    def test_a_missing_option_is_named(self):
        result = call("run", "--engine", "files")
        self.assertEqual(result.returncode, USAGE)
        self.assertIn("--directory", result.stderr)

    def test_a_directory_that_is_not_empty_is_refused_and_left_alone(self):
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / "mine").touch()
            result = call("run", "--engine", "files", "--directory", directory, *"--appends 1 --keys 1".split(),
                          *"--entry-bytes 1 --batch 1".split())
            self.assertEqual(result.returncode, USAGE)
            self.assertIn("--directory", result.stderr)
            self.assertEqual(os.listdir(directory), ["mine"])

    def test_a_program_that_is_no_server_is_a_failure(self):
        self.refused(FAILED, "/bin/false", engine="server.os", accrete="/bin/false")

    def test_the_path_of_the_server_may_be_relative(self):
        self.cell("server.os", accrete=os.path.relpath(BUILD / "cli" / "accrete"))

    def test_a_path_too_long_for_a_socket_will_do(self):
        with tempfile.TemporaryDirectory() as directory:
            deep = Path(directory, *["x" * 60] * 4)
            for name in {engine["name"] for engine in ENGINES if engine["server"]}:
                with self.subTest(engine=name):
                    deep.mkdir(parents=True, exist_ok=True)
                    words = [word for pair in SIZES.items() for word in pair]
                    result = call("run", "--engine", name, "--directory", deep, *words, engine=name)
                    self.assertEqual(result.returncode, DONE, result.stderr)


if __name__ == "__main__":
    unittest.main()
