"""Where the program `accrete` is."""

from __future__ import annotations

import os
import shutil

from .errors import NotFoundError


def program() -> str:
    """The path of the program: what ACCRETE_PROGRAM names, the one that was installed with this package, or the one on
    the PATH. Raises NotFoundError."""
    named = os.environ.get("ACCRETE_PROGRAM")
    if named:
        return named
    beside = os.path.join(os.path.dirname(__file__), "bin", "accrete")
    found = beside if os.path.exists(beside) else shutil.which("accrete")
    if found is None:
        raise NotFoundError("there is no program 'accrete' on the PATH: install it, or set ACCRETE_PROGRAM to its path")
    return found
