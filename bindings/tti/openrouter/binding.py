"""Pictures through OpenRouter.

Source: OpenRouter's API specification, ``/images``, ``/images/models``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Unpack

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Image, ImageInput
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTI
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import Extra, given

from ..._shared.openrouter import OpenRouter, reference

Model = Annotated[str | None, "instead of the configured model"]
Width = Annotated[int | None, Range(1, 8192), "pixels; with height"]
Height = Annotated[int | None, Range(1, 8192), "pixels; with width"]
AspectRatio = Annotated[
    Literal[
        "1:1",
        "1:2",
        "1:4",
        "1:8",
        "2:1",
        "2:3",
        "3:2",
        "3:4",
        "4:1",
        "4:3",
        "4:5",
        "5:4",
        "8:1",
        "9:16",
        "16:9",
        "9:19.5",
        "19.5:9",
        "9:20",
        "20:9",
        "9:21",
        "21:9",
        "auto",
    ]
    | None,
    "a model takes the nearest one that it has",
]
Resolution = Annotated[Literal["512", "1K", "2K", "4K"] | None, "how large, as the model has it"]
Quality = Annotated[Literal["auto", "low", "medium", "high"] | None, "where the model has it"]
Background = Annotated[Literal["auto", "transparent", "opaque"] | None, "what is behind"]
Encoding = Annotated[Literal["png", "jpeg", "webp"] | None, "the encoding"]
Compression = Annotated[int | None, Range(0, 100), "of jpeg and webp"]
Seed = Annotated[int | None, Range(0), "the same picture again, where the model can"]


class OpenRouterTTI(OpenRouter, RemoteTTI):
    """The picture models that OpenRouter passes on."""

    listing = ("/images/models", {})

    def __init__(
        self,
        *,
        model_name: Annotated[
            str, "the model where a call names none"
        ] = "google/gemini-3.1-flash-lite-image",
        default_size: Annotated[str, "as 1024x1024 or 2K; empty is the model's own"] = "",
        default_quality: Annotated[str, "empty is the model's own"] = "",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._default_size = default_size
        self._default_quality = default_quality

    async def generate_image_flow(
        self,
        prompt: str,
        *,
        model: Model = None,
        width: Width = None,
        height: Height = None,
        aspect_ratio: AspectRatio = None,
        resolution: Resolution = None,
        quality: Quality = None,
        background: Background = None,
        output_format: Encoding = None,
        output_compression: Compression = None,
        seed: Seed = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture."""
        body = self._drawn(
            *(prompt, model, width, height, aspect_ratio, resolution, quality, background),
            *(output_format, output_compression, seed, extra),
        )
        return await self._picture(body)

    async def edit_image_flow(
        self,
        prompt: str,
        image: ImageInput,
        *,
        model: Model = None,
        width: Width = None,
        height: Height = None,
        aspect_ratio: AspectRatio = None,
        resolution: Resolution = None,
        quality: Quality = None,
        background: Background = None,
        output_format: Encoding = None,
        output_compression: Compression = None,
        seed: Seed = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture anew, with another one to go by."""
        body = self._drawn(
            *(prompt, model, width, height, aspect_ratio, resolution, quality, background),
            *(output_format, output_compression, seed, extra),
        )
        return await self._picture({"input_references": [await reference(image)], **body})

    def _drawn(
        self,
        prompt: str,
        model: str | None,
        width: int | None,
        height: int | None,
        aspect_ratio: str | None,
        resolution: str | None,
        quality: str | None,
        background: str | None,
        output_format: str | None,
        output_compression: int | None,
        seed: int | None,
        extra: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        chosen = self.model(model, self._model_name)
        facts, owner = self.facts(chosen), f"{chosen} of {self.label}"
        is_shaped = aspect_ratio is not None or resolution is not None
        if is_shaped and width is not None:
            raise BadOption(f"give either width and height or aspect_ratio, resolution to {owner}")
        default_size = "" if is_shaped else self._default_size
        return {
            "model": chosen,
            "prompt": prompt,
            **given(
                size=limits.size_of(width, height, facts, owner, default_size),
                aspect_ratio=aspect_ratio,
                resolution=resolution,
                quality=quality or self._default_quality or None,
                background=background,
                output_format=output_format,
                output_compression=output_compression,
                seed=seed,
            ),
            **(extra or {}),
        }

    async def _picture(self, body: Mapping[str, Any]) -> Image:
        reply = await self.post("/images", json=body)
        data = self.content(reply)
        content = self.decoded(picked(data, "data", 0, "b64_json"), "image")
        told = {"model": body["model"], "raw": without_media(data), **self.facts_of(reply, data)}
        return Image(content, meta=self.meta(reply, **told))
