"""Multipart forms, read and written byte by byte."""

from __future__ import annotations

from collections.abc import Iterable
from email.message import Message
from typing import NamedTuple

BOUNDARY = b"omnibind-tests-boundary"


class Part(NamedTuple):
    """One part of a form; a part without ``filename`` is a plain field."""

    name: str
    content: bytes
    filename: str | None = None
    content_type: str | None = None

    @property
    def text(self) -> str:
        return self.content.decode()


def field(name: str, text: object) -> Part:
    """Return a plain field."""
    return Part(name, str(text).encode())


def read(content_type: str, body: bytes) -> list[Part]:
    """Return the parts of a body.

    Args:
        content_type: The header, which says the boundary.
        body: The form.

    Raises:
        ValueError: The body doesn't keep to its boundary, or a part has no name.
    """
    said = Message()
    said["content-type"] = content_type
    boundary = b"\r\n--" + str(said.get_param("boundary")).encode()
    first, *pieces, last = (b"\r\n" + body).split(boundary)
    if first or not pieces or not last.startswith(b"--"):
        raise ValueError("the multipart body doesn't keep to its boundary")
    return [_part(piece) for piece in pieces]


def _part(piece: bytes) -> Part:
    head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    said = Message()
    for line in head.decode().split("\r\n"):
        name, _, text = line.partition(":")
        said[name.strip()] = text.strip()
    named = said.get_param("name", header="content-disposition")
    if not isinstance(named, str):
        raise ValueError(f"a part of the multipart body has no name: {head!r}")
    return Part(named, content, said.get_filename(), said["content-type"])


def write(parts: Iterable[Part]) -> tuple[str, bytes]:
    """Return the content type and the body of a form."""
    pieces = [b"--%b\r\n%b\r\n%b\r\n" % (BOUNDARY, _head(part), part.content) for part in parts]
    body = b"".join([*pieces, b"--%b--\r\n" % BOUNDARY])
    return f"multipart/form-data; boundary={BOUNDARY.decode()}", body


def _head(part: Part) -> bytes:
    lines = f'Content-Disposition: form-data; name="{part.name}"'
    if part.filename is not None:
        lines += f'; filename="{part.filename}"'
    if part.content_type is not None:
        lines += f"\r\nContent-Type: {part.content_type}"
    return f"{lines}\r\n".encode()
