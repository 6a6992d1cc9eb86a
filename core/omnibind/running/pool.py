"""One object for all who hold an equal one."""

from __future__ import annotations

import json
import os
import threading
import weakref
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from omnibind.contracts.wire_form import pack

T = TypeVar("T")


class Pool(Generic[T]):
    """Keeps one object a key for as long as somebody holds it."""

    def __init__(self) -> None:
        self._held: weakref.WeakValueDictionary[Hashable, T] = weakref.WeakValueDictionary()
        self._begin()
        _POOLS.add(self)

    def _begin(self) -> None:
        self._lock = threading.RLock()

    def one(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return the object of that key, made if nobody holds one."""
        with self._lock:
            found = self._held.get(key)
            if found is None:
                found = self._held[key] = make()
            return found

    def forget(self, held: T) -> None:
        """Keep an object for its holders alone: it is no longer what its key says."""
        with self._lock:
            for key, found in list(self._held.items()):
                if found is held:
                    del self._held[key]


def identity(configuration: Any) -> Hashable:
    """Return what is equal for equal configurations."""
    packed = pack(dict(configuration))
    return json.dumps(packed.data, sort_keys=True), tuple(map(bytes, packed.parts))


_POOLS: weakref.WeakSet[Pool[Any]] = weakref.WeakSet()


def _after_fork() -> None:
    for pool in list(_POOLS):
        pool._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
