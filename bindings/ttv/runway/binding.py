"""Video by Runway's service: its own models, and others that it hosts.

Source: RunwayML API 2024-11-06, ``/v1/text_to_video`` and ``/v1/image_to_video``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Unpack

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import ImageInput, Video
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTV
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import Extra, given
from omnibind.remote.uploads import data_uri

from ..._shared.runway import Runway, cost_of
from ..._shared.service_inputs import address_of

if TYPE_CHECKING:
    from omnibind.weights.catalogue import Model

PICTURES = ("image/jpeg", "image/png", "image/webp")

MAX_PICTURE_BYTES = 3_900_000
"""As base64 in a data URI, the service takes 5 MiB."""

NEAR = 0.03
"""So far a size may be from the aspect ratio that is asked for: 1104x832 is meant as 4:3."""


class RunwayTTV(Runway, RemoteTTV):
    """Runway's video models, from words or from a picture."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "gen4.5",
        default_size: Annotated[
            str, "as 1280x720, where a call gives none; empty is the model's own"
        ] = "",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._default_size = default_size

    async def generate_video_flow(
        self,
        prompt: str,
        *,
        image: Annotated[ImageInput | None, "the first picture of the video"] = None,
        last_image: Annotated[ImageInput | None, "the last one, where the model has it"] = None,
        model: Annotated[str | None, "instead of the configured model"] = None,
        width: Annotated[int | None, Range(1, 8192), "pixels; with height"] = None,
        height: Annotated[int | None, Range(1, 8192), "pixels; with width"] = None,
        aspect_ratio: Annotated[str | None, "16:9, 9:16, …; instead of a size"] = None,
        resolution: Annotated[str | None, "768P, 1080P, …, where the model has it"] = None,
        duration_s: Annotated[float | None, Range(1, 60), "length, in whole seconds"] = None,
        seed: Annotated[int | None, Range(0, 2**32 - 1), "the same one gives much the same"] = None,
        negative_prompt: Annotated[str | None, "what shouldn't be seen"] = None,
        sound: Annotated[bool | None, "with sound, where the model has it"] = None,
        extra: Extra = None,
    ) -> Video:
        """Film a prompt, or what becomes of a picture."""
        chosen = self.model(model, self._model_name)
        facts, owner = self.facts(chosen), f"{chosen} of {self.label}"
        limits.refuse_lacking(
            facts,
            owner,
            last_image=last_image,
            resolution=resolution,
            seed=seed,
            negative_prompt=negative_prompt,
            sound=sound,
        )
        needed = facts.limits if facts else {}
        if image is None and (last_image is not None or needed.get("needs") == "image"):
            raise BadOption(f"{owner} films from a first picture; give image")
        ratio = _ratio_of(width, height, aspect_ratio, facts, owner, image is not None)
        if ratio is None:
            ratio = (self._default_size or str(needed.get("size", ""))).replace("x", ":") or None
        seconds: Any = limits.duration_of(duration_s, facts, owner) or needed.get("duration_s")
        body = {
            "model": chosen,
            "promptText": prompt,
            **given(
                promptImage=await _pictures(image, last_image),
                ratio=ratio,
                resolution=resolution,
                duration=limits.whole(seconds),
                seed=seed,
                negativePrompt=negative_prompt,
                audio=sound,
            ),
            **(extra or {}),
        }
        path = "/v1/image_to_video" if "promptImage" in body else "/v1/text_to_video"
        video: Video = await self.job(
            self.post(path, json=body),
            lambda reply: str(picked(reply.json(), "id")),
            about=prompt,
            model=chosen,
        )
        return video

    async def collect_flow(self, job_id: str) -> Video:
        """Wait for a task and fetch its video."""
        task = await self.finished(job_id)
        url = picked(task, "output", 0)
        return Video(
            await self.download(url, "video"),
            meta=self.meta(
                cost_usd=cost_of(task),
                source_url=url,
                raw=without_media({**task, "output": len(task["output"])}),
            ),
        )


async def _pictures(first: Any, last: Any) -> str | list[dict[str, str]] | None:
    if first is None:
        return None
    if last is None:
        return await _picture(first)
    return [
        {"uri": await _picture(first), "position": "first"},
        {"uri": await _picture(last), "position": "last"},
    ]


async def _picture(image: ImageInput) -> str:
    url = address_of(image)
    if url is not None:
        return url
    return await data_uri(image, "image", formats=PICTURES, max_bytes=MAX_PICTURE_BYTES)


def _ratio_of(
    width: int | None,
    height: int | None,
    aspect_ratio: str | None,
    facts: Model | None,
    owner: str,
    has_image: bool,
) -> str | None:
    """Return what the service calls a ratio: mostly a size in pixels, as ``1280:720``."""
    if facts is not None and facts.aspect_ratios:
        return limits.aspect_ratio_of(width, height, aspect_ratio, facts.aspect_ratios, owner)
    sizes: list[str] = facts.sizes if facts else []
    if facts is not None and not has_image and "text_sizes" in facts.limits:
        sizes = str(facts.limits["text_sizes"]).split()
    if aspect_ratio is None:
        size = limits.size_of(width, height, None, owner)
        return size and limits.chosen(size, sizes, "size", owner).replace("x", ":")
    if width is not None or height is not None:
        raise BadOption(f"give either width and height or aspect_ratio to {owner}, not both")
    near = next((size for size in sizes if _is_near(size, aspect_ratio)), aspect_ratio)
    return limits.chosen(near, sizes, "aspect_ratio", owner).replace("x", ":")


def _is_near(size: str, aspect_ratio: str) -> bool:
    width, _, height = size.partition("x")
    across, _, down = aspect_ratio.partition(":")
    try:
        asked = float(across) / float(down)
    except (ValueError, ZeroDivisionError):
        return False
    return abs(int(width) / int(height) / asked - 1) <= NEAR if asked else False
