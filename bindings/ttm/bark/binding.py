"""Bark for effects and short sound: laughter, applause, a sung line.

Source: transformers 5.23, ``transformers.BarkModel``.
"""

from __future__ import annotations

import secrets
from typing import Annotated

from omnibind.contracts import TTMBinding
from omnibind.contracts.media import Audio, Meta

from ..._shared.bark import (
    CoarseTemperature,
    FineTemperature,
    Job,
    MinEosP,
    OnBark,
    SemanticTemperature,
    TopK,
    TopP,
)
from ..._shared.bark_stages import Sampling
from ..._shared.pytorch import Device, Precision, Seed

VoicePreset = Annotated[str | None, "a speaker preset; None is the configured one"]


class BarkTTM(OnBark, TTMBinding):
    """Cues make the sound: ``[laughter]``, ``[applause]``, ``♪ la la la ♪``, ``[gasps]``, words.

    What comes is up to 15 seconds long; Bark itself finds the end. The weights are shared with
    tts/bark.
    """

    def __init__(
        self,
        *,
        model_name: Annotated[
            str, "suno/bark-small, suno/bark, another repository, or a folder"
        ] = "suno/bark-small",
        device: Device = "auto",
        default_voice_preset: Annotated[
            str | None, "the preset where a call names none; None is a voice by chance"
        ] = None,
        precision: Precision = "auto",
    ) -> None:
        self._model_name = model_name
        self._device = device
        self._preset = default_voice_preset
        self._precision = precision

    def generate_music(
        self,
        prompt: str,
        *,
        voice: VoicePreset = None,
        semantic_temperature: SemanticTemperature = None,
        coarse_temperature: CoarseTemperature = None,
        fine_temperature: FineTemperature = None,
        top_k: TopK = None,
        top_p: TopP = None,
        min_eos_p: MinEosP = None,
        seed: Seed = None,
    ) -> Audio:
        """Make the sound that ``prompt`` spells out.

        Args:
            prompt: Cues and words, at most 256 tokens; a description isn't understood, it is read.
            voice: A preset from :meth:`list_voice_presets`.
            semantic_temperature: Bark's ``text_temp``.
            coarse_temperature: Bark's ``waveform_temp``.
            fine_temperature: Of the six fine codebooks.
            top_k: For the semantic and the coarse stage.
            top_p: For the semantic and the coarse stage.
            min_eos_p: A higher one goes on for longer.
            seed: ``meta.seed`` tells it where none was given.

        Returns:
            WAV: float32, mono, 24 kHz.

        Raises:
            UnknownVoice: The model has no such preset.
            BadInput: The prompt is too long.
            CallFailed: The model ended before it began.
        """
        preset = self._preset_of(voice)
        bark = self._loaded()
        sampling = Sampling(
            semantic_temperature, coarse_temperature, fine_temperature, top_k, top_p, min_eos_p
        )
        seed = secrets.randbelow(2**32) if seed is None else seed
        samples = bark.say([Job(prompt, seed)], preset, sampling, self.report)[0]
        return Audio.from_array(samples, bark.rate, meta=Meta(model=self._model_name, seed=seed))

    def list_models(self) -> list[str]:
        """Return Suno's models, and the configured one."""
        return list(dict.fromkeys([*self.catalogue(), self._model_name]))

    def list_voice_presets(self) -> list[str]:
        """Return the model's presets; until its weights are here, those that Suno published."""
        return self._presets()
