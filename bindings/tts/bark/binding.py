"""Bark: speech with laughter, hesitation and song, in 13 languages.

Source: transformers 5.23, ``transformers.BarkModel``.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator
from typing import TYPE_CHECKING, Annotated

from omnibind.contracts import TTSBinding
from omnibind.contracts.media import Audio, AudioChunk, Meta
from omnibind.contracts.media.chunk import joined
from omnibind.contracts.options import Range
from omnibind.contracts.tts import Voice

from ..._shared.bark import (
    AT_ONCE,
    CoarseTemperature,
    FineTemperature,
    Job,
    MinEosP,
    OnBark,
    SemanticTemperature,
    TopK,
    TopP,
    preset_language,
)
from ..._shared.bark_sentences import sentences_of
from ..._shared.bark_stages import Sampling
from ..._shared.pytorch import Device, Precision, Seed

if TYPE_CHECKING:
    from ..._shared.bark_stages import Samples

SentenceSilence = Annotated[float, Range(0.0, 10.0), "seconds of silence between two sentences"]


class BarkTTS(OnBark, TTSBinding):
    """Speaks cues such as ``[laughs]``, ``[sighs]``, ``…`` and ``♪ a song ♪``, too.

    A long text is said sentence by sentence, several at once; a sentence sounds as it would alone
    with the same seed. The weights are shared with ttm/bark.
    """

    def __init__(
        self,
        *,
        model_name: Annotated[
            str, "suno/bark-small, suno/bark, another repository, or a folder"
        ] = "suno/bark-small",
        default_voice: Annotated[
            str | None, "the preset where a call names none; None is a voice by chance"
        ] = "v2/en_speaker_6",
        device: Device = "auto",
        precision: Precision = "auto",
    ) -> None:
        self._model_name = model_name
        self._preset = default_voice
        self._device = device
        self._precision = precision

    def generate_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        semantic_temperature: SemanticTemperature = None,
        coarse_temperature: CoarseTemperature = None,
        fine_temperature: FineTemperature = None,
        top_k: TopK = None,
        top_p: TopP = None,
        min_eos_p: MinEosP = None,
        sentence_silence_s: SentenceSilence = 0.25,
        seed: Seed = None,
    ) -> Audio:
        """Speak ``text``.

        Args:
            text: What to say, with cues.
            voice: A preset from :meth:`list_voices`; it is also the language.
            semantic_temperature: Bark's ``text_temp``.
            coarse_temperature: Bark's ``waveform_temp``.
            fine_temperature: Of the six fine codebooks.
            top_k: For the semantic and the coarse stage.
            top_p: For the semantic and the coarse stage.
            min_eos_p: 0.2 was Bark's own at first.
            sentence_silence_s: Added between sentences, not after the last one.
            seed: Every sentence is drawn from it; ``meta.seed`` tells it where none was given.

        Returns:
            WAV: float32, mono, 24 kHz.

        Raises:
            UnknownVoice: The model has no such preset.
            CallFailed: The model ended before it began to speak.
        """
        return self.generate_audio_batch(
            [text],
            voice,
            semantic_temperature=semantic_temperature,
            coarse_temperature=coarse_temperature,
            fine_temperature=fine_temperature,
            top_k=top_k,
            top_p=top_p,
            min_eos_p=min_eos_p,
            sentence_silence_s=sentence_silence_s,
            seed=seed,
        )[0]

    def generate_audio_batch(
        self,
        texts: list[str],
        voice: str | None = None,
        *,
        semantic_temperature: SemanticTemperature = None,
        coarse_temperature: CoarseTemperature = None,
        fine_temperature: FineTemperature = None,
        top_k: TopK = None,
        top_p: TopP = None,
        min_eos_p: MinEosP = None,
        sentence_silence_s: SentenceSilence = 0.25,
        seed: Seed = None,
        seeds: Annotated[list[int] | None, "one for each text, in the place of seed"] = None,
    ) -> list[Audio]:
        """Speak several texts, the sentences of all together, as :meth:`generate_audio` does each.

        Returns:
            A sound for each text.
        """
        voice = self._preset_of(voice)
        sampling = Sampling(
            semantic_temperature, coarse_temperature, fine_temperature, top_k, top_p, min_eos_p
        )
        wanted: list[int | None] = [*seeds] if seeds else [seed] * len(texts)
        seeds = [secrets.randbelow(2**32) if one is None else one for one in wanted]
        parts = [
            [Job(sentence, one) for sentence in sentences_of(text, _language(voice))]
            for text, one in zip(texts, seeds, strict=True)
        ]
        said = iter(self._said([job for jobs in parts for job in jobs], voice, sampling))
        return [
            self._whole([next(said) for _ in jobs], sentence_silence_s, one)
            for jobs, one in zip(parts, seeds, strict=True)
        ]

    def stream_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        semantic_temperature: SemanticTemperature = None,
        coarse_temperature: CoarseTemperature = None,
        fine_temperature: FineTemperature = None,
        top_k: TopK = None,
        top_p: TopP = None,
        min_eos_p: MinEosP = None,
        sentence_silence_s: SentenceSilence = 0.25,
        seed: Seed = None,
    ) -> Generator[AudioChunk, None, Audio]:
        """Speak ``text`` sentence by sentence, as :meth:`generate_audio` does at once.

        The first sentence is said alone; while it is heard the next two are, then four.

        Yields:
            A chunk for every sentence; the silence between two begins the later one.

        Returns:
            The whole.
        """
        voice = self._preset_of(voice)
        sampling = Sampling(
            semantic_temperature, coarse_temperature, fine_temperature, top_k, top_p, min_eos_p
        )
        seed = secrets.randbelow(2**32) if seed is None else seed
        jobs = [Job(sentence, seed) for sentence in sentences_of(text, _language(voice))]
        chunks: list[AudioChunk] = []
        first, count = 0, 1
        while first < len(jobs):
            for sound in self._said(jobs[first : first + count], voice, sampling):
                chunks.append(self._chunk(sound, len(chunks), sentence_silence_s))
                yield chunks[-1]
            first, count = first + count, min(2 * count, AT_ONCE)
        return joined(chunks, meta=Meta(model=self._model_name, seed=seed))

    def list_voices(self) -> list[str]:
        """Return the model's presets; until its weights are here, those that Suno published."""
        return self._presets()

    def voices(self) -> list[Voice]:
        """Return the presets with their languages."""
        return [Voice(name, _language(name)) for name in self.list_voices()]

    def _said(self, jobs: list[Job], voice: str | None, sampling: Sampling) -> list[Samples]:
        """Return the sounds of sentences, worked on together with others about as long."""
        bark = self._loaded()
        order = sorted(range(len(jobs)), key=lambda number: -len(jobs[number].text))
        sounds: dict[int, Samples] = {}
        for start in range(0, len(jobs), AT_ONCE):
            group = order[start : start + AT_ONCE]

            def tell(
                share: float | None, step: str, done: int = start, more: int = len(group)
            ) -> None:
                fraction = None if share is None else (done + more * share) / len(jobs)
                self.report(fraction, f"sentences {done + 1}–{done + more}: {step}")

            said = bark.say([jobs[number] for number in group], voice, sampling, tell)
            sounds.update(zip(group, said, strict=True))
        return [sounds[number] for number in range(len(jobs))]

    def _chunk(self, sound: Samples, index: int, silence_s: float) -> AudioChunk:
        import numpy as np

        rate = self._loaded().rate
        silence = np.zeros(round(silence_s * rate) if index else 0, np.float32)
        return AudioChunk(np.concatenate([silence, sound]), rate, index)

    def _whole(self, sounds: list[Samples], silence_s: float, seed: int) -> Audio:
        chunks = [self._chunk(sound, index, silence_s) for index, sound in enumerate(sounds)]
        return joined(chunks, meta=Meta(model=self._model_name, seed=seed))


def _language(voice: str | None) -> str | None:
    return None if voice is None else preset_language(voice)
