"""Pictures by Hugging Face's inference providers.

Source: huggingface_hub 2.4, ``InferenceClient.text_to_image`` and ``.image_to_image``.
"""

from __future__ import annotations

from typing import Annotated, Unpack

from omnibind.contracts.media import Image, ImageInput
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTI

from ..._shared.huggingface import Extra, HuggingFace, ModelName, Provider, media_input

Pixels = Annotated[int | None, Range(1, 8192), "pixels; width and height together"]
Steps = Annotated[int | None, Range(1, 1000), "where the model has it"]
Guidance = Annotated[float | None, Range(0, 100), "nearness to the prompt, where the model has it"]
Negative = Annotated[str | None, "what isn't wanted, where the model has it"]


class HuggingFaceTTI(HuggingFace, RemoteTTI):
    """Picture models of the hub, drawn by whoever serves them."""

    def __init__(
        self,
        *,
        model_name: Annotated[
            str, "the model where a call names none"
        ] = "black-forest-labs/FLUX.1-schnell",
        provider: Provider = "auto",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(model_name, provider, **connection)

    async def generate_image_flow(
        self,
        prompt: str,
        *,
        model: ModelName = None,
        negative_prompt: Negative = None,
        width: Pixels = None,
        height: Pixels = None,
        steps: Steps = None,
        guidance_scale: Guidance = None,
        scheduler: Annotated[str | None, "the scheduler's name, where the model has it"] = None,
        seed: Annotated[int | None, Range(0, 2**32 - 1), "where the model has it"] = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture."""
        limits.refuse_alone(width, height, self.label)
        parameters = {
            "negative_prompt": negative_prompt or None,
            "width": width,
            "height": height,
            "num_inference_steps": steps,
            "guidance_scale": guidance_scale,
            "scheduler": scheduler,
            "seed": seed,
            **(extra or {}),
        }
        chosen = self.model(model, self._model_name)
        content, meta = await self.made("image", "text-to-image", chosen, prompt, parameters)
        return Image(content, meta=meta)

    async def edit_image_flow(
        self,
        prompt: str,
        image: ImageInput,
        *,
        model: ModelName = None,
        negative_prompt: Negative = None,
        width: Pixels = None,
        height: Pixels = None,
        steps: Steps = None,
        guidance_scale: Guidance = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture anew, by a model that takes one."""
        limits.refuse_alone(width, height, self.label)
        parameters = {
            "prompt": prompt,
            "negative_prompt": negative_prompt or None,
            "target_size": None if width is None else {"width": width, "height": height},
            "num_inference_steps": steps,
            "guidance_scale": guidance_scale,
            **(extra or {}),
        }
        chosen = self.model(model, self._model_name)
        given = await media_input(image, "image")
        content, meta = await self.made("image", "image-to-image", chosen, given, parameters)
        return Image(content, meta=meta)
