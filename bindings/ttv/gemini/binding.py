"""Videos by Veo through the Gemini API.

Source: https://ai.google.dev/gemini-api/docs/video; google-genai 3.3.0, ``GenerateVideosConfig``,
for the names of parameters. Google's specification of the Gemini API leaves Veo out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Unpack
from urllib.parse import quote

from omnibind.calls.costs import estimate
from omnibind.contracts.effects import Run
from omnibind.contracts.errors import BadInput, BadReply, CallFailed, OmnibindError
from omnibind.contracts.media import ImageInput, Video
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTV
from omnibind.remote.paid import PaidJobs
from omnibind.remote.polling import poll, refused
from omnibind.remote.replies import cut, picked, without_media
from omnibind.remote.requests import given
from omnibind.remote.uploads import ASIDE, uploaded

from ..._shared.gemini import Gemini, route
from ..._shared.google import Extra, merged

PICTURES = ("image/png", "image/jpeg")

LISTED_HEIGHT = 1080
"""Up to this one, the listed prices hold."""

_REFUSED = re.compile(r"violat|safety|prohibited|responsible ai", re.IGNORECASE)


class GeminiTTV(PaidJobs, Gemini, RemoteTTV):
    """Veo, which films with sound."""

    every_s = 5.0
    """Seconds between two looks."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "veo-3.1-generate-001",
        default_aspect_ratio: Annotated[str, "as 9:16; empty is the model's own"] = "",
        default_resolution: Annotated[str, "as 1080p; empty is the model's own"] = "",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._default_aspect_ratio = default_aspect_ratio
        self._default_resolution = default_resolution

    async def generate_video_flow(
        self,
        prompt: str,
        *,
        model: Annotated[str | None, "instead of the configured model"] = None,
        negative_prompt: Annotated[str | None, "what the video shouldn't show"] = None,
        image: Annotated[ImageInput | None, "the first picture of the video"] = None,
        last_image: Annotated[ImageInput | None, "the last picture of the video"] = None,
        aspect_ratio: Annotated[Literal["16:9", "9:16"] | None, "the model's own is 16:9"] = None,
        resolution: Annotated[
            Literal["720p", "1080p", "4k"] | None, "how large, as the model has it"
        ] = None,
        duration_s: Annotated[float | None, Range(1.0), "of the lengths that there are"] = None,
        seed: Annotated[int | None, Range(0, 2**32 - 1), "nearly the same video again"] = None,
        extra: Extra = None,
    ) -> Video:
        """Film what is described, from a picture on where one is given."""
        chosen = self.model(model, self._model_name)
        facts, owner = self.facts(chosen), f"{chosen} of {self.label}"
        seconds = limits.duration_of(duration_s, facts, owner)
        instance: dict[str, Any] = {"prompt": prompt}
        for name, picture in (("image", image), ("lastFrame", last_image)):
            if picture is not None:
                instance[name] = await _inline(picture)
        parameters = given(
            aspectRatio=aspect_ratio or self._default_aspect_ratio or None,
            resolution=resolution or self._default_resolution or None,
            durationSeconds=limits.whole(seconds),
            negativePrompt=negative_prompt,
            seed=seed,
        )
        body = {"instances": [instance], **({"parameters": parameters} if parameters else {})}
        begin = self.post(route(chosen, "predictLongRunning"), json=merged(body, extra))
        video: Video = await self.job(
            begin, lambda reply: str(picked(reply.json(), "name")), about=prompt, model=chosen
        )
        return video

    async def collect_flow(self, job_id: str) -> Video:
        """Wait for an operation and return its video, which is kept there for a while."""
        done = await poll(
            self.get(f"/{quote(job_id)}"),
            until=lambda data: bool(data.get("done")),
            failed=self._failure,
            every_s=self.every_s,
        )
        found = _samples(done)
        if not found:
            raise CallFailed(f"{self.label}: the service ended without a video; ask again")
        url = str(picked(found, 0, "video", "uri"))
        content = await self.download(url, "video")
        named = re.fullmatch(r"models/([^/]+)/operations/.+", job_id)
        cost = await Run(ASIDE, lambda: self._cost(named[1], content)) if named else None
        meta = self.meta(
            source_url=url,
            raw=without_media(done),
            estimated_usd=cost,
        )
        return Video(content, meta=meta)

    def _cost(self, model: str, content: bytes) -> float | None:
        """Return what a video cost by its length; None where the list doesn't say."""
        facts, video = self.facts(model), Video(content)
        try:
            if facts is None or min(video.width, video.height) > LISTED_HEIGHT:
                return None
            return estimate(facts.price, {"seconds": video.duration_s}).usd
        except BadInput:  # it is judged later; it was paid for all the same
            return None

    def _failure(self, data: Mapping[str, Any]) -> OmnibindError | None:
        error = data.get("error")
        if error:
            words = cut(str(error.get("message") or "it gives no reason"))
            if _REFUSED.search(words):
                return self.hidden(refused(words))
            return self.hidden(CallFailed(f"{self.label}: the service failed: {words}; ask again"))
        reasons = _answered(data).get("raiMediaFilteredReasons")
        if reasons and not _samples(data):
            return self.hidden(refused(cut("; ".join(map(str, reasons)))))
        return None


def _answered(data: Mapping[str, Any]) -> Mapping[str, Any]:
    found = (data.get("response") or {}).get("generateVideoResponse") or {}
    if not isinstance(found, Mapping):
        raise BadReply("the service's reply has something odd as generateVideoResponse")
    return found


def _samples(data: Mapping[str, Any]) -> list[Any]:
    return list(_answered(data).get("generatedSamples") or ())


async def _inline(picture: ImageInput) -> dict[str, str]:
    upload = await uploaded(picture, "image", formats=PICTURES, name="image")
    text = await Run(ASIDE, upload.base64)
    return {"bytesBase64Encoded": text, "mimeType": upload.media_type}
