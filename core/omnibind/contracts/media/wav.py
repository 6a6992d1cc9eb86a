"""WAV headers, read and written with the standard library alone."""

from __future__ import annotations

from struct import pack, unpack_from
from typing import TYPE_CHECKING, NamedTuple

from omnibind.contracts.errors import BadInput

if TYPE_CHECKING:
    from omnibind.contracts.media.window import Sliceable

PCM = 1
FLOAT = 3
EXTENSIBLE = 0xFFFE
# A program that writes to a pipe can't know the length: it leaves 0 or some number near 2 or 4 GiB.
UNKNOWN_LENGTH = 0x7FFFF000
MAX_BYTES = 0xFFFFFFFF - 64
MAX_CHUNKS = 1000


class WavHeader(NamedTuple):
    """What a WAV header says.

    Attributes:
        codec: ``PCM``, ``FLOAT`` or another WAVE format number, of an extensible header too.
        channels: Number of channels.
        sample_rate: Frames a second.
        bits: Bits a sample.
        block: Bytes a frame.
        offset: Where the samples begin.
        size: Bytes of samples that are there.
        missing: Bytes of samples that are declared and aren't there.
    """

    codec: int
    channels: int
    sample_rate: int
    bits: int
    block: int
    offset: int
    size: int
    missing: int

    @property
    def duration_s(self) -> float:
        """Seconds of sound that are there, from the bytes and the frame's size."""
        return (self.size // self.block) / self.sample_rate


def parse(data: Sliceable) -> WavHeader | None:
    """Return the header of a WAV file, or None where the header isn't whole or isn't one.

    Args:
        data: The whole file, or a window on it; only its headers are read.
    """
    length = len(data)
    if length < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return None
    position, fields = 12, None
    for _ in range(MAX_CHUNKS):
        head = data[position : position + 8]
        if len(head) < 8:
            return None
        name, size = head[:4], unpack_from("<I", head, 4)[0]
        position += 8
        if name == b"fmt ":
            fields = _fields(data[position : position + min(size, 40)])
            if fields is None:
                return None
        elif name == b"data":
            if fields is None:
                return None
            there = length - position
            if size >= UNKNOWN_LENGTH or (size == 0 and there > 0):
                size = there
            return WavHeader(*fields, position, min(size, there), max(0, size - there))
        position += size + (size & 1)
    return None


def _fields(chunk: bytes) -> tuple[int, int, int, int, int] | None:
    if len(chunk) < 16:
        return None
    codec, channels, rate, _, block, bits = unpack_from("<HHIIHH", chunk)
    if codec == EXTENSIBLE and len(chunk) >= 26:
        codec = unpack_from("<H", chunk, 24)[0]
    if not (channels and rate and block):
        return None
    return codec, channels, rate, bits, block


def write(
    samples: bytes | memoryview, sample_rate: int, channels: int = 1, *, codec: int = PCM
) -> bytes:
    """Return a WAV file of interleaved little-endian samples.

    Args:
        samples: int16 (``PCM``) or float32 (``FLOAT``) samples, frame by frame.
        sample_rate: Frames a second.
        channels: Samples a frame.
        codec: ``PCM`` or ``FLOAT``.

    Raises:
        BadInput: The sound is longer than 4 GiB, or rate or channels are out of range.
    """
    width = 4 if codec == FLOAT else 2
    size = len(samples) if isinstance(samples, bytes) else samples.nbytes
    if size > MAX_BYTES:
        raise BadInput(
            f"{size} bytes of samples; a WAV file holds at most 4 GiB; shorten the sound"
        )
    if not (
        0 < sample_rate <= 0xFFFFFFFF // (width * channels or 1) and 0 < channels <= 0xFFFF // width
    ):
        raise BadInput(
            f"sample rate {sample_rate} with {channels} channels; a WAV file needs both above 0 "
            f"and at most 4 GiB a second; correct them"
        )
    block = channels * width
    fmt = pack("<HHIIHH", codec, channels, sample_rate, sample_rate * block, block, width * 8)
    if codec == FLOAT:  # the standard asks every form but PCM for an extension size and the frames
        head = b"fmt " + pack("<I", 18) + fmt + b"\0\0" + b"fact" + pack("<II", 4, size // block)
    else:
        head = b"fmt " + pack("<I", 16) + fmt
    padding = b"\0" if size & 1 else b""
    riff = 4 + len(head) + 8 + size + len(padding)
    return b"".join(
        (b"RIFF", pack("<I", riff), b"WAVE", head, b"data", pack("<I", size), samples, padding)
    )
