"""Runs an example in an empty directory and compares what it prints with the file of expected output.

usage: run_example.py PROGRAM EXPECTED_FILE
"""

import difflib
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def main():
    program, expected = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run([program], cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        left_behind = os.listdir(directory)
    difference = list(difflib.unified_diff(expected.splitlines(True), done.stdout.splitlines(True), "expected", "printed"))
    sys.stdout.writelines(difference)
    if left_behind:
        print("left behind:", left_behind)
    if done.returncode != 0:
        print("exit code:", done.returncode)
    return 1 if difference or left_behind or done.returncode != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
