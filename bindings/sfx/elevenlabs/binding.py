"""Sound effects by ElevenLabs' service.

Source: ElevenLabs' API specification, ``/v1/sound-generation``.
"""

from __future__ import annotations

from typing import Annotated, Literal, Unpack

from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteSFX
from omnibind.remote.requests import Extra, given

from ..._shared.elevenlabs import MP3, OPUS, Bitrate, ElevenLabs, SampleRate, encoding

# How many channels its raw samples have isn't said anywhere: they aren't offered.
ENCODINGS = (*MP3, *OPUS)


class ElevenLabsSFX(ElevenLabs, RemoteSFX):
    """ElevenLabs' sound effects."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "eleven_text_to_sound_v2",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name

    async def generate_sound_flow(
        self,
        prompt: str,
        *,
        model: Annotated[str | None, "instead of the configured model"] = None,
        duration_s: Annotated[
            float | None, Range(0.5, 30.0), "seconds; not given, as fits the prompt"
        ] = None,
        prompt_influence: Annotated[
            float | None, Range(0.0, 1.0), "high keeps closer to the prompt and varies less"
        ] = None,
        loop: Annotated[bool | None, "True: its end goes over into its beginning"] = None,
        output_format: Annotated[
            Literal["mp3", "opus"] | None, "the service's default is mp3"
        ] = None,
        sample_rate: SampleRate = None,
        bitrate_kbps: Bitrate = None,
        extra: Extra = None,
    ) -> Audio:
        """Make the sound that a text describes."""
        chosen = self.model(model, self._model_name)
        named = encoding(
            *(ENCODINGS, output_format, sample_rate, bitrate_kbps), f"{chosen} of {self.label}"
        )
        body = {
            "text": prompt,
            "model_id": chosen,
            **given(duration_seconds=duration_s, prompt_influence=prompt_influence, loop=loop),
            **(extra or {}),
        }
        reply = await self.post("/v1/sound-generation", query=given(output_format=named), json=body)
        return self.audio(reply, model=chosen)
