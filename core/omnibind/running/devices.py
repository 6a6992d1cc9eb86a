"""Devices: where the memory of an engine is taken, and how that is measured there."""

from __future__ import annotations

from typing import Protocol

from omnibind.contracts.errors import BadConfig
from omnibind.running import memory
from omnibind.running.memory import Marks

HOST = "host"


class Device(Protocol):
    """Something that has memory."""

    @property
    def name(self) -> str:
        """What people call it: ``host``, ``cuda:0``."""

    @property
    def id(self) -> str:
        """What tells it from every other of this machine, in all programs alike."""

    @property
    def settle_s(self) -> float:
        """Seconds in which what an ended process held is seen as free at the latest."""

    def total_bytes(self) -> int | None:
        """Return how much there is."""

    def free_bytes(self) -> int | None:
        """Return how much is free now; None where that isn't told."""

    def taken(self, pid: int | None) -> int | None:
        """Return a count that grows by what a load takes: before and after give its size.

        On the host what a process holds, this one's for None; on a GPU what all of them do.
        """

    def marks(self, pid: int | None, *, anew: bool = False) -> Marks | None:
        """Return what is taken now and was at most; ``anew``, the highest counts from now on."""

    def give_back(self) -> None:
        """Return what this process freed to the device, where its allocators kept it."""


class Host:
    """The machine's own memory."""

    name = id = HOST
    settle_s = 0.0

    def total_bytes(self) -> int | None:
        """Return how much there is, or a program's control group may use."""
        return memory.total_bytes()

    def free_bytes(self) -> int | None:
        """Return how much is free now."""
        return memory.free_bytes()

    def taken(self, pid: int | None) -> int | None:
        """Return the private bytes of a process."""
        found = memory.held(pid)
        return None if found is None else found.bytes

    def marks(self, pid: int | None, *, anew: bool = False) -> Marks | None:
        """Return where its resident set stands."""
        return memory.marks_of(pid, anew=anew)

    def give_back(self) -> None:
        """Return what this process freed to the system."""
        memory.give_back()


_host = Host()


def device(name: str | None) -> Device:
    """Return the device that a binding's ``device`` means.

    Args:
        name: None, ``host``, ``cpu``, ``mps`` and ``xpu`` (whose memory is the host's, or counted
            as such), ``cuda`` or ``cuda:N``; ``auto`` is the first GPU where one is seen.

    Raises:
        BadConfig: It is none of these.
    """
    if name in (None, HOST, "cpu"):
        return _host
    from omnibind.running import cuda

    if name == "auto":
        return cuda.first() or _host
    kind, colon, number = str(name).partition(":")
    if kind in ("mps", "xpu"):
        return _host
    if kind not in ("cuda", "gpu") or (colon and not number.isdecimal()):
        raise BadConfig(f"device is {name!r}; give 'cpu', 'cuda', 'cuda:N' or 'auto'")
    return cuda.gpu(int(number or 0))


def all_devices() -> list[Device]:
    """Return the host and the GPUs that this process sees."""
    from omnibind.running import cuda

    return [_host, *cuda.every()]
