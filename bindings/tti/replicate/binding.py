"""Pictures by any model of Replicate.

Source: Replicate HTTP API 1.0.0-a1; the inputs are those that its picture models share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Unpack

from omnibind.contracts.media import Image, ImageInput
from omnibind.contracts.options import Range
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTI

from ..._shared.replicate import (
    Extra,
    Guidance,
    ModelName,
    Names,
    Negative,
    Replicate,
    Seed,
    Steps,
    Waits,
)

Pixels = Annotated[int | None, Range(1, 8192), "pixels, where the model has it"]
Ratio = Annotated[str | None, "as 16:9, where the model has it"]
Format = Annotated[Literal["png", "jpeg", "webp"] | None, "where the model has it"]


class ReplicateTTI(Replicate, RemoteTTI):
    """Replicate's picture models."""

    inputs: ClassVar[Mapping[str, str]] = {
        "prompt": "prompt",
        "negative_prompt": "negative_prompt",
        "width": "width",
        "height": "height",
        "aspect_ratio": "aspect_ratio",
        "steps": "num_inference_steps",
        "guidance_scale": "guidance_scale",
        "seed": "seed",
        "output_format": "output_format",
        "image": "image",
        "mask": "mask",
        "strength": "prompt_strength",
    }

    def __init__(
        self,
        *,
        model_name: Annotated[
            str, "the model where a call names none"
        ] = "black-forest-labs/flux-schnell",
        input_names: Names = None,
        wait_s: Waits = None,
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(model_name, input_names, wait_s, **connection)

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
        output_format: Format = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture."""
        options = {
            "prompt": prompt,
            "negative_prompt": negative_prompt or None,
            "width": width,
            "height": height,
            "aspect_ratio": aspect_ratio,
            "steps": steps,
            "guidance_scale": guidance_scale,
            "seed": seed,
            "output_format": _format(output_format),
        }
        image: Image = await self.predicted(model, options, extra, about=prompt)
        return image

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
        output_format: Format = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture anew, by a model that takes one."""
        options = {
            "prompt": prompt,
            "strength": strength,
            "negative_prompt": negative_prompt or None,
            "width": width,
            "height": height,
            "aspect_ratio": aspect_ratio,
            "steps": steps,
            "guidance_scale": guidance_scale,
            "seed": seed,
            "output_format": _format(output_format),
        }
        files = {"image": image, "mask": mask}
        edited: Image = await self.predicted(
            model, options, extra, files=files, about=prompt, verb="edit_image"
        )
        return edited

    async def collect_flow(self, job_id: str) -> Image:
        """Wait for a prediction and fetch its picture."""
        content, meta = await self.fetched(job_id, "image")
        return Image(content, meta=meta)


def _format(output_format: str | None) -> str | None:
    return "jpg" if output_format == "jpeg" else output_format
