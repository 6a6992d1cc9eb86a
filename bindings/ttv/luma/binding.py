"""Video by Luma's services: the Dream Machine, and the newer Luma Agents.

Source: Dream Machine API 1.1.0, ``/generations/video``; luma-agents 0.5.0,
``luma_agents.types.GenerationCreateParams``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Unpack

from omnibind.contracts.effects import Run
from omnibind.contracts.errors import BadInput, BadOption, BadReply
from omnibind.contracts.media import ImageInput, Video
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTV
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import Extra, given
from omnibind.remote.uploads import ASIDE, uploaded

from ..._shared.luma import AGENTS, Luma, address_in
from ..._shared.service_inputs import address_of

if TYPE_CHECKING:
    from omnibind.remote.requests import Exchange

PICTURES = ("image/jpeg", "image/png", "image/webp")


class LumaTTV(Luma, RemoteTTV):
    """Luma's video models, from words or between pictures; they have neither seed nor sound."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "ray-3.2 is of Luma Agents, which has its own key"] = "ray-2",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name

    async def generate_video_flow(
        self,
        prompt: str,
        *,
        image: Annotated[ImageInput | None, "the first picture; ray-2: Source.url alone"] = None,
        last_image: Annotated[ImageInput | None, "the last one; ray-2: Source.url alone"] = None,
        model: Annotated[str | None, "instead of the configured model"] = None,
        width: Annotated[int | None, Range(1, 8192), "with height: an aspect ratio"] = None,
        height: Annotated[int | None, Range(1, 8192), "with width: an aspect ratio"] = None,
        aspect_ratio: Annotated[str | None, "16:9, 9:16, 1:1, …"] = None,
        resolution: Annotated[str | None, "540p, 720p, 1080p, …, as the model has it"] = None,
        duration_s: Annotated[float | None, Range(1, 60), "5, or 9 (ray-3.2: 10)"] = None,
        loop: Annotated[bool | None, "the end leads back to the beginning"] = None,
        concepts: Annotated[list[str] | None, "how the camera moves; see list_concepts"] = None,
        extra: Extra = None,
    ) -> Video:
        """Film a prompt, or what lies between two pictures."""
        chosen = self.model(model, self._model_name)
        self._check_service(chosen)
        facts, owner = self.facts(chosen), f"{chosen} of {self.label}"
        limits.refuse_lacking(facts, owner, concepts=concepts)
        if resolution is not None and facts is not None:
            known = str(facts.limits.get("resolutions", "")).split()
            limits.chosen(resolution, known, "resolution", owner)
        seconds = limits.duration_of(duration_s, facts, owner)
        ratios = facts.aspect_ratios if facts else ()
        settings = given(
            resolution=resolution,
            duration=None if seconds is None else f"{seconds:g}s",
            loop=loop,
        )
        body = {
            "prompt": prompt,
            "model": chosen,
            **given(
                aspect_ratio=limits.aspect_ratio_of(width, height, aspect_ratio, ratios, owner)
            ),
        }
        if self.service == "dream-machine":
            begin = self._of_dream_machine(body, settings, image, last_image, concepts, extra)
        else:
            begin = await self._of_agents(body, settings, image, last_image, extra)
        video: Video = await self.job(
            begin, lambda reply: str(picked(reply.json(), "id")), about=prompt, model=chosen
        )
        return video

    async def collect_flow(self, job_id: str) -> Video:
        """Wait for a generation and fetch its video."""
        generation = await self.finished(job_id)
        url = address_in(generation)
        raw = {name: told for name, told in generation.items() if name not in ("assets", "output")}
        return Video(
            await self.download(url, "video"),
            meta=self.meta(
                model=generation.get("model"),
                source_url=url,
                raw=without_media(raw),
            ),
        )

    async def list_concepts_flow(self) -> list[str]:
        """Return the names of the camera's moves that the Dream Machine knows."""
        told = (await self.get("/generations/concepts/list")).json()
        if not isinstance(told, list):
            raise BadReply(f"{self.label}: the service's list of concepts isn't a list")
        return sorted(map(str, told))

    def _check_service(self, model: str) -> None:
        other = self.service_of(model)
        if other not in (None, self.service):
            address = AGENTS if other == "agents" else self.host
            raise BadOption(
                f"{model} isn't a model of {self.base_url}; choose another one, or configure "
                f"model_name or base_url={address!r}"
            )

    def _of_dream_machine(
        self,
        body: dict[str, Any],
        settings: dict[str, Any],
        image: Any,
        last_image: Any,
        concepts: list[str] | None,
        extra: dict[str, Any] | None,
    ) -> Exchange:
        frames = given(frame0=_by_address(image), frame1=_by_address(last_image))
        keys = None if concepts is None else [{"key": name} for name in concepts]
        further = given(keyframes=frames or None, concepts=keys)
        return self.post(
            "/generations/video", json={**body, **settings, **further, **(extra or {})}
        )

    async def _of_agents(
        self,
        body: dict[str, Any],
        settings: dict[str, Any],
        image: Any,
        last_image: Any,
        extra: dict[str, Any] | None,
    ) -> Exchange:
        frames = given(start_frame=await _whole(image), end_frame=await _whole(last_image))
        video = {**settings, **frames}
        further = {"video": video} if video else {}
        return self.post("/generations", json={**body, "type": "video", **further, **(extra or {})})


def _by_address(image: Any) -> dict[str, str] | None:
    if image is None:
        return None
    url = address_of(image)
    if url is None:
        raise BadInput(
            "the Dream Machine fetches pictures itself and takes only their address; put the "
            "picture on the web and give Source.url(…), or use the model ray-3.2"
        )
    return {"type": "image", "url": url}


async def _whole(image: Any) -> dict[str, str] | None:
    if image is None:
        return None
    url = address_of(image)
    if url is not None:
        return {"url": url}
    sent = await uploaded(image, "image", formats=PICTURES)
    return {"data": await Run(ASIDE, sent.base64), "media_type": sent.media_type}
