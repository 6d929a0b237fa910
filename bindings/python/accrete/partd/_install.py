"""Has `import partd` find accrete.partd, in this process and in those that it starts."""

from __future__ import annotations

import os
import sys
import warnings

_shim = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_shim")


def install() -> None:
    """From now on `import partd` finds accrete.partd, here and in the processes that this one starts.

    A folder that has a module `partd` is put in front of `sys.path`, which multiprocessing hands on, and of PYTHONPATH.
    What has imported partd before goes on with it: RuntimeWarning says so. Call it first.
    """
    if sys.path[:1] != [_shim]:
        sys.path.insert(0, _shim)
    given = os.environ.get("PYTHONPATH")
    paths = [path for path in given.split(os.pathsep) if path != _shim] if given else []  # an empty one is a folder, too
    os.environ["PYTHONPATH"] = os.pathsep.join([_shim, *paths])
    imported = sys.modules.get("partd")
    if imported is sys.modules[__package__]:
        return
    if imported is not None:
        warnings.warn(
            f"partd has been imported already, from {getattr(imported, '__file__', '?')}: what has imported it goes on "
            "with it; call accrete.partd.install() before",
            RuntimeWarning,
            stacklevel=2,
        )
    alias()


def alias() -> None:
    """Enters accrete.partd's modules under partd's names."""
    for name in [name for name in sys.modules if name == "partd" or name.startswith("partd.")]:
        del sys.modules[name]
    prefix = f"{__package__}."
    for name, module in list(sys.modules.items()):
        if name == __package__:
            sys.modules["partd"] = module
        elif name.startswith(prefix) and not name.startswith(prefix + "_"):
            sys.modules["partd." + name[len(prefix) :]] = module
