"""Pieces of a sound that is made bit by bit, and how they become the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from omnibind.contracts.errors import BadOutput
from omnibind.contracts.media.audio import Audio

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    import numpy as np

    from omnibind.contracts.media.meta import Meta

R = TypeVar("R")


class AudioChunk(NamedTuple):
    """One piece of a sound; its ``repr`` doesn't show the content.

    Attributes:
        samples: Shape (frames,) or (frames, channels); int16 from engines that give int16, else
            float32 in −1..1. None where only encoded bytes came.
        sample_rate: Frames a second; 0 where only encoded bytes came that must be read for it.
        index: 0 for the first piece, and on from there.
        data: Encoded bytes as the binding streams them; those of all pieces, one after another, are
            one file. Raw samples belong in ``samples``.
        media_type: Of ``data``.
    """

    samples: np.ndarray[Any, Any] | None
    sample_rate: int
    index: int  # type: ignore[assignment]  # hides tuple.index, which no chunk needs
    data: bytes = b""
    media_type: str = ""

    def __repr__(self) -> str:
        if self.samples is None:
            told = f"{self.media_type} {len(self.data)} B"
        else:
            told = f"{self.sample_rate} Hz {self.channels} ch {self.duration_s:.2f} s"
        return f"<AudioChunk {self.index} {told}>"

    @property
    def channels(self) -> int | None:
        """Number of channels; None where only encoded bytes came."""
        if self.samples is None:
            return None
        return 1 if self.samples.ndim == 1 else int(self.samples.shape[1])

    @property
    def duration_s(self) -> float | None:
        """Length in seconds; None where only encoded bytes came."""
        return None if self.samples is None else len(self.samples) / self.sample_rate


def uniform(chunks: Iterable[AudioChunk]) -> Iterator[AudioChunk]:
    """Pass the pieces on as long as they are like the first.

    Raises:
        BadOutput: A piece has another rate, number of channels, type or encoding (rule ``type``).
    """
    first = None
    for chunk in chunks:
        first = first or chunk
        if _form(chunk) != _form(first):
            raise BadOutput(
                f"piece {chunk.index} of a stream is {_form(chunk)}, and the first was "
                f"{_form(first)}; all pieces of one sound must be alike",
                result=chunk,
                rule="type",
            )
        yield chunk


def _form(chunk: AudioChunk) -> str:
    encoded = chunk.media_type if chunk.data else "not encoded"
    if chunk.samples is None:
        return encoded
    return f"{chunk.samples.dtype}, {chunk.sample_rate} Hz, {chunk.channels} channels, {encoded}"


def joined(chunks: Iterable[AudioChunk], *, meta: Meta | None = None) -> Audio:
    """Return the whole sound: the encoded bytes where they were streamed, else the samples as WAV.

    Args:
        chunks: All pieces in order.
        meta: What the engine knows of how it was made.

    Raises:
        BadOutput: There is no piece (rule ``empty``), or they aren't alike (rule ``type``).
    """
    pieces = list(uniform(chunks))
    if not pieces:
        raise BadOutput("the stream ended without a piece; a sound was expected", rule="empty")
    first = pieces[0]
    if first.data or first.samples is None:
        data = b"".join(piece.data for piece in pieces)
        return Audio(data, media_type=first.media_type or None, meta=meta)
    import numpy as np

    parts = [np.asarray(piece.samples) for piece in pieces]
    # One channel may be told as (frames,) by one piece and as (frames, 1) by the next.
    samples = np.concatenate([part.reshape(len(part), -1) for part in parts])
    return Audio.from_array(samples, first.sample_rate, meta=meta)


def drained(stream: Generator[Any, None, R]) -> R:
    """Run a streaming method to its end and return the whole that it returns there."""
    while True:
        try:
            next(stream)
        except StopIteration as end:
            whole: R = end.value
            return whole
