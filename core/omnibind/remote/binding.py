"""What a remote binding is: a service's address and key, and one flow for each verb.

::

    class OpenAITTS(OpenAI, RemoteTTS):
        def __init__(self, *, model_name: str = "…", **connection: Unpack[Connection]) -> None:
            super().__init__(**connection)
            self._model_name = model_name

        async def generate_audio_flow(self, text, voice=None, *, …) -> Audio:
            reply = await self.post("/audio/speech", json={…})
            return self.audio(reply)

A flow awaits only effects, so that it serves blocking and asyncio callers alike.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Unpack
from urllib.parse import urljoin, urlsplit

from omnibind.calls.call import Call
from omnibind.calls.controls import MAX_RESULT_BYTES
from omnibind.calls.driver import run
from omnibind.contracts.binding import CURRENT_CALL, Binding
from omnibind.contracts.effects import Send, Sleep
from omnibind.contracts.errors import (
    BadConfig,
    BadReply,
    KeyMissing,
    NotSupported,
    OmnibindError,
    Retired,
    ServiceError,
    SettingMissing,
)
from omnibind.contracts.http import Reply, Request, Way
from omnibind.contracts.media import Audio, Image, Meta, Video
from omnibind.contracts.secret import Secret
from omnibind.discovery import keys
from omnibind.remote import pace, pieces, replies
from omnibind.remote.connection import Connection
from omnibind.remote.requests import Exchange, Form, Upload, encoded, with_query

if TYPE_CHECKING:
    from omnibind.weights.catalogue import Model

MAX_REDIRECTS = 5
JSON_ROOM = 4_000_000
"""Bytes of a JSON reply that aren't its media."""


