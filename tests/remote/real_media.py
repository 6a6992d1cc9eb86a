"""Real files of a kind and, where it is asked for, of exactly so many bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import cache
from io import BytesIO

import av
import numpy as np
import numpy.typing as npt
import PIL.Image
import soundfile  # type: ignore[import-untyped]

RATE = 24000

# Bytes of a frame of 24 ms at 128 kbit/s.
MP3_FRAME = 384

# What a file begins with.
HEADS = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"ID3": "mp3 with a tag",
    b"\xff\xf3": "mp3",
    b"\xff\xfb": "mp3",
    b"fLaC": "flac",
    b"OggS": "opus",
}

# What these have behind their length.
RIFFS = {b"WAVE": "wav", b"WEBP": "webp"}


def kind_of(head: bytes) -> str | None:
    """Return the kind of a file by its first bytes; None where they are no known media's."""
    if head[4:8] == b"ftyp":
        return "mp4"
    if head[:4] == b"RIFF":
        return RIFFS.get(head[8:12])
    return next((kind for start, kind in HEADS.items() if head.startswith(start)), None)


def media(kind: str, size: int | None = None) -> bytes:
    """Return a file that players and decoders take; the same arguments, the same bytes.

    Args:
        kind: ``png``, ``jpeg``, ``webp``, ``wav``, ``flac``, ``opus``, ``mp3``,
            ``mp3 with a tag`` or ``mp4``.
        size: Its bytes, made up by parts that decoders skip; not for webp, flac and opus.

    Raises:
        ValueError: The size is too small for the kind.
    """
    if kind in ("mp3", "mp3 with a tag"):
        return _mp3(size) if kind == "mp3" else _tagged_mp3(size)
    content = _MAKERS[kind]()
    missing = 0 if size is None else size - len(content)
    if missing < 0:
        raise ValueError(f"a file of kind {kind} has at least {len(content)} bytes; {size} given")
    if missing and kind not in _PADDERS:
        raise ValueError(f"a file of kind {kind} can't be made to a size")
    return _PADDERS[kind](content, missing) if missing else content


def _gradient(width: int, height: int, shift: int = 0) -> npt.NDArray[np.uint8]:
    row = ((np.arange(width) + shift) * 255 // width % 256).astype(np.uint8)
    column = (np.arange(height) * 255 // height).astype(np.uint8)
    planes = np.broadcast_arrays(row[None, :], column[:, None], np.uint8(96))
    return np.ascontiguousarray(np.stack(planes, axis=-1))


def _tone(seconds: float) -> npt.NDArray[np.int16]:
    times = np.arange(round(RATE * seconds)) / RATE
    return (np.sin(2 * np.pi * 220 * times) * 12000).astype(np.int16)


@cache
def _picture(kind: str) -> bytes:
    buffer = BytesIO()
    PIL.Image.fromarray(_gradient(1024, 1024)).save(buffer, kind)
    return buffer.getvalue()


@cache
def _sound(container: str, subtype: str) -> bytes:
    buffer = BytesIO()
    soundfile.write(buffer, _tone(1.0), RATE, format=container, subtype=subtype)
    return buffer.getvalue()


@cache
def _mp3(size: int | None = None) -> bytes:
    """Frames alone, as OpenAI sends them, and zeros where no whole frame fits."""
    frames = (MP3_FRAME * 42 if size is None else size) // MP3_FRAME
    buffer = BytesIO()
    plain = {"write_xing": "0", "id3v2_version": "0"}
    with av.open(buffer, "w", format="mp3", options=plain) as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono")
        stream.bit_rate = 128000
        tone = _tone(frames * 0.024)[None, :]
        frame = av.AudioFrame.from_ndarray(tone, format="s16", layout="mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    content = buffer.getvalue()[: frames * MP3_FRAME]
    return content if size is None else content.ljust(size, b"\0")


def _tagged_mp3(size: int | None = None) -> bytes:
    """Frames after a tag, which has room for what no whole frame fills."""
    tag = len(_id3(0))
    padding = 0 if size is None else (size - tag) % MP3_FRAME
    return _id3(padding) + _mp3(None if size is None else size - tag - padding)


@cache
def _mp4() -> bytes:
    buffer = BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"threads": "1"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for shift in range(24):
            frame = av.VideoFrame.from_ndarray(_gradient(320, 180, shift * 4), format="rgb24")
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return buffer.getvalue()


def _longer_png(content: bytes, missing: int) -> bytes:
    """Put a chunk that readers skip before the last one, which has 12 bytes."""
    data = b"teXt" + bytes(_room(missing, 12))
    chunk = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    return content[:-12] + chunk + content[-12:]


def _longer_jpeg(content: bytes, missing: int) -> bytes:
    """Put comments of about the same length after the first marker; none may have over 64 kB."""
    count = -(-missing // 60000)
    lengths = [missing // count + (at < missing % count) for at in range(count)]
    comments = [
        b"\xff\xfe" + struct.pack(">H", length - 2) + bytes(_room(length, 4)) for length in lengths
    ]
    return content[:2] + b"".join(comments) + content[2:]


def _longer_wav(content: bytes, missing: int) -> bytes:
    length = _room(missing, 8)
    longer = content + b"JUNK" + struct.pack("<I", length) + bytes(length)
    return longer[:4] + struct.pack("<I", len(longer) - 8) + longer[8:]


def _longer_mp4(content: bytes, missing: int) -> bytes:
    return content + struct.pack(">I", missing) + b"free" + bytes(_room(missing, 8))


def _id3(padding: int) -> bytes:
    text = b"TSSE\x00\x00\x00\x06\x00\x00\x03tests"
    length = len(text) + padding
    sizes = bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x04\x00\x00" + sizes + text + bytes(padding)


def _room(missing: int, head: int) -> int:
    if missing < head:
        raise ValueError(f"{missing} bytes are no room for a part that decoders skip")
    return missing - head


_MAKERS: dict[str, Callable[[], bytes]] = {
    "png": lambda: _picture("png"),
    "jpeg": lambda: _picture("jpeg"),
    "webp": lambda: _picture("webp"),
    "wav": lambda: _sound("WAV", "PCM_16"),
    "flac": lambda: _sound("FLAC", "PCM_16"),
    "opus": lambda: _sound("OGG", "OPUS"),
    "mp4": _mp4,
}
_PADDERS = {
    "png": _longer_png,
    "jpeg": _longer_jpeg,
    "wav": _longer_wav,
    "mp4": _longer_mp4,
}
