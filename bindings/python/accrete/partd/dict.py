"""Values in memory."""

from __future__ import annotations

import builtins
from typing import Any

from .. import _native
from .core import Interface, Lock, held


class Dict(Interface):
    """Keeps what is appended, without copying bytes, until a value is asked for."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.data: builtins.dict[Any, list[bytes]] = {}
        Interface.__init__(self)

    def __getstate__(self) -> builtins.dict[str, Any]:
        return {"data": self.data}

    def __setstate__(self, state: builtins.dict[str, Any]) -> None:
        Interface.__setstate__(self, state)
        Dict.__init__(self)
        self.data = state["data"]

    def append(self, data: Any, lock: Any = True, **kwargs: Any) -> None:
        with held(self.lock, lock):
            _native.partd_dict_append(self.data, as_dict(data))

    def _get(self, keys: Any, lock: Any = True, **kwargs: Any) -> list[bytes]:
        with held(self.lock, lock):
            return _native.partd_dict_get(self.data, keys)

    def _iset(self, key: Any, value: Any, lock: Any = True) -> None:
        with held(self.lock, lock):
            self.data[key] = [bytes(value)]

    def _delete(self, keys: Any, lock: Any = True) -> None:
        with held(self.lock, lock):
            for key in keys:
                self.data.pop(key, None)

    def drop(self) -> None:
        self._iset_seen.clear()
        self.data.clear()

    def __exit__(self, *args: object) -> None:
        self.drop()


def as_dict(data: Any) -> builtins.dict[Any, Any]:
    """A mapping that is to be appended."""
    return data if isinstance(data, builtins.dict) else builtins.dict(data.items())
