"""Runs the programs that measure: one cell, one pattern with one engine, in a process of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from driver.results import BenchError

SAMPLE_TEXT = Path(__file__).parents[2] / "examples" / "data" / "flights-sample.csv"
UNAVAILABLE = 3  # exit code of a cell that cannot do what was asked
DEADLINE_SECONDS = 1200  # for an engine that hangs
PATIENCE_SECONDS = 2  # until what was told to end is killed
PROGRAMS = ("bench_cell: ", "bench_limits: ")
LONGEST_MESSAGE = 500


@dataclass
class Outcome:
    """One of these is set."""

    result: dict | None = None
    unavailable: str | None = None
    failed: str | None = None


def program(build, *names):
    """The path of a program of the build directory."""
    path = Path(build).joinpath(*names)
    if not path.is_file():
        raise BenchError(f"no program '{path}': compile a build directory with -Dbench=true, and name it with --build")
    return path


def cell_command(build, engine):
    """What measures one cell of this engine, without its options. partd's is a module of Python: it is for Debian's
    own, which has the packages, whatever else stands first on the path."""
    if not engine.startswith("partd."):
        return [str(program(build, "bench", "cells", "bench_cell"))]
    module = program(build, "bench", "cells", "partd_cell.so")
    start = (f"import sys; sys.path.append({str(module.parent)!r}); import partd_cell; "
             "sys.exit(partd_cell.main(sys.argv))")
    return ["/usr/bin/python3", "-c", start]


def engines_of(command):
    done = subprocess.run([*command, "engines"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchError(f"'{' '.join(command)} engines' fails: {done.stderr.strip() or done.returncode}")
    return json.loads(done.stdout)


def known_engines(build):
    """{name: engine} of all that can be measured here, ours first, each as the format of results has it."""
    found = engines_of(cell_command(build, "files"))
    try:
        found += engines_of(cell_command(build, "partd.File"))
    except BenchError as error:
        print(f"accrete-bench: partd is left out: {error}", file=sys.stderr)
    return {engine["name"]: engine for engine in found}


def options(cell, directory, build):
    words = ["run", "--engine", cell.engine, "--directory", directory, "--appends", cell.appends, "--keys", cell.keys,
             "--entry-bytes", cell.entry_bytes, "--batch", cell.batch, "--processes", cell.processes]
    if cell.skew:
        words += ["--skew", cell.skew]
    if cell.text:
        words += ["--text", SAMPLE_TEXT]
    words += [f"--{name}" for name in ("durable", "numeric") if getattr(cell, name)]
    if "get" not in cell.metrics:
        words.append("--no-gets")
    accrete = Path(build) / "cli" / "accrete"
    if accrete.exists():
        words += ["--accrete", accrete]
    return [str(word) for word in words]


def run_cell(cell, place, build, deadline_seconds=DEADLINE_SECONDS):
    """A directory is made in `place` for the cell and removed after it, and with it its page cache. None has the name
    of one before: ext4 would put it where many files have just been removed (settle() of driver/machine.py)."""
    directory = tempfile.mkdtemp(prefix="cell-", dir=place)
    try:
        command = [*cell_command(build, cell.engine), *options(cell, directory, build)]
        code, output, message = run_group(command, deadline_seconds)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if code is None:
        return Outcome(failed=f"ended after {deadline_seconds} s, which is too long")
    if code == UNAVAILABLE:
        return Outcome(unavailable=message or "no reason given")
    if code != 0:
        ended = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return Outcome(failed=message or ended)
    try:
        return Outcome(result=json.loads(output))
    except ValueError:
        return Outcome(failed=f"printed no JSON: {output[:100]!r}")


def run_group(command, deadline_seconds, directory=None):
    """(exit code, or None after the deadline; output; message of the program). The process is the first of a group of
    its own, so that neither servers nor writers of it outlive it."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          errors="replace", start_new_session=True, cwd=directory) as process:
        try:
            output, messages = process.communicate(timeout=deadline_seconds)
        except subprocess.TimeoutExpired:
            return None, "", ""
        finally:
            end_group(process)
    return process.returncode, output, last_message(messages)


def last_message(text):
    """The last that begins with the name of one of our programs, without that: before it, a library may have talked."""
    lines = text.strip().splitlines() or [""]
    begins = [number for number, line in enumerate(lines) if line.startswith(PROGRAMS)]
    if not begins:
        return lines[-1]
    message = " ".join(line.strip() for line in lines[begins[-1]:])
    return message.partition(": ")[2][:LONGEST_MESSAGE]


def end_group(process):
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
