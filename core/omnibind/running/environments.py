"""Environments of bindings: made by uv, proven, put in place, removed. Linux and macOS.

See :mod:`omnibind.discovery.environment` for what lies where, and why nothing is ever renamed. Who
runs something in an environment holds a lock on it (:func:`omnibind.running.holding.hold`), which
ends with the last process that inherited it: an environment in use is never taken away, its
successor is made beside it.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from omnibind.contracts.errors import (
    BindingBroken,
    EnvironmentMissing,
    InstallFailed,
    NotOffered,
    Offline,
    OmnibindError,
    WrongPlatform,
)
from omnibind.discovery import environment as files
from omnibind.discovery.environment import EnvironmentState as EnvironmentState
from omnibind.discovery.environment import Record
from omnibind.discovery.environment import environment_of as environment_of
from omnibind.discovery.manifest import Manifest, read_manifest
from omnibind.discovery.places import Found
from omnibind.discovery.static import withdrawn
from omnibind.running import holding
from omnibind.weights import records
from omnibind.weights.places import is_offline

if TYPE_CHECKING:
    from omnibind.discovery.probe import Facts

Progress = Callable[[str], None]


class Size(NamedTuple):
    """What a folder takes on disk.

    Attributes:
        bytes: All of its files, each counted once.
        shared: Those of them that have another name elsewhere, as files in uv's cache have.
    """

    bytes: int
    shared: int


class Installed(NamedTuple):
    """One environment on this machine.

    Attributes:
        modality: ``tts``, …
        name: The binding's name.
        folder: Where it lies.
        environment: How it does.
        size: What it takes on disk.
    """

    modality: str
    name: str
    folder: Path
    environment: EnvironmentState
    size: Size


def install(
    found: Found,
    manifest: Manifest,
    *,
    torch_backend: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Make a binding's own environment, unless the one asked for is here.

    Args:
        found: The binding's folder.
        manifest: Its manifest.
        torch_backend: Which builds of torch: ``cpu``, ``cu128``, …, ``auto`` for what fits this
            machine's GPU. None is ``auto`` too, but where the settings of uv or pip name an index
            or a folder of wheels, torch is taken from there as it is.
        progress: Told the steps, a line each.

    Returns:
        Its interpreter.

    Raises:
        InstallFailed: It couldn't be made, with uv's own words; what was there before is unchanged.
        PackagesMissing: There is no uv.
        Offline: ``OMNIBIND_OFFLINE`` forbids it.
        NotOffered: The binding has no code to run.
        WrongPlatform: This is Windows.
    """
    return _installed(found, manifest, torch_backend, progress, anew=False)


