"""Speech by Google Cloud.

Source: Cloud Text-to-Speech REST v1, ``text.synthesize``, ``voices.list``, ``AudioConfig``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Unpack

from omnibind.calls.costs import estimate
from omnibind.contracts.errors import BadInput, BadOption
from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range
from omnibind.contracts.tts import Voice
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTS
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import given

from ..._shared.google import Extra, Google, merged

MAX_BYTES = 5000
"""So much of a text the service takes, in UTF-8."""

ENCODINGS = {"wav": "LINEAR16", "mp3": "MP3", "opus": "OGG_OPUS"}


class GoogleTTS(Google, RemoteTTS):
    """Google Cloud's voices, which understand SSML."""

    host = "https://texttospeech.googleapis.com/v1"
    test_path = "/voices"
    base_url_names = ("GOOGLE_BASE_URL",)

    def __init__(
        self,
        *,
        default_voice: Annotated[str, "the voice where a call names none"] = "en-US-Neural2-D",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._default_voice = default_voice

    async def generate_audio_flow(
        self,
        text: str,
        voice: str | None = None,
        *,
        language: Annotated[str | None, "BCP 47; not given, the voice's own"] = None,
        ssml: Annotated[
            bool | None, "the text is SSML; not given, one that begins with <speak> is"
        ] = None,
        model: Annotated[str | None, "one that speaks with the voice, where it needs one"] = None,
        instructions: Annotated[str | None, "how to speak, where the model follows them"] = None,
        speed: Annotated[float | None, Range(0.25, 2.0), "tempo; 1.0 is natural"] = None,
        pitch_semitones: Annotated[float | None, Range(-20, 20), "higher or lower"] = None,
        volume_db: Annotated[float | None, Range(-96, 16), "louder or quieter"] = None,
        sample_rate: Annotated[int | None, Range(1), "frames a second; else the voice's"] = None,
        output_format: Annotated[Literal["wav", "mp3", "opus"], "the encoding"] = "wav",
        extra: Extra = None,
    ) -> Audio:
        """Speak a text of at most 5000 bytes."""
        size = len(text.encode())
        if size > MAX_BYTES:
            raise BadInput(
                f"the text has {size} bytes; {self.label} takes at most {MAX_BYTES}: give less"
            )
        named = voice or self._own_voice(language)
        is_marked = text.lstrip().startswith("<speak") if ssml is None else ssml
        body = {
            "input": {"ssml" if is_marked else "text": text, **given(prompt=instructions)},
            "voice": {
                "languageCode": language or self._language(named),
                **given(name=named, modelName=model),
            },
            "audioConfig": {
                "audioEncoding": ENCODINGS[output_format],
                **given(
                    speakingRate=speed,
                    pitch=pitch_semitones,
                    volumeGainDb=volume_db,
                    sampleRateHertz=sample_rate,
                ),
            },
        }
        reply = await self.post("/text:synthesize", json=merged(body, extra))
        data = reply.json()
        content = self.decoded(picked(data, "audioContent"), "audio")
        cost = None if model else self._cost(named, len(text))
        raw = without_media(data)
        meta = self.meta(reply, model=model or named, estimated_usd=cost, raw=raw)
        return Audio(content, meta=meta)

    def _own_voice(self, language: str | None) -> str | None:
        """Return the configured voice where it speaks a language; None is the service's choice."""
        own = self._default_voice
        speaks = language is None or own.lower().startswith(language.lower())
        return own if speaks else None

    def _language(self, voice: str | None) -> str:
        tags = (voice or "").split("-")
        if len(tags) < 3:
            raise BadOption(f"the voice {voice} of {self.label} names no language; give language")
        return "-".join(tags[:2])

    def _cost(self, voice: str | None, characters: int) -> float | None:
        """Return what characters cost by the price of the voice's kind; None where unknown."""
        kind = _kind(voice or "")
        alike = (entry for name, entry in self._models.items() if kind and _kind(name) == kind)
        entry = next(alike, None)
        return estimate(entry.price, {"characters": characters}).usd if entry else None

    async def list_voices_flow(
        self, *, language: Annotated[str | None, "BCP 47; None is all"] = None
    ) -> list[str]:
        """Return the voices that the service has now, sorted."""
        return [voice.name for voice in await self._listed(language)]

    async def voices_flow(self) -> list[Voice]:
        """Return the voices that the service has now, with language and gender."""
        return await self._listed(None)

    async def _listed(self, language: str | None) -> list[Voice]:
        reply = await self.get("/voices", query={"languageCode": language})
        return sorted(_voice(one) for one in picked(reply.json(), "voices"))


def _kind(voice: str) -> str:
    """Return ``Neural2`` of ``en-US-Neural2-D``; nothing where a name is made otherwise."""
    parts = voice.split("-")
    return parts[2] if len(parts) == 4 else ""


def _voice(said: Mapping[str, Any]) -> Voice:
    gender = str(said.get("ssmlGender", "")).lower()
    known = gender if gender in ("female", "male", "neutral") else None
    languages = said.get("languageCodes") or (None,)
    return Voice(str(picked(said, "name")), languages[0], known)
