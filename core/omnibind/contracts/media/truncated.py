"""Whether a file ends before its own header says it does, with the standard library alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnibind.contracts.media import sniff, wav

if TYPE_CHECKING:
    from omnibind.contracts.media.window import Sliceable

TAIL = 64 * 1024 + 512  # an Ogg page is at most 65,307 bytes


def shortfall(data: Sliceable, media_type: str) -> str | None:
    """Return in words what is missing at the end of a sound or video, or None.

    Told from the container alone: WAV (more than a frame missing), Ogg pages, MP3 with a Xing or
    Info header, MP4 boxes, WebM segments. FLAC tells only when it is decoded.

    Args:
        data: The whole file, or a window on it.
        media_type: As told by ``sniff.media_type``.
    """
    check = _CHECKS.get(media_type)
    return check(data) if check else None


def _wav(data: Sliceable) -> str | None:
    if data[:4] != b"RIFF":  # RF64 and BW64 keep their length elsewhere
        return None
    header = wav.parse(data)
    if header is None:
        return "its header isn't whole"
    if header.missing > header.block:
        declared = header.size + header.missing
        return f"it declares {declared} bytes of samples and {header.size} are there"
    return None


def _ogg(data: Sliceable) -> str | None:
    start = max(0, len(data) - TAIL)
    tail = data[start : len(data)]
    page = tail.rfind(b"OggS")
    if page < 0:
        return "its last page isn't there"
    segments = tail[page + 26] if page + 27 <= len(tail) else 0
    sizes = tail[page + 27 : page + 27 + segments]
    if len(sizes) < segments or page + 27 + segments + sum(sizes) > len(tail) or not segments:
        return "its last page isn't whole"
    return None


def _mp3(data: Sliceable) -> str | None:
    start = 0
    head = data[:10]
    if head[:3] == b"ID3":
        size = 0
        for byte in head[6:10]:
            size = size << 7 | byte & 0x7F
        start = 10 + size
    frame = data[start : start + 256]
    for mark in (b"Xing", b"Info"):
        place = frame.find(mark)
        if place < 0 or len(frame) < place + 16:
            continue
        flags = int.from_bytes(frame[place + 4 : place + 8], "big")
        if flags & 2:
            at = place + 8 + (4 if flags & 1 else 0)
            declared = int.from_bytes(frame[at : at + 4], "big")
            there = len(data) - start
            # Encoders differ in whether the header's own frame counts: at most 1,441 bytes.
            if there + 1441 < declared or there < declared * 0.98:
                return f"it declares {declared} bytes and {there} are there"
    return None


def _mp4(data: Sliceable) -> str | None:
    names = set()
    for name, _, end in sniff.boxes(data, 0, len(data)):
        names.add(name)
        if end > len(data):
            return f"its {name.decode('latin-1')} box ends {end - len(data)} bytes after the file"
    return None if b"moov" in names else "its index (the moov box) isn't there"


def _webm(data: Sliceable) -> str | None:
    header = _element(data, 0)
    segment = _element(data, header[1] + header[2]) if header and header[2] is not None else None
    if segment is None or segment[0] != b"\x18\x53\x80\x67":
        return "its segment isn't there"
    _, start, size = segment
    if size is not None and start + size > len(data):
        return f"it declares {size} bytes and {len(data) - start} are there"
    return None


def _element(data: Sliceable, start: int) -> tuple[bytes, int, int | None] | None:
    """Return (id, start of content, size or None where it isn't known) of an EBML element."""
    head = data[start : start + 16]
    if len(head) < 6 or not head[0]:
        return None
    width = 9 - head[0].bit_length()
    first = head[width]
    if not first:
        return None
    length = 9 - first.bit_length()
    value = int.from_bytes(head[width : width + length], "big") & (1 << 7 * length) - 1
    known = value != (1 << 7 * length) - 1
    return head[:width], start + width + length, value if known else None


_CHECKS = {
    "audio/wav": _wav,
    "audio/ogg": _ogg,
    "audio/opus": _ogg,
    "video/ogg": _ogg,
    "audio/mpeg": _mp3,
    "audio/mp4": _mp4,
    "video/mp4": _mp4,
    "video/quicktime": _mp4,
    "audio/webm": _webm,
    "video/webm": _webm,
}
