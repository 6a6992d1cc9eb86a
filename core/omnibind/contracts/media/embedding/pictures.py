"""PNG, JPEG and WebP: where a picture carries text beside its pixels.

Source: PNG (W3C, third edition) iTXt; JPEG (ITU-T T.81) with Exif in APP1; RFC 9649 (WebP).
"""

from __future__ import annotations

import zlib
from struct import pack, unpack
from typing import TYPE_CHECKING

from omnibind.contracts.errors import BadInput
from omnibind.contracts.media.embedding import exif
from omnibind.contracts.media.embedding.names import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omnibind.contracts.media.window import Sliceable

_ITXT = NAME + bytes(5)  # not compressed, in no language, its name not translated
_EXIF = b"Exif\0\0"
_SEGMENT = 0xFFFF - 2 - len(_EXIF)
_HAS_EXIF, _HAS_ALPHA = 0x08, 0x10


def get_png(data: Sliceable) -> bytes | None:
    """Return the text in a text chunk of a PNG."""
    for name, start, end in _png_chunks(data):
        if name == b"iTXt" and data[start : start + len(_ITXT)] == _ITXT:
            if zlib.crc32(name + data[start:end]) != int.from_bytes(data[end : end + 4], "big"):
                raise BadInput("this recipe is damaged: its checksum is another")
            return data[start + len(_ITXT) : end]
    return None


def put_png(data: bytes, text: bytes | None) -> bytes:
    """Return a PNG with a text chunk behind its header."""
    parts, position = [data[:8]], 8
    for name, start, end in _png_chunks(data):
        if not (name == b"iTXt" and data[start : start + len(_ITXT)] == _ITXT):
            parts.append(data[position : end + 4])
        position = end + 4
        if name == b"IHDR" and text is not None:
            content = b"iTXt" + _ITXT + text
            parts += [pack(">I", len(content) - 4), content, pack(">I", zlib.crc32(content))]
    return b"".join((*parts, data[position:]))


def _png_chunks(data: Sliceable) -> Iterator[tuple[bytes, int, int]]:
    """Yield the chunks as (name, start of content, end of content)."""
    position, name = 8, b""
    while name != b"IEND":
        head = data[position : position + 8]
        name, start = head[4:], position + 8
        position = start + int.from_bytes(head[:4], "big") + 4
        if len(head) < 8 or position > len(data):
            raise ValueError("a chunk isn't whole")
        yield name, start, position - 4


def get_jpeg(data: Sliceable) -> bytes | None:
    """Return the text in the Exif comment of a JPEG."""
    return exif.get(b"".join(_exif_parts(data)))


def put_jpeg(data: bytes, text: bytes | None) -> bytes:
    """Return a JPEG with an Exif comment; one above 64 kB takes several segments."""
    block = exif.put(b"".join(_exif_parts(data)), text)
    parts = [
        b"\xff\xe1" + pack(">H", 2 + len(_EXIF) + len(part)) + _EXIF + part
        for part in (block[place : place + _SEGMENT] for place in range(0, len(block), _SEGMENT))
    ]
    kept, position, place = [], 2, 0
    for marker, start, end in _segments(data):
        if not (marker == 0xE1 and data[start : start + len(_EXIF)] == _EXIF):
            kept.append(data[position:end])
            if marker == 0xE0 and len(kept) == 1:  # JFIF wants to be the first
                place = 1
        position = end
    return b"".join((data[:2], *kept[:place], *parts, *kept[place:], data[position:]))


def _exif_parts(data: Sliceable) -> Iterator[bytes]:
    for marker, start, end in _segments(data):
        if marker == 0xE1 and data[start : start + len(_EXIF)] == _EXIF:
            yield data[start + len(_EXIF) : end]


def _segments(data: Sliceable) -> Iterator[tuple[int, int, int]]:
    """Yield the segments before the picture as (marker, start of content, end)."""
    position = 2
    while True:
        head = data[position : position + 4]
        if len(head) < 4 or head[0] != 0xFF:
            raise ValueError("a segment isn't where it should be")
        if head[1] == 0xFF:  # fill
            position += 1
            continue
        if head[1] == 0xDA:
            return
        end = position + 2 + int.from_bytes(head[2:], "big")
        if end > len(data):
            raise ValueError("a segment isn't whole")
        yield head[1], position + 4, end
        position = end


def get_webp(data: Sliceable) -> bytes | None:
    """Return the text in the Exif comment of a WebP."""
    for name, start, end in _webp_chunks(data):
        if name == b"EXIF":
            return exif.get(data[start:end].removeprefix(_EXIF))
    return None


def put_webp(data: bytes, text: bytes | None) -> bytes:
    """Return a WebP with an Exif comment; a simple one becomes an extended one."""
    chunks = [(name, data[start:end]) for name, start, end in _webp_chunks(data)]
    old = next((content for name, content in chunks if name == b"EXIF"), b"")
    block = exif.put(old.removeprefix(_EXIF), text)
    if chunks[0][0] != b"VP8X":
        chunks.insert(0, (b"VP8X", _extended(*chunks[0])))
    head = chunks[0][1]
    flags = head[0] | _HAS_EXIF if block else head[0] & ~_HAS_EXIF
    kept = [(name, content) for name, content in chunks[1:] if name != b"EXIF"]
    chunks = [(b"VP8X", bytes((flags,)) + head[1:]), *kept]
    if block:
        chunks.append((b"EXIF", block))
    body = b"".join(
        name + pack("<I", len(content)) + content + b"\0" * (len(content) & 1)
        for name, content in chunks
    )
    return b"RIFF" + pack("<I", 4 + len(body)) + b"WEBP" + body


def _webp_chunks(data: Sliceable) -> Iterator[tuple[bytes, int, int]]:
    position = 12
    while position + 8 <= len(data):
        head = data[position : position + 8]
        start = position + 8
        end = start + int.from_bytes(head[4:], "little")
        if end > len(data):
            raise ValueError("a chunk isn't whole")
        yield head[:4], start, end
        position = end + (end - start & 1)


def _extended(name: bytes, content: bytes) -> bytes:
    """Return the content of the VP8X chunk that a simple picture goes without."""
    if name == b"VP8L" and content[:1] == b"\x2f":
        bits = int.from_bytes(content[1:5], "little")
        width, height, alpha = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bits >> 28 & 1
    elif name == b"VP8 " and content[3:6] == b"\x9d\x01\x2a":
        width, height = (side & 0x3FFF for side in unpack("<HH", content[6:10]))
        alpha = 0
    else:
        raise ValueError("this isn't a picture")
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes((_HAS_ALPHA * alpha, 0, 0, 0)) + sides
