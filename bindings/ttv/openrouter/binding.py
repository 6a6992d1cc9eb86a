"""Videos through OpenRouter.

Source: OpenRouter's API specification, ``/videos``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Unpack

from omnibind.contracts.errors import BadOption, OmnibindError
from omnibind.contracts.http import Reply
from omnibind.contracts.media import ImageInput, Video
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTV
from omnibind.remote.paid import PaidJobs
from omnibind.remote.polling import EVERY_S, poll
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import Extra, given, part

from ..._shared.openrouter import OpenRouter, reference

ENDED = ("failed", "cancelled", "expired")


class OpenRouterTTV(OpenRouter, PaidJobs, RemoteTTV):
    """The video models that OpenRouter passes on; a job can't be called off."""

    listing = ("/models", {"output_modalities": "video"})
    every_s: ClassVar[float] = EVERY_S

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "google/veo-3.1",
        default_size: Annotated[str, "as 1280x720; empty is the model's own"] = "",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._default_size = default_size

    async def generate_video_flow(
        self,
        prompt: str,
        *,
        model: Annotated[str | None, "instead of the configured model"] = None,
        duration_s: Annotated[float | None, Range(1), "whole seconds, as the model has it"] = None,
        width: Annotated[int | None, Range(1, 8192), "pixels; with height"] = None,
        height: Annotated[int | None, Range(1, 8192), "pixels; with width"] = None,
        aspect_ratio: Annotated[
            Literal["16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21"] | None,
            "as the model has it",
        ] = None,
        resolution: Annotated[
            Literal["480p", "720p", "1080p", "1K", "2K", "4K"] | None, "as the model has it"
        ] = None,
        image: Annotated[ImageInput | None, "the first picture of the video"] = None,
        last_image: Annotated[ImageInput | None, "the last picture of the video"] = None,
        sound: Annotated[bool | None, "with sound, where the model makes it"] = None,
        seed: Annotated[int | None, Range(0), "the same again, where the model can"] = None,
        extra: Extra = None,
    ) -> Video:
        """Film what a prompt describes."""
        chosen = self.model(model, self._model_name)
        facts, owner = self.facts(chosen), f"{chosen} of {self.label}"
        if width is not None and (aspect_ratio is not None or resolution is not None):
            raise BadOption(f"give either width and height or aspect_ratio, resolution to {owner}")
        is_shaped = aspect_ratio is not None or resolution is not None
        default_size = "" if is_shaped else self._default_size
        ends = (("first_frame", image), ("last_frame", last_image))
        frames = [
            {**await reference(shown), "frame_type": kind}
            for kind, shown in ends
            if shown is not None
        ]
        body = {
            "model": chosen,
            "prompt": prompt,
            **given(
                duration=limits.whole_seconds(limits.duration_of(duration_s, facts, owner), owner),
                size=limits.size_of(width, height, facts, owner, default_size),
                aspect_ratio=aspect_ratio,
                resolution=resolution,
                frame_images=frames or None,
                generate_audio=sound,
                seed=seed,
            ),
            **(extra or {}),
        }
        begin = self.post("/videos", json=body)
        video: Video = await self.job(begin, self._job_id, about=prompt, model=chosen)
        return video

    def _job_id(self, reply: Reply) -> str:
        return str(picked(self.content(reply), "id"))

    async def collect_flow(self, job_id: str) -> Video:
        """Wait for a job and return its video."""
        path = f"/videos/{part(job_id)}"
        done = await poll(
            self.get(path),
            until=lambda data: picked(data, "status") == "completed",
            failed=self._failure,
            step=lambda data: data.get("status"),
            every_s=self.every_s,
        )
        content = await self.download(f"{self.base_url}{path}/content", "video")
        usage = done.get("usage") or {}
        return Video(content, meta=self.meta(cost_usd=usage.get("cost"), raw=without_media(done)))

    def _failure(self, data: Mapping[str, Any]) -> OmnibindError | None:
        if data.get("status") not in ENDED:
            return None
        return self.failure(data["status"], data.get("error"))
