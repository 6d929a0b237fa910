"""accrete.partd: partd's modules, classes and functions, with what partd loses, doubles or mixes up put right.

    from accrete.partd import File, PandasBlocks    # in the place of: from partd import ...
    accrete.partd.install()                         # or: whoever imports partd gets this, in new processes, too

docs/python.md says what differs, and why.
"""

from contextlib import suppress

from . import compressed, core, encode, utils
from .buffer import Buffer
from .compressed import *  # noqa: F403
from .core import Interface
from .dict import Dict
from .encode import Encode
from .file import File
from ._install import install
from .pickle import Pickle
from .python import Python

with suppress(ImportError):
    from .numpy import Numpy
with suppress(ImportError):
    from .pandas import PandasBlocks, PandasColumns
with suppress(ImportError):
    from .zmq import Client, Server

__version__ = "1.4.2"  # partd's, whose names these are
