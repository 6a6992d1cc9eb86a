"""Video by any model of Replicate.

Source: Replicate HTTP API 1.0.0-a1; the inputs are those that its video models share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Unpack

from omnibind.contracts.media import ImageInput, Video
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTV

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


class ReplicateTTV(Replicate, RemoteTTV):
    """Replicate's video models."""

    inputs: ClassVar[Mapping[str, str]] = {
        "prompt": "prompt",
        "image": "image",
        "last_image": "last_image",
        "negative_prompt": "negative_prompt",
        "width": "width",
        "height": "height",
        "aspect_ratio": "aspect_ratio",
        "resolution": "resolution",
        "duration_s": "duration",
        "fps": "fps",
        "steps": "num_inference_steps",
        "guidance_scale": "guidance_scale",
        "seed": "seed",
    }

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "vidu/q3-turbo",
        input_names: Names = None,
        wait_s: Waits = None,
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(model_name, input_names, wait_s, **connection)

    async def generate_video_flow(
        self,
        prompt: str,
        *,
        image: Annotated[ImageInput | None, "the first picture of the video"] = None,
        last_image: Annotated[ImageInput | None, "the last one, where the model has it"] = None,
        model: ModelName = None,
        negative_prompt: Negative = None,
        width: Pixels = None,
        height: Pixels = None,
        aspect_ratio: Annotated[str | None, "as 16:9, where the model has it"] = None,
        resolution: Annotated[str | None, "as 720p, where the model has it"] = None,
        duration_s: Annotated[float | None, Range(1, 600), "where the model has it"] = None,
        fps: Annotated[float | None, Range(1, 120), "where the model has it"] = None,
        steps: Steps = None,
        guidance_scale: Guidance = None,
        seed: Seed = None,
        extra: Extra = None,
    ) -> Video:
        """Film a prompt, or what becomes of a picture."""
        chosen = self.model(model, self._model_name)
        seconds = limits.duration_of(duration_s, self.facts(chosen), f"{chosen} of {self.label}")
        options = {
            "prompt": prompt,
            "negative_prompt": negative_prompt or None,
            "width": width,
            "height": height,
            "aspect_ratio": aspect_ratio,
            "resolution": resolution,
            "duration_s": limits.whole(seconds),
            "fps": limits.whole(fps),
            "steps": steps,
            "guidance_scale": guidance_scale,
            "seed": seed,
        }
        files = {"image": image, "last_image": last_image}
        video: Video = await self.predicted(model, options, extra, files=files, about=prompt)
        return video

    async def collect_flow(self, job_id: str) -> Video:
        """Wait for a prediction and fetch its video."""
        content, meta = await self.fetched(job_id, "video")
        return Video(content, meta=meta)
