"""Hugging Face's inference providers behind one token, and what its bindings share.

The hub tells who serves a model and huggingface_hub builds that provider's request, without the
token. Sending, waiting and fetching are ours: the package's own waiting has no deadline, can't be
called off, and downloads whatever an answer points to.

Source: huggingface_hub 2.4, ``inference/_providers``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Annotated, Any, Unpack
from urllib.parse import quote, urlsplit

from omnibind.contracts.effects import Run
from omnibind.contracts.errors import (
    BadInput,
    CallFailed,
    DeadlineExceeded,
    OmnibindError,
    ServiceError,
    UnknownModel,
)
from omnibind.contracts.http import Request
from omnibind.remote.paid import PaidJobs
from omnibind.remote.polling import poll
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import Exchange, encoded, given
from omnibind.remote.uploads import ASIDE, PICTURES, uploaded

from .model_outputs import media_address

if TYPE_CHECKING:
    from huggingface_hub.hf_api import InferenceProviderMapping

    from omnibind.contracts.http import Reply
    from omnibind.contracts.media import Meta
    from omnibind.remote.connection import Connection

Extra = Annotated[
    dict[str, Any] | None, "further parameters of the provider's own, passed on as they are"
]
ModelName = Annotated[str | None, "instead of the configured model: its id on the hub"]
Provider = Annotated[
    str, "who is to serve: auto is the first one in your account's order, or fal-ai, together, …"
]

SOUNDS = ("audio/mpeg", "audio/wav", "audio/flac", "audio/ogg", "audio/mp4", "audio/webm")

_PLACES: Mapping[tuple[str, str], Sequence[str | int]] = {
    ("fal-ai", "audio"): ("audio", "url"),
    ("fal-ai", "image"): ("images", 0, "url"),
    ("fal-ai", "video"): ("video", "url"),
    ("novita", "video"): ("video", "video_url"),
    ("nscale", "image"): ("data", 0, "b64_json"),
    ("together", "image"): ("data", 0, "b64_json"),
    ("together", "video"): ("outputs", "video_url"),
    ("wavespeed", "image"): ("data", "outputs", 0),
    ("wavespeed", "video"): ("data", "outputs", 0),
    ("zai-org", "image"): ("image_result", 0, "url"),
}
"""Where a provider's answer has what was made: its address, or the thing itself in base64."""

_DONE = ("completed", "succeeded", "success")
_FAILED = ("failed", "fail", "error", "canceled", "cancelled", "aborted", "expired")


