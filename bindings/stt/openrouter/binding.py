"""Transcription through OpenRouter.

Source: OpenRouter's API specification, ``/audio/transcriptions``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Unpack

from omnibind.contracts.effects import Run
from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import AudioInput, Transcript
from omnibind.contracts.options import Range
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteSTT
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import Extra, given
from omnibind.remote.uploads import ASIDE, ENDINGS, uploaded

from ..._shared.openai_hearing import language_tag, segment_of, word_of
from ..._shared.openrouter import OpenRouter

SOUNDS = (
    *("audio/wav", "audio/mpeg", "audio/flac", "audio/mp4", "audio/ogg", "audio/webm"),
    "audio/aac",
)


class OpenRouterSTT(OpenRouter, RemoteSTT):
    """The transcription models that OpenRouter passes on."""

    listing = ("/models", {"output_modalities": "transcription"})

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "openai/whisper-1",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name

    async def transcribe_audio_flow(
        self,
        audio_path: AudioInput,
        model: str | None = None,
        *,
        language: Annotated[str | None, "BCP 47; not given, it is detected"] = None,
        temperature: Annotated[float | None, Range(0.0), "chance in choosing words"] = None,
        word_times: Annotated[bool | None, "times of words, where the model has them"] = None,
        output_format: Annotated[
            Literal["json", "verbose_json"] | None, "verbose_json: with times, for some models"
        ] = None,
        extra: Extra = None,
    ) -> Transcript:
        """Write down the speech in a sound, which is sent as base64 in JSON."""
        chosen = self.model(model, self._model_name)
        if word_times and output_format == "json":
            raise BadOption("times of words come with verbose_json; leave output_format out")
        upload = await uploaded(audio_path, "audio", formats=SOUNDS, name="audio")
        encoded = await Run(ASIDE, upload.base64)
        body: dict[str, Any] = {
            "model": chosen,
            "input_audio": {"data": encoded, "format": ENDINGS[upload.media_type]},
            **given(
                language=None if language is None else language.partition("-")[0],
                temperature=temperature,
                response_format=output_format or ("verbose_json" if word_times else None),
                timestamp_granularities=["word", "segment"] if word_times else None,
            ),
            **(extra or {}),
        }
        reply = await self.post("/audio/transcriptions", json=body)
        data = self.content(reply)
        words = [word_of(one) for one in data.get("words") or ()]
        seconds = data.get("duration") or (data.get("usage") or {}).get("seconds")
        return Transcript(
            str(picked(data, "text")).strip(),
            [segment_of(one, words) for one in data.get("segments") or ()],
            language=language or language_tag(data.get("language")),
            duration_s=None if seconds is None else float(seconds),
            meta=self.meta(
                reply, model=chosen, raw=without_media(data), **self.facts_of(reply, data)
            ),
        )
