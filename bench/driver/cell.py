"""Runs the programs that measure: one cell, one pattern with one engine, in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from driver.results import BenchError

SAMPLE_TEXT = Path(__file__).parents[2] / "examples" / "data" / "flights-sample.csv"
UNAVAILABLE = 3  # exit code of a cell that cannot do what was asked
DEADLINE_SECONDS = 1200  # for an engine that hangs
LONGEST_MESSAGE = 500


@dataclass
class Outcome:
    """One of these is set."""

    result: dict | None = None
    unavailable: str | None = None
    failed: str | None = None


def program(build, *names):
    """The path of a program of the build directory."""
    path = Path(build, "bench", *names)
    if not path.is_file():
        raise BenchError(f"no program '{path}': compile a build directory with -Dbench=true, and name it with --build")
    return str(path)


def cell_command(build, engine):
    """What measures one cell of this engine, but for its argument. partd's is a module of Python: it is for Debian's
    own, which has the packages, whatever else stands first on the path."""
    if not engine.startswith("partd."):
        return [program(build, "cells", "bench_cell")]
    module = program(build, "cells", "partd_cell.so")
    return ["/usr/bin/python3", "-c", f"import sys; sys.path.append({os.path.dirname(module)!r}); import partd_cell; "
                                      "sys.exit(partd_cell.main(sys.argv))"]


def engines_of(command):
    code, output, message = run_group([*command, "engines"], DEADLINE_SECONDS)
    if code != 0:
        raise BenchError(f"'{' '.join(command)} engines' fails: {message or code}")
    return json.loads(output)


def known_engines(build):
    """{name: engine} of all that can be measured here, ours first, each as the format of results has it."""
    found = engines_of(cell_command(build, "files"))
    try:
        found += engines_of(cell_command(build, "partd.File"))
    except BenchError as error:
        print(f"accrete-bench: partd is left out: {error}", file=sys.stderr)
    return {engine["name"]: engine for engine in found}


def run_cell(cell, place, build, deadline_seconds=DEADLINE_SECONDS):
    """A directory is made in `place` for the cell and removed after it, and with it its page cache. None has the name
    of one before: ext4 would put it where many files have just been removed (settle() of driver/machine.py)."""
    with tempfile.TemporaryDirectory(prefix="cell-", dir=place, ignore_cleanup_errors=True) as directory:
        asked = {**asdict(cell), "directory": directory, "text": str(SAMPLE_TEXT) if cell.text else "",
                 "accrete_program": str(Path(build, "cli", "accrete").absolute())}
        command = [*cell_command(build, cell.engine), json.dumps(asked)]
        code, output, message = run_group(command, deadline_seconds)
    if code is None:
        return Outcome(failed=f"ended after {deadline_seconds} s, which is too long")
    if code == UNAVAILABLE:
        return Outcome(unavailable=message)
    if code != 0:
        return Outcome(failed=message or (f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"))
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
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, output, last_message(messages)


def last_message(text):
    """The last of one of our programs, without its name: before it, a library may have talked."""
    return " ".join(re.split(r"^bench_\w+: ", text, flags=re.MULTILINE)[-1].split())[:LONGEST_MESSAGE]
