"""The parts of the benchmark's driver that need no process: the file of results, the plan, settling, one cell."""

import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

from fake_programs import make_build

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

# pylint: disable=wrong-import-position
from driver import results  # noqa: E402
from driver.cell import run_cell  # noqa: E402
from driver.machine import unwritten_bytes  # noqa: E402
from driver.patterns import PATTERNS, cells_of, chosen_patterns  # noqa: E402

SOUND = {"format": "accrete-bench results", "version": 1, "machine": {}, "limits": {}, "engines": [], "patterns": [],
         "cells": []}


class ResultsTest(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="accrete-bench-")
        self.addCleanup(place.cleanup)
        self.dir = Path(place.name)
        self.path = self.dir / "results.json"

    def test_what_is_saved_is_loaded(self):
        results.save(self.path, SOUND)
        self.assertEqual(results.load(self.path), SOUND)
        self.assertEqual(os.listdir(self.dir), ["results.json"])

    def test_an_error_names_the_file_and_what_is_wrong_with_it(self):
        for text, message in (
                ("{", "cannot read"), ("[]", "holds no"), (json.dumps({**SOUND, "version": 2}), "of version 1")):
            with self.subTest(text=text):
                self.path.write_text(text, encoding="utf-8")
                with self.assertRaisesRegex(results.BenchError, message):
                    results.load(self.path)
        with self.assertRaisesRegex(results.BenchError, "absent"):
            results.load(self.dir / "absent")

    def test_a_file_that_cannot_be_written_leaves_nothing_behind(self):
        self.path.mkdir()
        with self.assertRaisesRegex(results.BenchError, "cannot write"):
            results.save(self.path, SOUND)
        self.assertEqual(os.listdir(self.dir), ["results.json"])

    def test_a_spread_is_half_the_range_over_the_median(self):
        self.assertEqual(results.spread([9, 10, 12]), 0.15)
        self.assertEqual(results.spread([5]), 0)

    def test_a_cell_that_hangs_is_ended(self):
        build = make_build(self.dir / "build", {"files": "hang"})
        cell = cells_of(chosen_patterns(["P1"], True, [])[0], ["files"], 1)[0][0]
        place = self.dir / "place"
        place.mkdir()
        outcome = run_cell(cell, place, build, deadline_seconds=0.5)
        self.assertIn("too long", outcome.failed)
        self.assertEqual(list(place.iterdir()), [])

    def test_the_patterns_name_nobody_twice_and_are_smaller_when_quick(self):
        quick = chosen_patterns([], True, [])
        for pattern, small in zip(PATTERNS, quick):
            self.assertEqual(len(set(pattern.engines)), len(pattern.engines), pattern.id)
            self.assertLess(small.appends, pattern.appends, pattern.id)
            named = {name[0] if isinstance(name, tuple) else name for name in pattern.less}
            self.assertLessEqual(named, set(pattern.engines), pattern.id)

    def test_a_slow_engine_gets_fewer_appends_keys_or_repetitions(self):
        cells = {cell.engine: cell for cell in cells_of(PATTERNS[1], PATTERNS[1].engines, 3)[0]}
        self.assertEqual((cells["files"].keys, cells["files"].repetitions), (250_000, 1))
        self.assertEqual((cells["partd.File"].keys, cells["partd.File"].appends), (100_000, 300_000))
        self.assertEqual((cells["rocksdb"].keys, cells["rocksdb"].repetitions), (1_000_000, 2))

    def test_batch_sizes_are_cells_of_their_own_and_fewer_when_quick(self):
        for quick, settings, batches in ((False, [], [1, 10, 100, 1000, 10_000]), (True, [], [1, 100, 10_000]),
                                         (False, [("P9", "batch", 7)], [7])):
            pattern = chosen_patterns(["P9"], quick, settings)[0]
            self.assertEqual([cell.batch for group in cells_of(pattern, ["lmdb"], 3) for cell in group], batches)

    def test_unwritten_is_what_is_dirty_and_what_is_being_written(self):
        meminfo = "MemTotal:  24 kB\nDirty:      12 kB\nWriteback:   3 kB\nWritebackTmp:  7 kB\nHugePages_Total:  0\n"
        self.assertEqual(unwritten_bytes(meminfo), 15 * 1024)


if __name__ == "__main__":
    unittest.main()
