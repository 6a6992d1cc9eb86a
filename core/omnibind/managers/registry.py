"""Bindings registered in code, for the whole process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from omnibind.contracts.binding import Binding

Maker = Callable[..., Binding]


class Registered(NamedTuple):
    """A class or factory that a program registered.

    Attributes:
        name: The binding's name.
        modality: Its modality.
        maker: Called with the configuration; gives the binding.
    """

    name: str
    modality: str
    maker: Maker

    @property
    def choice(self) -> str:
        """The name that chooses exactly this one."""
        return f"registered:{self.name}"


_registered: dict[tuple[str, str], Registered] = {}
_lock = threading.Lock()


def add(entry: Registered) -> bool:
    """Register; False where the name is taken by another."""
    with _lock:
        present = _registered.setdefault((entry.modality, entry.name), entry)
        return present.maker is entry.maker


def remove(modality: str, name: str) -> bool:
    """Take a registration back; False where there is none."""
    with _lock:
        return _registered.pop((modality, name), None) is not None


def find(modality: str, name: str) -> Registered | None:
    """Return the registration of that name, or None."""
    return _registered.get((modality, name))


def names(modality: str) -> list[str]:
    """Return the names registered for one modality."""
    return [name for kind, name in list(_registered) if kind == modality]
