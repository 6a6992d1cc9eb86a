"""Pictures by any model of fal.

Source: fal's documentation of the queue; the fields are those that its picture models share.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Unpack

from omnibind.contracts.media import Image, ImageInput
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTI
from omnibind.remote.requests import given

from ..._shared.fal import (
    Extra,
    Fal,
    ModelName,
    Negative,
    Ratio,
    Seed,
    data_uri,
)

Pixels = Annotated[int | None, Range(1, 8192), "pixels; width and height together"]
Steps = Annotated[int | None, Range(1, 1000), "where the model has it"]
Guidance = Annotated[float | None, Range(0, 100), "nearness to the prompt, where the model has it"]
PictureFormat = Annotated[Literal["png", "jpeg", "webp"] | None, "where the model has it"]


class FalTTI(Fal, RemoteTTI):
    """fal's picture models."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "fal-ai/flux/schnell",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name

    async def generate_image_flow(
        self,
        prompt: str,
        *,
        model: ModelName = None,
        negative_prompt: Negative = None,
        width: Pixels = None,
        height: Pixels = None,
        aspect_ratio: Ratio = None,
        steps: Steps = None,
        guidance_scale: Guidance = None,
        seed: Seed = None,
        output_format: PictureFormat = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture."""
        chosen = self.model(model, self._model_name)
        fields = self._fields(
            *(chosen, prompt, negative_prompt, width, height, aspect_ratio, steps),
            *(guidance_scale, seed, output_format),
        )
        made: Image = await self.made(chosen, chosen, {**fields, **(extra or {})})
        return made

    async def edit_image_flow(
        self,
        prompt: str,
        image: ImageInput,
        *,
        mask: Annotated[ImageInput | None, "white where the picture is to change"] = None,
        strength: Annotated[float | None, Range(0, 1), "1 forgets the picture"] = None,
        model: ModelName = None,
        negative_prompt: Negative = None,
        width: Pixels = None,
        height: Pixels = None,
        aspect_ratio: Ratio = None,
        steps: Steps = None,
        guidance_scale: Guidance = None,
        seed: Seed = None,
        output_format: PictureFormat = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture anew, by a model that takes one."""
        chosen = self.model(model, self._model_name)
        limits.refuse_lacking(self.facts(chosen), f"{chosen} of {self.label}", image=image)
        fields = self._fields(
            *(chosen, prompt, negative_prompt, width, height, aspect_ratio, steps),
            *(guidance_scale, seed, output_format),
        )
        pictures = {"image_url": await data_uri(image)}
        if mask is not None:
            pictures["mask_url"] = await data_uri(mask, "mask")
        made: Image = await self.made(
            chosen, chosen, {**fields, **pictures, **given(strength=strength), **(extra or {})}
        )
        return made

    async def collect_flow(self, job_id: str) -> Image:
        """Wait for a job and return its picture."""
        content, meta = await self.fetched(job_id, "image", "images", "image")
        return Image(content, meta=meta)

    def _fields(
        self,
        chosen: str,
        prompt: str,
        negative_prompt: str | None,
        width: int | None,
        height: int | None,
        aspect_ratio: str | None,
        steps: int | None,
        guidance_scale: float | None,
        seed: int | None,
        output_format: str | None,
    ) -> dict[str, Any]:
        owner = f"{chosen} of {self.label}"
        limits.refuse_lacking(
            self.facts(chosen),
            owner,
            negative_prompt=negative_prompt or None,
            width=width,
            height=height,
            aspect_ratio=aspect_ratio,
        )
        limits.refuse_alone(width, height, owner)
        return {
            "prompt": prompt,
            **given(
                negative_prompt=negative_prompt or None,
                image_size=None if width is None else {"width": width, "height": height},
                aspect_ratio=aspect_ratio,
                num_inference_steps=steps,
                guidance_scale=guidance_scale,
                seed=seed,
                output_format=output_format,
            ),
        }
