"""Speech through OpenRouter.

Source: OpenRouter's API specification, ``/audio/speech``.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any, Literal, Unpack

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Audio, AudioChunk
from omnibind.contracts.options import Range
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTS
from omnibind.remote.pieces import samples
from omnibind.remote.requests import Extra, given

from ..._shared.openai_speech import PCM_RATE
from ..._shared.openrouter import OpenRouter


class OpenRouterTTS(OpenRouter, RemoteTTS):
    """The voices that OpenRouter passes on; each model has its own."""

    listing = ("/models", {"output_modalities": "speech"})

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "hexgrad/kokoro-82m",
        default_voice: Annotated[
            str, "the voice where a call names none; empty is the model's first one"
        ] = "",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._default_voice = default_voice

    async def generate_audio_flow(
        self,
        text: str,
        voice: str | None = None,
        *,
        model: Annotated[str | None, "instead of the configured model"] = None,
        speed: Annotated[float | None, Range(0.25, 4.0), "tempo, where the model has it"] = None,
        output_format: Annotated[Literal["mp3", "pcm"] | None, "mp3 where it isn't given"] = None,
        extra: Extra = None,
    ) -> Audio:
        """Speak a text; raw samples (``pcm``) become a WAV."""
        body = self._spoken(text, voice, model, speed, output_format, extra)
        reply = await self.post("/audio/speech", json=body)
        facts = {"model": body["model"], **self.facts_of(reply)}
        if body["response_format"] == "pcm":
            return self.audio_of_samples(reply, _rate(reply.headers), **facts)
        return self.audio(reply, **facts)

    async def stream_audio_flow(
        self, text: str, voice: str | None = None, **options: Any
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak a text piece by piece, with the same options: mono, int16."""
        body = self._spoken(text, voice, **{**options, "output_format": "pcm"})
        async with self.post("/audio/speech", json=body).opened() as pieces:
            async for chunk in samples(pieces, _rate(pieces.headers)):
                yield chunk

    def _spoken(
        self,
        text: str,
        voice: str | None,
        model: str | None = None,
        speed: float | None = None,
        output_format: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        chosen = self.model(model, self._model_name)
        facts = self.facts(chosen)
        spoken = voice or self._default_voice or next(iter(facts.voices if facts else ()), "")
        if not spoken:
            raise BadOption(f"{chosen} of {self.label} needs a voice; give voice= or default_voice")
        return {
            "model": chosen,
            "input": text,
            "voice": spoken,
            # The service's own default are samples without a header.
            "response_format": output_format or "mp3",
            **given(speed=speed),
            **(extra or {}),
        }


def _rate(headers: Mapping[str, str]) -> int:
    """Return the rate that ``audio/pcm;rate=24000;channels=1`` says."""
    found = re.search(r"rate=(\d+)", headers.get("content-type", ""))
    return int(found[1]) if found else PCM_RATE
