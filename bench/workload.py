"""What all benchmarks of small appends append, as in workload.hpp."""

KEYS = [f"key-{10_000 + i}" for i in range(1000)]
ENTRY = b"x" * 100
