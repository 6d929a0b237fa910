"""The workload of partd_cell.py is that of bench_cell, computed here once more, number by number; and it runs."""

import argparse
import bisect
import itertools
import json
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

try:
    from driver.workload import POOL_BYTES, Workload, key_numbers, make_pool, random_bits
except ImportError as missing:
    sys.exit(77 if missing.name == "numpy" else 1)  # 77: skipped

MASK = (1 << 64) - 1
SCATTER = 2_654_435_761


def splitmix64(seed):
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) & MASK
        bits = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & MASK
        yield bits ^ (bits >> 31)


def first(generator, count):
    return list(itertools.islice(generator, count))


def workload(**options):
    sizes = {"appends": 40, "keys": 7, "entry_bytes": 100, "skew": 0, "text": None, "numeric": False, "processes": 1}
    return Workload(argparse.Namespace(**{**sizes, **options}))


class WorkloadTest(unittest.TestCase):
    def test_the_random_numbers_are_those_of_splitmix64(self):
        self.assertEqual(next(splitmix64(0)), 0xE220A8397B1DCDAF)  # as its author prints it
        self.assertEqual(next(splitmix64(1)), 0x910A2DEC89025CC1)
        for seed in (1, 2):
            self.assertEqual(random_bits(seed, 1000).tolist(), first(splitmix64(seed), 1000))

    def test_without_skew_the_keys_take_turns(self):
        self.assertEqual(key_numbers(8, 3, 0).tolist(), [0, 1, 2, 0, 1, 2, 0, 1])

    def test_with_skew_the_keys_are_drawn_by_their_weights_and_scattered(self):
        keys, skew = 1000, 0.99
        sums = list(itertools.accumulate((rank + 1) ** -skew for rank in range(keys)))
        fractions = [(bits >> 11) * 2.0**-53 for bits in first(splitmix64(1), 2000)]
        expected = [(bisect.bisect_right(sums, fraction * sums[-1]) * SCATTER + 1) % keys for fraction in fractions]
        self.assertEqual(key_numbers(2000, keys, skew).tolist(), expected)

    def test_the_pool_is_bytes_numbers_or_a_text(self):
        bits = first(splitmix64(2), 100)
        self.assertEqual(make_pool()[:800], struct.pack("<100Q", *bits))
        self.assertEqual(make_pool(numeric=True)[:800], struct.pack("<100d", *((b >> 11) * 2.0**-53 for b in bits)))
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"abc")
            file.flush()
            self.assertEqual(make_pool(file.name), (b"abc" * POOL_BYTES)[:POOL_BYTES])
        self.assertEqual(len(make_pool()), POOL_BYTES)

    def test_entries_are_slices_of_the_pool(self):
        offsets = workload().offsets.tolist()
        self.assertEqual(offsets, [j * SCATTER % (POOL_BYTES - 100 + 1) for j in range(40)])
        offsets = workload(entry_bytes=8000, numeric=True).offsets.tolist()
        self.assertEqual(offsets, [j * SCATTER % ((POOL_BYTES - 8000) // 8 + 1) * 8 for j in range(40)])

    def test_batches_are_of_one_process_and_keep_the_order(self):
        whole = workload(processes=3)
        batches = list(whole.batches(1, 5))
        appends = range(1, 40, 3)
        self.assertEqual([sum(map(len, batch.values())) for batch in batches], [5, 5, 3])
        self.assertEqual(batches[0], {f"key-{j % 7:08}": [whole.offsets[j]] for j in appends[:5]})

    def test_values_with_all_entries_in_their_order_are_right(self):
        for processes in (1, 4):
            whole = workload(processes=processes)
            whole.check([(key, self.value(whole, key)) for key in range(7)])

    def test_a_merge_that_keeps_the_order_of_each_process_is_right(self):
        whole = workload(processes=2)
        order = [j for process in (1, 0) for j in range(40) if j % 7 == 3 and j % 2 == process]
        whole.check([(3, self.joined(whole, order))])

    def test_values_that_lack_double_or_swap_entries_are_wrong(self):
        for processes in (1, 2):
            whole = workload(processes=processes)
            right = self.value(whole, 3)
            swapped = right[200:300] + right[100:200] + right[:100] + right[300:]
            for value, message in ((right[:-1], "ends at byte"), (b"", "ends at byte 0, and not at"),
                                   (right + right[:100], "should end at byte"), (swapped, "entry from byte"),
                                   (right[:100] + right, "entry from byte"), (b"\0" * len(right), "entry from byte 0")):
                with self.assertRaisesRegex(ValueError, f"the value of 'key-00000003' .*{message}"):
                    whole.check([(3, value)])

    @staticmethod
    def value(whole, key):
        return WorkloadTest.joined(whole, range(key, 40, 7))

    @staticmethod
    def joined(whole, appends):
        return b"".join(whole.slices([int(whole.offsets[j]) for j in appends]))


class PartdCellTest(unittest.TestCase):
    def run_cell(self, *words, code=0):
        with tempfile.TemporaryDirectory(prefix="accrete-bench-") as directory:
            command = ["/usr/bin/python3", str(BENCH / "driver" / "partd_cell.py"), "run", "--directory", directory,
                       "--keys", "10", "--batch", "30", *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
            if done.returncode == 3 and "is not there" in done.stderr:
                self.skipTest(done.stderr.strip())
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertEqual(list(Path(directory).iterdir()), [])
        return done.stderr if code else json.loads(done.stdout)

    def test_each_engine_keeps_what_is_appended(self):
        for name in ("partd.File", "partd.Buffer", "partd.Server"):
            for processes in ("1", "3"):
                with self.subTest(engine=name, processes=processes):
                    found = self.run_cell("--engine", name, "--appends", "1000", "--entry-bytes", "100",
                                          "--processes", processes)
                    self.assertEqual((found["bytes"], found["verified"], found["state"]), (100_000, True, "cached"))
                    self.assertGreaterEqual(found["stored_bytes"], 100_000)
        found = self.run_cell("--engine", "partd.Numpy", "--appends", "100", "--entry-bytes", "800", "--numeric",
                              "--no-gets")
        self.assertIsNone(found["seconds"]["get"])
        found = self.run_cell("--engine", "partd.File", "--appends", "9", "--entry-bytes", "8", "--durable")
        self.assertEqual(found["state"], "durable")

    def test_what_it_cannot_do_and_bad_arguments_are_told_apart(self):
        sizes = ("--appends", "10", "--entry-bytes", "8")
        self.assertIn("for bytes only", self.run_cell("--engine", "partd.File", *sizes, "--numeric", code=3))
        self.assertIn("cannot sync", self.run_cell("--engine", "partd.Server", *sizes, "--durable", code=3))
        self.assertIn("--engine", self.run_cell("--engine", "partd.Filing", *sizes, code=2))
        self.assertIn("--appends", self.run_cell("--engine", "partd.File", *sizes, "--appends", "0", code=2))


if __name__ == "__main__":
    unittest.main()
