"""Pictures by Stability's service, new ones and edits.

Source: Stability's REST API v2beta, ``/v2beta/stable-image`` and ``/v2beta/results``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Unpack

from omnibind.contracts.errors import CallFailed, ServiceError
from omnibind.contracts.media import Image, ImageInput
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTI
from omnibind.remote.paid import PaidJobs
from omnibind.remote.polling import poll
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import Extra, Upload, given, part
from omnibind.remote.uploads import PICTURES, uploaded

from ..._shared.stability import CREDIT_USD, Seed, Stability, filtered, seed_of
from .edits import EDITS, EditName

if TYPE_CHECKING:
    from omnibind.contracts.errors import OmnibindError
    from omnibind.contracts.http import Reply

MAX_PICTURE_BYTES = 10 * 2**20
STRENGTH = 0.7
"""How far a picture is changed where the caller doesn't say; the service wants to be told."""

NegativePrompt = Annotated[str | None, "what not to show"]
Pixels = Annotated[int | None, Range(0, 2000), "pixels to add there by outpaint"]
PictureFormat = Annotated[Literal["png", "jpeg", "webp"] | None, "the encoding; png by default"]
Style = Annotated[
    Literal[
        "3d-model",
        "analog-film",
        "anime",
        "cinematic",
        "comic-book",
        "digital-art",
        "enhance",
        "fantasy-art",
        "isometric",
        "line-art",
        "low-poly",
        "modeling-compound",
        "neon-punk",
        "origami",
        "photographic",
        "pixel-art",
        "tile-texture",
    ]
    | None,
    "a look to go by",
]


