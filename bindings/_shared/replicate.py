"""Replicate's service, which runs anybody's models, and what its bindings share.

Every model names its inputs itself. Each binding knows the usual names of our options, its
catalogue those of the listed models, ``input_names`` those of a user's own; what else a model takes
goes into ``extra``.

Source: Replicate HTTP API 1.0.0-a1, ``/v1/predictions``; replicate 1.0.7, ``file.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Unpack

from omnibind.contracts.errors import (
    BadConfig,
    CallFailed,
    OmnibindError,
    ServiceError,
    UnknownModel,
)
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.paid import PaidJobs
from omnibind.remote.polling import poll
from omnibind.remote.replies import cut, picked, without_media
from omnibind.remote.requests import given, part
from omnibind.remote.uploads import PICTURES, uploaded

from .model_outputs import media_address
from .service_inputs import address_of

if TYPE_CHECKING:
    from omnibind.contracts.media import Meta
    from omnibind.remote.connection import Connection
    from omnibind.remote.requests import Exchange

Extra = Annotated[dict[str, Any] | None, "further inputs of the model's own, passed on as they are"]
ModelName = Annotated[str | None, "instead of the configured model: owner/name, owner/name:version"]
Names = Annotated[
    dict[str, str] | None, "what a model calls our options: {steps: num_steps, image: images[]}"
]
Waits = Annotated[
    int | None, Range(1, 60), "seconds that the service may hold a request; none by default"
]
Seed = Annotated[int | None, Range(0, 2**32 - 1), "where the model has it"]
Steps = Annotated[int | None, Range(1, 1000), "where the model has it"]
Guidance = Annotated[float | None, Range(0, 100), "nearness to the prompt, where the model has it"]
Negative = Annotated[str | None, "what isn't wanted, where the model has it"]

FORMATS = {
    "image": PICTURES,
    "audio": ("audio/mpeg", "audio/wav", "audio/flac", "audio/ogg", "audio/mp4", "audio/webm"),
}

MAX_INLINE_BYTES = 256_000
"""What is larger is uploaded first, as the service's documentation asks for."""

_PERCENT = re.compile(r"^\s*(\d+)%\s*\|.*?\|\s*\d+/\d+", re.MULTILINE)


