"""How many instructions the hot paths take: a busy machine does not change that number, so a test can check it."""

import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from driver.cell import last_message, program
from driver.machine import file_system
from driver.results import BenchError, UsageError

REFERENCES = Path(__file__).parents[1] / "instructions.json"
PROGRAM = "bench_hot_paths"
FILE_SYSTEMS = ("ext4", "tmpfs", "xfs")  # on others, accrete keeps its control file by system calls
TOLERANCE = 0.03  # of a path that has no reference yet
SKIPPED = 77  # as Meson has it
DEADLINE_SECONDS = 300

# Iterations of the shorter run; the longer one has twice as many. So few that a test can wait for them. What is counted
# is an append, and for get a value of 1,000 entries.
PATHS = {
    "files_append": 5_000,
    "files_batch": 20_000,
    "buffered_append": 20_000,
    "buffered_batch": 20_000,
    "server_message": 20_000,
    "get": 1_000,
}
HOTTEST = ("files_append", "buffered_append", "server_message")


class Skip(Exception):
    """Why nothing can be compared here."""


def add_parser(subparsers):
    parser = subparsers.add_parser(
        "instructions", help="count the instructions of the hot paths",
        description="Counts the instructions that each hot path takes in its process, with valgrind's callgrind. That "
                    "leaves out what the kernel does in system calls and page faults, and sees neither caches nor "
                    "waits: fewer instructions need not be faster. Each path is run with N and with 2N iterations, so "
                    "that what comes before and after cancels out. The machine may be busy.")
    parser.add_argument("paths", nargs="*", metavar="PATH", help=f"of {', '.join(PATHS)} (default: all)")
    parser.add_argument("--hottest", action="store_true", help=f"only {', '.join(HOTTEST)}")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true",
                        help=f"exit 1 if a path takes more than bench/{REFERENCES.name} allows, and {SKIPPED} if that "
                             "holds nothing for this compiler, machine and optimization level, or valgrind is missing")
    action.add_argument("--update", action="store_true", help=f"write what is counted to bench/{REFERENCES.name}")
    parser.add_argument("--references", type=Path, default=REFERENCES, metavar="FILE",
                        help=f"where they are (default: bench/{REFERENCES.name})")
    parser.set_defaults(main=main)


def main(arguments):
    paths = chosen_paths(arguments.paths, arguments.hottest)
    references, known = {"references": {}}, {}
    try:
        optimization, setting = setting_of(arguments.build)
        valgrind = shutil.which("valgrind")
        if valgrind is None:
            raise Skip("valgrind is not installed")
        if arguments.references.exists():
            references = json.loads(arguments.references.read_text(encoding="utf-8"))
        kind = file_system(tempfile.gettempdir())
        if arguments.check and kind not in FILE_SYSTEMS:
            raise Skip(f"temporary files are on {kind}, and the references are of {', '.join(FILE_SYSTEMS)}")
        with suppress(*([] if arguments.check else [Skip])):
            known = known_paths(references, optimization, setting)
    except Skip as reason:
        if not arguments.check:
            raise BenchError(str(reason)) from reason
        print(f"skipped: {reason}")
        return SKIPPED
    executable = program(arguments.build, "bench", "limits", PROGRAM)
    counted = {name: instructions(valgrind, executable, name) for name in paths}
    if arguments.update:
        before = references["references"].get(optimization, {}).get("paths", {})
        known = updated(known, before, counted)
        references["references"][optimization] = {**setting, "paths": known}
        save(arguments.references, references)
    return compare(counted, known, arguments.check)


def chosen_paths(names, hottest):
    for name in names:
        if name not in PATHS:
            raise UsageError(f"no hot path '{name}'; there are {', '.join(PATHS)}")
    if names and hottest:
        raise UsageError("--hottest and the names of paths do not go together")
    return list(HOTTEST) if hottest else names or list(PATHS)


def introspected(build, what):
    path = build / "meson-info" / f"intro-{what}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BenchError(f"'{build}' is no build directory of Meson: it lacks '{path}'") from error


