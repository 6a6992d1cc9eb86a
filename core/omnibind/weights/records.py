"""Small JSON files of our own: read typed, written aside and renamed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


def read(path: Path, type_: type[T]) -> T | None:
    """Read a record.

    Returns:
        What the file holds, or None where there is no such file.

    Raises:
        msgspec.MsgspecError: The file isn't JSON of that type.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return msgspec.json.decode(content, type=type_)


def write(path: Path, value: object) -> None:
    """Write a record so that a reader sees the old one or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = msgspec.json.format(msgspec.json.encode(value), indent=1)
    descriptor, aside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content + b"\n")
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
