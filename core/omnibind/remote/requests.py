"""Requests of a binding: made once, sent as often as they are awaited."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple
from urllib.parse import quote, urlencode

import msgspec

from omnibind.contracts.effects import Effect, Open, Send
from omnibind.contracts.http import Reply, ReplyStream, Request

if TYPE_CHECKING:
    from omnibind.remote.binding import RemoteBinding

Extra = Annotated[dict[str, Any] | None, "further fields of the request, passed on as they are"]

Form = Mapping[str, Any]
"""Fields by name: str, numbers, True or False, and lists of them, which are sent one by one."""


class Upload(NamedTuple):
    """A file of a form.

    Attributes:
        content: Its bytes.
        media_type: What they are.
        name: The name that the service sees.
    """

    content: bytes
    media_type: str
    name: str

    def base64(self) -> str:
        """Return the content as base64 text, which takes a moment: run it aside."""
        return b64encode(self.content).decode()

    def data_uri(self) -> str:
        """Return the file as a ``data:`` URI, which takes a moment: run it aside."""
        return f"data:{self.media_type};base64,{self.base64()}"

    def __repr__(self) -> str:
        return f"<Upload {self.media_type}, {len(self.content)} bytes>"


class Exchange:
    """One request of a binding; awaiting it sends it and gives the reply, or raises our error.

    Attributes:
        request: What is sent.
    """

    def __init__(self, binding: RemoteBinding, request: Request) -> None:
        self.request = request
        self._binding = binding

    def __repr__(self) -> str:
        return f"<Exchange {self.request.method} {self.request.place}>"

    def __await__(self) -> Generator[Effect[Any], Any, Reply]:
        return self.performed().__await__()

    async def performed(self, max_bytes: int | None = None) -> Reply:
        """Send it and return the reply, whose status is below 300.

        Args:
            max_bytes: The most that is received; None is what the caller accepts, as JSON.

        Raises:
            ServiceError: The service answers with an error.
            Unavailable: It can't be reached.
            BadOutput: The reply is larger.
        """
        binding = self._binding
        await binding.pace()
        reply = await Send(self.request, max_bytes or binding.max_reply_bytes)
        if reply.status >= 300:
            raise binding.error(reply)
        return reply

    def opened(self) -> Opened:
        """Send it and receive the reply piece by piece: ``async with exchange.opened() as pieces``.

        Raises:
            ServiceError: The service answers with an error.
        """
        return Opened(self._binding, self.request)


MAX_ERROR_BYTES = 1_000_000


class Opened:
    """A reply that is received piece by piece; ``async for`` gives the pieces of its body."""

    def __init__(self, binding: RemoteBinding, request: Request) -> None:
        self._binding = binding
        self._request = request
        self._stream: ReplyStream | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """The reply's headers by name in lower case."""
        assert self._stream is not None
        return self._stream.headers

    async def __aenter__(self) -> Opened:
        await self._binding.pace()
        stream = self._stream = await Open(self._request)
        if stream.status >= 300:
            try:
                parts, size = [], 0
                async for piece in stream:
                    parts.append(piece)
                    size += len(piece)
                    if size > MAX_ERROR_BYTES:
                        break
            finally:
                await stream.close()
            raise self._binding.error(Reply(stream.status, stream.headers, b"".join(parts)))
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._stream is not None
        await self._stream.close()

    def __aiter__(self) -> AsyncIterator[bytes]:
        assert self._stream is not None
        return aiter(self._stream)


def with_query(url: str, query: Form | None) -> str:
    """Return an address with a query behind it; what is None stays away."""
    pairs = list(_pairs(query or {}))
    if not pairs:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(pairs)}"


def encoded(
    json: Any, form: Form | None, files: Mapping[str, Upload | Sequence[Upload]] | None
) -> tuple[dict[str, str], bytes | None]:
    """Return the headers and the body of what is sent.

    Args:
        json: JSON data; None where a form is sent, or nothing.
        form: Fields of a form.
        files: Files of a form; an empty mapping makes it multipart although there is none.
    """
    if json is not None:
        return {"content-type": "application/json"}, msgspec.json.encode(json)
    if files is not None:
        return _multipart(form or {}, files)
    if form is not None:
        kind = "application/x-www-form-urlencoded"
        return {"content-type": kind}, urlencode(list(_pairs(form))).encode()
    return {}, None


def _pairs(fields: Form) -> Generator[tuple[str, str]]:
    for name, value in fields.items():
        each = value if isinstance(value, (list, tuple)) else (value,)
        for one in each:
            if one is not None:
                yield name, _word(one)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return msgspec.json.encode(value).decode() if isinstance(value, (dict, list)) else str(value)


def _multipart(
    form: Form, files: Mapping[str, Upload | Sequence[Upload]]
) -> tuple[dict[str, str], bytes]:
    # Every field is written in one piece, and a file's bytes are joined once.
    boundary = secrets.token_hex(16)
    parts: list[bytes] = []

    def add(head: str, content: bytes) -> None:
        parts.extend((f"--{boundary}\r\n{head}\r\n\r\n".encode(), content, b"\r\n"))

    for name, word in _pairs(form):
        add(f'content-disposition: form-data; name="{_quoted(name)}"', word.encode())
    for name, given in files.items():
        for one in (given,) if isinstance(given, Upload) else given:
            add(
                f'content-disposition: form-data; name="{_quoted(name)}"; '
                f'filename="{_quoted(one.name)}"\r\ncontent-type: {one.media_type}',
                one.content,
            )
    parts.append(f"--{boundary}--\r\n".encode())
    return {"content-type": f"multipart/form-data; boundary={boundary}"}, b"".join(parts)


def _quoted(name: str) -> str:
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def given(**fields: Any) -> dict[str, Any]:
    """Return the fields that were given: not given stays not given."""
    return {name: value for name, value in fields.items() if value is not None}


def part(text: str) -> str:
    """Return a text as one part of a path: ``/`` and the like in an id can't leave their place."""
    return quote(text, safe="")
