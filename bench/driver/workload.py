"""What is appended: the sequence of bench/cells/workload.hpp, number by number."""

import numpy

POOL_BYTES = 4 << 20
MAX_APPENDS = 4_000_000_000  # as in workload.hpp
MAX_KEYS = 100_000_000
NUMBER_BYTES = 8
SCATTER = 2_654_435_761
KEY_SEED = 1
POOL_SEED = 2


def random_bits(seed, count):
    """The first numbers of splitmix64."""
    step = numpy.uint64(0x9E3779B97F4A7C15)
    bits = numpy.uint64(seed) + numpy.arange(1, count + 1, dtype=numpy.uint64) * step
    bits = (bits ^ (bits >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> numpy.uint64(31))


def random_fractions(seed, count):
    """From 0 to just below 1."""
    return (random_bits(seed, count) >> numpy.uint64(11)).astype(numpy.float64) * 2.0**-53


def key_numbers(appends, keys, skew):
    """The number of the key that each append goes to."""
    if skew == 0:
        return numpy.arange(appends, dtype=numpy.uint64) % numpy.uint64(keys)
    sums = numpy.cumsum(numpy.arange(1, keys + 1, dtype=numpy.float64) ** -skew)
    ranks = numpy.searchsorted(sums, random_fractions(KEY_SEED, appends) * sums[-1], side="right")
    ranks = numpy.minimum(ranks, keys - 1).astype(numpy.uint64)
    return (ranks * numpy.uint64(SCATTER) + numpy.uint64(1)) % numpy.uint64(keys)


def make_pool(text_path=None, numeric=False):
    if text_path is not None:
        with open(text_path, "rb") as file:
            text = file.read()
        if not text:
            raise ValueError(f"there is no text in '{text_path}'")
        return (text * (POOL_BYTES // len(text) + 1))[:POOL_BYTES]
    count = POOL_BYTES // 8
    numbers = random_fractions(POOL_SEED, count) if numeric else random_bits(POOL_SEED, count)
    return numbers.tobytes()


class Workload:
    def __init__(self, options):
        self.entry_bytes = options.entry_bytes
        self.pool = make_pool(options.text, options.numeric)
        step = NUMBER_BYTES if options.numeric else 1
        slices = (POOL_BYTES - options.entry_bytes) // step + 1
        numbers = numpy.arange(options.appends, dtype=numpy.uint64) % numpy.uint64(slices)
        self.offsets = numbers * numpy.uint64(SCATTER % slices) % numpy.uint64(slices) * numpy.uint64(step)
        self.key_numbers = key_numbers(options.appends, options.keys, options.skew)
        self.keys = [f"key-{i:08}" for i in range(options.keys)]
        self.processes = options.processes

    def batches(self, process, batch):
        """{key: [offsets in the pool]} of each batch of one process."""
        offsets = self.offsets[process::self.processes]
        numbers = self.key_numbers[process::self.processes]
        for begin in range(0, len(offsets), batch):
            found = {}
            part = slice(begin, begin + batch)
            for number, offset in zip(numbers[part].tolist(), offsets[part].tolist()):
                found.setdefault(self.keys[number], []).append(offset)
            yield found

    def slices(self, offsets):
        size = self.entry_bytes
        return [self.pool[offset:offset + size] for offset in offsets]

    def check(self, values):
        """Raises ValueError unless the values, pairs of a key's number and its bytes, are those of all keys, with every
        entry once and in the order of the process that appended it."""
        order = numpy.argsort(self.key_numbers, kind="stable")
        ends = numpy.cumsum(numpy.bincount(self.key_numbers.astype(numpy.int64), minlength=len(self.keys)))
        for number, value in values:
            begin = ends[number - 1] if number else 0
            self._check(self.keys[number], bytes(value), order[begin:ends[number]])

    def _check(self, key, value, appends):
        parts = [self.slices(self.offsets[appends[appends % self.processes == process]].tolist())
                 for process in range(self.processes)]
        if self.processes == 1 and value == b"".join(parts[0]):
            return
        rests = [iter(part) for part in parts]
        heads = [next(rest, None) for rest in rests]
        size = self.entry_bytes
        for offset in range(0, len(appends) * size, size):
            entry = value[offset:offset + size]
            if len(entry) < size:
                raise ValueError(f"the value of '{key}' ends at byte {len(value)}, and not at {len(appends) * size}")
            if entry not in heads:
                raise ValueError(f"the value of '{key}' is not what was appended in the entry from byte {offset}")
            found = heads.index(entry)
            heads[found] = next(rests[found], None)
        if len(value) > len(appends) * size:
            raise ValueError(f"the value of '{key}' should end at byte {len(appends) * size}, and not at {len(value)}")