class HuggingFace(PaidJobs):
    """Hugging Face's router, which speaks to every provider on the user's account."""

    host = "https://router.huggingface.co"
    base_url_names = ("HUGGINGFACE_BASE_URL",)

    every_s = 2.0
    """Seconds between two looks at work that a provider does on its own time."""

    def __init__(self, model_name: str, provider: str, **connection: Unpack[Connection]) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._provider = provider
        self._served_by: dict[str, list[InferenceProviderMapping]] = {}

    async def test_flow(self) -> None:
        """Ask the hub whose token it is."""
        await self._hub("/api/whoami-v2")

    async def asked(
        self, task: str, model: str, inputs: Any, parameters: Mapping[str, Any]
    ) -> tuple[str, Exchange]:
        """Return who serves a model, and the request that asks for work.

        Args:
            task: What the hub calls it: ``text-to-image``.
            model: Its id on the hub.
            inputs: The prompt, or a picture or sound with its type.
            parameters: By huggingface_hub's names; what is None isn't sent.

        Raises:
            UnknownModel: The hub has no such model, or nobody who serves it for the task.
            BadInput: The provider doesn't take it.
        """
        found = await self._chosen(model, task)
        plain = given(**parameters)
        built = await Run(ASIDE, lambda: _built(found, task, inputs, plain))
        parts = urlsplit(built.url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        kind, body = encoded(built.json, None, None)
        headers = {
            "user-agent": "omnibind",
            **kind,
            **{name: text for name, text in built.headers.items() if name != "user-agent"},
            **self.authorization(),
        }
        if built.data is not None:
            body = bytes(built.data)
        request = Request("POST", self._own_url(path), headers, body, self._way)
        return found.provider, Exchange(self, request)

    async def made(
        self, family: str, task: str, model: str, inputs: Any, parameters: Mapping[str, Any]
    ) -> tuple[bytes, Meta]:
        """Have something made, and return it with what is known of it.

        Args:
            family: ``audio``, ``image`` or ``video``.
            task: See :meth:`asked`, as for the others.
            model: Its id on the hub.
            inputs: The prompt, or a picture.
            parameters: By huggingface_hub's names.
        """
        provider, exchange = await self.asked(task, model, inputs, parameters)
        reply = await exchange
        try:
            meta = self.meta(reply, model=model, served_by=provider)
            if not reply.is_json:
                return self.media_in(reply, family), meta
            data = reply.json()
            path = self.path_of(provider, family, data)
            if path is not None:
                data = await self.finished(path)
            content = await self.fetched(self.place_of(provider, family, data), family)
            return content, meta._replace(raw=without_media(data))
        except OmnibindError as error:
            error.may_be_charged = True
            raise

    def path_of(self, provider: str, family: str, data: Any) -> str | None:
        """Return the router's path by which a provider is asked for work that it does on its time.

        None where its answer has what was made.

        Raises:
            ContentRefused: The provider declined the content.
            CallFailed: The work failed.
        """
        failure = self.failed(data)
        if failure is not None:
            raise failure
        job = _JOBS.get(provider)
        return None if job is None else job(family, data)

    def place_of(self, provider: str, family: str, data: Any) -> str:
        """Return the address of what was made, or itself as base64 text.

        Raises:
            DeadlineExceeded: It isn't done, and there is no way to ask again.
            BadReply: It isn't in the answer.
        """
        if provider == "replicate":
            found = media_address(data.get("output"), family)
            if found is None:
                raise self.unfinished()
            return found
        if (provider, family) not in _PLACES:
            raise CallFailed(
                f"{self.label}: what {provider} answers can't be read; name another provider"
            )
        return str(picked(data, *_PLACES[provider, family]))

    def unfinished(self) -> DeadlineExceeded:
        """Return the error for work that the router can't be asked for again."""
        return DeadlineExceeded(
            f"{self.label}: replicate hadn't finished within its minute, and the router has no "
            "way to ask again; use the binding replicate, or name another provider"
        )

    async def finished(self, path: str) -> Any:
        """Wait for work that a provider does on its own time; return its last answer."""
        is_queued = path.startswith("/fal-ai/")
        data = await poll(
            self.get(path.replace("?", "/status?") if is_queued else path),
            until=lambda data: _state(data) in _DONE,
            failed=self.failed,
            step=lambda data: _state(data).replace("_", " ") or None,
            every_s=self.every_s,
        )
        return (await self.get(path)).json() if is_queued else data

    async def fetched(self, place: str, family: str) -> bytes:
        """Return what lies at an address, or in base64 text."""
        if place.startswith(("http://", "https://")):
            return await self.download(place, family)
        return self.decoded(place, family)

    def failed(self, data: Any) -> OmnibindError | None:
        """Return the error that a provider's answer tells of; None where it tells of none."""
        state = _state(data)
        if state not in _FAILED:
            return None
        told = data.get("error") or _inner(data).get("error")
        return self.failure(state, told.get("message") if isinstance(told, Mapping) else told)

    async def _chosen(self, model: str, task: str) -> InferenceProviderMapping:
        owner, _, name = model.partition("/")
        if not owner or not name or "/" in name:
            raise UnknownModel(f"{self.label}: {model!r} isn't a model of the hub; give owner/name")
        if model not in self._served_by:
            try:
                query = "?expand=inferenceProviderMapping"
                reply = await self._hub(f"/api/models/{quote(model)}{query}")
            except ServiceError as error:
                if error.status != 404:
                    raise
                raise UnknownModel(f"{self.label}: the hub has no model {model}") from error
            info = {"id": model, **reply.json()}
            self._served_by[model] = await Run(ASIDE, lambda: _mapping(info))
        known = self._served_by[model]
        able = await Run(ASIDE, lambda: _able(task))
        fitting = [one for one in known if one.task == task and one.provider in able]
        for one in fitting:
            if self._provider in ("auto", one.provider):
                return one
        asked = "no provider" if self._provider == "auto" else f"{self._provider} doesn't serve"
        served = ", ".join(one.provider for one in fitting)
        advice = f"name one of {served}" if served else "choose another model"
        verb = "serves " if self._provider == "auto" else ""
        raise UnknownModel(f"{self.label}: {asked} {verb}{model} for {task}; {advice}")

    async def _hub(self, path: str) -> Reply:
        hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
        headers = {"user-agent": "omnibind", **self.authorization()}
        request = Request("GET", hub.rstrip("/") + path, headers, None, self._way)
        return await Exchange(self, request)


async def media_input(media: Any, family: str) -> Any:
    """Return a sound or picture as huggingface_hub takes it: bytes that know their type."""
    formats = SOUNDS if family == "audio" else PICTURES
    sent = await uploaded(media, family, formats=formats)

    def typed() -> Any:
        from huggingface_hub.inference._common import MimeBytes

        return MimeBytes(sent.content, sent.media_type)

    return await Run(ASIDE, typed)


def _built(
    found: InferenceProviderMapping, task: str, inputs: Any, parameters: dict[str, Any]
) -> Any:
    from huggingface_hub.inference._common import TASKS_EXPECTING_IMAGES
    from huggingface_hub.inference._providers import get_provider_helper

    helper = copy(get_provider_helper(found.provider, task, found.hf_model_id))
    # The hub was asked already, by the caller's own way and token. What stands in for the token
    # makes it choose the router.
    helper._prepare_mapping_info = lambda model: found  # type: ignore[method-assign]
    try:
        built = helper.prepare_request(
            inputs=inputs,
            parameters=parameters,
            headers={},
            model=found.hf_model_id,
            api_key="hf_",
        )
    except (TypeError, ValueError) as error:
        raise BadInput(f"{found.provider} doesn't take this for {task}: {error}") from error
    if task in TASKS_EXPECTING_IMAGES:
        built.headers.setdefault("accept", "image/png")
    return built


def _mapping(info: Mapping[str, Any]) -> list[InferenceProviderMapping]:
    from huggingface_hub import ModelInfo

    known = ModelInfo(**info)  # type: ignore[no-untyped-call]  # it isn't typed
    return known.inference_provider_mapping or []


def _able(task: str) -> set[str]:
    from huggingface_hub.inference._providers import PROVIDERS

    return {provider for provider, tasks in PROVIDERS.items() if task in tasks}


def _inner(data: Any) -> Mapping[str, Any]:
    inner = data.get("data") if isinstance(data, Mapping) else None
    return inner if isinstance(inner, Mapping) else data if isinstance(data, Mapping) else {}


def _state(data: Any) -> str:
    told = _inner(data)
    return str(told.get("status") or told.get("task_status") or "").lower()


def _queued(family: str, data: Mapping[str, Any]) -> str | None:
    url = data.get("response_url")
    return f"/fal-ai{urlsplit(str(url)).path}?_subdomain=queue" if url else None


def _waved(family: str, data: Mapping[str, Any]) -> str | None:
    url = urlsplit(str(picked(data, "data", "urls", "get")))
    return f"/wavespeed{url.path}"


def _filmed(family: str, data: Mapping[str, Any]) -> str | None:
    return f"/together/v2/videos/{quote(str(picked(data, 'id')))}" if family == "video" else None


def _drawn(family: str, data: Mapping[str, Any]) -> str | None:
    return f"/zai-org/api/paas/v4/async-result/{quote(str(picked(data, 'id')))}"


_JOBS: Mapping[str, Callable[[str, Mapping[str, Any]], str | None]] = {
    "fal-ai": _queued,
    "together": _filmed,
    "wavespeed": _waved,
    "zai-org": _drawn,
}
"""Providers that work on their own time: the router's path by which they are asked for it."""
