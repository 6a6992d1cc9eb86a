"""Sound heard, or written to a pipe, while it is still being made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from omnibind.contracts.errors import BadInput, BadOutput, CallFailed, PackagesMissing
from omnibind.contracts.media.chunk import AudioChunk, uniform

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, Any]

WAV = "audio/wav"
_UNKNOWN_SIZE = b"\xff\xff\xff\xff"
# What is read before the first sound is decoded: more of it would make that wait.
_PROBED_BYTES = 2048


def play(chunks: Iterable[AudioChunk]) -> None:
    """Play a sound from its first piece on; returns when the last one was heard.

    Raises:
        PackagesMissing: The extra ``play`` isn't installed.
        CallFailed: There is nothing here that sounds.
        BadOutput: The pieces aren't alike, can't be decoded, or there is none.
    """
    device = _sounddevice()
    output = None
    try:
        for samples, rate in _samples(chunks):
            if output is None:
                channels, dtype = samples.shape[1], samples.dtype.name
                output = device.OutputStream(samplerate=rate, channels=channels, dtype=dtype)
                output.start()
            output.write(samples)
        if output is not None:
            output.stop()
    except device.PortAudioError as error:
        raise CallFailed(
            f"the sound can't be played: {error}; connect a sound device, or give -o FILE"
        ) from error
    finally:
        if output is not None:
            output.close()


def _sounddevice() -> Any:
    try:
        import sounddevice  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError as error:
        raise PackagesMissing(
            "playing needs sounddevice, which isn't installed",
            command="pip install 'omnibind[play]'",
        ) from error
    except OSError as error:
        raise CallFailed(
            f"the sound can't be played: {error}; install PortAudio (libportaudio2 on Debian and "
            "Ubuntu), or give -o FILE"
        ) from error
    return sounddevice


def write_stream(chunks: Iterable[AudioChunk], file: BinaryIO, media_type: str = "") -> None:
    """Write a sound piece by piece, so that a reader can hear it while it is made.

    Args:
        chunks: The pieces.
        file: A pipe or another file; it is flushed after every piece.
        media_type: What to write: ``audio/wav``, or what the pieces are encoded in. Empty is what
            they are encoded in, and WAV where they aren't.

    Raises:
        BadInput: The pieces would have to be encoded.
        BadOutput: They aren't alike, can't be decoded, or there is none.
    """
    first, chunks = _peeked(chunks)
    if first.data and media_type in ("", first.media_type):
        pieces: Iterator[bytes] = (chunk.data for chunk in uniform(chunks))
    elif media_type in ("", WAV):
        pieces = _wav(chunks)
    else:
        given = f"a stream of {first.media_type}" if first.data else "a stream of samples"
        raise BadInput(
            f"{given} can't be written as {media_type} while it is made; take {WAV}, or give "
            "-o FILE"
        )
    for piece in pieces:
        file.write(piece)
        file.flush()


def _wav(chunks: Iterable[AudioChunk]) -> Iterator[bytes]:
    """Give a WAV of unknown length: its header with the first samples, then the others."""
    from omnibind.contracts.media import wav

    head = b""
    for samples, rate in _samples(chunks):
        content = samples.astype(samples.dtype.newbyteorder("<"), copy=False).tobytes()
        if not head:
            codec = wav.PCM if samples.dtype.kind == "i" else wav.FLOAT
            head = wav.write(b"", rate, samples.shape[1], codec=codec)
            # As ffmpeg does for pipes: the length of the whole and that of the samples.
            content = head[:4] + _UNKNOWN_SIZE + head[8:-4] + _UNKNOWN_SIZE + content
        yield content


def _peeked(chunks: Iterable[AudioChunk]) -> tuple[AudioChunk, Iterator[AudioChunk]]:
    pieces = iter(chunks)
    first = next(pieces, None)
    if first is None:
        raise BadOutput("the stream ended without a piece; a sound was expected", rule="empty")
    return first, chain([first], pieces)


def _samples(chunks: Iterable[AudioChunk]) -> Iterator[tuple[Samples, int]]:
    """Give every piece as int16 or float32, shape (frames, channels), with its rate."""
    import numpy as np

    first, chunks = _peeked(chunks)
    if first.samples is None:
        yield from _decoded(uniform(chunks))
        return
    for chunk in uniform(chunks):
        samples = np.asarray(chunk.samples)
        dtype = np.int16 if samples.dtype == np.int16 else np.float32
        framed = samples.reshape(len(samples), -1)
        yield np.ascontiguousarray(framed, dtype), chunk.sample_rate


def _decoded(chunks: Iterator[AudioChunk]) -> Iterator[tuple[Samples, int]]:
    import av

    options = {"probesize": str(_PROBED_BYTES), "analyzeduration": "0"}
    reader: Any = _Reader(chunks)
    try:
        with av.open(reader, "r", options=options) as container:
            stream = container.streams.audio[0]
            resampler = av.AudioResampler(format="flt", layout=stream.layout, rate=stream.rate)
            for frame in container.decode(stream):
                for piece in resampler.resample(frame):
                    yield piece.to_ndarray().reshape(piece.samples, -1), piece.sample_rate
    except (av.FFmpegError, IndexError) as error:
        raise BadOutput(
            f"the streamed bytes can't be decoded as a sound: {error}", rule="decodes"
        ) from error


class _Reader:
    """The encoded bytes as a file that can only be read onwards."""

    def __init__(self, chunks: Iterator[AudioChunk]) -> None:
        self._chunks = chunks
        self._rest = b""

    def read(self, count: int) -> bytes:
        """Return at most ``count`` bytes; none at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = chunk.data
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken
