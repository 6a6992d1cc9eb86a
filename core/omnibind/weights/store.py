"""What is on this machine: is a model there, is it whole, where does it lie; and removing it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Literal, NamedTuple

from omnibind.contracts.binding import is_path
from omnibind.contracts.errors import (
    BadInput,
    NotOffered,
    SaveFailed,
    UnknownModel,
    WeightsDamaged,
    WeightsMissing,
    suggest,
)
from omnibind.weights import integrity, local, lockfile, locks, places, trust
from omnibind.weights.catalogue import Model, Target
from omnibind.weights.integrity import Expected


class Presence(NamedTuple):
    """Whether a model's files are here, judged by name and size alone.

    Attributes:
        state: ``here`` (or nothing is needed), ``absent``, ``partial`` or ``wrong size``.
        bytes_here: Bytes of its files on disk.
        bytes_total: Bytes of the whole model, or None where that isn't known.
        folder: Where it lies, or would lie.
        problem: What is wrong, as a clause; empty where the state is ``here``.
    """

    state: Literal["here", "absent", "partial", "wrong size"]
    bytes_here: int
    bytes_total: int | None
    folder: Path
    problem: str = ""


class Installed(NamedTuple):
    """One folder of weights on disk.

    Attributes:
        modality: ``tts``, …
        name: The binding's name.
        model: The model's name.
        folder: Where it lies.
        bytes: Bytes of all files in it.
    """

    modality: str
    name: str
    model: str
    folder: Path
    bytes: int


def expected(target: Target, model: str) -> list[Expected] | None:
    """Return what files a model must have, or None where only pulling it can tell.

    Raises:
        UnknownModel: Neither the catalogue nor ``models.lock`` knows the model.
        BadInput: A file of a model that was named by its path can't be read.
    """
    if is_path(model):
        return local.expected(model)
    listed = target.models.get(model)
    if listed is not None and not (listed.repository or listed.build):
        files = [Expected(file.path, file.bytes, file.sha256) for file in listed.files]
        if all(file.pinned for file in listed.files):
            return files
        entry = lockfile.entries().get(target.label(model))
        return [_filled(file, entry) for file in files] if entry else files
    entry = lockfile.entries().get(target.label(model))
    if listed is None and entry is None and not target.is_repository(model):
        raise unknown(target, model)
    if entry is None or (listed and listed.repository != entry.repository):
        return None
    return [Expected(path, file.bytes, file.sha256) for path, file in entry.files.items()]


def presence(target: Target, model: str) -> Presence:
    """Say whether a model's files are here; opens none of them.

    Raises:
        UnknownModel: The binding has no such model.
        WeightsDamaged: A file can't even be looked at.
    """
    listed = target.models.get(model)
    if listed is not None and not listed.has_weights:
        return Presence("here", 0, 0, places.models_folders()[-1])
    files = expected(target, model)
    subfolder = places.subfolder(target.modality, target.name, model)
    best = None
    for root in places.models_folders():
        found = _look(root / subfolder, files)
        if found.state == "here":
            return found
        if best is None or best.state == "absent":
            best = found
    assert best is not None
    return best


def resolve(target: Target, model: str) -> Path:
    """Return the folder of a model that may be loaded: whole, and no unknown pickle in it.

    A model that was named by its path is there where it is, a folder or a single file.

    Raises:
        UnknownModel: The binding has no such model.
        NotOffered: The model has no files at all.
        WeightsMissing: Files aren't here; its ``command`` fetches them.
        WeightsDamaged: A file isn't what the catalogue says; its ``command`` mends it.
        Untrusted: A file can run code when it is loaded, and neither the catalogue nor the user
            vouches for it.
    """
    if is_path(model):
        return local.resolve(model)
    folder = whole(target, model)
    listed = target.models.get(model)
    known = listed.hashes if listed else frozenset()
    for file in expected(target, model) or []:
        if file.sha256 not in known:
            trust.check_pickle(folder / file.path, known)
    return folder


def whole(target: Target, model: str) -> Path:
    """Return the folder with all files of a model, each one hashed since it last changed.

    Raises:
        UnknownModel: The binding has no such model.
        NotOffered: The model has no files at all.
        WeightsMissing: Files aren't here; its ``command`` fetches them.
        WeightsDamaged: A file isn't what the catalogue says; its ``command`` mends it.
    """
    found = presence(target, model)
    label, command = target.label(model), target.command(model)
    listed = target.models.get(model)
    if listed is not None and not listed.has_weights:
        raise NotOffered(f"{label} has no files: it needs no weights on this machine")
    if found.state == "absent":
        about = _about(found.bytes_total, listed)
        message = target.lacks(model, "aren't on this machine", about)
        raise WeightsMissing(message, command=command)
    if found.state == "partial":
        message = f"the weights of {label} aren't whole: {found.problem}"
        raise WeightsMissing(message, command=command)
    if found.state == "wrong size":
        message = f"the weights of {label} are damaged: {found.problem}"
        raise WeightsDamaged(message, command=command)
    fault = _fault(found.folder, expected(target, model) or [])
    if fault:
        raise WeightsDamaged(f"the weights of {label} are damaged: {fault}", command=command)
    return found.folder


def home_of(target: Target, model: str) -> Path:
    """Return the folder that a pull writes to: where the model lies already, else the user's."""
    return presence(target, model).folder


