#!/usr/bin/python3
"""environments.py NAME [WHEEL]: prints the directory of a virtual environment as environments.toml lists it, with the
package accrete of WHEEL in it. Makes it below build/, where it stays until the list changes.

The exit code is 77 where there can be none: if the Python index is not reached, or this Python is too new for it.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def skip(reason):
    print(f"Skipped: {reason}", file=sys.stderr)
    sys.exit(77)


def make(name, listed, installer):
    if sys.version_info[:2] > tuple(map(int, listed.get("python", VERSION).split("."))):
        skip(f"{name} is for Python {listed['python']} or older")
    digest = hashlib.sha256(json.dumps([installer, listed]).encode()).hexdigest()[:12]
    directory = HERE.parents[1] / "build" / "python" / f"{name}-{VERSION}-{digest}"
    complete = directory / "complete"
    if not complete.exists():
        for old in directory.parent.glob(f"{name}-{VERSION}-*"):
            shutil.rmtree(old)
        venv.create(directory, with_pip=True)
        # Debian 12's pip lacks options that building the wheel takes. Nothing small comes if nothing comes at all.
        if subprocess.call(pip(directory, "--timeout", "15", "--retries", "1", installer), stdout=sys.stderr) != 0:
            skip("the Python index is not reached")
        subprocess.run(pip(directory, "--timeout", "60", "--no-deps", *listed["requirements"]), check=True,
                       stdout=sys.stderr)
        complete.touch()
    return directory


def pip(directory, *arguments):
    return [directory / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]


def main():
    name, *wheels = sys.argv[1:]
    listed = tomllib.loads((HERE / "environments.toml").read_text(encoding="utf-8"))
    directory = make(name, listed[name], f"pip=={listed['pip']}")
    if wheels:
        subprocess.run(pip(directory, "--no-index", "--no-deps", "--force-reinstall", *wheels), check=True,
                       stdout=sys.stderr)
    print(directory)


if __name__ == "__main__":
    main()
