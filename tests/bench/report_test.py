"""The report: what is compared with what, which limit applies, and that the page and the table can be made."""

import contextlib
import io
import sys
import tempfile
import unittest
from argparse import ArgumentParser
from pathlib import Path

from fake_programs import describe

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from driver import report, results  # noqa: E402


def a_pattern(identity, metrics=("append",), **parameters):
    return {"id": identity, "title": f"pattern {identity}", "metrics": list(metrics),
            "parameters": {"appends": 1_000_000, "keys": 1000, "entry_bytes": 100, "skew": 0, "batch": 1000,
                           "processes": 1, "durable": False, "text": False, "numeric": False, **parameters}}


def a_cell(pattern, engine, seconds, appends=1_000_000, entry_bytes=100, files=0, **more):
    """seconds: of the append, one for each repetition, or a dictionary for each."""
    repetitions = [{"seconds": {"append": None, "get": None, "destroy": None,
                                **(one if isinstance(one, dict) else {"append": one})},
                    "cpu_seconds": 1.0, "memory_bytes": 1_000_000, "stored_bytes": appends * entry_bytes,
                    "stored_files": files}
                   for one in seconds]
    return {"pattern": pattern, "engine": engine, "batch": 1000, "processes": 1, "keys": 1000, "appends": appends,
            "bytes": appends * entry_bytes, "state": "cached", "repetitions": repetitions, "unavailable": None,
            "failed": None, **more}


ENGINES = [describe("files", ours=True), describe("buffered.memory", level="memory", ours=True),
           describe("memory", level="memory", ours=True), describe("server.os", ours=True, server=True),
           describe("files.lz4", ours=True, codec="lz4"), describe("files.zstd", ours=True, codec="zstd"),
           describe("rocksdb", level="memory"), describe("lmdb"), describe("redis", level="memory", server=True),
           describe("rocksdb.lz4", level="memory", codec="lz4")]

LIMITS = {"memcpy": 10e9, "scatter_100": 2e9, "scatter_1024": 4e9, "scatter_65536": 8e9, "page_cache_write_1m": 4e9,
          "page_cache_read_64k": 5e9, "unlink_bytes": 20e9, "zmq_1m": 1e9, "compress_lz4": 0.5e9,
          "file_creation": 1e5, "file_read": 1e5, "file_removal": 1e5, "fdatasync": 0.001}


def some_results(pattern, *cells, growth=None):
    units = {"fdatasync": "s", "file_creation": "1/s", "file_read": "1/s", "file_removal": "1/s"}
    limits = {name: {"unit": units.get(name, "bytes/s"), "values": [0.9 * value, value, 1.2 * value]}
              for name, value in LIMITS.items()}
    return {"format": results.FORMAT, "version": results.VERSION, "date": "2026-11-22T03:10:00Z",
            "revision": "v1-2-gabc", "quick": False, "repetitions": 3,
            "machine": {"cpu": "a processor", "cores": 2, "memory_bytes": 8 << 30, "kernel": "6.1",
                        "file_system": "ext4", "page_cache_dropped": True},
            "limits": limits, "engines": ENGINES, "patterns": [pattern], "cells": list(cells), "growth": growth}


