"""Speech by any model of Replicate.

Source: Replicate HTTP API 1.0.0-a1; the inputs are those that its speaking models share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Unpack

from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTS

from ..._shared.replicate import Extra, ModelName, Names, Replicate, Seed, Waits


class ReplicateTTS(Replicate, RemoteTTS):
    """Replicate's speaking models."""

    inputs: ClassVar[Mapping[str, str]] = {
        "text": "text",
        "voice": "voice",
        "language": "language",
        "speed": "speed",
        "seed": "seed",
    }

    def __init__(
        self,
        *,
        model_name: Annotated[
            str, "the model where a call names none"
        ] = "minimax/speech-2.8-turbo",
        default_voice: Annotated[str, "empty is the model's own"] = "",
        input_names: Names = None,
        wait_s: Waits = None,
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(model_name, input_names, wait_s, **connection)
        self._default_voice = default_voice

    async def generate_audio_flow(
        self,
        text: str,
        voice: str | None = None,
        *,
        model: ModelName = None,
        language: Annotated[str | None, "as the model names it, where it has it"] = None,
        speed: Annotated[float | None, Range(0.25, 4.0), "tempo; 1.0 is natural"] = None,
        seed: Seed = None,
        extra: Extra = None,
    ) -> Audio:
        """Speak a text."""
        options = {
            "text": text,
            "voice": voice or self._default_voice or None,
            "language": language,
            "speed": speed,
            "seed": seed,
        }
        audio: Audio = await self.predicted(model, options, extra, about=text)
        return audio

    async def collect_flow(self, job_id: str) -> Audio:
        """Wait for a prediction and fetch its sound."""
        content, meta = await self.fetched(job_id, "audio")
        return Audio(content, meta=meta)
