"""Which engines there are: the programs that measure them say so themselves."""

import json
import subprocess
import sys
from pathlib import Path

from driver.results import BenchError

PYTHON = "/usr/bin/python3"  # Debian's own, which has the packages, whatever else stands first on the path
PARTD_CELL = Path(__file__).parent / "partd_cell.py"
UNAVAILABLE = 3  # exit code of a cell's program that cannot do what was asked


def program(build, *names):
    """The path of a program of the build directory."""
    path = Path(build).joinpath(*names)
    if not path.is_file():
        raise BenchError(f"no program '{path}': compile a build directory with -Dbench=true, and name it with --build")
    return path


def cell_command(build, engine):
    """What measures one cell of this engine, without its options."""
    if engine.startswith("partd."):
        return [PYTHON, str(PARTD_CELL)]
    return [str(program(build, "bench", "cells", "bench_cell"))]


def engines_of(command):
    done = subprocess.run([*command, "engines"], capture_output=True, text=True, check=False)
    if done.returncode == UNAVAILABLE:
        print(f"accrete-bench: {done.stderr.strip()}", file=sys.stderr)
        return []
    if done.returncode != 0:
        raise BenchError(f"'{' '.join(command)} engines' fails: {done.stderr.strip() or done.returncode}")
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise BenchError(f"'{' '.join(command)} engines' prints no JSON: {error}") from error


def known_engines(build):
    """All that can be measured here, ours first, each as the format of results has it."""
    return engines_of(cell_command(build, "files")) + engines_of(cell_command(build, "partd.File"))