class Ranking(unittest.TestCase):
    def losses(self, expected, cells, identity="P1", **parameters):
        """[(our stack, the peers that are faster)] of cells that are {engine: seconds}."""
        state = "durable" if parameters.get("durable") else "cached"
        found = some_results(a_pattern(identity, **parameters),
                             *(a_cell(identity, name, [seconds], state=state) for name, seconds in cells.items()))
        self.assertEqual(expected, [(compared.ours.name, compared.peer.name, *(peer.name for peer in others))
                                    for compared, others in report.losses(found)])
        return found

    def test_a_faster_peer_of_our_level_is_a_loss(self):
        self.losses([("files", "lmdb")], {"files": 1.0, "lmdb": 0.8})
        self.losses([], {"files": 1.0, "lmdb": 1.2})

    def test_a_peer_that_promises_less_is_no_loss_of_a_stronger_stack_that_a_weaker_one_makes_good(self):
        self.losses([], {"files": 1.0, "buffered.memory": 0.3, "rocksdb": 0.5})

    def test_a_peer_that_promises_more_is_never_beaten_by_a_weaker_stack(self):
        self.losses([("files", "lmdb")], {"files": 1.0, "buffered.memory": 0.3, "lmdb": 0.5})

    def test_a_single_stack_that_loses_is_named_though_a_stronger_one_wins(self):
        self.losses([("buffered.memory", "rocksdb")], {"files": 0.2, "buffered.memory": 1.0, "rocksdb": 0.5})

    def test_durable_cells_are_compared_whatever_the_levels_of_their_engines(self):
        found = self.losses([("files", "rocksdb")], {"files": 1.0, "rocksdb": 0.5}, "P7", durable=True)
        self.assertEqual(["sync"], [compared.level for compared in report.comparisons(found)])

    def test_the_reference_is_no_candidate(self):
        found = self.losses([], {"memory": 0.1, "buffered.memory": 1.0, "rocksdb": 2.0})
        self.assertEqual(["buffered.memory"], [compared.ours.name for compared in report.comparisons(found)])
        rows = report.rows_of(found, found["patterns"][0], "append")
        self.assertEqual(["memory", "buffered.memory", "rocksdb"], [row.name for row in rows])
        self.assertEqual("buffered.memory", report.best_of_ours(rows[-1], rows).name)

    def test_servers_meet_the_others_in_p5_alone(self):
        self.losses([], {"files": 1.0, "redis": 0.5})
        self.losses([("files", "redis")], {"files": 1.0, "redis": 0.5}, "P5")

    def test_codecs_are_compared_with_their_like(self):
        self.losses([("files.lz4", "rocksdb.lz4")],
                    {"files": 0.1, "files.lz4": 0.6, "files.zstd": 1.0, "rocksdb.lz4": 0.5}, "P10", text=True)

    def test_batch_sizes_are_compared_each_for_itself(self):
        ((compared, _),) = report.losses(some_results(
            a_pattern("P9"), a_cell("P9", "files", [1.0], batch=1), a_cell("P9", "lmdb", [0.9], batch=1),
            a_cell("P9", "lmdb", [0.5], batch=10), a_cell("P9", "files", [0.4], batch=10)))
        self.assertEqual((1, 1), compared.ours.variant)

    def test_a_difference_below_both_spreads_is_noise(self):
        ((compared, _),) = report.losses(some_results(
            a_pattern("P1"), a_cell("P1", "files", [0.95, 1.0, 1.05]), a_cell("P1", "lmdb", [0.9, 0.95, 1.0])))
        self.assertTrue(compared.within_noise)
        self.assertAlmostEqual(0.95, compared.ratio)

    def test_a_failed_cell_has_no_numbers(self):
        self.assertEqual([], list(report.losses(some_results(
            a_pattern("P1"), a_cell("P1", "files", [1.0]), a_cell("P1", "lmdb", [0.1], failed="wrong value")))))


