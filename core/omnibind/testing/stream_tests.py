"""Tests of a stream that a binding defines itself."""

from __future__ import annotations

import threading
from abc import abstractmethod
from inspect import isgenerator
from typing import Any, ClassVar

import pytest

from omnibind.contracts.errors import BadOutput
from omnibind.contracts.media import AudioChunk, Segment, Transcript
from omnibind.contracts.media.chunk import joined

from . import decoding
from .batch_tests import assert_same_options
from .specimen import Specimen
from .suite import Suite

STOP_S = 5.0
"""How long a thread may take to end once its stream was closed."""

TOLERANCE = 0.05
"""How far the length of a stream may be from that of a whole which chance makes differ."""


class StreamTests(Suite):
    """A stream of the binding's own gives piece by piece what the verb gives at once.

    Attributes:
        stream_name: The method.
    """

    stream_name: ClassVar[str]

    @abstractmethod
    def streamed_subject(self) -> tuple[Any, ...]:
        """Return what is streamed: enough for several pieces, if it can be known."""

    @abstractmethod
    def assert_pieces(self, pieces: list[Any], returned: Any) -> Any:
        """Assert that pieces are what they must be, and agree with what the stream returned.

        Returns:
            The whole that they make.
        """

    @abstractmethod
    def assert_same(self, streamed: Any, wholes: list[Any], *, exactly: bool) -> None:
        """Assert that the joined pieces are what the verb gives."""

    def test_the_stream_takes_what_the_verb_takes(self, folder_only: Specimen) -> None:
        """The same subject and options, of the same types and with the same defaults."""
        own = sorted(name for name in folder_only.own_methods if name.startswith("stream_"))
        if not own:
            pytest.skip("doesn't apply: the binding has no stream of its own")
        wrong = [name for name in own if name.removesuffix("_flow") != self.stream_name]
        assert not wrong, (
            f"the class defines {', '.join(wrong)}; a stream of {self.modality} is called "
            f"{self.stream_name}"
        )
        for name in own:
            assert_same_options(folder_only, name, folder_only.type.subject)

    def test_the_streamed_pieces_are_the_whole(self, specimen: Specimen) -> None:
        """Joined, they equal the verb's result; about as long where chance makes it differ."""
        self.skip_without(specimen, self.stream_name)
        is_steady = self.is_steady(specimen)
        streamed = self.assert_pieces(*_drained(self._stream(specimen)))
        draws = 1 if is_steady or self.heavy else 3
        wholes = [self._whole(specimen) for _ in range(draws)]
        self.assert_same(streamed, wholes, exactly=is_steady)

    def test_a_stream_closed_early_stops(self, specimen: Specimen) -> None:
        """Nothing goes on behind the caller's back, and the next call is as good as any."""
        self.skip_without(specimen, self.stream_name)
        before = self._whole(specimen)
        present = set(threading.enumerate())
        stream = self._stream(specimen)
        next(stream, None)
        stream.close()
        started = [thread for thread in threading.enumerate() if thread not in present]
        for thread in started:
            thread.join(STOP_S)
        alive = ", ".join(thread.name for thread in started if thread.is_alive())
        assert not alive, f"threads go on after close(): {alive}; end them in the stream's finally"
        after = self._whole(specimen)
        told = "after a stream that was closed early"
        self.assert_made_of(self.streamed_subject()[0], after, told)
        if self.is_steady(specimen):
            assert after == before, "a stream that was closed early changed the next call"

    def _options(self, specimen: Specimen) -> dict[str, Any]:
        return {**self.minimal_options, **self.seeded(specimen, **self.steady_options)}

    def _stream(self, specimen: Specimen) -> Any:
        subject = self.streamed_subject()
        stream = specimen.ask(self.stream_name, *subject, **self._options(specimen))
        assert isgenerator(stream), (
            f"{self.stream_name} gives {type(stream).__name__}; write it with yield"
        )
        return stream

    def _whole(self, specimen: Specimen) -> Any:
        return specimen.ask(specimen.type.verb, *self.streamed_subject(), **self._options(specimen))