class RemoteBinding(Binding):
    """A service behind a contract.

    Attributes:
        host: The service's address, with the part of the path that all its routes share.
        test_path: What costs nothing and wants the key: it tells whether the key is good.
        base_url_names: Environment variables that give another one, the first one that is set.
        rates: What its documentation allows: so many requests in so many seconds.
        codes: What its own codes of errors mean, where status and words don't tell.
    """

    host: ClassVar[str] = ""
    test_path: ClassVar[str] = ""
    base_url_names: ClassVar[Sequence[str]] = ()
    rates: ClassVar[Sequence[pace.Rate]] = ()
    codes: ClassVar[replies.Codes] = {}

    _keys: Sequence[Sequence[str]] = ()
    _optional_keys: Sequence[str] = ()
    _env_file: str | None = None
    _models: Mapping[str, Model] = {}

    def __init__(self, **connection: Unpack[Connection]) -> None:
        api_key = connection.get("api_key")
        self._api_key = None if api_key is None else Secret(api_key)
        self._base_url = connection.get("base_url")
        ca_bundle = connection.get("ca_bundle")
        self._way = Way(
            connection.get("proxy"),
            None if ca_bundle is None else str(ca_bundle),
            connection.get("max_connections"),
        )

    # ── where it is ──

    @cached_property
    def label(self) -> str:
        """``modality/name``."""
        return f"{self.modality}/{self.binding_name}"

    @property
    def base_url(self) -> str:
        """The service's address without a slash at its end.

        Raises:
            SettingMissing: It has no address of its own, and none was given.
            BadConfig: What was given isn't one.
        """
        named = (os.environ.get(name) for name in self.base_url_names)
        url = self._base_url or next(filter(None, named), None) or self.host
        if not url:
            raise SettingMissing(f"{self.label} needs base_url, the address of your server")
        if not _is_address(url):
            raise BadConfig(f"the base_url of {self.label} isn't http://… or https://…; correct it")
        return url.rstrip("/")

    # ── its key ──

    def find_key(self, *names: str) -> Secret | None:
        """Return a key: the call's, the configuration's, the environment's, …; None without one.

        Args:
            names: The environment variables that it may stand in, the first one first; none are
                those that the manifest lists first, or its optional ones.
        """
        usual = tuple(self._keys[0] if self._keys else self._optional_keys)
        if not names or not usual or names[0] in usual:
            call = CURRENT_CALL.get()
            given: Secret | None = getattr(call, "api_key", None) or self._api_key
            if given is not None:
                return given
        return keys.find(names or usual, self._env_file)

    def key(self, *names: str) -> Secret:
        """Return a key as :meth:`find_key` does.

        Raises:
            KeyMissing: There is none; says how to give one.
        """
        found = self.find_key(*names)
        if found is None:
            asked = names or tuple(self._keys[0] if self._keys else ())
            wanted = " or ".join(asked) or "api_key"
            command = f"omnibind keys set {asked[0]}" if asked else ""
            raise KeyMissing(f"{self.label} needs a key; set {wanted}", command=command)
        return found

    def authorization(self) -> Mapping[str, str | Secret]:
        """Return the headers that carry the key; a vendor's own way overrides it."""
        return {"authorization": self.key().after("Bearer ")}

    # ── requests ──

    def get(self, path: str, *, query: Form | None = None) -> Exchange:
        """Return a GET request; awaiting it gives the reply."""
        return self.request("GET", path, query=query)

    def delete(self, path: str) -> Exchange:
        """Return a DELETE request; awaiting it gives the reply."""
        return self.request("DELETE", path)

    def post(
        self,
        path: str,
        *,
        json: Any = None,
        form: Form | None = None,
        files: Mapping[str, Upload | Sequence[Upload]] | None = None,
        query: Form | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """Return a POST request; awaiting it gives the reply.

        Args:
            path: Behind ``base_url``, or a whole address of the same origin.
            json: What is sent as JSON.
            form: Fields of a form; what is None isn't sent.
            files: Files of a multipart form; an empty mapping makes it multipart all the same.
            query: What stands behind the address.
            headers: Headers beside the key's and the content's.
        """
        return self.request(
            "POST", path, json=json, form=form, files=files, query=query, headers=headers
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        form: Form | None = None,
        files: Mapping[str, Upload | Sequence[Upload]] | None = None,
        query: Form | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """Return a request of any method; see :meth:`post`.

        Raises:
            BadReply: The address is of another origin, which must not be shown the key.
        """
        url = self._own_url(path)
        kind, body = encoded(json, form, files)
        every = {"user-agent": "omnibind", **self.authorization(), **kind, **(headers or {})}
        return Exchange(self, Request(method, with_query(url, query), every, body, self._way))

    def _own_url(self, path: str) -> str:
        base = self.base_url
        if "://" not in path:
            return base + path
        if _origin(path) != _origin(base):
            raise BadReply(f"{self.label}: the service points to another host than {base}")
        return path

    @property
    def max_result_bytes(self) -> int:
        """The most bytes that the caller accepts."""
        return getattr(CURRENT_CALL.get(), "max_bytes", None) or MAX_RESULT_BYTES

    @property
    def max_reply_bytes(self) -> int:
        """The most bytes of a reply: media as base64 take a third more."""
        return self.max_result_bytes * 4 // 3 + JSON_ROOM

    async def pace(self) -> None:
        """Wait until the service's documented rates allow one more request."""
        if self.rates:
            wait = pace.wait_s(self.rates, (_origin(self.base_url), self.find_key()))
            if wait:
                await Sleep(wait)

    def error(self, reply: Reply) -> OmnibindError:
        """Return the error that a reply means."""
        return self.hidden(replies.error_of(reply, self.label, self.codes))

    def hidden(self, error: OmnibindError) -> OmnibindError:
        """Return an error whose words, which a service may have chosen, don't show the key."""
        given = (getattr(CURRENT_CALL.get(), "api_key", None), self._api_key)
        names = {name for names in (*self._keys, self._optional_keys) for name in names}
        for key in (*given, self.find_key(), *(self.find_key(name) for name in names)):
            if key is not None and error.args:
                error.args = (key.hidden_in(str(error.args[0])), *error.args[1:])
        return error

    async def download(self, url: str, family: str) -> bytes:
        """Return what a service made, from where it says that it lies.

        The key is sent to the service's own origin alone; any other host must be a public one,
        reached by https.

        Args:
            url: The address.
            family: ``audio``, ``image`` or ``video``: what must lie there.

        Raises:
            BadReply: It is something else, is empty, or the address isn't one to be followed.
            BadOutput: It is larger than the caller accepts.
            ServiceError: It can't be had, or no longer.
        """
        for _ in range(MAX_REDIRECTS):
            if not isinstance(url, str) or "://" not in url:
                raise BadReply(f"{self.label}: the service gives no address of its result")
            is_own = _origin(url) == _origin(self.base_url)
            headers = {"user-agent": "omnibind"} | dict(self.authorization() if is_own else {})
            request = Request("GET", url, headers, None, self._way, is_public=not is_own)
            reply = await Send(request, self.max_result_bytes)
            if reply.status in (301, 302, 303, 307, 308) and reply.headers.get("location"):
                url = urljoin(url, reply.headers["location"])
                continue
            if reply.status in (404, 410) or (reply.status in (401, 403) and not is_own):
                words = f": {told}" if (told := replies.told(reply)[0]) else ""
                gone = ServiceError(
                    f"{self.label}: the result can't be had, or no longer, from where the service "
                    f"put it ({reply.status}){words}",
                    status=reply.status,
                )
                raise self.hidden(gone)  # an address that has ended says nothing about the key
            if reply.status >= 300:
                raise self.error(reply)
            return self.media_in(reply, family)
        raise BadReply(f"{self.label}: the result is behind more than {MAX_REDIRECTS} redirects")

    async def test_flow(self) -> None:
        """Ask the service for something free that wants the key.

        Raises:
            NotSupported: It has nothing of the kind.
            KeyMissing: There is no key.
            ServiceError: It doesn't accept the key, or can't be reached.
        """
        if not self.test_path:
            raise NotSupported(f"{self.label}: the service has nothing free to test a key with")
        await self.get(self.test_path)

    # ── models, which are data ──

    def model(self, given: str | None, default: str = "") -> str:
        """Return the id of the model to use; ids that nobody lists pass through.

        Raises:
            Retired: Its maker withdrew it; names the successor.
            SettingMissing: No model was named, and there is no default.
        """
        name = given or default
        if not name:
            raise SettingMissing(f"{self.label} needs a model; give model= or model_name")
        entry = self._models.get(name)
        if entry is not None and entry.is_retired:
            raise Retired(entry.told_of_end(f"{self.label}/{name}"))
        return name

    def facts(self, model: str) -> Model | None:
        """Return what the catalogue says about a model; None where it doesn't list it."""
        return self._models.get(model)

    def alone(self, verb: str, *subject: Any, **options: Any) -> Any:
        """Run a verb's flow for who calls it on the binding itself, without a client."""
        return run(getattr(self, f"{verb}_flow")(*subject, **options), Call())

    def list_models(self, *args: Any, **options: Any) -> list[str]:
        """Return the models that there are; see the flow for the options."""
        models: list[str] = self.alone("list_models", **options)
        return models

    async def list_models_flow(self) -> list[str]:
        """Return the models of the catalogue that aren't retired, in its order."""
        return [name for name, entry in self._models.items() if not entry.is_retired]

    # ── results ──

    def meta(
        self,
        reply: Reply | None = None,
        *,
        source_url: str | None = None,
        estimated_usd: float | None = None,
        **facts: Any,
    ) -> Meta:
        """Return what is known of a result.

        Args:
            reply: Tells the request's id.
            source_url: Where the result lay; what follows ``?`` may be a signature, and isn't kept.
            estimated_usd: What it cost by the catalogue's price.
            facts: Further fields of the meta.
        """
        if reply is not None and not facts.get("request_id"):
            facts["request_id"] = replies.request_id_of(reply)
        if source_url is not None:
            facts["source_url"] = source_url.partition("?")[0]
        if estimated_usd is not None:
            facts |= {"cost_usd": estimated_usd, "cost_basis": "estimated"}
        return Meta(**facts)

    def media_in(self, reply: Reply, family: str) -> bytes:
        """Return a reply's body, once it is seen to be what was asked for.

        Args:
            reply: Its body are the bytes of a file.
            family: ``audio``, ``image`` or ``video``.

        Raises:
            BadReply: It is empty or something else.
            OmnibindError: It is the service's account of a failure.
        """
        if reply.is_json:
            raise self.error(reply)
        return replies.checked_media(reply.body, family, self.label)

    def audio(self, reply: Reply, **facts: Any) -> Audio:
        """Return a reply's body as a sound; raises what :meth:`media_in` does."""
        return Audio(self.media_in(reply, "audio"), meta=self.meta(reply, **facts))

    def audio_of_samples(self, reply: Reply, sample_rate: int, **facts: Any) -> Audio:
        """Return a reply's raw 16-bit mono samples, the less significant byte first, as a WAV.

        Raises:
            BadReply: There are none, or half a sample was left.
            OmnibindError: It is the service's account of a failure.
        """
        if reply.is_json:
            raise self.error(reply)
        return pieces.audio_of_samples(reply.body, sample_rate, meta=self.meta(reply, **facts))

    def image(self, reply: Reply, **facts: Any) -> Image:
        """Return a reply's body as a picture; raises what :meth:`media_in` does."""
        return Image(self.media_in(reply, "image"), meta=self.meta(reply, **facts))

    def video(self, reply: Reply, **facts: Any) -> Video:
        """Return a reply's body as a video; raises what :meth:`media_in` does."""
        return Video(self.media_in(reply, "video"), meta=self.meta(reply, **facts))

    def decoded(self, text: Any, family: str) -> bytes:
        """Return the content of base64 text or a data URI of a reply, checked as its kind."""
        return replies.base64_media(text, family, self.label)


@lru_cache(maxsize=64)
def _is_address(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port
