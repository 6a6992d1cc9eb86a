"""One HTTP exchange as data: what a flow sends and what it gets back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

from omnibind.contracts.effects import Read, Shut
from omnibind.contracts.errors import BadReply
from omnibind.contracts.secret import Secret


class Way(NamedTuple):
    """How requests reach a service; those that go the same way share their connections.

    Attributes:
        proxy: The address of a proxy, which may hold its password; None is the environment's.
        ca_bundle: A file of certificates to trust instead of the usual ones.
        max_connections: So many at a time at most; None is 100.
    """

    proxy: Secret | None = None
    ca_bundle: str | None = None
    max_connections: int | None = None


USUAL = Way()


class Request(NamedTuple):
    """A request; its ``repr`` shows neither headers, query nor body, which may hold a key.

    Attributes:
        method: ``GET``, ``POST``, ``DELETE``, …
        url: The whole address.
        headers: Headers by name; what holds a key is a secret.
        body: The encoded body.
        way: How the service is reached.
        is_public: True where only a host of the public internet may answer.
    """

    method: str
    url: str
    headers: Mapping[str, str | Secret] = {}
    body: bytes | None = None
    way: Way = USUAL
    is_public: bool = False

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

    @property
    def is_json(self) -> bool:
        """Whether its headers say that the content is JSON."""
        return "json" in self.headers.get("content-type", "").partition(";")[0]

    def json(self) -> Any:
        """Return the content as JSON data.

        Raises:
            BadReply: It isn't JSON.
        """
        import json

        try:
            return json.loads(self.body)
        except ValueError:
            kind = self.headers.get("content-type", "something without a type")
            raise BadReply(
                f"the service answers {len(self.body)} bytes of {kind[:80]}, which isn't JSON as "
                "was expected; check base_url, then try again",
                status=self.status,
                request_id=self.headers.get("x-request-id"),
            ) from None


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
