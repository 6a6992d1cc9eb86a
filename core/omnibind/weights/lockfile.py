"""``models.lock``: what was found where a catalogue pins nothing.

A hub repository's revision is resolved once and kept here with the hashes of its files; so are the
hashes of files whose makers publish none, and of models that a binding builds.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from omnibind.contracts.errors import BadConfig
from omnibind.weights import locks, places, records

_SCHEMA = 1
_read: dict[Path, tuple[tuple[int, int, int], dict[str, Entry]]] = {}


class LockedFile(msgspec.Struct, frozen=True):
    """Size and hash of one file; None until they are known."""

    bytes: int | None = None
    sha256: str | None = None


class Entry(msgspec.Struct, frozen=True):
    """What is known about one model beyond its catalogue.

    Attributes:
        files: Its files by path.
        repository: The hub repository as it was asked for, where it came from one.
        revision: The commit that the repository was resolved to.
        license: Licence of the weights as the repository states it.
    """

    files: dict[str, LockedFile] = {}
    repository: str | None = None
    revision: str | None = None
    license: str | None = None


class _Lock(msgspec.Struct):
    schema: int = _SCHEMA
    models: dict[str, Entry] = {}


def path() -> Path:
    """Return where ``models.lock`` lies."""
    return places.home() / "models.lock"


def entries() -> dict[str, Entry]:
    """Return every entry by label (``tts/piper/en_US-joe-medium``).

    Raises:
        BadConfig: The file isn't a lock that this version reads.
    """
    file = path()
    try:
        found = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    identity = (found.st_size, found.st_mtime_ns, found.st_ino)
    known = _read.get(file)
    if known is None or known[0] != identity:
        known = _read[file] = (identity, _load(file).models)
    return known[1]


def put(label: str, entry: Entry) -> None:
    """Write one entry."""
    with locks.exclusive(path().with_suffix(".lock.held")):
        lock = _load(path())
        lock.models[label] = entry
        _write(lock)


def drop(label: str) -> None:
    """Forget one entry; nothing happens where there is none."""
    if label not in entries():
        return
    with locks.exclusive(path().with_suffix(".lock.held")):
        lock = _load(path())
        lock.models.pop(label, None)
        _write(lock)


def _write(lock: _Lock) -> None:
    records.write(path(), lock)
    _read.pop(path(), None)


def _load(file: Path) -> _Lock:
    try:
        lock = records.read(file, _Lock) or _Lock()
    except msgspec.MsgspecError as error:
        raise BadConfig(
            f"{file} is damaged ({error}); delete it, then pull again what it listed"
        ) from error
    if lock.schema != _SCHEMA:
        raise BadConfig(f"{file} has schema {lock.schema}; this omnibind reads {_SCHEMA}")
    return lock
