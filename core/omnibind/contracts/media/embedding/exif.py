"""Exif: the user comment of a JPEG or WebP.

Source: CIPA DC-008 (Exif 2.32), TIFF 6.0. A comment in ASCII is one that every reader shows; JSON
can spell every character in it.
"""

from __future__ import annotations

import re
from struct import pack, unpack
from typing import NamedTuple

from omnibind.contracts.media.embedding.names import NAME

_EXIF_IFD, _VERSION, _COMMENT = 0x8769, 0x9000, 0x9286
_LONG, _UNDEFINED = 4, 7
_MARK = b"ASCII\0\0\0" + NAME + b":"
_NOT_ASCII = re.compile("[^\x00-\x7f]")


class _Entry(NamedTuple):
    type: int
    size: int
    value: bytes  # four bytes: the value, or where it lies


def get(tiff: bytes) -> bytes | None:
    """Return the text in the user comment, or None where it holds none of ours."""
    if not tiff:
        return None
    order = _order(tiff)
    entry = _exif_entries(tiff, order, _entries(tiff, order, _offset(tiff, order))[0])
    return _own(tiff, order, entry.get(_COMMENT))


def put(tiff: bytes, text: bytes | None) -> bytes:
    """Return the block with ``text`` as its comment; empty where nothing is left in it.

    What was there keeps its place, because entries that aren't known here may point to it.
    """
    order = _order(tiff) if tiff else ">"
    main, following = _entries(tiff, order, _offset(tiff, order)) if tiff else ({}, 0)
    exif = _exif_entries(tiff, order, main)
    comment = exif.pop(_COMMENT, None)
    if comment is not None:
        if _own(tiff, order, comment) is None:
            raise ValueError("somebody else's comment is there")
        place = int(unpack(order + "I", comment.value)[0])
        tiff = tiff[:place] + bytes(comment.size) + tiff[place + comment.size :]
    if not (main.keys() - {_EXIF_IFD} or exif.keys() - {_VERSION} or following):
        if text is None:
            return b""
        tiff, main = (b"II*\0" if order == "<" else b"MM\0*") + bytes(4), {}
        exif = {_VERSION: _Entry(_UNDEFINED, 4, b"0232")}
    tiff += b"\0" * (len(tiff) & 1)
    value = _MARK + _ascii(text) if text is not None else b""
    count = len(main.keys() | {_EXIF_IFD})
    exif_place = len(tiff) + 6 + 12 * count
    value_place = exif_place + 6 + 12 * (len(exif) + (text is not None))
    main[_EXIF_IFD] = _Entry(_LONG, 1, pack(order + "I", exif_place))
    if text is not None:
        exif[_COMMENT] = _Entry(_UNDEFINED, len(value), pack(order + "I", value_place))
    written = _directory(main, order, following) + _directory(exif, order, 0)
    return tiff[:4] + pack(order + "I", len(tiff)) + tiff[8:] + written + value


def _order(tiff: bytes) -> str:
    if tiff[:4] not in (b"II*\0", b"MM\0*"):
        raise ValueError("this isn't Exif")
    return "<" if tiff[:2] == b"II" else ">"


def _offset(tiff: bytes, order: str) -> int:
    return int(unpack(order + "I", tiff[4:8])[0])


def _entries(tiff: bytes, order: str, place: int) -> tuple[dict[int, _Entry], int]:
    """Return the entries of a directory by tag, and where the next directory lies."""
    count = unpack(order + "H", tiff[place : place + 2])[0]
    entries = {}
    for start in range(place + 2, place + 2 + 12 * count, 12):
        tag, type_, length = unpack(order + "HHI", tiff[start : start + 8])
        entries[tag] = _Entry(type_, length, tiff[start + 8 : start + 12])
    end = place + 2 + 12 * count
    return entries, int(unpack(order + "I", tiff[end : end + 4])[0])


def _exif_entries(tiff: bytes, order: str, main: dict[int, _Entry]) -> dict[int, _Entry]:
    pointer = main.get(_EXIF_IFD)
    if pointer is None:
        return {}
    return _entries(tiff, order, int(unpack(order + "I", pointer.value)[0]))[0]


def _own(tiff: bytes, order: str, comment: _Entry | None) -> bytes | None:
    if comment is None or comment.size <= len(_MARK):
        return None
    place = unpack(order + "I", comment.value)[0]
    value = tiff[place : place + comment.size]
    return value[len(_MARK) :] if value.startswith(_MARK) else None


def _directory(entries: dict[int, _Entry], order: str, following: int) -> bytes:
    rows = (
        pack(order + "HHI", tag, entry.type, entry.size) + entry.value
        for tag, entry in sorted(entries.items())
    )
    return pack(order + "H", len(entries)) + b"".join(rows) + pack(order + "I", following)


def _ascii(text: bytes) -> bytes:
    return _NOT_ASCII.sub(_escaped, text.decode()).encode("ascii")


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be").hex()
    return "".join("\\u" + units[place : place + 4] for place in range(0, len(units), 4))
