"""Video by Kling's service, and lips that move as a sound says.

Source: Kling API, ``/v1/videos/text2video``, ``image2video`` and ``lip-sync``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Unpack

from omnibind.contracts.effects import Run
from omnibind.contracts.errors import BadInput, BadOption
from omnibind.contracts.media import AudioInput, Image, ImageInput, Video, VideoInput
from omnibind.contracts.options import Range
from omnibind.contracts.secret import Secret
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTV
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import Extra, given
from omnibind.remote.uploads import ASIDE, uploaded

from ..._shared.kling import Kling
from ..._shared.service_inputs import address_of

PICTURES = ("image/jpeg", "image/png")
MAX_PICTURE_BYTES = 10_000_000
MIN_PICTURE_SIDE = 300
SOUNDS = ("audio/mpeg", "audio/wav", "audio/mp4", "audio/aac")
MAX_SOUND_BYTES = 5_000_000


class KlingTTV(Kling, RemoteTTV):
    """Kling's video models, from words or from a picture; they have no seed."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "kling-v2-6",
        access_key: Annotated[Secret | None, "with secret_key, instead of api_key"] = None,
        secret_key: Annotated[Secret | None, "what a request is signed with"] = None,
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._pair = (access_key, secret_key)

    async def generate_video_flow(
        self,
        prompt: str,
        *,
        image: Annotated[ImageInput | None, "the first picture of the video"] = None,
        last_image: Annotated[ImageInput | None, "the last one; with image"] = None,
        model: Annotated[str | None, "instead of the configured model"] = None,
        negative_prompt: Annotated[str | None, "what shouldn't be seen"] = None,
        width: Annotated[int | None, Range(1, 8192), "with height: an aspect ratio"] = None,
        height: Annotated[int | None, Range(1, 8192), "with width: an aspect ratio"] = None,
        aspect_ratio: Annotated[str | None, "16:9, 9:16 or 1:1"] = None,
        duration_s: Annotated[float | None, Range(1, 60), "length, in whole seconds"] = None,
        guidance_scale: Annotated[float | None, Range(0, 1), "how near to the prompt"] = None,
        mode: Annotated[Literal["std", "pro"] | None, "cheaper, or better"] = None,
        sound: Annotated[bool | None, "with sound, where the model has it"] = None,
        extra: Extra = None,
    ) -> Video:
        """Film a prompt, or what becomes of a picture."""
        chosen = self.model(model, self._model_name)
        facts, owner = self.facts(chosen), f"{chosen} of {self.label}"
        if image is None and last_image is not None:
            raise BadOption(f"{owner} films to a last picture from a first one; give image too")
        ratios = facts.aspect_ratios if facts else ()
        seconds = limits.duration_of(duration_s, facts, owner)
        body = {
            "model_name": chosen,
            "prompt": prompt,
            **given(
                image=await _picture(image),
                image_tail=await _picture(last_image),
                negative_prompt=negative_prompt,
                cfg_scale=guidance_scale,
                mode=mode,
                aspect_ratio=limits.aspect_ratio_of(width, height, aspect_ratio, ratios, owner),
                duration=None if seconds is None else f"{seconds:g}",
                sound=None if sound is None else ("on" if sound else "off"),
            ),
            **(extra or {}),
        }
        route = "text2video" if image is None else "image2video"
        video: Video = await self.submitted(route, body, about=prompt, model=chosen)
        usd = facts.limits.get("usd_per_second_pro") if facts and mode == "pro" else None
        length = seconds or float((video.meta.raw or {}).get("duration") or 0)
        if usd is None or not length:
            return video
        # The price list of the catalogue is of the cheaper mode.
        cost = float(usd) * length
        return video._with_meta(video.meta._replace(cost_usd=cost, cost_basis="estimated"))

    async def sync_lips_flow(
        self,
        video: VideoInput,
        sound: AudioInput,
        *,
        extra: Annotated[dict[str, Any] | None, "further fields of input"] = None,
    ) -> Video:
        """Make the lips in a video move as a sound says."""
        fields = {"mode": "audio2video", **_shown(video), **await _heard(sound), **(extra or {})}
        synced: Video = await self.submitted(
            "lip-sync", {"input": fields}, about="lips", model=None, verb="sync_lips"
        )
        return synced

    def sync_lips(self, video: VideoInput, sound: AudioInput, **options: Any) -> bytes:
        """Make the lips in a video move as a sound says; see the flow for the options."""
        result: bytes = self.alone("sync_lips", video, sound, **options)
        return result

    async def collect_flow(self, job_id: str) -> Video:
        """Wait for a task and fetch its video."""
        told = await self.finished(job_id)
        first = picked(told, "data", "task_result", "videos", 0)
        url = picked(first, "url")
        return Video(
            await self.download(url, "video"),
            meta=self.meta(
                request_id=told.get("request_id"),
                source_url=url,
                raw=_told(told["data"], first),
            ),
        )


def _told(data: Mapping[str, Any], video: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in data.items() if name != "task_result"}
    own = given(video_id=video.get("id"), duration=video.get("duration"))
    cleaned: dict[str, Any] = without_media({**kept, **own})
    return cleaned


async def _picture(image: Any) -> str | None:
    if image is None:
        return None
    url = address_of(image)
    if url is not None:
        return url
    sent = await uploaded(image, "image", formats=PICTURES, max_bytes=MAX_PICTURE_BYTES)
    picture = Image(sent.content)
    width, height = await Run(ASIDE, lambda: (picture.width, picture.height))
    if min(width, height) < MIN_PICTURE_SIDE:
        raise BadInput(
            f"the picture has {width}x{height} pixels; the service takes those of at least "
            f"{MIN_PICTURE_SIDE} a side: give a larger one"
        )
    return await Run(ASIDE, sent.base64)


def _shown(video: Any) -> dict[str, str]:
    url = address_of(video)
    if url is not None:
        return {"video_url": url}
    made = (video.meta.raw or {}).get("video_id") if isinstance(video, Video) else None
    if not isinstance(made, str):
        raise BadInput(
            "the service fetches videos itself; give one that it made in the last 30 days, or put "
            "yours on the web and give Source.url(…)"
        )
    return {"video_id": made}


async def _heard(sound: Any) -> dict[str, str]:
    url = address_of(sound)
    if url is not None:
        return {"audio_type": "url", "audio_url": url}
    sent = await uploaded(sound, "audio", formats=SOUNDS, max_bytes=MAX_SOUND_BYTES, name="sound")
    return {"audio_type": "file", "audio_file": await Run(ASIDE, sent.base64)}
