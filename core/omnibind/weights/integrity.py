"""Whether a file is what it must be: size, sha256, and a memory of what was hashed already."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from omnibind.weights import records

STAMP_NAME = ".omnibind.json"
_HEAD = 512
# Two writes within one tick of the file system's clock leave the same times (4 ms on Linux at
# HZ=250, 16 ms on Windows), so what is stamped must have been left alone for longer than that.
_SETTLE_S = 0.02


class Expected(NamedTuple):
    """What one file of a model must be; None where it isn't known."""

    path: str
    bytes: int | None
    sha256: str | None


class Stamp(msgspec.Struct, frozen=True):
    """The hash of a file, valid as long as the rest is unchanged."""

    sha256: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


_remembered: dict[str, Stamp] = {}


def sha256_of(path: Path) -> str:
    """Return a file's sha256 in hex; a file unchanged since the last time isn't read again.

    Raises:
        OSError: It can't be read.
    """
    return _current(path, None).sha256


def size_of(path: Path) -> int | None:
    """Return the size of a regular file, None where nothing is, −1 where something else is."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else -1


def first_fault(folder: Path, files: Iterable[Expected]) -> str | None:
    """Hash what isn't known to be unchanged and describe the first file that is wrong.

    What was hashed is remembered in the folder's stamp file where it can be written.

    Raises:
        OSError: A file can't be read.
    """
    stamps = _read_stamps(folder)
    before = dict(stamps)
    fault = None
    for file in files:
        if file.sha256 is None:
            continue
        stamps[file.path] = stamp = _current(folder / file.path, stamps.get(file.path))
        if stamp.sha256 != file.sha256:
            path = folder / file.path
            fault = f"{path} {describe_fault(path, file, stamp.sha256)}"
            break
    if stamps != before:
        _write_stamps(folder, stamps)
    return fault


def stamp(folder: Path, hashes: Mapping[str, str]) -> None:
    """Remember the hashes of files that were just checked and put into ``folder``."""
    stamps = _read_stamps(folder)
    for path, sha256 in hashes.items():
        file = folder / path
        _remembered[str(file)] = stamps[path] = _stamp(sha256, _settled(file))
    _write_stamps(folder, stamps)


def describe_fault(path: Path, expected: Expected, sha256: str | None = None) -> str:
    """Say what is wrong with a file whose size, or whose ``sha256``, isn't the expected one."""
    size = size_of(path)
    if expected.bytes is not None and size != expected.bytes:
        found = f"has {size} bytes, expected {expected.bytes}"
    else:
        found = f"has sha256 {sha256}, expected {expected.sha256}"
    return f"{found}{_hint(path)}"


def looks_like_a_web_page(path: Path) -> bool:
    """Say whether a file starts as HTML does."""
    start = _head(path).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml"))


def _hint(path: Path) -> str:
    if looks_like_a_web_page(path):
        return " (it looks like a web page: a login or error page instead of the file)"
    if _head(path).startswith(b"version https://git-lfs"):
        return " (it is a git-lfs pointer instead of the file)"
    return ""


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except IsADirectoryError:
        return b""


def _current(path: Path, known: Stamp | None) -> Stamp:
    now = path.stat()
    for candidate in (known, _remembered.get(str(path))):
        if candidate and _stamp(candidate.sha256, now) == candidate:
            return candidate
    before = _settled(path)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    found = _remembered[str(path)] = _stamp(sha256, before)
    return found


def _stamp(sha256: str, found: os.stat_result) -> Stamp:
    return Stamp(sha256, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def _settled(path: Path) -> os.stat_result:
    found = path.stat()
    age_s = time.time() - found.st_ctime
    if 0 <= age_s < _SETTLE_S:
        time.sleep(_SETTLE_S - age_s)
        return path.stat()
    return found


def _read_stamps(folder: Path) -> dict[str, Stamp]:
    try:
        return records.read(folder / STAMP_NAME, dict[str, Stamp]) or {}
    except (msgspec.MsgspecError, OSError):
        return {}  # only a memory: without it the files are hashed again


def _write_stamps(folder: Path, stamps: dict[str, Stamp]) -> None:
    try:
        records.write(folder / STAMP_NAME, stamps)
    except OSError:
        return  # a folder that can't be written works as well, hashed once a process
