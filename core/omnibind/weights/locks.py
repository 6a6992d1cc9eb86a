"""One holder at a time of a name on this machine, among threads and among processes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omnibind.contracts.errors import FetchFailed

_WAIT_S = 6 * 3600.0
_POLL_S = 0.05


@contextmanager
def exclusive(path: Path, *, wait_s: float = _WAIT_S) -> Iterator[None]:
    """Hold the lock file at ``path``; it is made when needed and removed at the end.

    The system releases it when its holder dies, so a lock file left by a crash blocks nobody.

    Raises:
        FetchFailed: Someone else held it for ``wait_s`` seconds.
        OSError: The file can't be made.
    """
    give_up = time.monotonic() + wait_s
    while (descriptor := attempt(path)) is None:
        if time.monotonic() > give_up:
            raise FetchFailed(f"another process has held {path} for {wait_s:g} s; end it and retry")
        time.sleep(_POLL_S)
    try:
        yield
    finally:
        release(path, descriptor)


def attempt(path: Path) -> int | None:
    """Return the descriptor of the lock file, held until :func:`release`; None if others hold it.

    Raises:
        OSError: The file can't be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except FileNotFoundError:  # a removal took the empty folder
        return None
    except PermissionError:
        if sys.platform == "win32":  # being removed by its last holder
            return None
        raise
    if _locked(descriptor) and _is_still(path, descriptor):
        return descriptor
    os.close(descriptor)
    return None


def _is_still(path: Path, descriptor: int) -> bool:
    # The holder before us removes the file: a lock on a removed file excludes nobody.
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(descriptor))


if sys.platform == "win32":
    import msvcrt

    def _locked(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def release(path: Path, descriptor: int) -> None:
        """Give a lock back and remove its file."""
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
        os.close(descriptor)
        try:
            path.unlink(missing_ok=True)
        except PermissionError:
            return  # the next holder has it open already and will remove it

else:
    import fcntl

    def _locked(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(path: Path, descriptor: int) -> None:
        """Give a lock back and remove its file."""
        path.unlink(missing_ok=True)
        os.close(descriptor)