class Replicate(PaidJobs):
    """Replicate's own service; a job is known by its prediction's id.

    A prediction is asked for without waiting, so that its id is written down at once and it can be
    called off at any moment; ``wait_s`` has the service hold the request instead.

    Attributes:
        inputs: Our options, each with the name that most models give to it; ``[]`` behind a name
            says that the model wants a list.
    """

    host = "https://api.replicate.com"
    test_path = "/v1/account"
    base_url_names = ("REPLICATE_BASE_URL",)
    inputs: ClassVar[Mapping[str, str]] = {}

    every_s = 1.0
    """Seconds between two looks at a prediction."""

    def __init__(
        self,
        model_name: str,
        input_names: Mapping[str, str] | None,
        wait_s: int | None,
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._input_names = dict(input_names or {})
        self._wait_s = wait_s

    async def predicted(
        self,
        model: str | None,
        options: Mapping[str, Any],
        extra: Mapping[str, Any] | None,
        *,
        files: Mapping[str, Any] | None = None,
        about: str = "",
        verb: str = "",
    ) -> Any:
        """Ask a model for a prediction and return its result.

        Args:
            model: The model that the call names.
            options: Our options by name; what is None isn't sent.
            extra: Inputs of the model's own.
            files: Those of our options that are pictures, or a sound as ``audio``.
            about: The prompt, for the journal.
            verb: The contract's method, where it isn't the binding's own.

        Raises:
            UnknownModel: There is none of that name, or it can't be run without a version.
            BadOption: The model is known to lack an option.
            BadConfig: ``input_names`` has an option that there isn't.
        """
        chosen = self.model(model, self._model_name)
        owner, _, rest = chosen.partition("/")
        name, _, version = rest.partition(":")
        if not owner or not name or "/" in rest:
            raise UnknownModel(
                f"{self.label}: {chosen!r} isn't a model of Replicate's; give owner/name or "
                "owner/name:version"
            )
        names = self._names(chosen, {**options, **(files or {})})
        sent = given(**options)
        for option, media in given(**(files or {})).items():
            sent[option] = await self.file(media, "audio" if option == "audio" else "image")
        body: dict[str, Any] = {"input": {**_named(sent, names), **(extra or {})}}
        path = (
            "/v1/predictions" if version else f"/v1/models/{part(owner)}/{part(name)}/predictions"
        )
        begin = self.post(
            path,
            json={"version": version, **body} if version else body,
            headers=None if self._wait_s is None else {"prefer": f"wait={self._wait_s}"},
        )
        try:
            result = await self.job(
                begin,
                lambda reply: str(picked(reply.json(), "id")),
                about=about,
                model=chosen,
                verb=verb,
            )
        except ServiceError as error:
            if error.status != 404 or error.may_be_charged:
                raise
            raise UnknownModel(
                f"{self.label}: the service has no model {chosen}, or it isn't an official one; "
                "check its name, and give its version too: owner/name:version"
            ) from error
        return result._with_meta(result.meta._replace(model=chosen))

    def cancel_job(self, job_id: str) -> Exchange:
        """Return the request that calls a prediction off."""
        return self.post(f"/v1/predictions/{part(job_id)}/cancel")

    async def finished(self, job_id: str) -> dict[str, Any]:
        """Return a prediction once it has succeeded.

        Raises:
            ContentRefused: The model declined the content.
            CallFailed: It failed, was called off, or its output is no longer there.
        """
        data: dict[str, Any] = await poll(
            self.get(f"/v1/predictions/{part(job_id)}"),
            until=lambda data: data.get("status") == "succeeded",
            failed=self._failed,
            progress=_progress,
            step=lambda data: data.get("status"),
            every_s=self.every_s,
        )
        return data

    async def fetched(self, job_id: str, family: str) -> tuple[bytes, Meta]:
        """Wait for a prediction and return the file that it made, with what is known of it.

        Args:
            job_id: The prediction.
            family: ``audio``, ``image`` or ``video``; of several files, the first of that kind.
        """
        data = await self.finished(job_id)
        url = media_address(data.get("output"), family)
        if url is None:
            told = cut(str(data.get("output")))
            raise CallFailed(f"{self.label}: the model gave no {family} but {told}; use another")
        raw = without_media(data)
        if url.startswith("data:"):
            return self.decoded(url, family), self.meta(raw=raw)
        return await self.download(url, family), self.meta(source_url=url, raw=raw)

    async def file(self, media: Any, family: str) -> str:
        """Return a sound or picture as a model takes it: an address, or a small one whole."""
        url = address_of(media)
        if url is not None:
            return url
        sent = await uploaded(media, family, formats=FORMATS[family])
        if len(sent.content) <= MAX_INLINE_BYTES:
            return sent.data_uri()
        reply = await self.post("/v1/files", files={"content": sent})
        return str(picked(reply.json(), "urls", "get"))

    def _names(self, model: str, options: Mapping[str, Any]) -> dict[str, str]:
        unknown = [name for name in self._input_names if name not in self.inputs]
        if unknown:
            raise BadConfig(
                f"input_names of {self.label}: {unknown[0]!r} is no option of it; choose among "
                f"{', '.join(self.inputs)}"
            )
        facts = self.facts(model)
        limits.refuse_lacking(facts, f"{model} of {self.label}", **options)
        listed = str(facts.limits.get("inputs", "")).split() if facts else []
        said = dict(pair.split("=") for pair in listed)
        return {**self.inputs, **said, **self._input_names}

    def _failed(self, data: Mapping[str, Any]) -> OmnibindError | None:
        status = data.get("status")
        if status in ("canceled", "aborted"):
            return self.failure(f"was {status}", data.get("error"))
        if status == "failed":
            return self.failure(status, data.get("error"))
        if status == "succeeded" and data.get("output") is None:
            return CallFailed(
                f"{self.label}: the prediction has no output; the service removes it after an hour"
            )
        return None


def _named(options: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        names[option].removesuffix("[]"): [value] if names[option].endswith("[]") else value
        for option, value in options.items()
    }


def _progress(data: Mapping[str, Any]) -> float | None:
    found = _PERCENT.findall(str(data.get("logs") or "").replace("\r", "\n"))
    return int(found[-1]) / 100 if found else None