def repair(
    found: Found,
    manifest: Manifest,
    *,
    torch_backend: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Make a binding's own environment anew, whatever is there; as :func:`install` otherwise.

    Without ``torch_backend`` the builds of torch are those that were asked for the last time.
    """
    return _installed(found, manifest, torch_backend, progress, anew=True)


def uninstall(found: Found) -> int:
    """Remove a binding's own environment, and what interrupted installs left.

    Returns:
        The bytes freed, those shared with uv's cache left out; 0 where nothing was here.

    Raises:
        InstallFailed: A program uses it, or it can't be written.
    """
    return remove(files.place_of(found), _label(found))


def remove(place: Path, label: str) -> int:
    """Remove the environments in one folder; ``label`` stands for them in messages.

    Returns:
        The bytes freed, those shared with uv's cache left out.

    Raises:
        InstallFailed: A program uses one, or it can't be written.
    """
    if not place.is_dir():
        return 0
    with _written(label), holding.alone(place, label, _unheard):
        size = size_of(place)
        with holding.unused(place, label) as folders:
            (place / files.RECORD_NAME).unlink(missing_ok=True)
            for folder in folders:
                shutil.rmtree(folder)
        shutil.rmtree(place)
    _prune(place)
    return size.bytes - size.shared


def all_environments() -> list[Installed]:
    """Return every environment on this machine, by path; what was interrupted is left out."""
    installed = []
    for path in sorted(files.environments_folder().glob(f"*/*/{files.RECORD_NAME}")):
        place = path.parent
        name = place.name.partition("-")[0]
        state = _state_of(place)
        installed.append(Installed(place.parent.name, name, place, state, size_of(place)))
    return installed


def facts_of(found: Found, manifest: Manifest) -> Facts:
    """Return a binding's schemas as its own environment knows them.

    They were taken when it was made; where the code has changed since, they are taken again there.

    Raises:
        EnvironmentMissing: The environment isn't here, or isn't whole.
        BindingBroken: The changed code is wrong.
    """
    from omnibind.discovery.probe import Facts
    from omnibind.running import proof

    seen = environment_of(found, manifest)
    if seen.python is None or seen.record is None:
        problem = next(files.environment_problems(found, manifest))
        raise EnvironmentMissing(problem.message, command=problem.command)
    if seen.record.code == files.code_hash(found):
        return Facts.from_data(seen.record.facts)
    return Facts.from_data(proof.examine(seen.python, found, manifest.entry))


def size_of(folder: Path) -> Size:
    """Return what a folder takes on disk."""
    seen: dict[tuple[int, int], tuple[int, bool]] = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            found = Path(parent, name).lstat()
            seen[found.st_dev, found.st_ino] = found.st_size, found.st_nlink > 1
    shared = sum(size for size, is_shared in seen.values() if is_shared)
    return Size(sum(size for size, _ in seen.values()), shared)


def _installed(
    found: Found,
    manifest: Manifest,
    torch_backend: str | None,
    progress: Progress | None,
    *,
    anew: bool,
) -> Path:
    from omnibind.running.making import make

    label = _label(found)
    if sys.platform == "win32":
        raise WrongPlatform(f"{label} runs in process on Windows; environments need Linux or macOS")
    if not manifest.entry:
        raise NotOffered(f"{label} has no code to run: {withdrawn(found, manifest).message}")
    place, tell = files.place_of(found), progress or _unheard
    try:
        with _written(label), holding.alone(place, label, tell):
            seen = environment_of(found, manifest)
            before = seen.record.torch_backend if seen.record else ""
            if seen.python is not None and torch_backend in (None, before) and not anew:
                return seen.python
            if is_offline():
                raise Offline(f"OMNIBIND_OFFLINE forbids installing {label}; unset it and retry")
            holding.clear(place, seen.record.folder if seen.record else "")
            record = make(found, manifest, torch_backend or before or None, tell)
            holding.clear(place, record.folder)
            return files.python_in(place / record.folder)
    except (BindingBroken, InstallFailed) as error:
        told = f"{label} can't be installed, and nothing was changed: {error.message}"
        raise InstallFailed(told) from error
    finally:
        _prune(place)


def _state_of(place: Path) -> EnvironmentState:
    try:
        record = records.read(place / files.RECORD_NAME, Record)
    except (msgspec.MsgspecError, OSError) as error:
        return EnvironmentState("broken", None, None, f"its record can't be read: {error}")
    found = files.found_by(record) if record else None
    if found is None:
        return EnvironmentState("outdated", None, record, "its binding is gone")
    try:
        return environment_of(found, read_manifest(found.folder))
    except OmnibindError as error:
        return EnvironmentState("outdated", None, record, f"its binding is broken: {error}")


def _prune(place: Path) -> None:
    for folder in (place, place.parent, place.parent.parent):
        with suppress(OSError):  # it isn't there, or others lie in it
            folder.rmdir()


def _label(found: Found) -> str:
    return f"{found.modality}/{found.name}"


def _unheard(line: str) -> None:
    return None


@contextmanager
def _written(label: str) -> Iterator[None]:
    """Turn what the file system refuses into a failed installation."""
    try:
        yield
    except OmnibindError:
        raise
    except OSError as error:
        told = f"{error.filename or 'a file'}: {error.strerror or error}"
        raise InstallFailed(f"the environment of {label} can't be written: {told}") from error
