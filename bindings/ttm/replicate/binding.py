"""Music by any model of Replicate.

Source: Replicate HTTP API 1.0.0-a1; the inputs are those that its music models share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Unpack

from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTM

from ..._shared.replicate import (
    Extra,
    Guidance,
    ModelName,
    Names,
    Negative,
    Replicate,
    Seed,
    Waits,
)


class ReplicateTTM(Replicate, RemoteTTM):
    """Replicate's music models."""

    inputs: ClassVar[Mapping[str, str]] = {
        "prompt": "prompt",
        "lyrics": "lyrics",
        "negative_prompt": "negative_prompt",
        "duration_s": "duration",
        "temperature": "temperature",
        "top_k": "top_k",
        "top_p": "top_p",
        "guidance_scale": "classifier_free_guidance",
        "seed": "seed",
    }

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "google/lyria-2",
        input_names: Names = None,
        wait_s: Waits = None,
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(model_name, input_names, wait_s, **connection)

    async def generate_music_flow(
        self,
        prompt: str,
        *,
        model: ModelName = None,
        lyrics: Annotated[str | None, "what is sung, where the model sings"] = None,
        negative_prompt: Negative = None,
        duration_s: Annotated[float | None, Range(1, 600), "where the model has it"] = None,
        temperature: Annotated[float | None, Range(0, 10), "where the model has it"] = None,
        top_k: Annotated[int | None, Range(0, 10_000), "where the model has it"] = None,
        top_p: Annotated[float | None, Range(0, 1), "where the model has it"] = None,
        guidance_scale: Guidance = None,
        seed: Seed = None,
        extra: Extra = None,
    ) -> Audio:
        """Compose what a prompt describes."""
        options = {
            "prompt": prompt,
            "lyrics": lyrics,
            "negative_prompt": negative_prompt or None,
            "duration_s": limits.whole(duration_s),
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "guidance_scale": guidance_scale,
            "seed": seed,
        }
        audio: Audio = await self.predicted(model, options, extra, about=prompt)
        return audio

    async def collect_flow(self, job_id: str) -> Audio:
        """Wait for a prediction and fetch its sound."""
        content, meta = await self.fetched(job_id, "audio")
        return Audio(content, meta=meta)
