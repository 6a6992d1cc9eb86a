"""Vorbis comments: in a block of a FLAC file, in the second packet of an Ogg stream.

Source: xiph.org, "Ogg Vorbis I format specification: comment field and header specification";
RFC 9639 (FLAC), RFC 3533 (Ogg), RFC 7845 (Opus in Ogg).
"""

from __future__ import annotations

import zlib
from struct import pack, unpack
from typing import TYPE_CHECKING, NamedTuple

from omnibind.contracts.media.embedding.id3 import tag_end
from omnibind.contracts.media.embedding.names import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omnibind.contracts.media.window import Sliceable

_COMMENT_BLOCK = 4
_OWN = NAME + b"="
# How many packets head a stream, and what stands before the comments in the second one.
_HEADS = {b"\x01vorbis": (3, b"\x03vorbis"), b"OpusHead": (2, b"OpusTags")}
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def get_flac(data: Sliceable) -> bytes | None:
    """Return the text in the comment block of a FLAC file."""
    for kind, start, end in _blocks(data):
        if kind == _COMMENT_BLOCK:
            return _own(_comments(data[start:end])[1])
    return None


def put_flac(data: bytes, text: bytes | None) -> bytes:
    """Return a FLAC file whose comment block holds ``text``."""
    blocks, end = [], 0
    found = False
    for kind, start, end in _blocks(data):
        content = data[start:end]
        if kind == _COMMENT_BLOCK:
            content, found = _recommented(content, text), True
        blocks.append((kind, content))
    if not found:
        blocks.insert(1, (_COMMENT_BLOCK, _recommented(bytes(8), text)))
    parts = [data[: tag_end(data)], b"fLaC"]
    for place, (kind, content) in enumerate(blocks, 1):
        last = 0x80 if place == len(blocks) else 0
        parts += [bytes((kind | last,)), len(content).to_bytes(3, "big"), content]
    return b"".join((*parts, data[end:]))


def _blocks(data: Sliceable) -> Iterator[tuple[int, int, int]]:
    position = tag_end(data)
    if data[position : position + 4] != b"fLaC":
        raise ValueError("this isn't FLAC")
    position += 4
    while True:
        head = data[position : position + 4]
        start = position + 4
        position = start + int.from_bytes(head[1:], "big")
        if len(head) < 4 or position > len(data):
            raise ValueError("a block isn't whole")
        yield head[0] & 0x7F, start, position
        if head[0] & 0x80:
            return


def get_ogg(data: Sliceable) -> bytes | None:
    """Return the text in the comments of a Vorbis or Opus stream."""
    head = _head(data)
    return _own(_comments(head.packets[1][len(head.prefix) :])[1])


def put_ogg(data: bytes, text: bytes | None) -> bytes:
    """Return a Vorbis or Opus stream whose comments hold ``text``; its later pages are numbered."""
    head = _head(data)
    comments = _recommented(head.packets[1][len(head.prefix) :], text)
    packets = [head.prefix + comments, *head.packets[2:]]
    first_end = _page(data, 0).end
    pages = list(_paged(packets, head.serial))
    parts = [data[:first_end], *pages]
    shift = len(pages) + 1 - head.pages
    position = head.end
    while position < len(data):
        page = _page(data, position)
        content = data[position : page.end]
        if shift and page.serial == head.serial:
            number = pack("<I", page.number + shift)
            content = _checked(content[:18] + number + bytes(4) + content[26:])
        parts.append(content)
        position = page.end
    return b"".join(parts)


class _Page(NamedTuple):
    serial: int
    number: int
    lengths: bytes
    start: int
    end: int


class _Head(NamedTuple):
    packets: list[bytes]
    prefix: bytes
    serial: int
    pages: int
    end: int


def _page(data: Sliceable, position: int) -> _Page:
    head = data[position : position + 27]
    if len(head) < 27 or head[:4] != b"OggS":
        raise ValueError("a page isn't where it should be")
    lengths = data[position + 27 : position + 27 + head[26]]
    start = position + 27 + head[26]
    end = start + sum(lengths)
    if end > len(data):
        raise ValueError("a page isn't whole")
    serial, number = unpack("<II", head[14:22])
    return _Page(serial, number, lengths, start, end)


def _head(data: Sliceable) -> _Head:
    """Return the packets before the sound; they end where a page ends."""
    first = _page(data, 0)
    known = data[first.start : first.start + 8]
    heads = next((heads for start, heads in _HEADS.items() if known.startswith(start)), None)
    if heads is None:
        raise ValueError("this stream has no comments that are known here")
    count, prefix = heads
    packets: list[bytes] = []
    pages, position, part = 0, 0, b""
    while len(packets) < count:
        page = _page(data, position)
        if page.serial != first.serial:
            raise ValueError("several streams are interleaved")
        content, place = data[page.start : page.end], 0
        for length in page.lengths:
            part += content[place : place + length]
            place += length
            if length < 255:
                packets.append(part)
                part = b""
        pages, position = pages + 1, page.end
    if part or len(packets) != count or not packets[1].startswith(prefix):
        raise ValueError("the headers don't end where a page ends")
    return _Head(packets, prefix, first.serial, pages, position)


def _paged(packets: list[bytes], serial: int) -> Iterator[bytes]:
    """Yield the pages, from the second of the stream on, that hold the header packets."""
    pieces: list[tuple[bytes, bool]] = []  # at most 255 bytes each; whether a packet begins there
    for packet in packets:
        for place in range(0, len(packet) + 1, 255):
            pieces.append((packet[place : place + 255], place == 0))
    for number, place in enumerate(range(0, len(pieces), 255), 1):
        held = pieces[place : place + 255]
        continued = 0 if held[0][1] else 1
        granule = 0 if any(len(piece) < 255 for piece, _ in held) else 0xFFFFFFFFFFFFFFFF
        head = pack("<4sBBQIII", b"OggS", 0, continued, granule, serial, number, 0)
        lengths = bytes(len(piece) for piece, _ in held)
        body = b"".join(piece for piece, _ in held)
        yield _checked(head + bytes((len(held),)) + lengths + body)


def _checked(page: bytes) -> bytes:
    """Return a page, whose checksum is 0, with its checksum.

    Ogg's is zlib's with the bits of every byte and of the result the other way round, begun at 0.
    """
    mirrored = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return page[:22] + pack("<I", int(f"{mirrored:032b}"[::-1], 2)) + page[26:]


def _comments(block: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Return the vendor, the comments and what stands behind them."""
    vendor, position = _string(block, 0)
    count = int.from_bytes(block[position : position + 4], "little")
    position += 4
    comments = []
    for _ in range(count):
        comment, position = _string(block, position)
        comments.append(comment)
    return vendor, comments, block[position:]


def _string(block: bytes, position: int) -> tuple[bytes, int]:
    start = position + 4
    end = start + int.from_bytes(block[position:start], "little")
    if end > len(block):
        raise ValueError("the comments aren't whole")
    return block[start:end], end


def _own(comments: list[bytes]) -> bytes | None:
    found = (comment for comment in comments if comment[: len(_OWN)].lower() == _OWN)
    return next((comment[len(_OWN) :] for comment in found), None)


def _recommented(block: bytes, text: bytes | None) -> bytes:
    vendor, comments, rest = _comments(block)
    kept = [comment for comment in comments if comment[: len(_OWN)].lower() != _OWN]
    if text is not None:
        kept.append(_OWN + text)
    strings = [pack("<I", len(one)) + one for one in (vendor, *kept)]
    return b"".join((strings[0], pack("<I", len(kept)), *strings[1:], rest))
