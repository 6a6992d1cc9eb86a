"""Speech by the Gemini API.

Source: Gemini API v1beta, ``models.generateContent``, ``SpeechConfig``; google-genai 3.3.0,
``types.SpeechMetadata``; Google's guide for moving to Gemini 3.8 TTS.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any, Literal, Unpack

from omnibind.contracts.errors import BadInput, BadOption, BadReply
from omnibind.contracts.media import Audio, AudioChunk
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTS
from omnibind.remote.pieces import audio_of_samples, events
from omnibind.remote.replies import without_media
from omnibind.remote.requests import given

from ..._shared.gemini import REFUSALS, Gemini, candidate_of, raw_samples, route
from ..._shared.google import Extra, merged

ENCODINGS = {"wav": "AUDIO_WAV", "mp3": "AUDIO_MP3", "opus": "AUDIO_OGG_OPUS", "pcm": "AUDIO_L16"}

WHOLE = (None, "STOP")
"""What a candidate says of its end where it said everything."""


class GeminiTTS(Gemini, RemoteTTS):
    """Gemini's speech models, which follow instructions and speak dialogues."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "gemini-3.8-flash-tts",
        default_voice: Annotated[str, "the voice where a call names none"] = "Kore",
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
        language: Annotated[str | None, "BCP 47; not given, it is detected"] = None,
        instructions: Annotated[str | None, "how to speak, in plain words"] = None,
        speakers: Annotated[
            dict[str, str] | None, "voices by name, of a text with lines as 'Anna: Hello.'"
        ] = None,
        output_format: Annotated[
            Literal["wav", "mp3", "opus", "pcm"] | None, "the model's own is wav"
        ] = None,
        sample_rate: Annotated[int | None, Range(1), "frames a second; 24000 by default"] = None,
        extra: Extra = None,
    ) -> Audio:
        """Speak a text; raw samples (``pcm``, and all that earlier models send) become a WAV."""
        chosen, body = self._spoken(
            *(text, voice, model, language, instructions, speakers, output_format, sample_rate),
            extra,
        )
        data = (await self.post(route(chosen, "generateContent"), json=body)).json()
        found = self.media(data, "audio")
        end = candidate_of(data).get("finishReason")
        early = () if end in WHOLE else (f"the service ended the sound early ({end})",)
        meta = self.meta(
            model=chosen,
            request_id=data.get("responseId"),
            raw=without_media(data),
            warnings=early,
        )
        read = raw_samples(found[0])
        if read is None:
            return Audio(self.decoded(found[0].get("data"), "audio"), meta=meta)
        pieces = [piece for one in found if (piece := raw_samples(one))]
        return audio_of_samples(b"".join(samples for samples, _ in pieces), read[1], meta=meta)

    async def stream_audio_flow(
        self, text: str, voice: str | None = None, **options: Any
    ) -> AsyncGenerator[AudioChunk, None]:
        """Speak a text piece by piece: mono, int16."""
        import numpy as np

        if options.get("output_format") not in (None, "pcm"):
            raise BadOption(f"a stream of {self.label} has no output_format; leave it out")
        chosen, body = self._spoken(text, voice, **{**options, "output_format": None})
        asked = self.post(route(chosen, "streamGenerateContent"), json=body, query={"alt": "sse"})
        index, data, end = 0, dict[str, Any](), None
        async with asked.opened() as pieces:
            async for event in events(pieces):
                data = self.checked(event.json())
                end = candidate_of(data).get("finishReason") or end
                for inline in self._sounds(data):
                    read = raw_samples(inline)
                    if read is None or len(read[0]) % 2:
                        raise BadReply(f"{self.label}: the stream isn't of raw samples; try again")
                    samples = np.frombuffer(read[0], "<i2").astype(np.int16)
                    yield AudioChunk(samples, read[1], index)
                    index += 1
        if not index or end in REFUSALS:
            raise self.nothing(data, "audio")
        if end not in WHOLE:
            raise BadReply(f"{self.label}: the service ended the sound early ({end}); try again")

    def _sounds(self, data: Any) -> list[Mapping[str, Any]]:
        """Return the sounds of an event; the last one may have none."""
        content = candidate_of(data).get("content") or {}
        return self.media(data, "audio") if content.get("parts") else []

    def _spoken(
        self,
        text: str,
        voice: str | None,
        model: str | None = None,
        language: str | None = None,
        instructions: str | None = None,
        speakers: Mapping[str, str] | None = None,
        output_format: str | None = None,
        sample_rate: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> tuple[str, dict[str, Any]]:
        chosen = self.model(model, self._model_name)
        facts, owner = self.facts(chosen), f"{chosen} of {self.label}"
        limits.refuse_lacking(facts, owner, output_format=output_format, sample_rate=sample_rate)
        if speakers and voice is not None:
            raise BadOption(f"give either a voice or speakers to {owner}, not both")
        is_told_in_text = facts is not None and facts.limits.get("instructions") == "in the text"
        turns = said_by(text, speakers, owner) if speakers else [(None, text)]
        if is_told_in_text:
            parts = [{"text": f"{instructions}: {text}" if instructions else text}]
        else:
            parts = [_part(words, who, instructions) for who, words in turns]
        sound = given(
            mimeType=ENCODINGS[output_format] if output_format else None, sampleRate=sample_rate
        )
        config = {
            "responseModalities": ["AUDIO"],
            "speechConfig": {
                **(_speakers(speakers) if speakers else _voice(voice or self._default_voice)),
                **given(languageCode=language),
            },
            **({"responseFormat": {"audio": sound}} if sound else {}),
        }
        contents = [{"role": "user", "parts": parts}]
        return chosen, merged({"contents": contents, "generationConfig": config}, extra)


def said_by(text: str, speakers: Mapping[str, str], owner: str) -> list[tuple[str | None, str]]:
    """Return who says what: the lines of a dialogue, each behind its speaker's name.

    Raises:
        BadInput: The first line names no speaker.
    """
    turns = list[tuple[str | None, str]]()
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, words = line.partition(":")
        if colon and name.strip() in speakers:
            turns.append((name.strip(), words.strip()))
        elif turns:
            turns[-1] = (turns[-1][0], f"{turns[-1][1]} {line}")
        else:
            names = " or ".join(speakers)
            raise BadInput(f"the text for {owner} begins with no speaker; begin it with {names}:")
    return turns


def _part(words: str, speaker: str | None, style: str | None) -> dict[str, Any]:
    about = given(speaker=speaker, style=style)
    return {"text": words, **({"speechMetadata": about} if about else {})}


def _voice(name: str) -> dict[str, Any]:
    # A voice that somebody made for himself is named by its id or its key.
    is_own = name.startswith(("voice_", "voicekey_"))
    config = {"voice": name} if is_own else {"prebuiltVoiceConfig": {"voiceName": name}}
    return {"voiceConfig": config}


def _speakers(speakers: Mapping[str, str]) -> dict[str, Any]:
    each = [{"speaker": who, **_voice(name)} for who, name in speakers.items()]
    return {"multiSpeakerVoiceConfig": {"speakerVoiceConfigs": each}}
