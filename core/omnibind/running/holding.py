"""Who may make, use or remove an environment: locks that end with the processes that hold them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from omnibind.contracts.errors import EnvironmentMissing, FetchFailed, InstallFailed
from omnibind.weights import locks

USE_NAME = "use.lock"
"""The file, beside a virtual environment, that whoever runs something in it holds."""


@contextmanager
def alone(place: Path, label: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Be the only one on this machine that makes or removes the environments in ``place``."""
    lock = place.with_name(f".{place.name}.lock")
    with ExitStack() as stack:
        try:
            stack.enter_context(locks.exclusive(lock, wait_s=0))
        except FetchFailed:
            tell(f"Waiting for another process that installs or removes {label}")
            stack.enter_context(locks.exclusive(lock))
        yield


def hold(python: Path) -> int:
    """Keep an environment from being removed while something runs in it.

    Args:
        python: Its interpreter, as :func:`environment_of` gives it.

    Returns:
        A descriptor to be inherited by the process that runs there, and closed by the caller once
        that is started. The environment is held until the last copy of it is closed.

    Raises:
        EnvironmentMissing: It is gone, or being removed.
    """
    folder = python.parent.parent.parent
    descriptor = _locked(folder, shared=True)
    if descriptor is None:
        raise EnvironmentMissing(f"the environment in {folder} is gone; install it again")
    return descriptor


def clear(place: Path, kept: str) -> None:
    """Remove all folders but one; those in use stay until the next time."""
    for folder in _folders(place):
        if folder.name == kept:
            continue
        descriptor = _locked(folder, shared=False)
        if descriptor is not None:
            shutil.rmtree(folder)
            os.close(descriptor)


@contextmanager
def unused(place: Path, label: str) -> Iterator[list[Path]]:
    """Hold every folder for ourselves alone, so that nobody begins to use one."""
    folders, held = _folders(place), []
    try:
        for folder in folders:
            descriptor = _locked(folder, shared=False)
            if descriptor is None:
                raise InstallFailed(
                    f"the environment of {label} is used by a program; end that and retry"
                )
            held.append(descriptor)
        yield folders
    finally:
        for descriptor in held:
            os.close(descriptor)


def _folders(place: Path) -> list[Path]:
    try:
        return sorted(path for path in place.iterdir() if path.is_dir())
    except FileNotFoundError:
        return []


def _locked(folder: Path, *, shared: bool) -> int | None:
    """Lock a folder's use; None where it is gone or others hold it."""
    if sys.platform == "win32":
        return None
    import fcntl

    flags = os.O_RDWR if shared else os.O_RDWR | os.O_CREAT
    try:
        descriptor = os.open(folder / USE_NAME, flags, 0o644)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    if os.fstat(descriptor).st_nlink == 0:  # removed between the two
        os.close(descriptor)
        return None
    return descriptor
