"""Runs one cell: one pattern with one engine, in a process of its own."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from driver.engines import UNAVAILABLE, cell_command

SAMPLE_TEXT = Path(__file__).parents[2] / "examples" / "data" / "flights-sample.csv"
DEADLINE_SECONDS = 1200  # for an engine that hangs
PATIENCE_SECONDS = 2  # until what was told to end is killed
PROGRAMS = ("bench_cell: ", "bench_limits: ", "partd_cell: ")
LONGEST_MESSAGE = 500
FIELDS = ("state", "appends", "bytes", "seconds", "cpu_seconds", "memory_bytes", "stored_bytes", "stored_files")


@dataclass
class Outcome:
    """One of these is set."""

    result: dict | None = None
    unavailable: str | None = None
    failed: str | None = None


def options(cell, directory, build):
    words = ["run", "--engine", cell.engine, "--directory", directory, "--appends", cell.appends, "--keys", cell.keys,
             "--entry-bytes", cell.entry_bytes, "--batch", cell.batch, "--processes", cell.processes]
    if cell.skew:
        words += ["--skew", cell.skew]
    if cell.text:
        words += ["--text", SAMPLE_TEXT]
    for name in ("durable", "numeric"):
        if getattr(cell, name):
            words.append(f"--{name}")
    if "get" not in cell.metrics:
        words.append("--no-gets")
    accrete = Path(build) / "cli" / "accrete"
    if accrete.exists():
        words += ["--accrete", accrete]
    return [str(word) for word in words]


def run_cell(cell, place, build, deadline_seconds=DEADLINE_SECONDS):
    """A directory is made in `place` for the cell and removed after it, and with it its page cache. None has the name
    of one before: ext4 would put it where many files have just been removed (driver/settle.py)."""
    directory = Path(tempfile.mkdtemp(prefix="cell-", dir=place))
    try:
        code, output, message = run_group([*cell_command(build, cell.engine), *options(cell, directory, build)],
                                          deadline_seconds)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if code is None:
        return Outcome(failed=f"ended after {deadline_seconds} s, which is too long")
    if code == UNAVAILABLE:
        return Outcome(unavailable=message or "no reason given")
    if code != 0:
        return Outcome(failed=message or ended(code))
    return parsed(output)


def ended(code):
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def parsed(output):
    try:
        result = json.loads(output)
    except ValueError:
        return Outcome(failed=f"printed no JSON: {output[:100]!r}")
    missing = [name for name in FIELDS if name not in result]
    if missing:
        return Outcome(failed=f"printed no {', '.join(missing)}")
    if result.get("verified") is not True:
        return Outcome(failed="the values were not verified")
    return Outcome(result=result)


def run_group(command, deadline_seconds):
    """(exit code, or None after the deadline; output; message of the program). The process is the first of a group of
    its own, so that neither servers nor writers of it outlive it."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", start_new_session=True) as process:
        try:
            output, messages = process.communicate(timeout=deadline_seconds)
        except subprocess.TimeoutExpired:
            return None, "", ""
        finally:
            end_group(process)
    return process.returncode, output, last_message(messages)


def last_message(text):
    """The last that begins with the name of one of our programs, without that: before it, a library may have talked."""
    lines = text.strip().splitlines()
    begins = [number for number, line in enumerate(lines) if line.startswith(PROGRAMS)]
    if not begins:
        return lines[-1] if lines else ""
    message = " ".join(line.strip() for line in lines[begins[-1]:])
    return message.partition(": ")[2][:LONGEST_MESSAGE]


def end_group(process):
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
