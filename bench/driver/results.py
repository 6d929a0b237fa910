"""The file of results: how it is written and read, and the noise in it."""

import json
import os
import statistics
from pathlib import Path

FORMAT = "accrete-bench results"
VERSION = 1


class BenchError(Exception):
    """What the user is told, without a traceback; the exit code is 1."""


class UsageError(BenchError):
    """Arguments that cannot be meant; the exit code is 2."""


def load(path):
    try:
        results = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchError(f"cannot read '{path}': {error}") from error
    if not isinstance(results, dict) or (results.get("format"), results.get("version")) != (FORMAT, VERSION):
        raise BenchError(f"'{path}' holds no {FORMAT} of version {VERSION}, which this program reads")
    return results


def save(path, results):
    """Whoever reads the file meanwhile, or after an interrupt, finds the old one or the new one."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        temporary.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise BenchError(f"cannot write '{path}': {error.strerror}") from error


def spread(values):
    """Half the range, relative to the median: 0.05 reads as "± 5 %"."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0
