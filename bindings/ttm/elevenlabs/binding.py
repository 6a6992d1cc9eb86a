"""Music by ElevenLabs' service.

Source: ElevenLabs' API specification, ``/v1/music``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Unpack

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTM
from omnibind.remote.requests import Extra, given

from ..._shared.elevenlabs import MP3, OPUS, Bitrate, ElevenLabs, SampleRate, encoding

# How many channels its raw samples have isn't said anywhere: they aren't offered.
ENCODINGS = (*MP3, *(f"mp3_48000_{kbps}" for kbps in (192, 128, 240, 320)), *OPUS)
MAX_LYRICS = 4000


class ElevenLabsTTM(ElevenLabs, RemoteTTM):
    """ElevenLabs' composer."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "music_v2",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name

    async def generate_music_flow(
        self,
        prompt: str,
        *,
        model: Annotated[str | None, "instead of the configured model"] = None,
        duration_s: Annotated[
            float | None, Range(3.0, 600.0), "seconds; not given, as fits the prompt"
        ] = None,
        lyrics: Annotated[str | None, "what is sung, at most 4000 characters"] = None,
        instrumental: Annotated[bool | None, "True: nobody sings"] = None,
        composition_plan: Annotated[
            dict[str, Any] | None,
            "sections or chunks with styles, lengths and lyrics; goes in place of the prompt",
        ] = None,
        seed: Annotated[int | None, Range(0, 2**31 - 1), "with composition_plan only"] = None,
        output_format: Annotated[
            Literal["mp3", "opus"] | None, "the service's default is mp3"
        ] = None,
        sample_rate: SampleRate = None,
        bitrate_kbps: Bitrate = None,
        extra: Extra = None,
    ) -> Audio:
        """Compose a piece of music.

        ``meta.raw`` has the ``song_id``, by which a plan can refer to what was composed.
        """
        chosen = self.model(model, self._model_name)
        with_prompt = given(duration_s=duration_s, lyrics=lyrics, instrumental=instrumental)
        if composition_plan is not None and with_prompt:
            raise BadOption(
                f"composition_plan says all that {' and '.join(with_prompt)} would; "
                f"give {self.label} one or the other"
            )
        if composition_plan is None and seed is not None:
            raise BadOption(f"{self.label} takes a seed with composition_plan alone; leave it out")
        if instrumental and lyrics:
            raise BadOption(f"{self.label} is given lyrics for an instrumental; give one of them")
        if lyrics is not None and len(lyrics) > MAX_LYRICS:
            raise BadOption(
                f"the lyrics have {len(lyrics)} characters; {self.label} takes {MAX_LYRICS}"
            )
        named = encoding(
            *(ENCODINGS, output_format, sample_rate, bitrate_kbps), f"{chosen} of {self.label}"
        )
        body = {
            "model_id": chosen,
            **given(
                prompt=prompt if composition_plan is None else None,
                music_length_ms=None if duration_s is None else round(duration_s * 1000),
                lyrics_text=lyrics,
                force_instrumental=instrumental,
                composition_plan=composition_plan,
                seed=seed,
            ),
            **(extra or {}),
        }
        reply = await self.post("/v1/music", query=given(output_format=named), json=body)
        song = reply.headers.get("song-id")
        return self.audio(reply, model=chosen, raw={"song_id": song} if song else None)