class LimitsOf(unittest.TestCase):
    def limit(self, expected, cell, metric="append", **parameters):
        seconds = report.limit_seconds(some_results(a_pattern(cell["pattern"], **parameters), cell), cell, metric)
        if expected is None:
            self.assertIsNone(seconds)
        else:
            self.assertAlmostEqual(expected, seconds)

    def test_appends_are_copied_and_written(self):
        self.limit(0.1 / 2 + 0.1 / 4, a_cell("P1", "files", [1.0]))
        large = a_cell("P4", "files", [1.0], appends=1000, entry_bytes=65536)
        self.limit(65_536_000 / 8e9 + 65_536_000 / 4e9, large, entry_bytes=65536)

    def test_the_copying_of_processes_is_shared_by_as_many_cores_as_there_are(self):
        self.limit(0.1 / 2 / 2 + 0.1 / 4, a_cell("P5", "files", [1.0], processes=4), processes=4)

    def test_durable_batches_sync_each(self):
        self.limit(21 * 0.001, a_cell("P7", "files", [1.0], appends=20_500, state="durable"), durable=True)

    def test_a_server_works_beside_its_client(self):
        self.limit(max(0.1 / 1, 0.1 / 2 + 0.1 / 4), a_cell("P8", "server.os", [1.0]))

    def test_a_codec_compresses_all_and_writes_what_is_stored(self):
        cell = a_cell("P10", "files.lz4", [1.0])
        cell["repetitions"][0]["stored_bytes"] = 40_000_000
        self.limit(0.1 / 0.5 + 0.04 / 4, cell, text=True)

    def test_numbers_are_copied_whole(self):
        self.limit(0.1 / 10 + 0.1 / 4, a_cell("P11", "files", [1.0]), numeric=True)

    def test_files_are_made_and_opened_and_removed(self):
        for files, seconds in ((0, 0), (1000, 0.01)):
            cell = a_cell("P3", "files", [1.0], files=files)
            self.limit(0.1 / 2 + 0.1 / 4 + seconds, cell)
            self.limit(0.1 / 5 + seconds, cell, "get")
            self.limit(0.1 / 20 + seconds, cell, "destroy")

    def test_what_stays_in_memory_is_not_written(self):
        cell = a_cell("P1", "redis", [1.0])
        cell["repetitions"][0]["stored_bytes"] = 0
        self.limit(0.1 / 2, cell)
        self.limit(None, cell, "destroy")

    def test_there_is_none_that_was_not_measured(self):
        self.limit(None, a_cell("P10", "files.zstd", [1.0]), text=True)
        self.limit(None, a_cell("P1", "files", []))


class Compare(unittest.TestCase):
    def test_a_change_up_to_the_sum_of_the_spreads_is_noise(self):
        for old, new, ratio, is_noise in (([0.95, 1.0, 1.05], [0.98, 1.06, 1.06], 1 / 1.06, True),
                                          ([0.99, 1.0, 1.01], [1.2, 1.2, 1.2], 1 / 1.2, False)):
            runs = [some_results(a_pattern("P1"), a_cell("P1", "files", seconds)) for seconds in (old, new)]
            ((_, _, _, change),) = report.compare(*runs)["changes"]
            self.assertAlmostEqual(ratio, change.ratio)
            self.assertIs(is_noise, change.within_noise)

    def test_what_differs_besides_is_listed(self):
        old = some_results(a_pattern("P1"), a_cell("P1", "files", [1.0]), a_cell("P1", "lmdb", [1.0]))
        new = some_results(a_pattern("P1", appends=5), a_cell("P1", "files", [1.0]), a_cell("P1", "rocksdb", [1.0]))
        new["machine"] = {**new["machine"], "cores": 64, "file_system": None}
        differences = report.compare(old, new)
        self.assertEqual(["P1 append lmdb, batch 1,000, processes 1"], differences["only_old"])
        self.assertEqual(["P1 append rocksdb, batch 1,000, processes 1"], differences["only_new"])
        self.assertEqual([("cores", 2, 64), ("file_system", "ext4", None)], differences["machine"])
        self.assertEqual(["P1"], differences["sizes"])


