"""Videos by any model of fal.

Source: fal's documentation of the queue; the fields are those that its video models share.
"""

from __future__ import annotations

from typing import Annotated, Unpack

from omnibind.contracts.media import ImageInput, Video
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTV
from omnibind.remote.requests import given

from ..._shared.fal import Extra, Fal, ModelName, Negative, Ratio, Seed, data_uri


class FalTTV(Fal, RemoteTTV):
    """fal's video models."""

    def __init__(
        self,
        *,
        model_name: Annotated[
            str, "the model where a call names none"
        ] = "fal-ai/pika/v2.2/text-to-video",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name

    async def generate_video_flow(
        self,
        prompt: str,
        *,
        model: ModelName = None,
        image: Annotated[ImageInput | None, "to begin with, where the model has it"] = None,
        negative_prompt: Negative = None,
        aspect_ratio: Ratio = None,
        resolution: Annotated[str | None, "as 720p, where the model has it"] = None,
        duration_s: Annotated[
            float | None, Range(1, 3600), "where the model has it as `duration` in seconds"
        ] = None,
        steps: Annotated[int | None, Range(1, 1000), "where the model has it"] = None,
        guidance_scale: Annotated[float | None, Range(0, 100), "where the model has it"] = None,
        seed: Seed = None,
        extra: Extra = None,
    ) -> Video:
        """Film what a prompt describes, from a picture where one is given."""
        chosen = self.model(model, self._model_name)
        facts, owner = self.facts(chosen), f"{chosen} of {self.label}"
        limits.refuse_lacking(
            facts,
            owner,
            image=image,
            aspect_ratio=aspect_ratio,
            steps=steps,
            guidance_scale=guidance_scale,
        )
        if aspect_ratio is not None:
            limits.chosen(aspect_ratio, facts.aspect_ratios if facts else (), "aspect_ratio", owner)
        fields = {
            "prompt": prompt,
            **given(
                image_url=None if image is None else await data_uri(image),
                negative_prompt=negative_prompt or None,
                aspect_ratio=aspect_ratio,
                resolution=resolution,
                duration=limits.whole(limits.duration_of(duration_s, facts, owner)),
                num_inference_steps=steps,
                guidance_scale=guidance_scale,
                seed=seed,
            ),
            **(extra or {}),
        }
        made: Video = await self.made(chosen, chosen, fields)
        return made

    async def collect_flow(self, job_id: str) -> Video:
        """Wait for a job and return its video."""
        content, meta = await self.fetched(job_id, "video", "video", "videos")
        return Video(content, meta=meta)
