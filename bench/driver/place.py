"""Where datasets are made that are measured."""

import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

from driver.machine import file_system
from driver.results import BenchError


@contextmanager
def place_of_data(directory):
    """A new directory in this one, removed at the end with all that is in it."""
    existed = directory.exists()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(prefix="run-", dir=directory)).resolve()
    except OSError as error:
        raise BenchError(f"cannot make a directory in '{directory}': {error.strerror}") from error
    try:
        if file_system(place) in ("tmpfs", "ramfs"):
            print(f"accrete-bench: warning: '{directory}' is in memory, where fdatasync costs nothing", file=sys.stderr)
        # Lets ext4 look for another block group for each directory below: where files were removed, it is slow to make
        # new ones (driver/settle.py).
        with suppress(OSError):
            subprocess.run(["chattr", "+T", str(place)], stderr=subprocess.DEVNULL, check=False)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        if not existed:
            with suppress(OSError):
                directory.rmdir()
