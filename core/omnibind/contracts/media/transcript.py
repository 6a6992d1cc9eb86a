"""Text with the times, words and language that were heard."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import meta as metas

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any, ClassVar, NoReturn

    from typing_extensions import Self

    from omnibind.contracts.media.meta import Meta
    from omnibind.contracts.media.recipe import Recipe


class Word(NamedTuple):
    """One word that was heard.

    Attributes:
        start: Seconds from the beginning of the sound.
        end: Seconds from the beginning of the sound.
        text: The word, with its punctuation, without surrounding space.
        probability: The engine's own confidence, 0..1, or None.
    """

    start: float
    end: float
    text: str
    probability: float | None = None


class Segment(NamedTuple):
    """A stretch of speech.

    Attributes:
        start: Seconds from the beginning of the sound.
        end: Seconds from the beginning of the sound.
        text: What was said.
        words: Its words with their times; empty where they weren't asked for.
        speaker: Who said it, where the engine tells speakers apart.
    """

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    speaker: str | None = None


class Transcript(str):
    """The text that was heard; a ``str`` that also knows segments, words and language.

    Immutable, equal to its text, copied by identity; its ``repr`` doesn't show the text.

    Args:
        text: The whole text.
        segments: Stretches of speech in order.
        language: BCP 47 tag of the language.
        language_probability: The engine's confidence in it, 0..1.
        duration_s: Seconds of sound that were listened to.
        meta: How it was made.

    Raises:
        BadInput: ``text`` isn't a ``str``.
    """

    _endings: ClassVar[tuple[str, ...]] = ("txt", "srt", "vtt", "json")

    def __new__(
        cls,
        text: str,
        segments: Iterable[Segment] = (),
        *,
        language: str | None = None,
        language_probability: float | None = None,
        duration_s: float | None = None,
        meta: Meta | None = None,
    ) -> Self:
        """Keep the text and what is known of it."""
        if not isinstance(text, str):
            raise BadInput(f"Transcript({type(text).__name__}): a str is expected; give the text")
        self = super().__new__(cls, text)
        self.__dict__.update(
            _segments=tuple(segments),
            _language=language,
            _language_probability=language_probability,
            _duration_s=duration_s,
            _meta=meta,
        )
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Transcript is immutable; {name!r} can't be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"Transcript is immutable; {name!r} can't be deleted")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __repr__(self) -> str:
        parts = ["Transcript"]
        if self.language:
            parts.append(self.language)
        if self.duration_s is not None:
            parts.append(f"{self.duration_s:.2f} s")
        parts += [f"{len(self.segments)} segments", f"{len(self)} characters"]
        return f"<{' '.join(parts)}>"

    @property
    def media_type(self) -> str:
        """Always ``text/plain``."""
        return "text/plain"

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Stretches of speech in order; empty where the engine gives text alone."""
        found: tuple[Segment, ...] = self.__dict__["_segments"]
        return found

    @property
    def words(self) -> tuple[Word, ...]:
        """All words of all segments in order; empty where they weren't asked for."""
        return tuple(word for segment in self.segments for word in segment.words)

    @property
    def language(self) -> str | None:
        """BCP 47 tag of the language, or None where the engine doesn't say."""
        found: str | None = self.__dict__["_language"]
        return found

    @property
    def language_probability(self) -> float | None:
        """The engine's confidence in the language, 0..1, or None where it doesn't say."""
        found: float | None = self.__dict__["_language_probability"]
        return found

    @property
    def duration_s(self) -> float | None:
        """Seconds of sound that were listened to, or None where the engine doesn't say."""
        found: float | None = self.__dict__["_duration_s"]
        return found

    @property
    def meta(self) -> Meta:
        """How this was made; all fields None where nobody said."""
        return self.__dict__["_meta"] or metas.EMPTY

    @property
    def recipe(self) -> Recipe | None:
        """What is needed to make this again, or None where nobody said."""
        return self.meta.recipe

    def _with_meta(self, meta: Meta) -> Self:
        """Return the same content with another meta; whoever holds this object sees no change."""
        return type(self)(
            str(self),
            self.segments,
            language=self.language,
            language_probability=self.language_probability,
            duration_s=self.duration_s,
            meta=meta,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return text, language, duration and segments as plain lists, dicts, str and float."""
        return {
            "text": str(self),
            "language": self.language,
            "language_probability": self.language_probability,
            "duration_s": self.duration_s,
            "segments": [
                {**segment._asdict(), "words": [word._asdict() for word in segment.words]}
                for segment in self.segments
            ],
        }

    def srt(self) -> str:
        """Return the segments as SubRip subtitles.

        Raises:
            BadInput: There is text but no segment times.
        """
        cues = enumerate(self._cues(","), 1)
        return "".join(f"{number}\n{times}\n{text}\n\n" for number, (times, text) in cues)

    def vtt(self) -> str:
        """Return the segments as WebVTT subtitles.

        Raises:
            BadInput: There is text but no segment times.
        """
        parts = ["WEBVTT\n\n"]
        for times, text in self._cues("."):
            escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            parts.append(f"{times}\n{escaped}\n\n")
        return "".join(parts)

    def _cues(self, mark: str) -> list[tuple[str, str]]:
        if not self.segments and self.strip():
            raise BadInput(
                "this transcript has no segments; subtitles need their times; "
                "save it as .txt, or use an engine that gives segments"
            )
        cues = []
        for segment in self.segments:
            # A blank line or an arrow in the text would end the cue.
            text = " ".join(segment.text.split()).replace("-->", "→")
            times = f"{_clock(segment.start, mark)} --> {_clock(segment.end, mark)}"
            cues.append((times, f"{segment.speaker}: {text}" if segment.speaker else text))
        return cues

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the transcript as its ending says: txt, srt, vtt or json.

        Raises:
            BadInput: The ending is unknown, or subtitles are asked for and there are no times.
            SaveFailed: The file can't be written.
        """
        from omnibind.contracts.media import save

        return save.save(self, path)

    def _convert(self, ending: str) -> bytes:
        if ending == "srt":
            text = self.srt()
        elif ending == "vtt":
            text = self.vtt()
        elif ending == "json":
            import json

            text = json.dumps(self.to_dict(), ensure_ascii=False, indent=2) + "\n"
        else:
            text = f"{self}\n"
        return text.encode("utf-8", "replace")


def _clock(seconds: float, mark: str) -> str:
    milliseconds = max(0, round(seconds * 1000))
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{mark}{rest % 1000:03}"
