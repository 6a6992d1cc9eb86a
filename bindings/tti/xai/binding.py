"""Pictures by xAI's service.

Source: xAI's API as third parties describe it, ``/images/generations``, ``/images/edits``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Unpack

from omnibind.contracts.media import Image, ImageInput
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTI
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import Extra, given

from ..._shared.xai import XAI, cost_of, shown

Model = Annotated[str | None, "instead of the configured model"]
Resolution = Annotated[Literal["1k", "2k"] | None, "how large"]
Quality = Annotated[Literal["auto", "low", "medium"] | None, "where the model has it"]


class XAITTI(XAI, RemoteTTI):
    """xAI's picture models; they have neither sizes, seed nor negative prompt."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "grok-imagine-image",
        default_aspect_ratio: Annotated[str, "empty is the service's own"] = "",
        default_resolution: Annotated[Literal["", "1k", "2k"], "empty is the service's own"] = "",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._default_aspect_ratio = default_aspect_ratio
        self._default_resolution = default_resolution

    async def generate_image_flow(
        self,
        prompt: str,
        *,
        model: Model = None,
        aspect_ratio: Annotated[str | None, "as 16:9, or auto"] = None,
        resolution: Resolution = None,
        quality: Quality = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture."""
        chosen = self._chosen(model, quality)
        facts = self.facts(chosen)
        shape = aspect_ratio or self._default_aspect_ratio or None
        if shape is not None:
            known = facts.aspect_ratios if facts else ()
            limits.chosen(shape, known, "aspect_ratio", f"{chosen} of {self.label}")
        body = {
            "model": chosen,
            "prompt": prompt,
            **given(
                aspect_ratio=shape,
                resolution=resolution or self._default_resolution or None,
                quality=quality,
            ),
            **(extra or {}),
        }
        return await self._picture("/images/generations", body)

    async def edit_image_flow(
        self,
        prompt: str,
        image: ImageInput,
        *,
        model: Model = None,
        aspect_ratio: Annotated[
            Literal["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "2:1", "1:2", "auto"] | None,
            "another one than the picture's",
        ] = None,
        resolution: Resolution = None,
        quality: Quality = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture anew."""
        body = {
            "model": self._chosen(model, quality),
            "prompt": prompt,
            "image": {"type": "image_url", "url": await shown(image)},
            **given(aspect_ratio=aspect_ratio, resolution=resolution, quality=quality),
            **(extra or {}),
        }
        return await self._picture("/images/edits", body)

    def _chosen(self, model: str | None, quality: str | None) -> str:
        chosen = self.model(model, self._model_name)
        owner = f"{chosen} of {self.label}"
        limits.refuse_lacking(self.facts(chosen), owner, quality=quality)
        return chosen

    async def _picture(self, route: str, body: Mapping[str, Any]) -> Image:
        reply = await self.post(route, json=body)
        data = reply.json()
        first, url = picked(data, "data", 0), None
        if first.get("b64_json"):
            content = self.decoded(first["b64_json"], "image")
        else:
            url = picked(first, "url")
            content = await self.download(url, "image")
        meta = self.meta(
            reply,
            model=body["model"],
            cost_usd=cost_of(data),
            revised_prompt=first.get("revised_prompt"),
            source_url=url,
            raw=without_media(data),
        )
        return Image(content, meta=meta)
