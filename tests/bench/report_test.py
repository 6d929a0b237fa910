"""The report: what is compared with what, which limit applies, and that all of it is on the page. Needs no store."""

import contextlib
import io
import re
import sys
import tempfile
import unittest
from argparse import ArgumentParser
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from driver import report, results  # noqa: E402
from driver.limits_of import limit_seconds  # noqa: E402


def an_engine(name, level="os", ours=False, **more):
    return {"name": name, "title": f"the {name}", "ours": ours, "family": name, "version": None, "level": level,
            "processes": True, "server": False, "codec": None, "bytes": True, "numeric": False, "durable": True, **more}


def a_pattern(identity, metrics=("append",), **parameters):
    return {"id": identity, "title": f"pattern {identity}", "explanation": "Entries go to keys.",
            "metrics": list(metrics),
            "parameters": {"appends": 1_000_000, "keys": 1000, "entry_bytes": 100, "skew": 0, "batch": 1000,
                           "processes": 1, "durable": False, "text": False, "numeric": False, **parameters}}


def a_cell(pattern, engine, seconds, appends=1_000_000, entry_bytes=100, **more):
    """seconds: of the append, one for each repetition, or a dictionary for each."""
    repetitions = [{"seconds": {"append": None, "get": None, "destroy": None,
                                **(one if isinstance(one, dict) else {"append": one})},
                    "cpu_seconds": 1.0, "memory_bytes": 1_000_000, "stored_bytes": appends * entry_bytes,
                    "stored_files": 0}
                   for one in seconds]
    return {"pattern": pattern, "engine": engine, "batch": 1000, "processes": 1, "keys": 1000, "appends": appends,
            "bytes": appends * entry_bytes, "state": "cached", "repetitions": repetitions, "unavailable": None,
            "failed": None, **more}


ENGINES = [an_engine("files", ours=True), an_engine("buffered.memory", "memory", ours=True),
           an_engine("memory", "memory", ours=True), an_engine("server.os", ours=True, server=True),
           an_engine("files.lz4", ours=True, codec="lz4"), an_engine("files.zstd", ours=True, codec="zstd"),
           an_engine("rocksdb", "memory"), an_engine("lmdb"), an_engine("redis", "memory", server=True),
           an_engine("rocksdb.lz4", "memory", codec="lz4")]

LIMITS = {"memcpy": 10e9, "scatter_100": 2e9, "scatter_1024": 4e9, "scatter_65536": 8e9, "page_cache_write_1m": 4e9,
          "page_cache_read_64k": 5e9, "unlink_bytes": 20e9, "zmq_1m": 1e9, "compress_lz4": 0.5e9}
FILES_A_SECOND = 1e5


def some_results(patterns, cells, **more):
    limits = {name: {"unit": "bytes/s", "values": [0.9 * value, value, 1.2 * value]} for name, value in LIMITS.items()}
    limits["fdatasync"] = {"unit": "s", "values": [0.001]}
    for name in ("file_creation", "file_read", "file_removal"):
        limits[name] = {"unit": "1/s", "values": [FILES_A_SECOND]}
    return {"format": results.FORMAT, "version": results.VERSION, "date": "2026-11-22T03:10:00Z",
            "revision": "v1-2-gabc", "quick": False, "repetitions": 3,
            "machine": {"cpu": "a processor", "cores": 2, "memory_bytes": 8 << 30, "kernel": "6.1",
                        "file_system": "ext4", "page_cache_dropped": True},
            "limits": limits, "engines": ENGINES, "patterns": patterns, "cells": cells, "growth": None, **more}


