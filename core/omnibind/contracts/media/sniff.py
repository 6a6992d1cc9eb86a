"""What bytes are, told from their content alone, with the standard library.

A name's ending and a server's ``Content-Type`` are often wrong; the first bytes seldom are.
"""

from __future__ import annotations

from struct import unpack_from
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omnibind.contracts.media.window import Sliceable

UNKNOWN = "application/octet-stream"
HEAD = 64 * 1024
MAX_MOOV = 8 * 1024 * 1024

ACCEPTED = {
    "audio": "wav, mp3, flac, ogg, opus, m4a, aac or webm sound",
    "image": "a png, jpeg, webp, gif or bmp picture",
    "video": "an mp4 or webm video",
}

_LOOKS = {
    "audio/wav": "a WAV sound",
    "audio/mpeg": "an MP3 sound",
    "audio/flac": "a FLAC sound",
    "audio/ogg": "an Ogg sound",
    "audio/opus": "an Opus sound",
    "audio/mp4": "an M4A sound",
    "audio/aac": "an AAC sound",
    "audio/webm": "a WebM sound",
    "image/png": "a PNG picture",
    "image/jpeg": "a JPEG picture",
    "image/webp": "a WebP picture",
    "image/gif": "a GIF picture",
    "image/bmp": "a BMP picture",
    "video/mp4": "an MP4 video",
    "video/webm": "a WebM video",
    "text/html": "an HTML page",
    "application/json": "JSON",
    "text/plain": "text",
}

