"""Transcription by ElevenLabs' service: Scribe.

Source: ElevenLabs' API specification, ``/v1/speech-to-text``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Unpack

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import AudioInput, Segment, Transcript, Word
from omnibind.contracts.options import Range
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteSTT
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import Extra, given
from omnibind.remote.uploads import uploaded

from ..._shared.elevenlabs import ElevenLabs

MAX_BYTES = 5_000_000_000
SOUNDS = (
    *("audio/mpeg", "audio/wav", "audio/flac", "audio/ogg", "audio/opus", "audio/mp4"),
    *("audio/aac", "audio/webm", "video/mp4", "video/webm", "video/quicktime"),
)
PAUSE_S = 1.5
"""A silence after which what follows is a segment of its own."""

SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？", "।", "؟")

# The service tells languages in three letters; a tag has two where there are two.
_SHORT = """
afr=af amh=am ara=ar asm=as aze=az bel=be ben=bn bos=bs bul=bg cat=ca ces=cs cmn=zh
cym=cy dan=da deu=de ell=el eng=en est=et fas=fa fin=fi fra=fr ful=ff gle=ga glg=gl
guj=gu hau=ha heb=he hin=hi hrv=hr hun=hu hye=hy ibo=ig ind=id isl=is ita=it jav=jv
jpn=ja kan=kn kat=ka kaz=kk khm=km kir=ky kor=ko kur=ku lao=lo lav=lv lin=ln lit=lt
ltz=lb lug=lg mal=ml mar=mr mkd=mk mlt=mt mon=mn mri=mi msa=ms mya=my nep=ne nld=nl
nor=no nya=ny oci=oc ori=or pan=pa pol=pl por=pt pus=ps ron=ro rus=ru slk=sk slv=sl
sna=sn snd=sd som=so spa=es srp=sr swa=sw swe=sv tam=ta tel=te tgk=tg tha=th tur=tr
ukr=uk urd=ur uzb=uz vie=vi wol=wo xho=xh zho=zh zul=zu
"""
TWO_LETTERS = dict(pair.split("=") for pair in _SHORT.split())


class ElevenLabsSTT(ElevenLabs, RemoteSTT):
    """ElevenLabs' transcription models."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "scribe_v2",
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
        word_times: Annotated[bool | None, "times of words; segments have theirs always"] = None,
        diarize: Annotated[bool | None, "tell speakers apart"] = None,
        num_speakers: Annotated[int | None, Range(1, 32), "at most so many; with diarize"] = None,
        keywords: Annotated[
            list[str] | None, "words and short phrases to expect, up to 1000; a fifth dearer"
        ] = None,
        audio_events: Annotated[
            bool | None, "write down (laughter) and the like; the service's default is True"
        ] = None,
        temperature: Annotated[float | None, Range(0.0, 2.0), "chance in choosing words"] = None,
        seed: Annotated[int | None, Range(0, 2**31 - 1), "the same one mostly hears alike"] = None,
        extra: Extra = None,
    ) -> Transcript:
        """Write down the speech in a sound or a video."""
        if num_speakers is not None and not diarize:
            raise BadOption(
                f"num_speakers is for telling speakers apart; give {self.label} diarize"
            )
        chosen = self.model(model, self._model_name)
        form = {
            "model_id": chosen,
            **given(
                language_code=None if language is None else language.partition("-")[0],
                diarize=diarize,
                num_speakers=num_speakers,
                keyterms=keywords or None,
                tag_audio_events=audio_events,
                temperature=temperature,
                seed=seed,
            ),
            **(extra or {}),
        }
        file = await uploaded(
            audio_path, "audio", formats=SOUNDS, max_bytes=MAX_BYTES, name="audio"
        )
        reply = await self.post("/v1/speech-to-text", form=form, files={"file": file})
        data = reply.json()
        heard = str(picked(data, "language_code"))
        seconds = data.get("audio_duration_secs")
        return Transcript(
            str(picked(data, "text")).strip(),
            segments_of(data.get("words") or (), bool(word_times), bool(diarize)),
            language=TWO_LETTERS.get(heard, heard) or None,
            language_probability=data.get("language_probability"),
            duration_s=None if seconds is None else float(seconds),
            meta=self.meta(reply, model=chosen, raw=without_media(data)),
        )


def segments_of(
    heard: Sequence[Mapping[str, Any]], has_words: bool, has_speakers: bool
) -> list[Segment]:
    """Return what was heard as stretches: one ends with its sentence, its speaker or a silence.

    Args:
        heard: Words, the spaces between them and sounds, as the service tells them.
        has_words: Whether the segments are to have their words.
        has_speakers: Whether they are to say who spoke.
    """
    stretches: list[list[Mapping[str, Any]]] = []
    for one in heard:
        is_space = one.get("type") == "spacing"
        if not stretches or (not is_space and _is_over(stretches[-1], one, has_speakers)):
            stretches.append([])
        stretches[-1].append(one)
    segments = (_segment(stretch, has_words, has_speakers) for stretch in stretches)
    return [segment for segment in segments if segment.text]


def _is_over(
    stretch: Sequence[Mapping[str, Any]], new: Mapping[str, Any], has_speakers: bool
) -> bool:
    last = next((one for one in reversed(stretch) if one.get("type") != "spacing"), None)
    if last is None:
        return False
    if has_speakers and last.get("speaker_id") != new.get("speaker_id"):
        return True
    ended, begun = last.get("end"), new.get("start")
    is_silent = ended is not None and begun is not None and begun - ended >= PAUSE_S
    return is_silent or str(last["text"]).endswith(SENTENCE_ENDS)


def _segment(stretch: Sequence[Mapping[str, Any]], has_words: bool, has_speakers: bool) -> Segment:
    solid = [one for one in stretch if one.get("type") != "spacing"]
    starts = [float(one["start"]) for one in solid if one.get("start") is not None]
    ends = [float(one["end"]) for one in solid if one.get("end") is not None]
    words = tuple(
        Word(float(one["start"]), float(one["end"]), str(one["text"]).strip(), _likely(one))
        for one in solid
        if has_words and one.get("type") == "word" and one.get("end") is not None
    )
    speaker = next((one["speaker_id"] for one in solid if one.get("speaker_id")), None)
    return Segment(
        min(starts, default=0.0),
        max(ends, default=0.0),
        "".join(str(one["text"]) for one in stretch).strip(),
        words,
        speaker if has_speakers else None,
    )


def _likely(word: Mapping[str, Any]) -> float | None:
    logarithm = word.get("logprob")
    return None if logarithm is None else min(1.0, math.exp(logarithm))
