"""Files that can run code when loaded: only catalogued ones, and those that the user trusts."""

from __future__ import annotations

import shlex
from collections.abc import Set as AbstractSet
from pathlib import Path

import msgspec

from omnibind.contracts.errors import BadConfig, BadInput, SaveFailed, Untrusted
from omnibind.weights import formats, integrity, locks, places, records


def trust(file: Path) -> str:
    """Let a file load from now on, wherever it lies, as long as its content is unchanged.

    Returns:
        Its sha256.

    Raises:
        BadInput: The file can't be read.
        BadConfig: The list of trusted files is damaged.
        SaveFailed: The list of trusted files can't be written.
    """
    try:
        sha256 = integrity.sha256_of(file)
    except OSError as error:
        raise BadInput(f"{file} can't be read: {error.strerror}; give a file") from error
    try:
        with locks.exclusive(_path().with_suffix(".held")):
            known = _trusted()
            known[sha256] = str(file.absolute())
            records.write(_path(), known)
    except OSError as error:
        raise SaveFailed(f"{_path()} can't be written: {error.strerror or error}") from error
    return sha256


def is_trusted(sha256: str) -> bool:
    """Say whether the user trusts the file with this hash.

    Raises:
        BadConfig: The list of trusted files is damaged.
    """
    return sha256 in _trusted()


def check_pickle(path: Path, known_sha256: AbstractSet[str] | None = None) -> None:
    """Let a file pass that is data, that a catalogue pins or that the user trusts.

    Args:
        path: The file that an engine is about to load.
        known_sha256: Hashes that the binding's catalogue pins (``Model.hashes``).

    Raises:
        Untrusted: Loading it could run code, and nobody vouches for it.
        BadInput: The file can't be read.
    """
    try:
        if not formats.is_pickle_like(path):
            return
        sha256 = integrity.sha256_of(path)
    except OSError as error:
        raise BadInput(f"{path} can't be read: {error.strerror}") from error
    if sha256 in (known_sha256 or ()) or is_trusted(sha256):
        return
    raise Untrusted(
        f"{path} is a pickle, which can run code when it is loaded, and its sha256 {sha256} is in "
        f"no catalogue; if you trust its maker, run: omnibind trust {shlex.quote(str(path))}"
    )


def _path() -> Path:
    return places.home() / "trusted.json"


def _trusted() -> dict[str, str]:
    try:
        return records.read(_path(), dict[str, str]) or {}
    except msgspec.MsgspecError as error:
        raise BadConfig(f"{_path()} is damaged ({error}); delete it and trust again") from error
