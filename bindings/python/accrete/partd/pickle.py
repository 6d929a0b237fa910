"""Lists, by pickle."""

from __future__ import annotations

import pickle
from functools import partial
from itertools import chain
from typing import Any

from .encode import Encode


def concat(lists: list[list[Any]]) -> list[Any]:
    return list(chain.from_iterable(lists))


Pickle = partial(Encode, partial(pickle.dumps, protocol=pickle.HIGHEST_PROTOCOL), pickle.loads, concat)
