"""Videos by xAI's service.

Source: xAI's API as third parties describe it, ``/videos/generations``, ``/videos/{requestId}``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Unpack

from omnibind.contracts.errors import OmnibindError
from omnibind.contracts.media import ImageInput, Video
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTV
from omnibind.remote.paid import PaidJobs
from omnibind.remote.polling import EVERY_S, poll, refused
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import Extra, given, part

from ..._shared.xai import XAI, cost_of, shown


class XAITTV(XAI, PaidJobs, RemoteTTV):
    """xAI's video models, which make sound as well; a job can't be called off."""

    every_s: ClassVar[float] = EVERY_S

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "grok-imagine-video",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name

    async def generate_video_flow(
        self,
        prompt: str,
        *,
        model: Annotated[str | None, "instead of the configured model"] = None,
        duration_s: Annotated[float | None, Range(1), "whole seconds, at most 15"] = None,
        aspect_ratio: Annotated[
            Literal["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"] | None, "16:9 by default"
        ] = None,
        resolution: Annotated[str | None, "480p by default; 720p"] = None,
        image: Annotated[ImageInput | None, "the first picture of the video"] = None,
        extra: Extra = None,
    ) -> Video:
        """Film what a prompt describes."""
        chosen = self.model(model, self._model_name)
        facts, owner = self.facts(chosen), f"{chosen} of {self.label}"
        if resolution is not None:
            known = str(facts.limits.get("resolutions", "")).split() if facts else []
            limits.chosen(resolution, known, "resolution", owner)
        seconds = limits.duration_of(duration_s, facts, owner)
        body = {
            "model": chosen,
            "prompt": prompt,
            **given(
                duration=limits.whole_seconds(seconds, owner),
                aspect_ratio=aspect_ratio,
                resolution=resolution,
                image=None if image is None else {"url": await shown(image)},
            ),
            **(extra or {}),
        }
        begin = self.post("/videos/generations", json=body)
        video: Video = await self.job(
            begin, lambda reply: str(picked(reply.json(), "request_id")), about=prompt, model=chosen
        )
        return video

    async def collect_flow(self, job_id: str) -> Video:
        """Wait for a job and return its video."""
        done = await poll(
            self.get(f"/videos/{part(job_id)}"),
            until=lambda data: picked(data, "status") == "done",
            failed=self._failure,
            progress=lambda data: min(float(data.get("progress") or 0) / 100, 1.0),
            every_s=self.every_s,
        )
        if picked(done, "video").get("respect_moderation") is False:
            raise refused("the video doesn't respect its rules")
        url = picked(done, "video", "url")
        content = await self.download(url, "video")
        facts = {"model": done.get("model"), "cost_usd": cost_of(done)}
        return Video(content, meta=self.meta(**facts, source_url=url, raw=without_media(done)))

    def _failure(self, data: Mapping[str, Any]) -> OmnibindError | None:
        if data.get("status") not in ("failed", "expired"):
            return None
        error = data.get("error")
        return self.failure(
            data["status"], error.get("message") if isinstance(error, Mapping) else error
        )
