"""Speech by ElevenLabs' service.

Source: ElevenLabs' API specification, ``/v1/text-to-speech/{voice_id}`` with its ``/stream`` and
``/with-timestamps``, and ``/v1/voices``.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Unpack

from omnibind.contracts.errors import BadOption, BadReply
from omnibind.contracts.http import Reply
from omnibind.contracts.media import Audio, AudioChunk
from omnibind.contracts.options import Range
from omnibind.contracts.tts import Voice
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTS
from omnibind.remote.pieces import audio_of_samples, samples
from omnibind.remote.replies import picked
from omnibind.remote.requests import Extra, given, part

from ..._shared.elevenlabs import MP3, OPUS, RATES, Bitrate, ElevenLabs, SampleRate, encoding

if TYPE_CHECKING:
    from omnibind.contracts.media import Meta

PCM_RATE = 24_000
ENCODINGS = (*MP3, *OPUS, *(f"pcm_{rate}" for rate in RATES), *(f"wav_{rate}" for rate in RATES))
MAX_SEED = 2**32 - 1

SpeechFormat = Literal["mp3", "opus", "wav", "pcm"]
Share = Range(0.0, 1.0)


class _Spoken(NamedTuple):
    """What is sent for a text."""

    path: str
    query: dict[str, Any]
    body: dict[str, Any]


class ElevenLabsTTS(ElevenLabs, RemoteTTS):
    """ElevenLabs' voices, and those that an account has cloned or made."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "eleven_multilingual_v2",
        default_voice: Annotated[
            str, "the id of the voice where a call names none"
        ] = "21m00Tcm4TlvDq8ikWAM",
        stability: Annotated[float | None, Share, "None is the voice's own setting"] = 0.5,
        similarity_boost: Annotated[float | None, Share, "None is the voice's own setting"] = 0.75,
        style: Annotated[float | None, Share, "None is the voice's own setting"] = 0.5,
        use_speaker_boost: Annotated[bool | None, "None is the voice's own setting"] = True,
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._default_voice = default_voice
        self._settings = given(
            stability=stability,
            similarity_boost=similarity_boost,
            style=style,
            use_speaker_boost=use_speaker_boost,
        )

    async def generate_audio_flow(
        self,
        text: str,
        voice: str | None = None,
        *,
        model: Annotated[str | None, "instead of the configured model"] = None,
        language: Annotated[str | None, "BCP 47; not given, it is found in the text"] = None,
        speed: Annotated[float | None, Range(0.7, 1.2), "tempo; 1.0 is natural"] = None,
        stability: Annotated[float | None, Share, "low is lively, high is even"] = None,
        similarity_boost: Annotated[float | None, Share, "likeness to the original voice"] = None,
        style: Annotated[float | None, Share, "how much its manner is exaggerated"] = None,
        use_speaker_boost: Annotated[bool | None, "more likeness, a little slower"] = None,
        seed: Annotated[int | None, Range(0, MAX_SEED), "the same one mostly sounds alike"] = None,
        previous_text: Annotated[str | None, "what was said before, to go on from"] = None,
        next_text: Annotated[str | None, "what will be said next, to lead to"] = None,
        word_times: Annotated[bool | None, "times of words and characters, in meta.raw"] = None,
        output_format: Annotated[SpeechFormat | None, "the service's default is mp3"] = None,
        sample_rate: SampleRate = None,
        bitrate_kbps: Bitrate = None,
        extra: Extra = None,
    ) -> Audio:
        """Speak a text; raw samples (``pcm``) become a WAV.

        With ``word_times``, ``meta.raw`` has ``words`` (each with text, start and end in seconds)
        and the service's ``alignment`` and ``normalized_alignment`` by character.
        """
        spoken = self._spoken(
            *(text, voice, model, language, speed, stability, similarity_boost, style),
            *(use_speaker_boost, seed, previous_text, next_text, output_format, sample_rate),
            *(bitrate_kbps, extra),
        )
        path = f"{spoken.path}/with-timestamps" if word_times else spoken.path
        reply = await self.post(path, query=spoken.query, json=spoken.body)
        meta = self.meta(reply, model=spoken.body["model_id"])
        if word_times:
            data = reply.json()
            meta = meta._replace(raw=_times(data))
            reply = Reply(200, {}, self._decoded(picked(data, "audio_base64")))
        if output_format == "pcm":
            return audio_of_samples(reply.body, sample_rate or PCM_RATE, meta=meta)
        return self._heard(reply, meta)

    async def stream_audio_flow(
        self, text: str, voice: str | None = None, **options: Any
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak a text piece by piece, with the same options: mono, int16, 24 kHz if not said."""
        if options.pop("word_times", None):
            raise BadOption(f"a stream of {self.label} has no word_times; use generate_audio")
        rate = options.get("sample_rate") or PCM_RATE
        chosen = {**options, "output_format": "pcm", "sample_rate": rate, "bitrate_kbps": None}
        spoken = self._spoken(text, voice, **chosen)
        begun = self.post(f"{spoken.path}/stream", query=spoken.query, json=spoken.body)
        async with begun.opened() as pieces:
            async for chunk in samples(pieces, rate):
                yield chunk

    def _spoken(
        self,
        text: str,
        voice: str | None,
        model: str | None = None,
        language: str | None = None,
        speed: float | None = None,
        stability: float | None = None,
        similarity_boost: float | None = None,
        style: float | None = None,
        use_speaker_boost: bool | None = None,
        seed: int | None = None,
        previous_text: str | None = None,
        next_text: str | None = None,
        output_format: str | None = None,
        sample_rate: int | None = None,
        bitrate_kbps: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> _Spoken:
        chosen = self.model(model, self._model_name)
        owner = f"{chosen} of {self.label}"
        around = given(previous_text=previous_text, next_text=next_text)
        limits.refuse_lacking(self.facts(chosen), owner, language=language, **around)
        settings = self._settings | given(
            stability=stability,
            similarity_boost=similarity_boost,
            style=style,
            use_speaker_boost=use_speaker_boost,
            speed=speed,
        )
        tag = None if language is None else language.partition("-")[0]
        named = encoding(ENCODINGS, output_format, sample_rate, bitrate_kbps, owner)
        body = {
            "text": text,
            "model_id": chosen,
            **given(language_code=tag, voice_settings=settings or None, seed=seed),
            **around,
            **(extra or {}),
        }
        path = f"/v1/text-to-speech/{part(voice or self._default_voice)}"
        return _Spoken(path, given(output_format=named), body)

    def _heard(self, reply: Reply, meta: Meta) -> Audio:
        return Audio(self.audio(reply), meta=meta)

    def _decoded(self, text: Any) -> bytes:
        # Raw samples can't be told from anything else: what it is, is judged where it is used.
        try:
            return b64decode(text, validate=True)
        except (TypeError, ValueError):
            raise BadReply(f"{self.label}: the service sent damaged base64 text") from None

    # ── voices ──

    async def list_voices_flow(self) -> list[str]:
        """Return the ids of the account's voices, sorted; the catalogue's where there is no key."""
        return sorted(voice.name for voice in await self.voices_flow())

    async def voices_flow(self) -> list[Voice]:
        """Return the account's voices, clones too; the catalogue's where there is no key."""
        if self.find_key() is None:
            return [Voice(name) for name in await super().list_voices_flow()]
        listed = picked((await self.get("/v1/voices")).json(), "voices")
        return [_voice(one) for one in listed]


def _voice(data: Mapping[str, Any]) -> Voice:
    languages = {one.get("language") for one in data.get("verified_languages") or ()}
    gender = (data.get("labels") or {}).get("gender")
    return Voice(
        str(picked(data, "voice_id")),
        languages.pop() if len(languages) == 1 else None,
        gender if gender in ("female", "male", "neutral") else None,
        data.get("name"),
    )


def _times(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the times of words and characters; words end at white space."""
    alignment = data.get("alignment") or {}
    words: list[dict[str, Any]] = []
    is_inside = False
    for character, start, end in zip(
        alignment.get("characters") or (),
        alignment.get("character_start_times_seconds") or (),
        alignment.get("character_end_times_seconds") or (),
        strict=False,
    ):
        if character.isspace():
            is_inside = False
        elif is_inside:
            words[-1].update(text=words[-1]["text"] + character, end=end)
        else:
            words.append({"text": character, "start": start, "end": end})
            is_inside = True
    kept = {name: data.get(name) for name in ("alignment", "normalized_alignment")}
    return {"words": words, **kept}
