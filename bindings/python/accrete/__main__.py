"""python -m accrete: the program `accrete`."""

import os
import sys

from ._program import program
from .errors import NotFoundError

if __name__ == "__main__":
    try:
        path = program()
        os.execv(path, [path, *sys.argv[1:]])
    except (NotFoundError, OSError) as error:
        sys.exit(f"accrete: {error}")
