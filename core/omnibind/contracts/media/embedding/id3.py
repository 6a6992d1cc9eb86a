"""ID3v2 tags: at the head of an MP3, in a chunk of a WAV.

Source: id3.org, ID3v2.3.0 and ID3v2.4.0 (TXXX, user-defined text).
"""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING

from omnibind.contracts.media import wav
from omnibind.contracts.media.embedding.names import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omnibind.contracts.media.window import Sliceable

_HEAD = 10


def get_mp3(data: Sliceable) -> bytes | None:
    """Return the text in the tag at the head of an MP3."""
    return _text_in(data[: tag_end(data)])


def put_mp3(data: bytes, text: bytes | None) -> bytes:
    """Return an MP3 whose tag holds ``text``."""
    end = tag_end(data)
    return _retagged(data[:end], text) + data[end:]


def tag_end(data: Sliceable) -> int:
    """Return where the ID3 tag at the head of a file ends; 0 where there is none."""
    head = data[:_HEAD]
    if head[:3] != b"ID3" or len(head) < _HEAD:
        return 0
    return _HEAD + _syncsafe(head[6:10]) + (_HEAD if head[5] & 0x10 else 0)


def get_wav(data: Sliceable) -> bytes | None:
    """Return the text in the ID3 chunk of a WAV."""
    for name, start, end in _chunks(data):
        if name.lower() == b"id3 ":
            return _text_in(data[start:end])
    return None


def put_wav(data: bytes, text: bytes | None) -> bytes:
    """Return a WAV with an ID3 chunk that holds ``text``, behind the samples.

    It stands before them where the header doesn't tell where they end.
    """
    header = wav.parse(data)
    if header is None:
        raise ValueError("this isn't a whole WAV header")
    tag = b""
    for name, start, end in _chunks(data):
        if name.lower() == b"id3 ":
            tag, data = data[start:end], data[: start - 8] + data[end + (end - start & 1) :]
            header = wav.parse(data)
            assert header is not None
            break
    tag = _retagged(tag, text)
    chunk = b"id3 " + pack("<I", len(tag)) + tag + b"\0" * (len(tag) & 1) if tag else b""
    place = header.offset + header.size
    if int.from_bytes(data[header.offset - 4 : header.offset], "little") != header.size:
        place = header.offset - 8
    elif header.size & 1:
        data += b"\0" if place == len(data) else b""
        place += 1
    declared = data[4:8]
    if 0 < int.from_bytes(declared, "little") < wav.UNKNOWN_LENGTH:
        declared = pack("<I", len(data) + len(chunk) - 8)
    return b"".join((data[:4], declared, data[8:place], chunk, data[place:]))


def _chunks(data: Sliceable) -> Iterator[tuple[bytes, int, int]]:
    """Yield the chunks of a WAV as (name, start of content, end of content)."""
    position, length = 12, len(data)
    if data[:4] != b"RIFF":
        return
    while position + 8 <= length:
        head = data[position : position + 8]
        start = position + 8
        end = start + int.from_bytes(head[4:], "little")
        if head[:4] == b"data" and (end == start or end - start >= wav.UNKNOWN_LENGTH):
            end = length
        yield head[:4], start, min(end, length)
        position = end + (end - start & 1)


def _text_in(tag: bytes) -> bytes | None:
    return next((text for _, text in _frames(tag) if text is not None), None)


def _retagged(tag: bytes, text: bytes | None) -> bytes:
    """Return a tag with its frames and ``text``; nothing where no frame is left."""
    version = tag[3] if tag else 4
    if tag and (version not in (3, 4) or tag[5]):
        raise ValueError("this tag is of a form that isn't written here")
    frames = [frame for frame, own in _frames(tag) if own is None]
    if text is not None:
        frames.append(_frame(text, version))
    body = b"".join(frames)
    if len(body) >= 1 << 28:
        raise ValueError("a tag holds at most 256 MiB")
    return b"ID3" + bytes((version, 0, 0)) + _spread(len(body)) + body if body else b""


def _frames(tag: bytes) -> Iterator[tuple[bytes, bytes | None]]:
    """Yield each frame with the text that it holds, if it is ours."""
    if len(tag) < _HEAD or tag[3] not in (3, 4):
        return
    position, end = _HEAD, min(len(tag), _HEAD + _syncsafe(tag[6:10]))
    while position + _HEAD <= end and tag[position]:
        size = tag[position + 4 : position + 8]
        length = _HEAD + (_syncsafe(size) if tag[3] == 4 else int.from_bytes(size, "big"))
        frame = tag[position : min(position + length, end)]
        yield frame, _own(frame)
        position += length


def _own(frame: bytes) -> bytes | None:
    if frame[:4] != b"TXXX":
        return None
    encoding, body = frame[_HEAD : _HEAD + 1], frame[_HEAD + 1 :]
    if encoding == b"\x03" and body.startswith(NAME + b"\0"):
        return body[len(NAME) + 1 :].rstrip(b"\0")
    if encoding == b"\x01":
        name, mark, text = body.decode("utf-16", "replace").partition("\0")
        if mark and name == NAME.decode():
            return text.lstrip("\ufeff").rstrip("\0").encode("utf-8", "replace")
    return None


def _frame(text: bytes, version: int) -> bytes:
    if version == 4:
        body = b"\x03" + NAME + b"\0" + text
        return b"TXXX" + _spread(len(body)) + b"\0\0" + body
    body = b"\x01" + f"\ufeff{NAME.decode()}\0\ufeff{text.decode()}".encode("utf-16-le")
    return b"TXXX" + pack(">I", len(body)) + b"\0\0" + body


def _syncsafe(size: bytes) -> int:
    total = 0
    for byte in size:
        total = total << 7 | byte & 0x7F
    return total


def _spread(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