def setting_of(build):
    """(optimization level, {what else the numbers depend on, besides the code}): references hold under the same only."""
    options = {option["name"]: option["value"] for option in introspected(build, "buildoptions")}
    for name, plain in (("b_sanitize", "none"), ("b_coverage", False), ("b_lto", False), ("b_pgo", "off")):
        if options.get(name, plain) != plain:
            raise Skip(f"the programs are compiled with {name}={options[name]}")
    return options["optimization"], {"compiler": compiler_of(introspected(build, "targets")),
                                     "machine": platform.machine(),
                                     "libc": os.confstr("CS_GNU_LIBC_VERSION") or "unknown", "avx2": has_avx2()}


def compiler_of(targets):
    """What the compiler says of itself, by whichever of its names it is called."""
    for target in targets:
        for sources in target["target_sources"] if target["name"] == PROGRAM else []:
            if sources.get("language") == "cpp":
                done = subprocess.run([*sources["compiler"], "--version"], capture_output=True, text=True, check=False)
                return re.sub(r"^\S*[cg]\+\+\S* ", "gcc ", done.stdout.partition("\n")[0])
    raise Skip(f"the build directory has no {PROGRAM}: compile it with -Dbench=true")


def has_avx2():
    """Checksums and the copies of libc take other instructions without it."""
    return bool(re.search(r"^flags\s*:.*\bavx2\b", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE))


def instructions(valgrind, executable, name):
    """Of one operation."""
    iterations = PATHS[name]
    with tempfile.TemporaryDirectory(prefix="accrete-instructions-") as directory:
        once, twice = (count(valgrind, executable, name, times * iterations, directory) for times in (1, 2))
    if twice <= once:
        raise BenchError(f"{name} takes no more instructions for twice the work ({once:,}, then {twice:,})")
    return (twice - once) / iterations


def count(valgrind, executable, name, iterations, directory):
    command = [valgrind, "--tool=callgrind", f"--callgrind-out-file={directory}/profile", str(executable), name,
               str(iterations)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=DEADLINE_SECONDS,
                              # Meson has malloc fill what it frees.
                              env={**os.environ, "TMPDIR": directory, "MALLOC_PERTURB_": "0"})
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{name} has not ended after {DEADLINE_SECONDS} s") from error
    if done.returncode != 0:
        raise BenchError(f"{name} fails: {last_message(done.stderr) or done.returncode}")
    return collected(done.stderr)


def collected(messages):
    """What callgrind says in the end: "==7== Collected : 23087655"."""
    found = re.search(r"^==\d+== Collected : (\d+)\s*$", messages, re.MULTILINE)
    if not found:
        raise BenchError(f"callgrind does not say how much it has collected: {last_message(messages)}")
    return int(found[1])


def save(path, references):
    """A line for each path."""
    text = re.sub(r"\{\s*(\"instructions\": [^,]*,)\s*([^}]*?)\s*\}", r"{\1 \2}", json.dumps(references, indent=1))
    path.write_text(text + "\n", encoding="utf-8")


def known_paths(references, optimization, setting):
    """The references for these, or Skip if there are none or they were counted elsewhere."""
    known = references["references"].get(optimization)
    if known is None:
        raise Skip(f"there are no references for optimization level {optimization}")
    for name, value in setting.items():
        if known.get(name) != value:
            raise Skip(f"the references are of {name} {known.get(name)}, and here it is {value}")
    return known["paths"]


def updated(paths, before, counted):
    """What was counted of other paths stays; `before` holds tolerances, from whatever place."""
    tolerances = {name: path["tolerance"] for name, path in before.items()}
    return paths | {name: {"instructions": round(number, 1), "tolerance": tolerances.get(name, TOLERANCE)}
                    for name, number in counted.items()}


def compare(counted, references, checks):
    """Prints the table; the exit code."""
    print(f"{'path':<18}{'instructions':>14}{'reference':>12}{'change':>10}")
    exceeded = False
    for name, number in counted.items():
        reference = references.get(name)
        if reference is None:
            print(f"{name:<18}{number:>14,.0f}{'-':>12}{'':>10}   no reference: add one with --update")
            continue
        change, tolerance = number / reference["instructions"] - 1, reference["tolerance"]
        exceeded |= change > tolerance
        note = f"   more than the {100 * tolerance:g} % that are allowed" if change > tolerance else ""
        if change < -tolerance:
            note = "   fewer: update the reference with --update"
        print(f"{name:<18}{number:>14,.0f}{reference['instructions']:>12,.0f}{100 * change:>+8.1f} %{note}")
    return 1 if checks and exceeded else 0
