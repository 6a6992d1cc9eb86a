"""The handles of speech to text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from omnibind.calls.candidate import Candidate
from omnibind.calls.choice import Choice
from omnibind.calls.request import Subject
from omnibind.calls.streaming import Streaming
from omnibind.calls.streams import AsyncStream, Stream
from omnibind.calls.subjects import opened
from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import AudioInput, Meta, Segment, Transcript
from omnibind.contracts.options import shown
from omnibind.contracts.stt import STTBinding
from omnibind.modalities.handle import AsyncHandle, BlockingHandle, Handle


def heard(audio_path: AudioInput, model: str | None) -> Subject:
    """Return what checks a sound for a candidate.

    Raises:
        BadInput: It is of no kind that a sound can be read from.
        BadOption: The model isn't a str.
    """
    sound = opened(audio_path, "audio", "sound")
    if model is not None and not isinstance(model, str):
        raise BadOption(f"the model is {shown(model)}; give a str, a name from list_models()")

    def subject(candidate: Candidate) -> tuple[Any, ...]:
        return (sound(),) if model is None else (sound(), model)

    return subject


def _whole(choice: Choice) -> Sequence[Any]:
    return choice.subject[:1]


def _segments(transcript: Transcript, index: int) -> Sequence[Segment]:
    return transcript.segments


def _joined(segments: Sequence[Segment]) -> Transcript:
    return Transcript(" ".join(segment.text for segment in segments), segments)


_STREAMING: Streaming[Segment, Transcript] = Streaming(
    "stream_transcript", Transcript, _joined, _whole, _segments
)


class _Listening(Handle[STTBinding, Transcript]):
    modality: ClassVar[str] = "stt"
    _verb: ClassVar[str] = "transcribe_audio"
    _names: ClassVar[tuple[str, ...]] = ("audio_path", "model")
    _result = Transcript


class SpeechToText(_Listening, BlockingHandle[STTBinding, Transcript]):
    """Writes down speech with its bindings."""

    def transcribe_audio(
        self, audio_path: AudioInput, model: str | None = None, **options: Any
    ) -> Transcript:
        """Write down the speech in a sound.

        Args:
            audio_path: A path, bytes, ``(array, sample_rate)``, a file object or a ``Source``.
            model: A name from :meth:`list_models`; None is the binding's configured one.
            options: Those that the binding declares (``omnibind describe stt/NAME``), and the call
                controls of :mod:`omnibind.calls.controls` (``timeout_s``, ``verify``, …).

        Raises:
            BadInput: The sound can't be read.
            UnknownModel: The binding has no such model.
            UnknownOption: The binding has no such option.
            BadOption: A value has a wrong type or is out of range.
            NotReady: Something must be mended first; the message ends with the command.
            BadOutput: What came back isn't usable; it is kept in ``.result``.
            DeadlineExceeded: It took more than ``timeout_s``.
            CallFailed: The engine failed; ``AllFailed`` where several bindings did.
        """
        return self._call(heard(audio_path, model), options, Meta(model=model), reads=True)

    def stream_transcript(
        self, audio_path: AudioInput, model: str | None = None, **options: Any
    ) -> Stream[Segment, Transcript]:
        """Write down the speech in a sound segment by segment.

        Args:
            audio_path: As for :meth:`transcribe_audio`.
            model: As for :meth:`transcribe_audio`.
            options: As for :meth:`transcribe_audio`.

        Returns:
            An iterator of segments, as they come where the binding streams them, else all at the
            end. Once it is exhausted, ``.result`` is the whole. It raises what
            :meth:`transcribe_audio` does.
        """
        facts = Meta(model=model)
        return self._stream(heard(audio_path, model), options, facts, _STREAMING, reads=True)

    def transcribe_audio_batch(
        self, audio_paths: Iterable[AudioInput], model: str | None = None, **options: Any
    ) -> list[Transcript]:
        """Write down the speech in several sounds, in order.

        Args:
            audio_paths: What :meth:`transcribe_audio` takes.
            model: As for :meth:`transcribe_audio`.
            options: As for :meth:`transcribe_audio`; ``return_errors=True`` puts an error in the
                place of each sound that failed.
        """
        paths, facts = self._each(audio_paths, "audio_paths"), Meta(model=model)
        return self._batch([(heard(one, model), facts) for one in paths], options, reads=True)


class AsyncSpeechToText(_Listening, AsyncHandle[STTBinding, Transcript]):
    """Writes down speech; see :class:`SpeechToText` for arguments and errors."""

    async def transcribe_audio(
        self, audio_path: AudioInput, model: str | None = None, **options: Any
    ) -> Transcript:
        """Write down the speech in a sound; see :meth:`SpeechToText.transcribe_audio`."""
        subject = heard(audio_path, model)
        return await self._call(subject, options, Meta(model=model), reads=True)

    def stream_transcript(
        self, audio_path: AudioInput, model: str | None = None, **options: Any
    ) -> AsyncStream[Segment, Transcript]:
        """Write it down segment by segment; see :meth:`SpeechToText.stream_transcript`."""
        facts = Meta(model=model)
        return self._stream(heard(audio_path, model), options, facts, _STREAMING, reads=True)

    async def transcribe_audio_batch(
        self, audio_paths: Iterable[AudioInput], model: str | None = None, **options: Any
    ) -> list[Transcript]:
        """Write down several sounds; see :meth:`SpeechToText.transcribe_audio_batch`."""
        paths, facts = self._each(audio_paths, "audio_paths"), Meta(model=model)
        subjects = [(heard(one, model), facts) for one in paths]
        return await self._batch(subjects, options, reads=True)
