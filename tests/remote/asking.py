"""Asking a remote binding through both clients, which must send the same and give the same."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.remote.recorder import Recorder, Request

from omnibind import AsyncClient, Client

KEY = "sk-omnibind-of-the-tests-0123456789"


class Told(NamedTuple):
    """What came of a call.

    Attributes:
        result: What the blocking client gave.
        requests: What it sent, in order.
    """

    result: Any
    requests: list[Request]

    @property
    def only(self) -> Request:
        """The one request that was sent."""
        (request,) = self.requests
        return request


def named(recorder: Recorder, choice: str, path: str = "", **config: Any) -> dict[str, Any]:
    """Return a binding's spelling for a client: its key is ``KEY``, its service the recorder.

    Args:
        recorder: Where the service is.
        choice: The binding's name, or ``name/model``.
        path: What the service's address has behind its host: ``/v1``.
        config: Further configuration; a value of None leaves ``api_key`` or ``base_url`` out.
    """
    spec = {"binding": choice, "api_key": KEY, "base_url": recorder.url + path, **config}
    return {name: value for name, value in spec.items() if value is not None}


def ask(
    recorder: Recorder, spec: Mapping[str, Any], verb: str, *subject: Any, **options: Any
) -> Told:
    """Call a verb (``tts.generate_audio``) by both clients; give what came of it.

    Results are verified as usual unless ``verify=False`` is given; a recorder's script that counts
    its requests sees each of them twice.
    """
    modality, _, method = verb.partition(".")
    served: dict[str, Any] = {modality: spec}
    recorder.requests.clear()
    with Client(**served) as client:
        result = getattr(getattr(client, modality), method)(*subject, **options)
    sent = list(recorder.requests)
    recorder.requests.clear()

    async def again() -> Any:
        async with AsyncClient(**served) as client:
            return await getattr(getattr(client, modality), method)(*subject, **options)

    other = asyncio.run(again())
    assert digest(other) == digest(result), "the two clients give different results"
    same = [shape(request) for request in recorder.requests] == [shape(one) for one in sent]
    assert same, f"the two clients send different requests: {sent} and {recorder.requests}"
    recorder.requests[:] = sent
    return Told(result, sent)


def shape(request: Request) -> tuple[str, str, list[tuple[str, str]], bytes]:
    """Return what tells requests apart, the same whatever the boundary of a form."""
    content_type = request.header("content-type") or ""
    found = re.search(r"boundary=([^;]+)", content_type)
    boundary = found[1].strip('"').encode() if found else b""
    body = request.body.replace(boundary, b"-") if boundary else request.body
    told = {"authorization", "content-type", "accept", "xi-api-key", "x-goog-api-key"}
    headers = sorted(
        (name.lower(), re.sub(r"boundary=.*", "boundary=-", text))
        for name, text in request.headers
        if name.lower() in told
    )
    return request.method, request.target, headers, body


def digest(result: Any) -> str:
    """Return what tells results apart; media are never compared byte by byte in a message."""
    content = result if isinstance(result, bytes) else repr(str(result)).encode()
    return hashlib.sha256(content).hexdigest()
