"""Google's services that are reached by an API key, and what their bindings share.

Source: google.rpc, ``Status``, ``ErrorInfo``, ``RetryInfo``; recorded replies of the Gemini API.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from omnibind.contracts.errors import BadReply, OmnibindError
from omnibind.contracts.secret import Secret
from omnibind.remote.binding import RemoteBinding

if TYPE_CHECKING:
    from omnibind.contracts.http import Reply

Extra = Annotated[
    dict[str, Any] | None, "further fields of the request; those of an object are added to it"
]


class Google(RemoteBinding):
    """A service of Google's."""

    def authorization(self) -> Mapping[str, str | Secret]:
        """Return the header that carries the key."""
        return {"x-goog-api-key": self.key()}

    def error(self, reply: Reply) -> OmnibindError:
        """Return the error that a reply means; a bad key comes as 400 and is told by a reason."""
        return super().error(_plain(reply))


def merged(body: dict[str, Any], extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a request with further fields; those of an object are added to what is there."""
    for name, value in (extra or {}).items():
        there = body.get(name)
        is_object = isinstance(there, dict) and isinstance(value, Mapping)
        body[name] = {**(there or {}), **value} if is_object else value
    return body


def _plain(reply: Reply) -> Reply:
    """Return a reply whose error has its code in words, and its delay in a header."""
    try:
        data = reply.json()
    except BadReply:
        return reply
    first = data[0] if isinstance(data, list) and data else data
    said = first.get("error") if isinstance(first, Mapping) else None
    if not isinstance(said, Mapping):
        return reply
    listed = said.get("details")
    details = listed if isinstance(listed, list) else []
    code = _first(details, "reason") or said.get("status")
    delay = _first(details, "retryDelay")
    headers = {"retry-after": delay.removesuffix("s")} if delay else {}
    body = json.dumps({"error": {"message": said.get("message"), "code": code}})
    return reply._replace(headers={**headers, **reply.headers}, body=body.encode())


def _first(details: list[Any], name: str) -> str | None:
    found = (one.get(name) for one in details if isinstance(one, Mapping))
    return next((value for value in found if isinstance(value, str)), None)