def lock_of(folder: Path) -> Path:
    """Return the lock file that guards writing to a model's folder."""
    return folder.with_name(f".{folder.name}.lock")


def workplace_of(folder: Path) -> Path:
    """Return the folder beside a model's where downloads lie until they are whole."""
    return folder.with_name(f".{folder.name}.part")


def remove(target: Target, model: str) -> int:
    """Remove a model's folders and unfinished downloads, and what ``models.lock`` says about it.

    Symbolic links are removed, never followed.

    Returns:
        The bytes freed.

    Raises:
        UnknownModel: The binding has no such model and nothing of that name is on disk.
        BadInput: The folder lies outside of omnibind's own through a link.
        SaveFailed: The folder can't be written.
    """
    label = target.label(model)
    subfolder = places.subfolder(target.modality, target.name, model)
    known = model in target.models or label in lockfile.entries()
    freed = 0
    for root in places.models_folders():
        folder = root / subfolder
        if not known and not _is_model(folder):
            continue
        known = True
        if not folder.parent.is_dir():
            continue
        try:
            freed += _remove_from(root, folder)
        except OSError as error:
            raise SaveFailed(f"{folder} can't be removed: {error.strerror or error}") from error
    if not known:
        raise unknown(target, model)
    lockfile.drop(label)
    return freed


def installed() -> list[Installed]:
    """Return every folder of weights on disk, known to a catalogue or not, by path."""
    found = []
    for root in places.models_folders():
        for folder, subfolders, _ in os.walk(root):
            path = Path(folder)
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            parts = path.relative_to(root).parts
            if len(parts) > 2 and _is_model(path):
                subfolders.clear()
                model = "/".join(parts[2:])
                found.append(Installed(parts[0], parts[1], model, path, bytes_of(path)))
    return found


def bytes_of(folder: Path) -> int:
    """Return the bytes of all files in a folder; 0 for a link and where nothing is."""
    if folder.is_symlink():
        return 0
    inside = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return sum(path.lstat().st_size for path in inside)


def unknown(target: Target, model: str) -> UnknownModel:
    """Return the error for a model that a binding doesn't have."""
    return UnknownModel(
        f"{target.modality}/{target.name} has no model {model!r}; {suggest(model, target.models)}"
    )


def _filled(file: Expected, entry: lockfile.Entry) -> Expected:
    locked = entry.files.get(file.path)
    if locked is None:
        return file
    size = locked.bytes if file.bytes is None else file.bytes
    return Expected(file.path, size, file.sha256 or locked.sha256)


def _look(folder: Path, files: list[Expected] | None) -> Presence:
    if files is None:
        here = bytes_of(folder) if _is_model(folder) else 0
        if not here:
            return Presence("absent", 0, None, folder, f"{folder} isn't there")
        return Presence("partial", here, None, folder, f"what {folder} must hold isn't known yet")
    here = missing = 0
    wrong = first_missing = ""
    total: int | None = 0
    for file in files:
        path = folder / file.path
        size = _size_of(path)
        total = None if total is None or file.bytes is None else total + file.bytes
        if size is None:
            missing += 1
            first_missing = first_missing or f"{path} is missing"
            continue
        here += max(size, 0)
        if not wrong and (size < 0 or (file.bytes is not None and size != file.bytes)):
            wrong = f"{path} {integrity.describe_fault(path, file)}"
    if wrong:
        return Presence("wrong size", here, total, folder, wrong)
    if missing:
        state: Literal["absent", "partial"] = "absent" if missing == len(files) else "partial"
        return Presence(state, here, total, folder, first_missing)
    return Presence("here", here, total, folder)


def _size_of(path: Path) -> int | None:
    try:
        return integrity.size_of(path)
    except OSError as error:
        raise WeightsDamaged(f"{path} can't be read: {error.strerror}") from error


def _fault(folder: Path, files: list[Expected]) -> str | None:
    try:
        return integrity.first_fault(folder, files)
    except OSError as error:
        return f"{error.filename} can't be read: {error.strerror}"


def _about(size: int | None, model: Model | None) -> str:
    facts = [f"{size / 1e6:.1f} MB"] if size else []
    if model is not None and model.license:
        facts.append(model.license)
    return f" ({', '.join(facts)})" if facts else ""


def _is_model(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(
                entry.name == integrity.STAMP_NAME
                or (not entry.name.startswith(".") and not entry.is_dir(follow_symlinks=False))
                for entry in entries
            )
    except (FileNotFoundError, NotADirectoryError):
        return False


def _remove_from(root: Path, folder: Path) -> int:
    if not folder.parent.resolve().is_relative_to(root.resolve()):
        raise BadInput(f"{folder} lies outside of {root} through a link; remove it there yourself")
    freed = 0
    with locks.exclusive(lock_of(folder)):
        for path in (folder, workplace_of(folder)):
            if path.is_symlink():
                path.unlink()
            elif path.is_dir():
                freed += bytes_of(path)
                shutil.rmtree(path)
    for parent in folder.parents:
        if parent == root:
            break
        try:
            parent.rmdir()
        except OSError:
            break  # other models lie there
    return freed
