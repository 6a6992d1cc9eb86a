"""Pictures by Midjourney, through a proxy of the user's own.

Source: novicezk/midjourney-proxy, ``docs/api.md``, ``SubmitController`` and ``ReturnCode``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Unpack

from omnibind.contracts.errors import (
    BadReply,
    CallFailed,
    ContentRefused,
    RateLimited,
    ServiceError,
)
from omnibind.contracts.media import Image, ImageInput
from omnibind.contracts.options import Range
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTI
from omnibind.remote.paid import PaidJobs
from omnibind.remote.polling import poll
from omnibind.remote.replies import cut, picked, without_media
from omnibind.remote.requests import part
from omnibind.remote.uploads import PICTURES, data_uri

if TYPE_CHECKING:
    from omnibind.contracts.errors import OmnibindError
    from omnibind.contracts.http import Reply
    from omnibind.contracts.secret import Secret

SUBMITTED, EXISTED, QUEUED, QUEUE_FULL, BANNED = 1, 21, 22, 23, 24
"""What the proxy's code means."""


class MidjourneyTTI(PaidJobs, RemoteTTI):
    """Midjourney by your own proxy; its terms are yours to keep, see README.md."""

    base_url_names = ("MIDJOURNEY_PROXY_URL",)

    every_s = 5.0
    """Seconds between two looks at a picture that is drawn."""

    def __init__(self, **connection: Unpack[Connection]) -> None:
        super().__init__(**connection)

    def authorization(self) -> Mapping[str, str | Secret]:
        """Return the header of the proxy's secret, where there is one."""
        secret = self.find_key()
        return {} if secret is None else {"mj-api-secret": secret}

    async def generate_image_flow(
        self,
        prompt: str,
        *,
        negative_prompt: Annotated[str | None, "what not to show; becomes --no"] = None,
        aspect_ratio: Annotated[str | None, "as 16:9; becomes --ar"] = None,
        seed: Annotated[int | None, Range(0, 4_294_967_295), "becomes --seed"] = None,
        image: Annotated[ImageInput | None, "a picture to go by"] = None,
        extra: Annotated[
            dict[str, Any] | None, "further fields of the request, as state or notifyHook"
        ] = None,
    ) -> Image:
        """Draw four pictures, which come as the grid that Midjourney makes."""
        words = [prompt]
        words += [f"--ar {aspect_ratio}"] if aspect_ratio else []
        words += [f"--no {negative_prompt}"] if negative_prompt else []
        words += [f"--seed {seed}"] if seed is not None else []
        body: dict[str, Any] = {"prompt": " ".join(words)}
        if image is not None:
            body["base64Array"] = [await data_uri(image, "image", formats=PICTURES, name="image")]
        begin = self.post("/mj/submit/imagine", json={**body, **(extra or {})})
        result: Image = await self.job(begin, self._task_of, about=prompt)
        return result

    async def collect_flow(self, job_id: str) -> Image:
        """Wait for a task of the proxy and return its picture."""
        done = await poll(
            self.get(f"/mj/task/{part(job_id)}/fetch"),
            until=lambda data: data["status"] == "SUCCESS",
            failed=self._failure,
            progress=_progress,
            step=lambda data: str(data["status"]).lower().replace("_", " "),
            every_s=self.every_s,
        )
        url = str(picked(done, "imageUrl"))
        content = await self.download(url, "image")
        raw = {**done, "imageUrl": url.partition("?")[0]}
        return Image(content, meta=self.meta(source_url=url, raw=without_media(raw)))

    def _task_of(self, reply: Reply) -> str:
        data = reply.json()
        code, words = picked(data, "code"), cut(str(data.get("description") or ""))
        if code in (SUBMITTED, EXISTED, QUEUED):
            return str(picked(data, "result"))
        said = f"{self.label}: the proxy says {code}: {words}"
        if code == BANNED:
            word = cut(str((data.get("properties") or {}).get("bannedWord") or ""))
            about = f" ({word})" if word else ""
            raise self.hidden(ContentRefused(f"{said}{about}; change the prompt"))
        if code == QUEUE_FULL:
            raise self.hidden(RateLimited(f"{said}; try again later", status=reply.status))
        raise self.hidden(ServiceError(said, status=reply.status, code=str(code)))

    def _failure(self, data: Any) -> OmnibindError | None:
        if not isinstance(data, Mapping) or not data.get("status"):
            return BadReply(f"{self.label}: the proxy knows no such task; look there")
        if data["status"] != "FAILURE":
            return None
        words = cut(str(data.get("failReason") or "no reason given"))
        refused = any(word in words.lower() for word in ("banned", "moderat", "sensitive"))
        kind = ContentRefused if refused else CallFailed
        return self.hidden(kind(f"{self.label}: the picture wasn't drawn: {words}"))


def _progress(data: Mapping[str, Any]) -> float | None:
    told = str(data.get("progress") or "").removesuffix("%")
    return min(int(told), 100) / 100 if told.isdigit() else None
