"""One loaded model for several bindings.

Bindings that declare the same ``engine:`` live in one worker; what each loads by the same key there
is one object, loaded once and let go with its last holder::

    def load(self) -> None:
        if self._model is None:
            self._model = shared(("bark", self._name, self._device), lambda: load_bark(...))

    def unload(self) -> None:
        self._model = None

    def generate_audio(...):
        self._model.value.generate(...)
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Something that several hold; it goes when the last of them lets this go.

    Attributes:
        value: What was made.
    """

    __slots__ = ("__weakref__", "value")

    def __init__(self, value: T) -> None:
        self.value = value


def shared(key: Hashable, make: Callable[[], T]) -> Shared[T]:
    """Return what ``key`` names in this process, made by ``make`` if nobody holds it.

    Args:
        key: Everything that tells one loaded model from another: engine, model, device, precision.
        make: Loads it; others who ask for the same key meanwhile wait. What it raises is raised,
            and nothing is kept.
    """
    with _lock_of(key):
        held = _held.get(key)
        if held is None:
            held = _held[key] = Shared(make())
    return held


def _lock_of(key: Hashable) -> threading.RLock:
    with _mutex:
        return _locks.setdefault(key, threading.RLock())


def _begin() -> None:
    # In the child of a fork, locks that other threads of the parent held would stay held.
    global _mutex, _locks
    _mutex, _locks = threading.Lock(), {}


_held: weakref.WeakValueDictionary[Hashable, Shared[Any]]
_held = weakref.WeakValueDictionary()
_mutex: threading.Lock
_locks: dict[Hashable, threading.RLock]
_begin()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin)
