"""fal's queue, by which any of its models is asked, and what its bindings share.

Source: fal's documentation of the queue (``queue.fal.run``) and fal-client 1.0.3, ``client.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from omnibind.contracts.errors import (
    BadReply,
    CallFailed,
    ContentRefused,
    ServiceError,
    UnknownModel,
)
from omnibind.contracts.media import ImageInput
from omnibind.contracts.options import Range
from omnibind.remote.paid import PaidJobs
from omnibind.remote.polling import poll
from omnibind.remote.replies import cut, picked, told, without_media
from omnibind.remote.uploads import PICTURES
from omnibind.remote.uploads import data_uri as data_uri_of

if TYPE_CHECKING:
    from omnibind.contracts.errors import OmnibindError
    from omnibind.contracts.http import Reply
    from omnibind.contracts.media import Meta
    from omnibind.contracts.secret import Secret
    from omnibind.remote.requests import Exchange

Extra = Annotated[dict[str, Any] | None, "further fields of the model's own, passed on as they are"]
ModelName = Annotated[str | None, "instead of the configured model: any id of fal's, owner/name/…"]
Negative = Annotated[str | None, "what not to show, where the model has it"]
Ratio = Annotated[str | None, "as 16:9, where the model has it"]
Seed = Annotated[int | None, Range(0, 4_294_967_295), "the same seed, the same result"]

_ID = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)+")
_WAITING = ("IN_QUEUE", "IN_PROGRESS")


class Fal(PaidJobs):
    """fal's queue; a job is known by the address of its result."""

    host = "https://queue.fal.run"
    base_url_names = ("FAL_BASE_URL",)

    every_s = 5.0
    """Seconds between two looks at a job."""

    def authorization(self) -> Mapping[str, str | Secret]:
        """Return the key's header."""
        return {"authorization": self.key().after("Key ")}

    async def made(self, model: str, route: str, fields: Mapping[str, Any]) -> Any:
        """Submit a job and return its result.

        Args:
            model: The model, for the journal.
            route: Where it is asked: the model's id, or a part of it.
            fields: What the model takes, its ``prompt`` among them.

        Raises:
            UnknownModel: It is no id of fal's.
        """
        if not _ID.fullmatch(route):
            raise UnknownModel(
                f"{self.label}: {model!r} isn't a model of fal's; give an id as fal-ai/flux/schnell"
            )
        begin = self.post(f"/{route}", json=dict(fields))
        about = str(fields.get("prompt", ""))
        return await self.job(begin, self._result_url, about=about, model=model)

    def cancel_job(self, job_id: str) -> Exchange:
        """Return the request that calls a job off."""
        return self.request("PUT", f"{job_id}/cancel")

    async def fetched(self, job_id: str, family: str, *names: str) -> tuple[bytes, Meta]:
        """Wait for a job and return the file that it made, with what is known of it.

        Args:
            job_id: The job.
            family: ``audio``, ``image`` or ``video``.
            names: What models call the file: ``images``, ``image``.

        Raises:
            ContentRefused: The model declined the prompt or a picture.
            CallFailed: The job failed.
        """
        data = await self._result(job_id)
        if True in (data.get("has_nsfw_concepts") or ()):
            raise self._refused("its picture was taken for indecent and blackened")
        url, seed = _url_of(data, names), data.get("seed")
        is_inline = url.startswith("data:")
        content = self.decoded(url, family) if is_inline else await self.download(url, family)
        return content, self.meta(
            seed=seed if isinstance(seed, int) else None,
            source_url=None if is_inline else url,
            raw=without_media(data),
        )

    async def _result(self, job_id: str) -> dict[str, Any]:
        await poll(
            self.get(f"{job_id}/status"),
            until=lambda data: data.get("status") == "COMPLETED",
            failed=self._failure,
            step=lambda data: str(data.get("status", "")).lower().replace("_", " "),
            every_s=self.every_s,
        )
        try:
            data = (await self.get(job_id)).json()
        except ServiceError as error:
            if error.status not in (400, 404, 422):
                raise
            # The model's own verdict: it stays the same, however often it is asked for.
            raise CallFailed(error.message) from error
        if not isinstance(data, dict):
            raise BadReply(f"{self.label}: the model gave no fields as its result")
        return data

    def error(self, reply: Reply) -> OmnibindError:
        """Return the error that a reply means; the model's type of error goes before its words."""
        words, _ = told(reply)
        if _type_of(reply) == "content_policy_violation":
            return self.hidden(self._refused(words))
        return super().error(reply)

    def _result_url(self, reply: Reply) -> str:
        """Return a job's address; the key goes to none but the service's own origin."""
        urls = reply.json()
        for name in ("response_url", "status_url", "cancel_url"):
            self._own_url(str(picked(urls, name)))
        return str(urls["response_url"]).rstrip("/")

    def _failure(self, data: Any) -> OmnibindError | None:
        status, words = data.get("status"), cut(str(data.get("error") or ""))
        if data.get("error_type") == "content_policy_violation":
            return self.hidden(self._refused(words))
        if words:
            return self.hidden(CallFailed(f"{self.label}: the job failed: {words}"))
        if status not in (*_WAITING, "COMPLETED"):
            return CallFailed(f"{self.label}: the job's status is {cut(str(status))}; it is over")
        return None

    def _refused(self, words: str) -> ContentRefused:
        return ContentRefused(f"{self.label}: the service declined: {words}; change the prompt")


def _type_of(reply: Reply) -> str:
    """Return the type of a model's error, which stands in its first detail."""
    try:
        data = reply.json()
        named = data.get("error_type") or data["detail"][0]["type"]
    except (BadReply, AttributeError, KeyError, IndexError, TypeError):
        named = reply.headers.get("x-fal-error-type", "")
    return str(named)


async def data_uri(image: ImageInput, name: str = "image") -> str:
    """Return a picture as a ``data:`` URI, as fal takes it where it wants an address."""
    return await data_uri_of(image, "image", formats=PICTURES, name=name)


def _url_of(data: Mapping[str, Any], names: Sequence[str]) -> str:
    for name in names:
        found = data.get(name)
        if isinstance(found, list) and found:
            found = found[0]
        url = found.get("url") if isinstance(found, Mapping) else found
        if isinstance(url, str) and url:
            return url
    raise BadReply(f"the model's result has no {' or '.join(names)}; it may be of another kind")