class SoundStreamTests(StreamTests):
    """For streams of sound."""

    def assert_pieces(self, pieces: list[Any], returned: Any) -> Any:
        """Assert that they are chunks in order that join to one sound."""
        wrong = [type(piece).__name__ for piece in pieces if not isinstance(piece, AudioChunk)]
        assert not wrong, f"{self.stream_name} yields {wrong[0]}; yield AudioChunk"
        assert len(pieces) > 1, f"{self.stream_name} gives several sentences in {len(pieces)} piece"
        numbers = [piece.index for piece in pieces]
        assert numbers == list(range(len(pieces))), f"the pieces are numbered {numbers}"
        for piece in pieces:
            _assert_chunk(piece)
        try:
            whole = joined(pieces)
        except BadOutput as error:
            pytest.fail(str(error), pytrace=False)
        self.assert_made_of(self.streamed_subject()[0], whole, "the joined pieces")
        # Compared outside of the assertion: pytest would show how megabytes differ.
        is_same = returned is None or bytes(returned) == bytes(whole)
        assert is_same, f"{self.stream_name} returns another sound at its end than its pieces make"
        return whole

    def assert_same(self, streamed: Any, wholes: list[Any], *, exactly: bool) -> None:
        """Assert that the samples are the same, or their number about the same."""
        sounds = [decoding.sound_of(whole) for whole in wholes]
        sound = decoding.sound_of(streamed)
        if exactly:
            is_same = streamed == wholes[0] or (
                sound.samples.shape == sounds[0].samples.shape
                and bool((sound.samples == sounds[0].samples).all())
            )
            assert is_same, (
                f"the pieces join to {sound.duration_s:.3f} s of sound that differs from the "
                f"{sounds[0].duration_s:.3f} s that the verb gives"
            )
        lengths = [one.duration_s for one in sounds]
        low, high = (1 - TOLERANCE) * min(lengths), (1 + TOLERANCE) * max(lengths)
        assert low <= sound.duration_s <= high, (
            f"the pieces are {sound.duration_s:.2f} s long, the whole "
            f"{min(lengths):.2f} to {max(lengths):.2f} s"
        )


class TextStreamTests(StreamTests):
    """For streams of what was heard."""

    def assert_pieces(self, pieces: list[Any], returned: Any) -> Any:
        """Assert that they are segments in order."""
        wrong = [type(piece).__name__ for piece in pieces if not isinstance(piece, Segment)]
        assert not wrong, f"{self.stream_name} yields {wrong[0]}; yield Segment"
        whole = Transcript(" ".join(piece.text for piece in pieces), pieces)
        self.assert_made_of(self.streamed_subject()[0], whole, "the joined pieces")
        if isinstance(returned, Transcript):
            self.assert_same(whole, [returned], exactly=True)
        return whole

    def assert_same(self, streamed: Any, wholes: list[Any], *, exactly: bool) -> None:
        """Assert that text and segments are the same."""
        whole = wholes[0] if isinstance(wholes[0], Transcript) else Transcript(wholes[0])
        assert streamed.split() == whole.split(), (
            f"the pieces join to {str(streamed)!r}, the whole is {str(whole)!r}"
        )
        assert not whole.segments or streamed.segments == whole.segments, (
            "the streamed segments aren't those of the whole"
        )


def _drained(stream: Any) -> tuple[list[Any], Any]:
    pieces = []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            return pieces, end.value


def _assert_chunk(chunk: AudioChunk) -> None:
    told = f"piece {chunk.index}"
    if chunk.samples is None:
        assert chunk.data, f"{told} has neither samples nor data"
    else:
        assert chunk.samples.dtype in ("int16", "float32"), (
            f"{told} has samples of {chunk.samples.dtype}; give int16 or float32"
        )
        assert chunk.samples.ndim in (1, 2), (
            f"{told} has samples of {chunk.samples.ndim} dimensions"
        )
        assert len(chunk.samples), f"{told} is empty"
        assert chunk.sample_rate > 0, f"{told} has the rate {chunk.sample_rate}"
    assert not chunk.data or chunk.media_type.startswith("audio/"), (
        f"{told} has data of the media type {chunk.media_type!r}"
    )
