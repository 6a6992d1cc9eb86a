"""Speech by xAI's service.

Source: docs.x.ai, text to speech; xAI's API as third parties describe it, ``/tts``.
"""

from __future__ import annotations

from typing import Annotated, Literal, Unpack

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Audio
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTS
from omnibind.remote.replies import picked
from omnibind.remote.requests import Extra, given

from ..._shared.xai import XAI

PCM_RATE = 24_000
"""What the service speaks at where no rate is given."""


class XAITTS(XAI, RemoteTTS):
    """xAI's voices; the route has one model, which has no name."""

    def __init__(
        self,
        *,
        default_voice: Annotated[str, "the voice where a call names none; empty is eve"] = "",
        default_language: Annotated[str, "BCP 47; auto detects it"] = "auto",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._default_voice = default_voice
        self._default_language = default_language

    async def generate_audio_flow(
        self,
        text: str,
        voice: str | None = None,
        *,
        language: Annotated[str | None, "BCP 47; auto detects it"] = None,
        output_format: Annotated[
            Literal["mp3", "wav", "pcm"] | None, "the service's default is mp3"
        ] = None,
        sample_rate: Annotated[
            Literal[8000, 16000, 22050, 24000, 44100, 48000] | None, "Hz; 24,000 by default"
        ] = None,
        bit_rate: Annotated[
            Literal[32000, 64000, 96000, 128000, 192000] | None, "of mp3, bits a second"
        ] = None,
        normalize: Annotated[bool | None, "read numbers and signs as words"] = None,
        extra: Extra = None,
    ) -> Audio:
        """Speak a text; raw samples (``pcm``) become a WAV."""
        if bit_rate is not None and output_format not in (None, "mp3"):
            raise BadOption(f"bit_rate goes with mp3, and output_format is {output_format}")
        is_plain = (output_format, sample_rate, bit_rate) == (None, None, None)
        encoding = given(codec=output_format or "mp3", sample_rate=sample_rate, bit_rate=bit_rate)
        body = {
            "text": text,
            "language": language or self._default_language,
            **given(
                voice_id=voice or self._default_voice or None,
                output_format=None if is_plain else encoding,
                text_normalization=normalize,
            ),
            **(extra or {}),
        }
        reply = await self.post("/tts", json=body)
        if output_format == "pcm":
            return self.audio_of_samples(reply, sample_rate or PCM_RATE)
        return self.audio(reply)

    async def list_voices_flow(
        self, *, live: Annotated[bool, "ask the service which ones it has now"] = False
    ) -> list[str]:
        """Return the voices that the catalogue lists, or with ``live`` all that there are."""
        if not live:
            return await super().list_voices_flow()
        voices = picked((await self.get("/tts/voices")).json(), "voices")
        return sorted(str(picked(one, "voice_id")) for one in voices)
