"""How HTTP exchanges are performed: one pool of connections a process, or an event loop.

Source: httpx2, ``httpx2.Client`` and ``httpx2.AsyncClient``.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from omnibind.contracts.errors import BadConfig, BadOutput, Offline, OmnibindError, Unavailable
from omnibind.contracts.http import Reply, ReplyStream, Request

if TYPE_CHECKING:
    import asyncio

    import httpx2

CONNECT_S = 10.0
READ_S = 600.0
"""A service that says nothing for so long is given up, where no deadline is nearer."""

_clients: dict[int, httpx2.Client] = {}
_async_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, _Held] = WeakKeyDictionary()


def send(request: Request, max_bytes: int, timeout_s: float | None) -> Reply:
    """Perform a whole exchange in this thread.

    Raises:
        Unavailable: The service can't be reached, or the connection broke.
        BadOutput: The reply is larger than ``max_bytes``; the rest wasn't received.
        Offline: ``OMNIBIND_OFFLINE`` is set.
    """
    stream = open_(request, timeout_s)
    try:
        body = _Body(request, stream, max_bytes)
        while piece := read(stream):
            body.add(piece)
        return body.reply()
    finally:
        shut(stream)


def open_(request: Request, timeout_s: float | None) -> ReplyStream:
    """Send a request and receive the head of its reply."""
    client = _client()
    with _Told(request):
        response = client.send(_built(client, request, timeout_s), stream=True)
    return _stream_of(request, response, response.iter_bytes())


def read(stream: ReplyStream) -> bytes:
    """Receive the next piece; ``b""`` at the end."""
    request, _, pieces = stream.response
    with _Told(request):
        return next(filter(None, pieces), b"")


def shut(stream: ReplyStream) -> None:
    """Let go of the reply's connection."""
    response = stream.response[1]
    if hasattr(response.stream, "aclose"):  # opened on an event loop that has ended since
        return
    response.close()


async def asend(request: Request, max_bytes: int, timeout_s: float | None) -> Reply:
    """Perform a whole exchange on the running loop; raises what :func:`send` does."""
    stream = await aopen(request, timeout_s)
    try:
        body = _Body(request, stream, max_bytes)
        while piece := await aread(stream):
            body.add(piece)
        return body.reply()
    finally:
        await ashut(stream)


async def aopen(request: Request, timeout_s: float | None) -> ReplyStream:
    """Send a request and receive the head of its reply."""
    client = await _async_client()
    with _Told(request):
        response = await client.send(_built(client, request, timeout_s), stream=True)
    return _stream_of(request, response, response.aiter_bytes())


async def aread(stream: ReplyStream) -> bytes:
    """Receive the next piece; ``b""`` at the end."""
    request, _, pieces = stream.response
    with _Told(request):
        async for piece in pieces:
            if piece:
                return bytes(piece)
    return b""


async def ashut(stream: ReplyStream) -> None:
    """Let go of the reply's connection."""
    await stream.response[1].aclose()


async def aclose() -> None:
    """Close the connections of the running loop; a loop that ends in order does so itself."""
    import asyncio

    held = _async_clients.pop(asyncio.get_running_loop(), None)
    if held is not None and held.until_closed is not None:
        await held.until_closed.aclose()


def _client() -> httpx2.Client:
    _refuse_offline()
    # A connection that parent and child of a fork share would mix up their replies.
    client = _clients.get(os.getpid())
    if client is None:
        import httpx2

        client = _clients.setdefault(os.getpid(), httpx2.Client(follow_redirects=False))
    return client


class _Held:
    """The client of one event loop, and the generator that closes it.

    The loop adopts the generator and closes it at its own end, and with it the connections.
    """

    def __init__(self) -> None:
        import asyncio

        self.lock = asyncio.Lock()
        self.client: httpx2.AsyncClient | None = None
        self.until_closed: AsyncGenerator[None, None] | None = None


async def _async_client() -> httpx2.AsyncClient:
    import asyncio

    _refuse_offline()
    loop = asyncio.get_running_loop()
    held = _async_clients.get(loop)
    if held is None:
        for ended in [one for one in _async_clients if one.is_closed()]:
            del _async_clients[ended]  # its connections hold it, and would keep it for ever
        held = _async_clients[loop] = _Held()
    if held.client is None:
        async with held.lock:
            if held.client is None:
                # The import, and reading the certificates, would stop the loop for 0.1 s.
                client = await asyncio.to_thread(_new_async_client)
                held.until_closed = _until_closed(loop, client)
                await anext(held.until_closed)
                held.client = client
    return held.client


def _new_async_client() -> httpx2.AsyncClient:
    import httpx2

    return httpx2.AsyncClient(follow_redirects=False)


async def _until_closed(
    loop: asyncio.AbstractEventLoop, client: httpx2.AsyncClient
) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        _async_clients.pop(loop, None)
        await client.aclose()


def _refuse_offline() -> None:
    from omnibind.weights.places import is_offline

    if is_offline():
        raise Offline("OMNIBIND_OFFLINE is set, and this call needs the network; unset it")


def _built(
    client: httpx2.Client | httpx2.AsyncClient, request: Request, timeout_s: float | None
) -> httpx2.Request:
    import httpx2

    for name, value in request.headers.items():
        if not value.isascii() or not value.isprintable():
            raise BadConfig(
                f"the header {name!r} of a request to {request.place} has a character that no "
                "header can have; check the key or setting that it is made of"
            )
    read_s = READ_S if timeout_s is None else min(timeout_s, TIMEOUT_MAX)
    return client.build_request(
        request.method,
        request.url,
        headers=dict(request.headers),
        content=request.body,
        timeout=httpx2.Timeout(read_s, connect=min(CONNECT_S, read_s)),
    )


def _stream_of(request: Request, response: Any, pieces: Any) -> ReplyStream:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return ReplyStream(response.status_code, headers, (request, response, pieces))


class _Body:
    """What was received of a reply so far."""

    def __init__(self, request: Request, stream: ReplyStream, max_bytes: int) -> None:
        self._request, self._stream, self._max_bytes = request, stream, max_bytes
        self._pieces: list[bytes] = []
        self._received = 0
        announced = stream.headers.get("content-length", "")
        if announced.isdigit():
            self._refuse_above(int(announced))

    def add(self, piece: bytes) -> None:
        self._received += len(piece)
        self._refuse_above(self._received)
        self._pieces.append(piece)

    def reply(self) -> Reply:
        return Reply(self._stream.status, self._stream.headers, b"".join(self._pieces))

    def _refuse_above(self, size: int) -> None:
        if size > self._max_bytes:
            raise BadOutput(
                f"{self._request.place} sends at least {size} bytes; at most {self._max_bytes} "
                "were to be accepted: raise max_result_bytes or ask for less",
                rule="size",
            )


class _Told:
    """Raises our error for one of the library's, which may show a URL with a key in it."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if error is None or isinstance(error, OmnibindError):
            return
        import httpx2

        if isinstance(error, (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError)):
            raise Unavailable(
                f"{self._request.place} can't be reached: {type(error).__name__}; "
                "check the address and the network, then try again"
            ) from None