class StabilityTTI(PaidJobs, Stability, RemoteTTI):
    """Stability's picture models and edits."""

    every_s = 10.0
    """Seconds between two looks at an edit that goes on; the service asks for no fewer."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "sd3.5-large",
        default_aspect_ratio: Annotated[str, "as 16:9; empty is the service's own"] = "",
        default_style: Annotated[str, "empty is none"] = "",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._default_aspect_ratio = default_aspect_ratio
        self._default_style = default_style

    async def generate_image_flow(
        self,
        prompt: str,
        *,
        model: Annotated[str | None, "instead of the configured model"] = None,
        negative_prompt: NegativePrompt = None,
        width: Annotated[int | None, Range(1, 8192), "with height, another way of a ratio"] = None,
        height: Annotated[int | None, Range(1, 8192), "with width, another way of a ratio"] = None,
        aspect_ratio: Annotated[str | None, "as 16:9; 1:1 by default"] = None,
        style: Style = None,
        seed: Seed = None,
        guidance_scale: Annotated[float | None, Range(1, 10), "nearness to the prompt"] = None,
        output_format: PictureFormat = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture."""
        chosen = self.model(model, self._model_name)
        facts, owner = self.facts(chosen), f"{chosen} of {self.label}"
        limits.refuse_lacking(facts, owner, guidance_scale=guidance_scale)
        ratios = facts.aspect_ratios if facts else ()
        ratio = limits.aspect_ratio_of(width, height, aspect_ratio, ratios, owner)
        form = {
            **given(
                negative_prompt=negative_prompt or None,
                aspect_ratio=ratio or self._default_aspect_ratio or None,
                style_preset=style or self._default_style or None,
                seed=seed,
                cfg_scale=guidance_scale,
                output_format=output_format,
            ),
            **(extra or {}),
        }
        return await self._generated(chosen, prompt, form, {})

    async def edit_image_flow(
        self,
        prompt: str,
        image: ImageInput,
        *,
        edit: EditName = None,
        mask: Annotated[ImageInput | None, "white where the picture is to change"] = None,
        strength: Annotated[float | None, Range(0, 1), "of image-to-image; 1 forgets it"] = None,
        search_prompt: Annotated[str | None, "what to look for, to replace or recolor it"] = None,
        foreground_prompt: Annotated[str | None, "what stands before the new background"] = None,
        left: Pixels = None,
        right: Pixels = None,
        up: Pixels = None,
        down: Pixels = None,
        model: Annotated[str | None, "of image-to-image, instead of the configured one"] = None,
        negative_prompt: NegativePrompt = None,
        style: Style = None,
        seed: Seed = None,
        output_format: PictureFormat = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture anew, or change a part of it."""
        name = edit or ("image-to-image" if mask is None else "inpaint")
        facts = EDITS[name]
        options = given(
            **given(mask=mask, strength=strength, search_prompt=search_prompt, model=model),
            **given(left=left, right=right, up=up, down=down, foreground_prompt=foreground_prompt),
            **given(negative_prompt=negative_prompt or None, style=style, seed=seed),
        )
        form = facts.form(name, self.label, prompt, options, output_format) | (extra or {})
        files = {facts.picture: await _picture(image, "image")}
        if mask is not None:
            files["mask"] = await _picture(mask, "mask")
        if name == "image-to-image":
            chosen = self.model(model, self._model_name)
            owner = f"{chosen} of {self.label}"
            limits.refuse_lacking(self.facts(chosen), owner, image=image)
            form = {"strength": STRENGTH, **form}
            return await self._generated(chosen, prompt, form, files)
        route, usd = f"/v2beta/stable-image/edit/{name}", facts.credits * CREDIT_USD
        if facts.is_job:
            begin = self.post(route, form=form, files=files)
            made: Image = await self.job(
                begin,
                lambda reply: str(picked(reply.json(), "id")),
                about=prompt,
                model=name,
                verb="edit_image",
            )
            return made._with_meta(made.meta._replace(cost_usd=usd, cost_basis="estimated"))
        reply = await self.post(route, form=form, files=files, headers={"accept": "image/*"})
        return self._shown(reply, name, estimated_usd=usd)

    async def collect_flow(self, job_id: str) -> Image:
        """Wait for an edit that goes on at the service, and return its picture."""
        look = self.request(
            "GET", f"/v2beta/results/{part(job_id)}", headers={"accept": "application/json"}
        )
        try:
            done = await poll(
                look,
                until=lambda data: data.get("status") != "in-progress",
                failed=lambda data: _failure(data, self.label),
                every_s=self.every_s,
                first_s=self.every_s,
            )
        except ServiceError as error:
            if error.status not in (400, 404, 422):
                raise
            # The service won't say anything else of this edit, however often it is asked.
            raise CallFailed(error.message) from error
        content = self.decoded(done.get("image") or picked(done, "result"), "image")
        meta = self.meta(seed=seed_of(done.get("seed")), raw=without_media(done))
        return Image(content, meta=meta)

    async def _generated(
        self, chosen: str, prompt: str, form: Mapping[str, Any], files: Mapping[str, Upload]
    ) -> Image:
        facts = self.facts(chosen)
        route = facts.limits.get("route", "sd3") if facts else "sd3"
        if route == "sd3":
            form = {"model": chosen, **({"mode": "image-to-image"} if files else {}), **form}
        reply = await self.post(
            f"/v2beta/stable-image/generate/{route}",
            form={"prompt": prompt, **form},
            files=files,
            headers={"accept": "image/*"},
        )
        return self._shown(reply, chosen)

    def _shown(self, reply: Reply, chosen: str, **facts: Any) -> Image:
        if reply.headers.get("finish-reason") == "CONTENT_FILTERED":
            raise filtered(self.label, "its picture was blurred")
        return self.image(reply, model=chosen, seed=seed_of(reply.headers.get("seed")), **facts)


async def _picture(image: ImageInput, name: str) -> Upload:
    return await uploaded(image, "image", formats=PICTURES, max_bytes=MAX_PICTURE_BYTES, name=name)


def _failure(data: Any, label: str) -> OmnibindError | None:
    blurred = data.get("finish_reason") == "CONTENT_FILTERED"
    return filtered(label, "its picture was blurred") if blurred else None
