"""How many instructions the hot paths take: a busy machine does not change that number, so a test can check it."""

import itertools
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from driver.cell import last_message, program
from driver.machine import file_system
from driver.results import BenchError, UsageError

REFERENCES = Path(__file__).parents[1] / "instructions.json"
PROGRAM = "bench_hot_paths"
FILE_SYSTEMS = ("ext4", "tmpfs", "xfs")  # on others, accrete keeps its control file by system calls
TOLERANCE = 0.03
SKIPPED = 77  # as Meson has it
DEADLINE_SECONDS = 300

# Iterations of the shorter run; the longer one has twice as many. So few that a test can wait for them. What is counted
# is an append, and for get a value of 1,000 entries.
PATHS = {"files_append": 5_000, "files_batch": 20_000, "buffered_append": 20_000, "buffered_batch": 20_000,
         "server_message": 20_000, "get": 1_000}


class Skip(BenchError):
    """Why nothing can be compared here."""


def add_parser(subparsers):
    parser = subparsers.add_parser(
        "instructions", help="count the instructions of the hot paths",
        description="Counts the instructions that each hot path takes in its process, with valgrind's callgrind. That "
                    "leaves out what the kernel does in system calls and page faults, and sees neither caches nor "
                    "waits: fewer instructions need not be faster. Each path is run with N and with 2N iterations, so "
                    "that what comes before and after cancels out. The machine may be busy.")
    parser.add_argument("paths", nargs="*", metavar="PATH", help=f"of {', '.join(PATHS)} (default: all)")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true",
                        help=f"exit 1 if a path takes {TOLERANCE:.0%} more than bench/{REFERENCES.name} has, and "
                             f"{SKIPPED} if that holds nothing for this compiler, machine and optimization level")
    action.add_argument("--update", action="store_true", help=f"write what is counted to bench/{REFERENCES.name}")
    parser.set_defaults(main=main)


def main(arguments):
    for name in arguments.paths:
        if name not in PATHS:
            raise UsageError(f"no hot path '{name}'; there are {', '.join(PATHS)}")
    executable = program(arguments.build, "limits", PROGRAM)
    references = json.loads(REFERENCES.read_text(encoding="utf-8"))
    try:
        if shutil.which("valgrind") is None:
            raise Skip("valgrind is not installed")
        setting = setting_of(arguments.build)
        if arguments.check and setting not in references:
            raise Skip(f"there are no references of {setting}")
    except Skip as reason:
        if not arguments.check:
            raise
        print(f"skipped: {reason}")
        return SKIPPED
    known = references.setdefault(setting, {})
    counted = {name: instructions(executable, name) for name in arguments.paths or PATHS}
    if arguments.update:
        known |= {name: round(number, 1) for name, number in counted.items()}
        REFERENCES.write_text(json.dumps(references, indent=1) + "\n", encoding="utf-8")
    return compare(counted, known, arguments.check)


def compile_command(build):
    """How Meson compiles the program."""
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    return next(entry["command"].split() for entry in entries if entry["file"].endswith(f"/{PROGRAM}.cpp"))


def setting_of(build):
    """What the numbers depend on, besides the code: references hold under the same only."""
    command = compile_command(build)
    for option in command:
        if option.startswith(("-fsanitize", "--coverage", "-flto", "-fprofile")):
            raise Skip(f"the programs are compiled with {option}")
    # What the compiler says of itself, by whichever of its names it is called.
    compiler = [*itertools.takewhile(lambda word: not word.startswith("-"), command), "--version"]
    said = subprocess.run(compiler, capture_output=True, text=True, check=False).stdout.partition("\n")[0]
    optimization = [option for option in command if option.startswith("-O")] or ["-O0"]
    kind = file_system(tempfile.gettempdir())
    # Checksums and the copies of libc take other instructions without it.
    has_avx2 = re.search(r"^flags\s*:.*\bavx2\b", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return ", ".join([
        re.sub(r"^\S*[cg]\+\+\S* ", "gcc ", said), optimization[-1], platform.machine(),
        os.confstr("CS_GNU_LIBC_VERSION") or "no glibc", "with AVX2" if has_avx2 else "without AVX2",
        "files mapped" if kind in FILE_SYSTEMS else f"files on {kind}"])


def instructions(executable, name):
    """Of one operation."""
    with tempfile.TemporaryDirectory(prefix="accrete-instructions-") as directory:
        once, twice = (count(executable, name, times * PATHS[name], directory) for times in (1, 2))
    if twice <= once:
        raise BenchError(f"{name} takes no more instructions for twice the work ({once:,}, then {twice:,})")
    return (twice - once) / PATHS[name]


def count(executable, name, iterations, directory):
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/profile", executable, name,
               str(iterations)]
    # Meson has malloc fill what it frees.
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS,
                          env={**os.environ, "TMPDIR": directory, "MALLOC_PERTURB_": "0"})
    collected = re.search(r"^==\d+== Collected : (\d+)\s*$", done.stderr, re.MULTILINE)
    if done.returncode != 0 or not collected:
        raise BenchError(f"{name} fails: {last_message(done.stderr) or done.returncode}")
    return int(collected[1])


def compare(counted, references, checks):
    """Prints the table; the exit code."""
    print(f"{'path':<18}{'instructions':>14}{'reference':>12}{'change':>10}")
    exceeded = False
    for name, number in counted.items():
        reference = references.get(name, number)
        change = number / reference - 1
        exceeded |= change > TOLERANCE
        note = "   more than allowed" if change > TOLERANCE else ""
        if change < -TOLERANCE or name not in references:
            note = "   set the reference with --update"
        print(f"{name:<18}{number:>14,.0f}{reference:>12,.0f}{100 * change:>+8.1f} %{note}")
    return 1 if checks and exceeded else 0
