"""Hearing by the routes ``/audio/transcriptions`` and ``/audio/translations``.

Source: OpenAI's API specification, ``/audio/transcriptions``, ``/audio/translations``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from omnibind.contracts.effects import Whole
from omnibind.contracts.errors import BadOption, BadReply
from omnibind.contracts.media import AudioInput, Segment, Transcript, Word
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.modalities import RemoteSTT
from omnibind.remote.pieces import events
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import Extra, Upload, given
from omnibind.remote.subtitles import segments_of
from omnibind.remote.uploads import uploaded

from .openai import tokens

if TYPE_CHECKING:
    from omnibind.contracts.http import Reply

MAX_SOUND_BYTES = 25_000_000
SOUNDS = (
    *("audio/mpeg", "audio/wav", "audio/flac", "audio/ogg", "audio/opus", "audio/mp4"),
    *("audio/webm", "video/mp4", "video/webm"),
)

TranscriptFormat = Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]


class HearsLikeOpenAI(RemoteSTT):
    """Writes down speech by ``/audio/transcriptions`` and ``/audio/translations``."""

    _model_name = ""

    async def transcribe_audio_flow(
        self,
        audio_path: AudioInput,
        model: str | None = None,
        *,
        language: Annotated[str | None, "BCP 47; not given, it is detected"] = None,
        task: Annotated[
            Literal["transcribe", "translate"] | None, "translate: into English"
        ] = None,
        initial_prompt: Annotated[str | None, "words or style to expect"] = None,
        temperature: Annotated[float | None, Range(0.0, 1.0), "chance in choosing words"] = None,
        word_times: Annotated[bool | None, "times of words"] = None,
        diarize: Annotated[bool | None, "tell speakers apart"] = None,
        keywords: Annotated[list[str] | None, "words to expect"] = None,
        output_format: Annotated[
            TranscriptFormat | None, "how the service is to answer; not given, as rich as it can"
        ] = None,
        extra: Extra = None,
    ) -> Transcript:
        """Write down the speech in a sound."""
        form = self._heard(
            *(model, language, task, initial_prompt, temperature, word_times, diarize, keywords),
            *(output_format, extra),
        )
        route = "/audio/translations" if task == "translate" else "/audio/transcriptions"
        reply = await self.post(route, form=form, files={"file": await self._file(audio_path)})
        return self._transcript(reply, form["response_format"], form["model"], language)

    async def stream_transcript_flow(
        self, audio_path: AudioInput, model: str | None = None, **options: Any
    ) -> AsyncGenerator[Segment, None]:
        """Write down speech as it is heard; pieces have no times where the service sends none."""
        for name in ("word_times", "output_format"):
            if options.get(name):
                raise BadOption(f"a stream of {self.label} has no {name}; leave it out")
        if options.get("task") == "translate":
            raise BadOption(f"{self.label} doesn't stream translations; use transcribe_audio")
        named = "diarized_json" if options.get("diarize") else "json"
        form = self._heard(model, **{**options, "output_format": named})
        form["stream"] = True
        files = {"file": await self._file(audio_path)}
        heard, whole = list[Segment](), None
        async with self.post("/audio/transcriptions", form=form, files=files).opened() as pieces:
            async for event in events(pieces):
                data = event.json()
                kind = data.get("type")
                if kind == "transcript.text.delta":
                    yield Segment(0.0, 0.0, str(data.get("delta", "")))
                elif kind == "transcript.text.segment":
                    heard.append(segment_of(data))
                    yield heard[-1]
                elif kind == "transcript.text.done":
                    whole = str(data.get("text", ""))
        if whole is None:
            raise BadReply(f"{self.label}: the stream ended before the transcript was whole")
        language, meta = options.get("language"), self.meta(model=form["model"])
        yield Whole(Transcript(whole, heard, language=language, meta=meta))  # type: ignore[misc]

    def _heard(
        self,
        model: str | None,
        language: str | None = None,
        task: str | None = None,
        initial_prompt: str | None = None,
        temperature: float | None = None,
        word_times: bool | None = None,
        diarize: bool | None = None,
        keywords: list[str] | None = None,
        output_format: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        chosen = self.model(model, self._model_name)
        facts = self.facts(chosen)
        limits.refuse_lacking(
            facts,
            f"{chosen} of {self.label}",
            task=None if task == "transcribe" else task,
            initial_prompt=initial_prompt,
            word_times=word_times or None,
            diarize=diarize or None,
            keywords=keywords,
        )
        if output_format is None:
            has_times = facts is None or "word_times" not in facts.lacks
            output_format = "verbose_json" if has_times else "json"
            output_format = "diarized_json" if diarize else output_format
        tag = None if language is None or task == "translate" else language.partition("-")[0]
        return {
            "model": chosen,
            "response_format": output_format,
            **given(language=tag, prompt=initial_prompt, temperature=temperature),
            **({"timestamp_granularities[]": ["word", "segment"]} if word_times else {}),
            **({"keywords[]": keywords} if keywords else {}),
            **(extra or {}),
        }

    async def _file(self, audio_path: AudioInput) -> Upload:
        return await uploaded(
            audio_path, "audio", formats=SOUNDS, max_bytes=MAX_SOUND_BYTES, name="audio"
        )

    def _transcript(
        self, reply: Reply, output_format: str, model: str, language: str | None
    ) -> Transcript:
        if output_format in ("text", "srt", "vtt"):
            text = reply.body.decode("utf-8", "replace").strip()
            meta = self.meta(reply, model=model)
            if output_format == "text":
                return Transcript(text, language=language, meta=meta)
            segments = segments_of(text)
            words = " ".join(segment.text for segment in segments)
            return Transcript(words, segments, language=language, meta=meta)
        data = reply.json()
        words_ = [word_of(one) for one in data.get("words") or ()]
        segments = [segment_of(one, words_) for one in data.get("segments") or ()]
        seconds = data.get("duration") or (data.get("usage") or {}).get("seconds")
        usd = limits.cost_of(self.facts(model), tokens(data.get("usage")))
        return Transcript(
            str(picked(data, "text")).strip(),
            segments,
            language=language or language_tag(data.get("language")),
            duration_s=None if seconds is None else float(seconds),
            meta=self.meta(reply, model=model, estimated_usd=usd, raw=without_media(data)),
        )


def word_of(data: Mapping[str, Any]) -> Word:
    """Return a word of a reply."""
    return Word(float(data["start"]), float(data["end"]), str(data["word"]).strip())


def segment_of(data: Mapping[str, Any], words: list[Word] | None = None) -> Segment:
    """Return a segment of a reply, with those of its words that lie in it."""
    start, end = float(data.get("start") or 0), float(data.get("end") or 0)
    inside = tuple(word for word in words or () if start <= word.start < end)
    return Segment(start, end, str(data.get("text", "")).strip(), inside, data.get("speaker"))


_TAGS = {
    "english": "en",
    "german": "de",
    "french": "fr",
    "spanish": "es",
    "italian": "it",
    "portuguese": "pt",
    "dutch": "nl",
    "russian": "ru",
    "chinese": "zh",
    "japanese": "ja",
    "korean": "ko",
    "polish": "pl",
    "turkish": "tr",
    "arabic": "ar",
    "ukrainian": "uk",
    "swedish": "sv",
    "czech": "cs",
    "hindi": "hi",
}


def language_tag(language: Any) -> str | None:
    """Return a language as a tag; whisper-1 names it in English."""
    if not isinstance(language, str):
        return None
    return _TAGS.get(language.lower(), language if len(language) <= 3 else None)
