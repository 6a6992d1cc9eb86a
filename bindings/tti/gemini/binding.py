"""Pictures by the Gemini API, in one turn or several.

Source: Gemini API v1beta, ``models.generateContent``, ``ImageConfig``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Unpack

from omnibind.contracts.effects import Run
from omnibind.contracts.media import Image, ImageInput
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTI
from omnibind.remote.replies import without_media
from omnibind.remote.requests import given
from omnibind.remote.uploads import ASIDE, PICTURES, uploaded

from ..._shared.gemini import Gemini, kept, refuse_odd_turns, route, sendable, text_of
from ..._shared.google import Extra, merged

Model = Annotated[str | None, "instead of the configured model"]
Width = Annotated[int | None, Range(1, 8192), "with height; their ratio alone counts"]
Height = Annotated[int | None, Range(1, 8192), "with width; their ratio alone counts"]
AspectRatio = Annotated[str | None, "16:9, 1:1, …; not given, the model chooses"]
Resolution = Annotated[Literal["512", "1K", "2K", "4K"] | None, "how large, as the model has it"]
References = Annotated[list[ImageInput] | None, "further pictures to go by"]
History = Annotated[
    list[dict[str, Any]] | None, "the turns before: meta.raw['history'] of the last picture"
]
Seed = Annotated[int | None, Range(0, 2**31 - 1), "nearly the same picture again"]
Temperature = Annotated[float | None, Range(0.0, 2.0), "chance in what is drawn"]


class GeminiTTI(Gemini, RemoteTTI):
    """Gemini's picture models, which also change pictures and go on with a conversation."""

    def __init__(
        self,
        *,
        model_name: Annotated[
            str, "the model where a call names none"
        ] = "gemini-3.1-flash-lite-image",
        default_aspect_ratio: Annotated[str, "as 16:9; empty is the model's choice"] = "",
        default_resolution: Annotated[str, "as 2K; empty is the model's own"] = "",
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
        width: Width = None,
        height: Height = None,
        aspect_ratio: AspectRatio = None,
        resolution: Resolution = None,
        references: References = None,
        history: History = None,
        seed: Seed = None,
        temperature: Temperature = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture; ``meta.raw`` has the reply's ``text`` and the ``history`` so far."""
        chosen, config = self._config(
            *(model, width, height, aspect_ratio, resolution, seed, temperature)
        )
        return await self._drawn(prompt, references or (), chosen, config, history or (), extra)

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
        references: References = None,
        history: History = None,
        seed: Seed = None,
        temperature: Temperature = None,
        extra: Extra = None,
    ) -> Image:
        """Change a picture, with others to go by; ``meta.raw`` as of a new one."""
        chosen, config = self._config(
            *(model, width, height, aspect_ratio, resolution, seed, temperature)
        )
        pictures = (image, *(references or ()))
        return await self._drawn(prompt, pictures, chosen, config, history or (), extra)

    def _config(
        self,
        model: str | None,
        width: int | None,
        height: int | None,
        aspect_ratio: str | None,
        resolution: str | None,
        seed: int | None,
        temperature: float | None,
    ) -> tuple[str, dict[str, Any]]:
        chosen = self.model(model, self._model_name)
        facts, owner = self.facts(chosen), f"{chosen} of {self.label}"
        limits.refuse_lacking(facts, owner, resolution=resolution)
        if width is None and height is None:
            aspect_ratio = aspect_ratio or self._default_aspect_ratio or None
        ratios = facts.aspect_ratios if facts else ()
        image = given(
            aspectRatio=limits.aspect_ratio_of(width, height, aspect_ratio, ratios, owner),
            imageSize=resolution or self._default_resolution or None,
        )
        return chosen, {
            "responseModalities": ["TEXT", "IMAGE"],
            **({"imageConfig": image} if image else {}),
            **given(seed=seed, temperature=temperature),
        }

    async def _drawn(
        self,
        prompt: str,
        pictures: Sequence[ImageInput],
        chosen: str,
        config: dict[str, Any],
        history: Sequence[Mapping[str, Any]],
        extra: Mapping[str, Any] | None,
    ) -> Image:
        refuse_odd_turns(history, f"{chosen} of {self.label}")
        parts: list[dict[str, Any]] = [{"text": prompt}]
        for picture in pictures:
            upload = await uploaded(picture, "image", formats=PICTURES, name="image")
            parts.append({"inlineData": {"mimeType": upload.media_type, "data": upload.content}})
        turns = [*history, {"role": "user", "parts": parts}]
        contents = await Run(ASIDE, lambda: sendable(turns))
        body = merged({"contents": contents, "generationConfig": config}, extra)
        data = (await self.post(route(chosen, "generateContent"), json=body)).json()
        first = self.media(data, "image")[0]
        answered = await Run(ASIDE, lambda: kept(data))
        raw = {**without_media(data), "text": text_of(data), "history": [*turns, answered]}
        meta = self.meta(model=chosen, request_id=data.get("responseId"), raw=raw)
        return Image(self.decoded(first.get("data"), "image"), meta=meta)
