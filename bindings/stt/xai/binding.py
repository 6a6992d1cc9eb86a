"""Transcription by xAI's service.

Source: docs.x.ai, speech to text (``POST /v1/stt``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Unpack

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import AudioInput, Segment, Transcript, Word
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteSTT
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import Extra, given
from omnibind.remote.uploads import uploaded

from ..._shared.openai_hearing import language_tag
from ..._shared.xai import XAI, cost_of

SOUNDS = (
    *("audio/wav", "audio/mpeg", "audio/flac", "audio/mp4", "audio/ogg", "audio/opus"),
    *("audio/aac", "audio/webm"),
)


class XAISTT(XAI, RemoteSTT):
    """xAI's transcription models."""

    def __init__(
        self,
        *,
        model_name: Annotated[
            str, "the model where a call names none"
        ] = "grok-voice-transcribe-1.0",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name

    async def transcribe_audio_flow(
        self,
        audio_path: AudioInput,
        model: str | None = None,
        *,
        language: Annotated[str | None, "BCP 47; for written_form, the rest is detected"] = None,
        written_form: Annotated[bool | None, "numbers and units in digits; with language"] = None,
        word_times: Annotated[bool | None, "times of words"] = None,
        diarize: Annotated[bool | None, "tell speakers apart"] = None,
        filler_words: Annotated[bool | None, "write down uh and um as well"] = None,
        keywords: Annotated[list[str] | None, "words to expect"] = None,
        extra: Extra = None,
    ) -> Transcript:
        """Write down the speech in a sound."""
        chosen = self.model(model, self._model_name)
        if written_form and language is None:
            raise BadOption(f"written_form of {self.label} needs the language; give language=")
        form = {
            "model": chosen,
            **given(
                language=None if language is None else language.partition("-")[0],
                format=written_form,
                diarize=diarize,
                filler_words=filler_words,
                keyterm=keywords or None,
            ),
            **(extra or {}),
        }
        # The service wants the file as the form's last part, which files are.
        files = {"file": await uploaded(audio_path, "audio", formats=SOUNDS, name="audio")}
        reply = await self.post("/stt", form=form, files=files)
        data = reply.json()
        seconds = data.get("duration")
        return Transcript(
            str(picked(data, "text")).strip(),
            _segments(data.get("words") or (), bool(word_times)),
            language=language or language_tag(data.get("language")),
            duration_s=None if seconds is None else float(seconds),
            meta=self.meta(reply, model=chosen, cost_usd=cost_of(data), raw=without_media(data)),
        )


def _segments(words: Iterable[Mapping[str, Any]], with_words: bool) -> list[Segment]:
    """Return the sentences that words with times make, cut where the speaker changes too."""
    segments: list[Segment] = []
    heard: list[Word] = []
    speaker: str | None = None

    def close() -> None:
        if heard:
            text = " ".join(word.text for word in heard)
            kept = tuple(heard) if with_words else ()
            segments.append(Segment(heard[0].start, heard[-1].end, text, kept, speaker))
            heard.clear()

    for one in words:
        who = None if one.get("speaker") is None else str(one["speaker"])
        if who != speaker:
            close()
            speaker = who
        heard.append(Word(float(one["start"]), float(one["end"]), str(one["text"]).strip()))
        if heard[-1].text.endswith((".", "?", "!", "。", "？", "！")):
            close()
    close()
    return segments