_PREFIXES = (
    (b"fLaC", "audio/flac"),
    (b".snd", "audio/basic"),
    (b"caff", "audio/x-caf"),
    (b"#!AMR", "audio/amr"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)
_RIFF = {b"WAVE": "audio/wav", b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}
_BRANDS = {
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
    b"avif": "image/avif",
    b"qt  ": "video/quicktime",
}
_OGG = (
    (b"OpusHead", "audio/opus"),
    (b"\x01vorbis", "audio/ogg"),
    (b"\x7fFLAC", "audio/ogg"),
    (b"Speex", "audio/ogg"),
    (b"\x80theora", "video/ogg"),
)
# kbit/s of MPEG audio by (version 1?, layer) and index; a frame's length follows from it. Layer I
# is left out: nothing writes it any more, and its first bytes are those of UTF-16 text.
_BITRATES = {
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MPEG_RATES = (44100, 48000, 32000)


def media_type(data: Sliceable) -> str:
    """Return the media type of a file's content.

    Args:
        data: The file, or a window on it; a few slices of it are looked at.

    Returns:
        ``audio/…``, ``image/…`` or ``video/…`` for media, ``text/html``, ``application/json`` or
        ``text/plain`` for what is often met in its place, else ``application/octet-stream``. Opus
        is ``audio/opus``, other sound in Ogg ``audio/ogg``, an MP4 without pictures ``audio/mp4``.
    """
    head = data[:HEAD]
    for prefix, found in _PREFIXES:
        if head.startswith(prefix):
            return found
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return _RIFF.get(head[8:12], UNKNOWN)
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if head[:2] == b"BM" and _is_bmp(head):
        return "image/bmp"
    if head[:4] == b"OggS":
        return _ogg(head)
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return _matroska(head)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide"):
        return _mp4(data, head)
    if head[:3] == b"ID3" and len(head) >= 10:
        return _after_id3(data, head)
    return _frame_sync(head) or _text(head) or UNKNOWN


def family(found: str) -> str:
    """Return ``audio``, ``image`` or ``video`` of a media type, or another first part."""
    return found.partition("/")[0]


def looks_like(data: Sliceable) -> str:
    """Return in words what the content looks like, for a message."""
    if not len(data):
        return "empty"
    found = media_type(data)
    if found in _LOOKS:
        return _LOOKS[found]
    return "binary data of an unknown kind" if found == UNKNOWN else found


def _is_bmp(head: bytes) -> bool:
    if len(head) < 18:
        return False
    reserved, _, header = unpack_from("<III", head, 6)
    return bool(reserved == 0 and header in (12, 40, 52, 56, 64, 108, 124))


def _ogg(head: bytes) -> str:
    if len(head) < 28:
        return UNKNOWN
    packet = head[27 + head[26] :][:8]
    for prefix, found in _OGG:
        if packet.startswith(prefix):
            return found
    return UNKNOWN


def _matroska(head: bytes) -> str:
    import re

    kind = "webm" if b"webm" in head[:64] else "x-matroska"
    # A track's CodecID element: its id, its length in one byte, then V_… or A_….
    if re.search(rb"\x86[\x80-\xff]V_", head):
        return f"video/{kind}"
    return f"audio/{kind}" if re.search(rb"\x86[\x80-\xff]A_", head) else f"video/{kind}"


def boxes(data: Sliceable, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the MP4 boxes between two places as (name, start of content, declared end)."""
    while start + 8 <= stop:
        head = data[start : start + 16]
        size, name, skip = int.from_bytes(head[:4], "big"), head[4:8], 8
        if size == 1:
            size, skip = int.from_bytes(head[8:16], "big"), 16
        elif size == 0:  # to the end of the file
            size = stop - start
        if size < skip:
            return
        yield name, start + skip, start + size
        start += size


def _mp4(data: Sliceable, head: bytes) -> str:
    brand = head[8:12] if head[4:8] == b"ftyp" else b"qt  "
    by_brand = _BRANDS.get(brand, "video/mp4")
    if by_brand.startswith("image/"):
        return by_brand
    handlers = set()
    for name, start, end in boxes(data, 0, len(data)):
        if name == b"moov":
            handlers = set(_handlers(data[start : min(end, start + MAX_MOOV)]))
            break
    if b"vide" in handlers:
        return by_brand if by_brand.startswith("video/") else "video/mp4"
    return "audio/mp4" if b"soun" in handlers else by_brand


def _handlers(moov: bytes) -> Iterator[bytes]:
    for name, start, end in boxes(moov, 0, len(moov)):
        if name != b"trak":
            continue
        for inner, inner_start, inner_end in boxes(moov, start, min(end, len(moov))):
            if inner != b"mdia":
                continue
            for leaf, leaf_start, _ in boxes(moov, inner_start, min(inner_end, len(moov))):
                if leaf == b"hdlr":
                    yield moov[leaf_start + 8 : leaf_start + 12]


def _after_id3(data: Sliceable, head: bytes) -> str:
    size = 0
    for byte in head[6:10]:
        size = size << 7 | byte & 0x7F
    start = 10 + size + (10 if head[5] & 0x10 else 0)
    after = data[start : start + 4096]
    if after.startswith(b"fLaC"):
        return "audio/flac"
    return _frame_sync(after) or "audio/mpeg"


def _frame_sync(head: bytes) -> str | None:
    """Return the type of a raw MP3 or AAC stream: a valid frame, and another where it ends."""
    found = _frame(head)
    if found is None:
        return None
    kind, length = found
    following = head[length : length + 8]
    if len(head) < length or (len(following) == 8 and (_frame(following) or ("",))[0] != kind):
        return None
    return kind


def _frame(head: bytes) -> tuple[str, int] | None:
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        if head[2] >> 2 & 0x0F > 12:
            return None
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        return ("audio/aac", length) if length > 7 else None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer not in (2, 3) or bitrate in (0, 15) or rate == 3:
        return None
    kbits = _BITRATES[version == 3, layer][bitrate - 1]
    hertz = _MPEG_RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    padding = head[2] >> 1 & 1
    samples = 72000 if layer == 3 and version != 3 else 144000
    return "audio/mpeg", samples * kbits // hertz + padding


def _text(head: bytes) -> str | None:
    start = head[:1024]
    if not start:
        return None
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):  # UTF-16
        return "text/plain"
    for cut in range(4):  # the slice may end inside a character
        try:
            text = start[: len(start) - cut].decode("utf-8-sig")
            break
        except UnicodeDecodeError:
            continue
    else:
        return None
    if any(char < " " and char not in "\t\n\r\f\x1b" for char in text):
        return None
    stripped = text.lstrip().lower()
    if stripped.startswith(("<!doctype html", "<html", "<head", "<body")):
        return "text/html"
    if stripped.startswith(("{", "[")) and any(mark in stripped for mark in '"]}'):
        return "application/json"
    return "text/plain"
