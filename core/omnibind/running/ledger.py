"""The ledger of one machine: who holds memory, and who loads now.

A lease is a locked file. The lock belongs to the open file, which a worker inherits, so the system
ends the lease with whoever holds the memory, however that ends; a file that nobody holds locked is
removed by whoever sees it next.

The files lie in omnibind's home, where all programs of a user find them whatever their session or
service. Their names begin with the machine's: a home may be shared by several machines.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from omnibind.contracts.errors import Stuck
from omnibind.weights import locks

if TYPE_CHECKING:
    import logging

LOAD_WAIT_S = 600.0
"""Who waits longer for others to have loaded gives up."""

_POLL_S = 0.02
_UNWRITABLE = -1


class Claim(msgspec.Struct, frozen=True):
    """What is told of a lease.

    Attributes:
        label: ``modality/name``.
        engine: What bindings share.
        model: The model, or None.
        device: The device's name in the program that holds it.
        device_id: What tells the device from every other of the machine.
        bytes: What it holds, or is expected to.
        is_measured: Whether that was measured.
        pid: The program's process.
        program: The program's name.
        worker_pid: The process that holds it, where that is a worker.
        since: When it was loaded, in UTC: ``2026-01-31T12:00:00Z``.
    """

    label: str
    engine: str
    model: str | None
    device: str
    device_id: str
    bytes: int
    is_measured: bool
    pid: int
    program: str
    worker_pid: int | None
    since: str

    @property
    def owner(self) -> str:
        """The program for people."""
        return f"{self.program} (pid {self.pid})"


class Lease:
    """A claim that lasts as long as somebody holds its file open."""

    def __init__(self, path: Path, descriptor: int | None, claim: Claim) -> None:
        self.claim = claim
        self._path = path
        self._descriptor = descriptor
        self._is_inherited = False
        self._pid = os.getpid()

    def inherit(self) -> tuple[int, ...]:
        """Return the open file for a worker that is being started to inherit, where there is one.

        The lease then ends with that worker, once :meth:`hand_over` was called.
        """
        if self._descriptor is None:
            return ()
        self._is_inherited = True
        return (self._descriptor,)

    def hand_over(self, worker_pid: int) -> None:
        """Leave the lease to a worker, where it inherited the file, and tell of it."""
        self.tell(worker_pid=worker_pid)
        if self._is_inherited and self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def tell(self, **changes: Any) -> None:
        """Change what is told."""
        self.claim = msgspec.structs.replace(self.claim, **changes)
        # It may have ended meanwhile, or there is no ledger.
        with suppress(OSError), self._path.open("r+b") as file:
            _write(file.fileno(), self.claim)

    def end(self) -> None:
        """Give the claim back; again, it changes nothing."""
        if self._pid != os.getpid():  # a fork's copy: the lease is the parent's
            self.forget()
            return
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.lseek(descriptor, 0, os.SEEK_SET)  # what is locked is the byte there
            locks.release(self._path, descriptor)
        else:
            with suppress(OSError):  # there is no ledger
                self._path.unlink(missing_ok=True)

    def forget(self) -> None:
        """Close a fork's copy, so that the lease ends with the parent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class Ledger:
    """The leases and load locks of this machine."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where the files lie."""
        if self._folder is not None:
            return self._folder
        from omnibind.weights.places import home

        return home() / "running"

    def lease(self, claim: Claim) -> Lease:
        """Write a claim down; where that can't be done, the engine goes unseen by others."""
        path = self.folder / f"{_machine()}-{os.getpid()}-{os.urandom(4).hex()}.lease"
        while (descriptor := self._attempt(path)) is None:
            continue  # a reader was quicker; it sees that nobody holds the file, and removes it
        if descriptor == _UNWRITABLE:
            return Lease(path, None, claim)
        _write(descriptor, claim)
        return Lease(path, descriptor, claim)

    def claims(self) -> list[Claim]:
        """Return what is held now, the oldest first; leases whose holder died are removed."""
        ours = f"{_machine()}-"
        held = [path for path in self.folder.glob("*.lease") if _is_held(path)]
        found = [_read(path) for path in held if path.name.startswith(ours)]
        told = [claim for claim in found if claim is not None]
        return sorted(told, key=lambda claim: (claim.since, claim.label))

    def _attempt(self, path: Path) -> int | None:
        """Return a descriptor that holds the file; None where another does, -1 where none can."""
        try:
            return locks.attempt(path)
        except OSError as error:
            _logger().info("other programs aren't told of engines in %s: %s", self.folder, error)
            return _UNWRITABLE

    @contextmanager
    def loading(
        self,
        claim: Claim,
        waiting: Callable[[str], None],
        *,
        wait_s: float = LOAD_WAIT_S,
        rest: Callable[[float], None] = time.sleep,
    ) -> Iterator[None]:
        """Be the only one on this machine who loads onto a device.

        Args:
            claim: What is to be loaded, for those who wait.
            waiting: Is told again and again who loads now; may raise to give up.
            wait_s: Seconds after which to give up.
            rest: Lets time pass.

        Raises:
            Stuck: Somebody else has been loading for so long.
        """
        path = self.folder / f"{_machine()}-{_safe(claim.device_id)}.load"
        waited = 0.0
        while (descriptor := self._attempt(path)) is None:
            other = _read(path)
            told = "another program" if other is None else f"{other.owner}: {other.label}"
            if waited >= wait_s:
                raise Stuck(
                    f"{claim.label} can't be loaded: {told} has been loading onto {claim.device} "
                    f"for over {wait_s:.0f} s; wait for it, or end that program"
                )
            waiting(told)
            rest(_POLL_S)
            waited += _POLL_S
        if descriptor == _UNWRITABLE:
            yield
            return
        _write(descriptor, claim)
        try:
            yield
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
            locks.release(path, descriptor)


def program() -> str:
    """Return this program's name; its arguments, which may hold secrets, stay out."""
    name = Path(sys.argv[0] if sys.argv else "").name
    return "python" if name in ("", "-c", "-m") else name


def _is_held(path: Path) -> bool:
    try:
        descriptor = locks.attempt(path)
    except OSError:
        return False
    if descriptor is None:
        return True
    locks.release(path, descriptor)
    return False


def _write(descriptor: int, claim: Claim) -> None:
    # In one piece and never shortened, so that a reader sees the old claim or the new one. The
    # first byte stays out: it is what Windows locks, and lets nobody read.
    content = msgspec.json.encode(claim)
    os.lseek(descriptor, 1, os.SEEK_SET)
    os.write(descriptor, content.ljust(max(1023, os.fstat(descriptor).st_size - 1)))


def _read(path: Path) -> Claim | None:
    try:
        with path.open("rb") as file:
            file.seek(1)
            return msgspec.json.decode(file.read(), type=Claim)
    except (OSError, msgspec.MsgspecError):
        return None  # it ended, or isn't written yet


def _machine() -> str:
    """Return a name that is another's on every other machine, and another after each start."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        import platform

        return _safe(platform.node()) or "here"


def _safe(name: str) -> str:
    return "".join(sign if sign.isalnum() else "_" for sign in name)


def _logger() -> logging.Logger:
    import logging

    return logging.getLogger("omnibind.memory")