def whole_results():
    """Something of everything that the page can show."""
    batches = [a_cell("P9", name, [seconds + 1 / batch], batch=batch) for batch in (1, 10, 100)
               for name, seconds in (("files", 0.5), ("lmdb", 0.7), ("redis", 0.9))]
    cells = [a_cell("P1", "files", [{"append": 1.0, "get": 0.1, "destroy": 0.02}] * 3),
             a_cell("P1", "memory", [0.1, 0.11, 0.12]),
             a_cell("P1", "lmdb", [{"append": 0.05, "get": 0.4, "destroy": 0.001}] * 3, appends=25_000),
             a_cell("P1", "rocksdb", [], unavailable="has no <processes>"),
             a_cell("P1", "redis", [0.5], failed="the value of key-00000017 differs at 12"), *batches]
    growth = [{"engine": "files", "axis": axis, "keys": n, "appends": 10 * n, "seconds": n / 1e6,
               "cpu_seconds": n / 1e6, "memory_bytes": n, "stored_files": n // 20}
              for axis in ("keys", "appends") for n in (1000, 10_000)]
    growth.append({"engine": "files", "axis": "keys", "keys": 100_000, "appends": 1_000_000, "seconds": None,
                   "cpu_seconds": None, "memory_bytes": None, "stopped": "took 130 s"})
    return some_results([a_pattern("P1", ("append", "get", "destroy")), a_pattern("P9")], cells, growth=growth)


def names(found):
    """[(our stack, the peers that are faster)]"""
    return [(compared.ours.name, compared.peer.name, *(peer.name for peer in others))
            for compared, others in report.losses(found)]


class Ranking(unittest.TestCase):
    def test_a_faster_peer_of_our_level_is_a_loss(self):
        found = some_results([a_pattern("P1")], [a_cell("P1", "files", [1.0]), a_cell("P1", "lmdb", [0.8])])
        self.assertEqual([("files", "lmdb")], names(found))
        ((compared, _),) = report.losses(found)
        self.assertAlmostEqual(0.8, compared.ratio)

    def test_a_slower_peer_is_no_loss(self):
        found = some_results([a_pattern("P1")], [a_cell("P1", "files", [1.0]), a_cell("P1", "lmdb", [1.2])])
        self.assertEqual([], names(found))

    def test_a_peer_that_promises_less_is_no_loss_of_a_stronger_stack_that_a_weaker_one_makes_good(self):
        cells = [a_cell("P1", "files", [1.0]), a_cell("P1", "buffered.memory", [0.3]), a_cell("P1", "rocksdb", [0.5])]
        self.assertEqual([], names(some_results([a_pattern("P1")], cells)))

    def test_a_peer_that_promises_more_is_never_beaten_by_a_weaker_stack(self):
        cells = [a_cell("P1", "files", [1.0]), a_cell("P1", "buffered.memory", [0.3]), a_cell("P1", "lmdb", [0.5])]
        self.assertEqual([("files", "lmdb")], names(some_results([a_pattern("P1")], cells)))

    def test_a_single_stack_that_loses_is_named_though_a_stronger_one_wins(self):
        cells = [a_cell("P1", "files", [0.2]), a_cell("P1", "buffered.memory", [1.0]), a_cell("P1", "rocksdb", [0.5])]
        self.assertEqual([("buffered.memory", "rocksdb")], names(some_results([a_pattern("P1")], cells)))

    def test_durable_cells_are_compared_whatever_the_levels_of_their_engines(self):
        cells = [a_cell("P7", "files", [1.0], state="durable"), a_cell("P7", "rocksdb", [0.5], state="durable")]
        found = some_results([a_pattern("P7", durable=True)], cells)
        self.assertEqual([("files", "rocksdb")], names(found))
        self.assertEqual(["sync"], [compared.level for compared in report.comparisons(found)])

    def test_the_reference_is_no_candidate(self):
        cells = [a_cell("P1", "memory", [0.1]), a_cell("P1", "buffered.memory", [1.0]), a_cell("P1", "rocksdb", [2.0])]
        found = some_results([a_pattern("P1")], cells)
        (compared,) = report.comparisons(found)
        self.assertEqual("buffered.memory", compared.ours.name)
        rows = report.rows_of(found, found["patterns"][0], "append")
        self.assertEqual(["memory", "buffered.memory", "rocksdb"], [row.name for row in rows])
        self.assertEqual("buffered.memory", report.best_of_ours(rows[-1], rows).name)

    def test_servers_meet_the_others_in_p5_alone(self):
        for identity, expected in (("P1", []), ("P5", [("files", "redis")])):
            cells = [a_cell(identity, "files", [1.0]), a_cell(identity, "redis", [0.5])]
            found = some_results([a_pattern(identity)], cells)
            self.assertEqual(expected, names(found))

    def test_codecs_are_compared_with_their_like(self):
        cells = [a_cell("P10", "files", [0.1]), a_cell("P10", "files.lz4", [0.6]), a_cell("P10", "files.zstd", [1.0]),
                 a_cell("P10", "rocksdb.lz4", [0.5])]
        self.assertEqual([("files.lz4", "rocksdb.lz4")], names(some_results([a_pattern("P10", text=True)], cells)))

    def test_batch_sizes_are_compared_each_for_itself(self):
        cells = [a_cell("P9", "files", [1.0], batch=1), a_cell("P9", "lmdb", [0.9], batch=1),
                 a_cell("P9", "lmdb", [0.5], batch=10), a_cell("P9", "files", [0.4], batch=10)]
        ((compared, _),) = report.losses(some_results([a_pattern("P9")], cells))
        self.assertEqual((1, 1), compared.ours.variant)

    def test_a_difference_below_both_spreads_is_noise(self):
        cells = [a_cell("P1", "files", [0.95, 1.0, 1.05]), a_cell("P1", "lmdb", [0.9, 0.95, 1.0])]
        ((compared, _),) = report.losses(some_results([a_pattern("P1")], cells))
        self.assertTrue(compared.within_noise)

    def test_a_failed_cell_has_no_numbers(self):
        cells = [a_cell("P1", "files", [1.0]), a_cell("P1", "lmdb", [0.1], failed="wrong value")]
        self.assertEqual([], names(some_results([a_pattern("P1")], cells)))


class LimitsOf(unittest.TestCase):
    def limit(self, cell, metric="append", **parameters):
        return limit_seconds(some_results([a_pattern(cell["pattern"], **parameters)], [cell]), cell, metric)

    def test_appends_are_copied_and_written(self):
        seconds = self.limit(a_cell("P1", "files", [1.0]))
        self.assertAlmostEqual(0.1 / 2 + 0.1 / 4, seconds)

    def test_the_copying_of_processes_is_shared_by_as_many_cores_as_there_are(self):
        seconds = self.limit(a_cell("P5", "files", [1.0], processes=4), processes=4)
        self.assertAlmostEqual(0.1 / 2 / 2 + 0.1 / 4, seconds)

    def test_the_size_of_the_entries_chooses_the_scatter(self):
        seconds = self.limit(a_cell("P4", "files", [1.0], appends=1000, entry_bytes=65536), entry_bytes=65536)
        self.assertAlmostEqual(65_536_000 / 8e9 + 65_536_000 / 4e9, seconds)

    def test_durable_batches_sync_each(self):
        seconds = self.limit(a_cell("P7", "files", [1.0], appends=20_500, state="durable"), durable=True)
        self.assertAlmostEqual(21 * 0.001, seconds)

    def test_a_server_works_beside_its_client(self):
        seconds = self.limit(a_cell("P8", "server.os", [1.0]))
        self.assertAlmostEqual(max(0.1 / 1, 0.1 / 2 + 0.1 / 4), seconds)

    def test_a_codec_compresses_all_and_writes_what_is_stored(self):
        cell = a_cell("P10", "files.lz4", [1.0])
        cell["repetitions"][0]["stored_bytes"] = 40_000_000
        seconds = self.limit(cell, text=True)
        self.assertAlmostEqual(0.1 / 0.5 + 0.04 / 4, seconds)

    def test_numbers_are_copied_whole(self):
        seconds = self.limit(a_cell("P11", "files", [1.0]), numeric=True)
        self.assertAlmostEqual(0.1 / 10 + 0.1 / 4, seconds)

    def test_gets_read_and_destroys_unlink(self):
        cell = a_cell("P1", "files", [{"append": 1.0, "get": 1.0, "destroy": 1.0}])
        self.assertAlmostEqual(0.1 / 5, self.limit(cell, "get"))
        self.assertAlmostEqual(0.1 / 20, self.limit(cell, "destroy"))

    def test_files_are_made_and_opened_and_removed(self):
        cell = a_cell("P3", "files", [{"append": 1.0, "get": 1.0, "destroy": 1.0}])
        cell["repetitions"][0]["stored_files"] = 1000
        seconds = self.limit(cell)
        self.assertAlmostEqual(0.1 / 2 + 0.1 / 4 + 0.01, seconds)
        self.assertAlmostEqual(0.1 / 5 + 0.01, self.limit(cell, "get"))
        self.assertAlmostEqual(0.1 / 20 + 0.01, self.limit(cell, "destroy"))

    def test_what_stays_in_memory_is_not_written(self):
        cell = a_cell("P1", "redis", [1.0])
        cell["repetitions"][0]["stored_bytes"] = 0
        self.assertAlmostEqual(0.1 / 2, self.limit(cell))
        self.assertIsNone(self.limit(cell, "destroy"))

    def test_there_is_none_that_was_not_measured(self):
        self.assertIsNone(self.limit(a_cell("P10", "files.zstd", [1.0]), text=True))
        self.assertIsNone(self.limit(a_cell("P1", "files", [])))


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.results = whole_results()
        cls.page = report.html(cls.results, report.compare(cls.results, cls.results))

    def test_all_that_was_measured_is_on_it(self):
        for cell in self.results["cells"]:
            self.assertIn(f"<code>{cell['engine']}</code>", self.page)
        for name in self.results["limits"]:
            self.assertIn(f"<code>{name}</code>", self.page)
        self.assertEqual(5, self.page.count("<svg "), "P9, and time and memory over both axes")
        for title in ("append", "get", "destroy", "append, batch 1", "append, batch 10", "append, batch 100"):
            self.assertIn(f"<h3>{title}</h3>", self.page)

    def test_nothing_is_loaded_from_elsewhere_and_every_link_finds_its_heading(self):
        self.assertNotRegex(self.page, r"<(link|script|img|iframe)\b|@import|https?:")
        self.assertEqual([], [name for name in re.findall(r'href="#([^"]*)"', self.page) if f'id="{name}"' not in self.page])

    def test_what_was_run_with_less_and_what_has_no_numbers_is_shown(self):
        self.assertIn("1/40 of the appends", self.page)
        self.assertIn("n/a: has no &lt;processes&gt;", self.page)
        self.assertIn("FAILED: the value of key-00000017 differs at 12", self.page)

    def test_growth_has_the_share_that_making_files_takes_at_best(self):
        (part, _) = report.growth(self.results)
        self.assertEqual([0.5, 0.5], [round(files, 6) for _, files in part["points"]])
        self.assertEqual(["took 130 s"], [end["stopped"] for end in part["ends"]])
        self.results["growth"][0]["stored_files"], before = None, self.results["growth"][0]["stored_files"]
        self.assertIsNone(report.growth(self.results)[0]["points"][0][1])
        self.results["growth"][0]["stored_files"] = before
        self.assertEqual([None, None], [files for _, files in report.growth({**self.results, "limits": {}})[0]["points"]])

    def test_a_chart_has_its_points_where_its_ticks_say(self):
        chart = report.chart("x", "y", [(10, 1), (1000, 100), (100, 10)], lambda _: "one", lambda p: p, lambda _: True)
        (line,) = chart["lines"]
        self.assertEqual([(0, 320), (320, 160), (640, 0)], line["points"])
        self.assertEqual([("10.0", 0), ("100", 320), ("1.00 k", 640)], chart["x_ticks"])

    def test_results_of_growth_alone_make_a_page(self):
        found = {**whole_results(), "patterns": [], "cells": [], "engines": [], "limits": {}, "machine": {},
                 "repetitions": 0}
        self.assertIn('id="growth"', report.html(found))


class Compare(unittest.TestCase):
    def changes(self, old, new):
        def made(seconds):
            return some_results([a_pattern("P1")], [a_cell("P1", "files", seconds)])
        return report.compare(made(old), made(new))["changes"]

    def test_a_change_up_to_the_sum_of_the_spreads_is_noise(self):
        (change,) = self.changes([0.95, 1.0, 1.05], [0.98, 1.06, 1.06])
        self.assertEqual("within the noise", change.verdict)

    def test_a_larger_change_is_told_in_its_direction(self):
        self.assertEqual(["slower"], [change.verdict for change in self.changes([0.99, 1.0, 1.01], [1.2, 1.2, 1.2])])
        self.assertEqual(["faster"], [change.verdict for change in self.changes([0.99, 1.0, 1.01], [0.9, 0.9, 0.9])])

    def test_cells_of_one_run_alone_are_listed(self):
        old = some_results([a_pattern("P1")], [a_cell("P1", "files", [1.0]), a_cell("P1", "lmdb", [1.0])])
        new = some_results([a_pattern("P1")], [a_cell("P1", "files", [1.0]), a_cell("P1", "rocksdb", [1.0])])
        differences = report.compare(old, new)
        self.assertEqual(["P1 append lmdb, batch 1,000, processes 1"], differences["only_old"])
        self.assertEqual(["P1 append rocksdb, batch 1,000, processes 1"], differences["only_new"])

    def test_another_machine_and_other_sizes_are_told(self):
        old = some_results([a_pattern("P1")], [])
        new = some_results([a_pattern("P1", appends=5)], [])
        new["machine"] = {**new["machine"], "cores": 64, "file_system": None}
        differences = report.compare(old, new)
        self.assertEqual([("cores", 2, 64), ("file_system", "ext4", None)], differences["machine"])
        self.assertEqual(["P1"], differences["sizes"])

    def test_the_same_run_has_no_changes(self):
        differences = report.compare(whole_results(), whole_results())
        self.assertEqual({"within the noise"}, {change.verdict for change in differences.pop("changes")})
        self.assertEqual([[]] * 4, list(differences.values()))


class Command(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = Path(place.name)
        self.file = self.place / "results.json"
        cells = [a_cell("P1", "files", [1.0]), a_cell("P1", "lmdb", [0.04], appends=20_000)]
        results.save(self.file, some_results([a_pattern("P1")], cells))

    def run_report(self, *arguments):
        parser = ArgumentParser()
        report.add_parser(parser.add_subparsers())
        parsed = parser.parse_args(["report", *map(str, arguments)])
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(0, parsed.main(parsed))
        return output.getvalue()

    def test_the_page_lies_beside_the_results(self):
        self.run_report(self.file)
        self.assertTrue((self.place / "results.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>"))

    def test_the_table_replaces_what_is_between_the_marks(self):
        readme = self.place / "README.md"
        readme.write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n", encoding="utf-8")
        self.run_report(self.file, "--readme", readme)
        once = readme.read_text(encoding="utf-8")
        self.assertTrue(once.startswith("before\n<!-- bench -->\n| pattern"))
        self.assertTrue(once.endswith("\n<!-- /bench -->\nafter\n"))
        self.assertNotIn("old", once)
        self.assertIn("| P1 pattern P1 | os | `files` 1.00 M appends/s | `lmdb` 500 k appends/s | 2.00 × | 7.50 % |", once)
        self.run_report(self.file, "--readme", readme)
        self.assertEqual(once, readme.read_text(encoding="utf-8"))

    def test_marks_that_are_missing_or_reversed_are_an_error_and_leave_the_file(self):
        readme = self.place / "README.md"
        for text in ("nothing\n", "<!-- bench -->\n", "<!-- /bench -->\n<!-- bench -->\n"):
            readme.write_text(text, encoding="utf-8")
            with self.assertRaisesRegex(results.BenchError, "README.md.*lacks.*<!-- bench -->"):
                self.run_report(self.file, "--readme", readme)
            self.assertEqual(text, readme.read_text(encoding="utf-8"))

    def test_a_comparison_is_printed_and_put_into_the_page(self):
        text = self.run_report(self.file, "--compare", self.file)
        self.assertIn("within the noise", text)
        self.assertIn('id="compare"', (self.place / "results.html").read_text(encoding="utf-8"))

    def test_files_that_are_no_results_are_named(self):
        bad = self.place / "bad.json"
        for text in ("{", '{"format": "another"}', f'{{"format": "{results.FORMAT}", "version": 99}}'):
            bad.write_text(text, encoding="utf-8")
            for arguments in ((bad,), (self.file, "--compare", bad), (self.place / "missing.json",)):
                with self.assertRaisesRegex(results.BenchError, r"(bad|missing)\.json"):
                    self.run_report(*arguments)

    def test_a_place_that_cannot_be_written_is_named(self):
        with self.assertRaisesRegex(results.BenchError, "cannot write.*nowhere"):
            self.run_report(self.file, "--html", self.place / "nowhere" / "page.html")


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
