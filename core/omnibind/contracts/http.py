"""One HTTP exchange as data: what a flow sends and what it gets back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

from omnibind.contracts.effects import Read, Shut


class Request(NamedTuple):
    """A request; its ``repr`` shows neither headers, query nor body, which may hold a key.

    Attributes:
        method: ``GET``, ``POST``, ``DELETE``, …
        url: The whole address.
        headers: Headers by name.
        body: The encoded body.
    """

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: bytes | None = None

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.place}>"

    @property
    def place(self) -> str:
        """The address without its query and without a user's name."""
        scheme, _, rest = self.url.partition("?")[0].partition("//")
        host, slash, path = rest.partition("/")
        return f"{scheme}//{host.rpartition('@')[2]}{slash}{path}"


class Reply(NamedTuple):
    """A whole reply.

    Attributes:
        status: The HTTP status.
        headers: Headers by name in lower case.
        body: The content, decompressed.
    """

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<Reply {self.status}, {len(self.body)} bytes>"

    def json(self) -> Any:
        """Return the content as JSON data.

        Raises:
            ValueError: It isn't JSON.
        """
        import json

        return json.loads(self.body)


class ReplyStream:
    """A reply whose body is still coming; ``async for`` gives its pieces.

    Attributes:
        status: The HTTP status.
        headers: Headers by name in lower case.
        response: The driver's own object for it.
    """

    def __init__(self, status: int, headers: Mapping[str, str], response: Any) -> None:
        self.status = status
        self.headers = headers
        self.response = response

    def __repr__(self) -> str:
        return f"<ReplyStream {self.status}>"

    # No async generator: an event loop would adopt it, and close it when its flow is interrupted.
    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await Read(self)
        if not piece:
            raise StopAsyncIteration
        return piece

    async def close(self) -> None:
        """Let go of the connection; to be awaited in a ``finally``."""
        await Shut(self)
