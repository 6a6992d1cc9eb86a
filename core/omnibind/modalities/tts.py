"""The handles of text to speech."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from omnibind.calls.candidate import Candidate
from omnibind.calls.choice import Choice
from omnibind.calls.request import Subject
from omnibind.calls.streaming import Streaming
from omnibind.calls.streams import AsyncStream, Stream
from omnibind.calls.subjects import clean_text
from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Audio, AudioChunk, Meta
from omnibind.contracts.options import shown
from omnibind.contracts.tts import TTSBinding, Voice
from omnibind.modalities.handle import AsyncHandle, BlockingHandle, Handle


def spoken(text: str, voice: str | None) -> Subject:
    """Return what checks a text for a candidate.

    Raises:
        BadOption: The voice isn't a str.
    """

    def subject(candidate: Candidate) -> tuple[str, ...]:
        cleaned = clean_text(text, "text", candidate.label)
        return (cleaned,) if voice is None else (cleaned, voice)

    if voice is not None and not isinstance(voice, str):
        raise BadOption(f"the voice is {shown(voice)}; give a str, a name from list_voices()")
    return subject


def facts_of(text: str) -> Meta:
    """Return what a text says about its result."""
    return Meta(characters=len(text)) if isinstance(text, str) else Meta()


def _sentences(choice: Choice) -> Sequence[str]:
    from omnibind.calls.sentences import sentences

    languages = choice.candidate.languages
    language = choice.options.get("language") or (languages[0] if len(languages) == 1 else None)
    return sentences(choice.subject[0], language)


def _chunks(sound: Audio, index: int) -> Sequence[AudioChunk]:
    from omnibind.contracts.media import codecs

    samples, rate = codecs.decode_audio(sound, name="it", native=True)
    return (AudioChunk(samples, rate, index),)


def _joined(chunks: Sequence[AudioChunk]) -> Audio:
    from omnibind.contracts.media.chunk import joined

    return joined(chunks)


def _alike(whole: Audio, part: Audio) -> Audio:
    from omnibind.contracts.media.save import encode

    for ending, media_type in Audio._endings.items():
        if media_type == part.media_type:
            return Audio(encode(whole, ending))
    return whole  # nothing here writes that encoding


_STREAMING: Streaming[AudioChunk, Audio] = Streaming(
    "stream_audio", Audio, _joined, _sentences, _chunks, _alike
)


class _Speaking(Handle[TTSBinding, Audio]):
    modality: ClassVar[str] = "tts"
    _verb: ClassVar[str] = "generate_audio"
    _names: ClassVar[tuple[str, ...]] = ("text", "voice")
    _result = Audio


class TextToSpeech(_Speaking, BlockingHandle[TTSBinding, Audio]):
    """Speaks with its bindings."""

    def generate_audio(self, text: str, voice: str | None = None, **options: Any) -> Audio:
        """Speak ``text``.

        Args:
            text: What to say; control characters are left out.
            voice: A name from :meth:`list_voices`; None is the binding's default.
            options: Those that the binding declares (``omnibind describe tts/NAME``), and the call
                controls of :mod:`omnibind.calls.controls` (``timeout_s``, ``verify``, …).

        Raises:
            BadInput: The text is blank or too long.
            UnknownVoice: The binding has no such voice.
            UnknownOption: The binding has no such option.
            BadOption: A value has a wrong type or is out of range.
            NotReady: Something must be mended first; the message ends with the command.
            ConsentMissing: The voice is a recording, and nobody said that its speaker permits it.
            BadOutput: What came back isn't usable; it is kept in ``.result``.
            DeadlineExceeded: It took more than ``timeout_s``.
            CallFailed: The engine failed; ``AllFailed`` where several bindings did.
        """
        return self._call(spoken(text, voice), options, facts_of(text))

    def stream_audio(
        self, text: str, voice: str | None = None, **options: Any
    ) -> Stream[AudioChunk, Audio]:
        """Speak ``text`` piece by piece.

        Args:
            text: What to say.
            voice: A name from :meth:`list_voices`; None is the binding's default.
            options: As for :meth:`generate_audio`.

        Returns:
            An iterator of pieces: as the binding streams them, else a sentence each. Once it is
            exhausted, ``.result`` is the whole. It raises what :meth:`generate_audio` does.
        """
        return self._stream(spoken(text, voice), options, facts_of(text), _STREAMING)

    def generate_audio_batch(
        self, texts: Iterable[str], voice: str | None = None, **options: Any
    ) -> list[Audio]:
        """Speak several texts, in order.

        Args:
            texts: What to say.
            voice: As for :meth:`generate_audio`.
            options: As for :meth:`generate_audio`; ``return_errors=True`` puts an error in the
                place of each text that failed.
        """
        subjects = [(spoken(text, voice), facts_of(text)) for text in self._each(texts, "texts")]
        return self._batch(subjects, options)

    def list_voices(self, **options: Any) -> list[str]:
        """Return the voices that can be used now or after a pull."""
        voices: list[str] = self._ask("list_voices", options)
        return voices

    def voices(self) -> list[Voice]:
        """Return the voices with their language and gender, where known."""
        voices: list[Voice] = self._ask("voices", {})
        return voices


class AsyncTextToSpeech(_Speaking, AsyncHandle[TTSBinding, Audio]):
    """Speaks with its bindings; see :class:`TextToSpeech` for arguments and errors."""

    async def generate_audio(self, text: str, voice: str | None = None, **options: Any) -> Audio:
        """Speak ``text``; see :meth:`TextToSpeech.generate_audio`."""
        return await self._call(spoken(text, voice), options, facts_of(text))

    def stream_audio(
        self, text: str, voice: str | None = None, **options: Any
    ) -> AsyncStream[AudioChunk, Audio]:
        """Speak ``text`` piece by piece; see :meth:`TextToSpeech.stream_audio`."""
        return self._stream(spoken(text, voice), options, facts_of(text), _STREAMING)

    async def generate_audio_batch(
        self, texts: Iterable[str], voice: str | None = None, **options: Any
    ) -> list[Audio]:
        """Speak several texts; see :meth:`TextToSpeech.generate_audio_batch`."""
        subjects = [(spoken(text, voice), facts_of(text)) for text in self._each(texts, "texts")]
        return await self._batch(subjects, options)

    async def list_voices(self, **options: Any) -> list[str]:
        """Return the voices that can be used now or after a pull."""
        voices: list[str] = await self._ask("list_voices", options)
        return voices

    async def voices(self) -> list[Voice]:
        """Return the voices with their language and gender, where known."""
        voices: list[Voice] = await self._ask("voices", {})
        return voices
