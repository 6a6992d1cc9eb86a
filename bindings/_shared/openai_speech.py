"""Speech by the route ``/audio/speech``, which many servers have.

Source: OpenAI's API specification, ``/audio/speech``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any, Literal

from omnibind.contracts.media import Audio, AudioChunk
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.modalities import RemoteTTS
from omnibind.remote.pieces import samples
from omnibind.remote.requests import Extra, given

PCM_RATE = 24_000

SpeechFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]


class SpeaksLikeOpenAI(RemoteTTS):
    """Speaks by ``/audio/speech``."""

    _model_name = ""
    _default_voice = ""

    async def generate_audio_flow(
        self,
        text: str,
        voice: str | None = None,
        *,
        model: Annotated[str | None, "instead of the configured model"] = None,
        speed: Annotated[float | None, Range(0.25, 4.0), "tempo; 1.0 is natural"] = None,
        instructions: Annotated[str | None, "how to speak, in plain words"] = None,
        output_format: Annotated[SpeechFormat | None, "the service's default is mp3"] = None,
        extra: Extra = None,
    ) -> Audio:
        """Speak a text; raw samples (``pcm``) become a WAV."""
        body = self._spoken(text, voice, model, speed, instructions, output_format, extra)
        reply = await self.post("/audio/speech", json=body)
        if output_format == "pcm":
            return self.audio_of_samples(reply, PCM_RATE, model=body["model"])
        return self.audio(reply, model=body["model"])

    async def stream_audio_flow(
        self, text: str, voice: str | None = None, **options: Any
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak a text piece by piece, with the same options: 24 kHz, mono, int16."""
        body = self._spoken(text, voice, **{**options, "output_format": "pcm"})
        async with self.post("/audio/speech", json=body).opened() as pieces:
            async for chunk in samples(pieces, PCM_RATE):
                yield chunk

    def _spoken(
        self,
        text: str,
        voice: str | None,
        model: str | None = None,
        speed: float | None = None,
        instructions: str | None = None,
        output_format: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        chosen = self.model(model, self._model_name)
        owner = f"{chosen} of {self.label}"
        limits.refuse_lacking(self.facts(chosen), owner, instructions=instructions)
        named = voice or self._default_voice
        # A voice that somebody made for himself is named by its id.
        spoken: Any = {"id": named} if named.startswith("voice_") else named
        return {
            "model": chosen,
            "input": text,
            "voice": spoken,
            **given(speed=speed, instructions=instructions, response_format=output_format),
            **(extra or {}),
        }