class Command(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = Path(place.name)
        self.file = self.place / "results.json"
        batches = [a_cell("P9", name, [seconds + 1 / batch], batch=batch) for batch in (1, 10, 100)
                   for name, seconds in (("files", 0.5), ("lmdb", 0.7))]
        growth = [{"engine": "files", "axis": axis, "keys": n, "appends": 10 * n, "seconds": n / 1e6,
                   "cpu_seconds": n / 1e6, "memory_bytes": n, "stored_files": n // 20}
                  for axis in ("keys", "appends") for n in (1000, 10_000)]
        growth.append({**growth[0], "keys": 100_000, "seconds": None, "stopped": "took 130 s"})
        self.found = some_results(
            a_pattern("P1", ("append", "get", "destroy")),
            a_cell("P1", "files", [{"append": 1.0, "get": 0.1, "destroy": 0.02}] * 3),
            a_cell("P1", "lmdb", [{"append": 0.04, "get": 0.4, "destroy": 0.001}], appends=20_000),
            a_cell("P1", "rocksdb", [], unavailable="has no <processes>"), *batches, growth=growth)
        self.found["patterns"].append(a_pattern("P9"))
        results.save(self.file, self.found)

    def run_report(self, *arguments):
        parser = ArgumentParser()
        report.add_parser(parser.add_subparsers())
        parsed = parser.parse_args(["report", *map(str, arguments)])
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(0, parsed.main(parsed))

    def test_the_page_lies_beside_the_results_and_has_all_that_was_measured(self):
        self.run_report(self.file, "--compare", self.file)
        page = (self.place / "results.html").read_text(encoding="utf-8")
        self.assertEqual(6 + 6, page.count("<td>within the noise"))
        self.assertEqual(5, page.count("<svg "), "P9, and time and memory over both axes")
        self.assertIn("n/a: has no &lt;processes&gt;", page)
        self.assertNotRegex(page, r"<(link|script|img|iframe)\b|@import|https?:")

    def test_results_of_growth_alone_make_a_page(self):
        results.save(self.file, {**self.found, "patterns": [], "cells": [], "limits": {}, "machine": {}})
        self.run_report(self.file)

    def test_growth_has_the_share_that_making_files_takes_at_best(self):
        for part in report.growth(self.found):
            self.assertEqual([0.5, 0.5], [round(files, 6) for _, files in part["points"]])

    def test_a_chart_has_its_points_where_its_ticks_say(self):
        chart = report.chart("x", "y", [("one", True, x, y) for x, y in ((10, 1), (1000, 100), (100, 10))])
        (line,) = chart["lines"]
        self.assertEqual([(0, 320), (320, 160), (640, 0)], line["points"])
        self.assertEqual([("10.0", 0), ("100", 320), ("1.00 k", 640)], chart["x_ticks"])

    def test_the_table_replaces_what_is_between_the_marks(self):
        readme = self.place / "README.md"
        readme.write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n", encoding="utf-8")
        self.run_report(self.file, "--readme", readme)
        once = readme.read_text(encoding="utf-8")
        self.assertTrue(once.startswith("before\n<!-- bench -->\n| pattern"))
        self.assertTrue(once.endswith("\n<!-- /bench -->\nafter\n"))
        self.assertNotIn("old", once)
        self.run_report(self.file, "--readme", readme)
        self.assertEqual(once, readme.read_text(encoding="utf-8"))

    def test_marks_that_are_missing_or_reversed_are_an_error_and_leave_the_file(self):
        readme = self.place / "README.md"
        for text in ("nothing\n", "<!-- bench -->\n", "<!-- /bench -->\n<!-- bench -->\n"):
            readme.write_text(text, encoding="utf-8")
            with self.assertRaisesRegex(results.BenchError, "README.md.*lacks.*<!-- bench -->"):
                self.run_report(self.file, "--readme", readme)
            self.assertEqual(text, readme.read_text(encoding="utf-8"))

    def test_files_that_cannot_be_read_or_written_are_named(self):
        nowhere = self.place / "nowhere" / "page.html"
        for arguments in ((nowhere,), (self.file, "--compare", nowhere), (self.file, "--readme", nowhere)):
            with self.assertRaisesRegex(results.BenchError, "cannot .*nowhere/page.html'"):
                self.run_report(*arguments)


class Figures(unittest.TestCase):
    def test_three_digits_are_kept(self):
        written = [report.three(value) for value in (0, 0.0123456, 0.9996, 9.996, 12.345, 1234567, -0.5, None)]
        self.assertEqual(["0", "0.0123", "1.00", "10.0", "12.3", "1,230,000", "-0.500", "—"], written)

    def test_units_keep_numbers_short(self):
        self.assertEqual(["2.00 s", "1.50 ms", "30.0 µs", "250 ns", "4,000 s"],
                         [report.scaled(seconds, "s") for seconds in (2, 1.5e-3, 3e-5, 2.5e-7, 4000)])
        self.assertEqual(["2.50 GB", "12.0 B", "0 B"], [report.scaled(size, "B") for size in (2.5e9, 12, 0)])


if __name__ == "__main__":
    unittest.main()
