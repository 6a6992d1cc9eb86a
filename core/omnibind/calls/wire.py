"""How HTTP exchanges are performed: one pool of connections a way, in a process or an event loop.

Source: httpx2, ``httpx2.Client`` and ``httpx2.AsyncClient``.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import AsyncGenerator
from functools import lru_cache
from threading import TIMEOUT_MAX
from time import monotonic
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from omnibind.calls import hosts
from omnibind.contracts.errors import (
    BadConfig,
    BadOutput,
    DeadlineExceeded,
    Offline,
    OmnibindError,
    Unavailable,
)
from omnibind.contracts.http import USUAL, Reply, ReplyStream, Request, Way
from omnibind.contracts.secret import Secret

if TYPE_CHECKING:
    import asyncio

    import httpx2

CONNECT_S = 10.0
READ_S = 600.0
"""A service that says nothing for so long is given up, where no deadline is nearer."""

NOT_SENT = "not-sent"
"""The code of the error where no connection was made, so that the service knows of nothing."""

_clients: dict[tuple[int, Way], httpx2.Client] = {}
_async_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, _Held] = WeakKeyDictionary()


def send(request: Request, max_bytes: int, timeout_s: float | None, own: Any = None) -> Reply:
    """Perform a whole exchange in this thread.

    Args:
        request: What is sent.
        max_bytes: The most that is received.
        timeout_s: Seconds left; None is any time.
        own: The caller's own ``httpx2.Client``; None is ours.

    Raises:
        Unavailable: The service can't be reached, or the connection broke.
        BadOutput: The reply is larger than ``max_bytes``; the rest wasn't received.
        BadReply: A public host was wanted, and it isn't one.
        Offline: ``OMNIBIND_OFFLINE`` is set.
    """
    until = None if timeout_s is None else monotonic() + timeout_s
    stream = open_(request, timeout_s, own)
    try:
        body = _Body(request, stream, max_bytes)
        while piece := read(stream):
            body.add(piece)
            if until is not None and monotonic() > until:  # each piece came in time, the whole not
                raise DeadlineExceeded(
                    f"the reply of {request.place} wasn't whole in time; give a longer timeout_s"
                )
        return body.reply()
    finally:
        shut(stream)


def open_(request: Request, timeout_s: float | None, own: Any = None) -> ReplyStream:
    """Send a request and receive the head of its reply."""
    client = _client(request.way, own)
    looks = _looks_up(request, own)
    if looks is not None:
        import socket

        try:
            found = socket.getaddrinfo(*looks, type=socket.SOCK_STREAM)
        except OSError:
            raise hosts.unresolved(request) from None
        hosts.refuse_private(request, hosts.addresses_of(found))
    with _Told(request):
        built = _built(client, request, timeout_s, is_own=own is not None)
        response = client.send(built, stream=True, follow_redirects=False)
    stream = _stream_of(request, response, response.iter_bytes())
    try:
        _check_peer(request, response, looks)
    except BaseException:
        shut(stream)
        raise
    return stream


def read(stream: ReplyStream) -> bytes:
    """Receive the next piece; ``b""`` at the end."""
    request, _, pieces = stream.response
    with _Told(request, stream.status):
        return next(filter(None, pieces), b"")


def shut(stream: ReplyStream) -> None:
    """Let go of the reply's connection."""
    response = stream.response[1]
    if hasattr(response.stream, "aclose"):  # opened on an event loop that has ended since
        return
    response.close()


async def asend(
    request: Request, max_bytes: int, timeout_s: float | None, own: Any = None
) -> Reply:
    """Perform a whole exchange on the running loop; raises what :func:`send` does."""
    stream = await aopen(request, timeout_s, own)
    try:
        body = _Body(request, stream, max_bytes)
        while piece := await aread(stream):
            body.add(piece)
        return body.reply()
    finally:
        await ashut(stream)


async def aopen(request: Request, timeout_s: float | None, own: Any = None) -> ReplyStream:
    """Send a request and receive the head of its reply."""
    client = await _async_client(request.way, own)
    looks = _looks_up(request, own)
    if looks is not None:
        import asyncio
        import socket

        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(*looks, type=socket.SOCK_STREAM)
        except OSError:
            raise hosts.unresolved(request) from None
        hosts.refuse_private(request, hosts.addresses_of(found))
    with _Told(request):
        built = _built(client, request, timeout_s, is_own=own is not None)
        response = await client.send(built, stream=True, follow_redirects=False)
    stream = _stream_of(request, response, response.aiter_bytes())
    try:
        _check_peer(request, response, looks)
    except BaseException:
        await ashut(stream)
        raise
    return stream


async def aread(stream: ReplyStream) -> bytes:
    """Receive the next piece; ``b""`` at the end."""
    request, _, pieces = stream.response
    with _Told(request, stream.status):
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


def _looks_up(request: Request, own: Any) -> tuple[str, int] | None:
    """Return the host whose addresses must be public ones; None where nobody asks for that.

    Raises:
        BadReply: Its name alone tells that it isn't public.
    """
    if not request.is_public:
        return None
    place = hosts.place_of(request)
    # A proxy looks the host up itself, and is the one that we connect to.
    is_direct = own is None and request.way.proxy is None and not hosts.has_proxy()
    return place if is_direct else None


def _check_peer(request: Request, response: Any, looks: tuple[str, int] | None) -> None:
    """Refuse who answers from another address than the ones that were looked up and found good."""
    stream = response.extensions.get("network_stream")
    peer = None if looks is None or stream is None else stream.get_extra_info("server_addr")
    if peer:
        hosts.refuse_private(request, [str(peer[0])])


def _client(way: Way = USUAL, own: Any = None) -> httpx2.Client:
    _refuse_offline()
    import httpx2

    if own is not None:
        checked: httpx2.Client = _checked(own, httpx2.Client)
        return checked
    # A connection that parent and child of a fork share would mix up their replies.
    key = os.getpid(), way
    client = _clients.get(key)
    if client is None:
        if not _clients:
            atexit.register(_close)
        client = _clients.setdefault(key, httpx2.Client(**_settings(way)))
    return client


def _close() -> None:
    """Close the connections of this process at its end; a parent's are the parent's."""
    for (process, _), client in _clients.items():
        if process == os.getpid():
            client.close()


def _checked(own: Any, kind: Any) -> Any:
    if isinstance(own, kind):
        return own
    raise BadConfig(
        f"http_client is a {type(own).__name__}; this client takes a httpx2.{kind.__name__}"
    )


def _settings(way: Way) -> dict[str, Any]:
    import httpx2

    settings: dict[str, Any] = {"follow_redirects": False}
    if way.proxy is not None:
        settings["proxy"] = way.proxy.reveal()
    if way.ca_bundle is not None:
        import ssl

        try:
            settings["verify"] = ssl.create_default_context(cafile=way.ca_bundle)
        except OSError as error:
            raise BadConfig(
                f"ca_bundle {way.ca_bundle!r} can't be read as certificates: "
                f"{error.strerror or error}; give a PEM file"
            ) from None
    if way.max_connections is not None:
        settings["limits"] = httpx2.Limits(
            max_connections=way.max_connections, max_keepalive_connections=way.max_connections
        )
    return settings


class _Held:
    """The clients of one event loop, and the generator that closes them.

    The loop adopts the generator and closes it at its own end, and with it the connections.
    """

    def __init__(self) -> None:
        import asyncio

        self.lock = asyncio.Lock()
        self.clients: dict[Way, httpx2.AsyncClient] = {}
        self.until_closed: AsyncGenerator[None, None] | None = None


async def _async_client(way: Way = USUAL, own: Any = None) -> httpx2.AsyncClient:
    import asyncio

    _refuse_offline()
    if own is not None:
        import httpx2

        checked: httpx2.AsyncClient = _checked(own, httpx2.AsyncClient)
        return checked
    loop = asyncio.get_running_loop()
    held = _async_clients.get(loop)
    if held is None:
        for ended in [one for one in _async_clients if one.is_closed()]:
            del _async_clients[ended]  # its connections hold it, and would keep it for ever
        held = _async_clients[loop] = _Held()
    client = held.clients.get(way)
    if client is None:
        async with held.lock:
            client = held.clients.get(way)
            if client is None:
                # The import, and reading the certificates, would stop the loop for 0.1 s.
                client = await asyncio.to_thread(_new_async_client, way)
                held.clients[way] = client
            if held.until_closed is None:
                held.until_closed = _until_closed(loop, held)
                await anext(held.until_closed)
    return client


def _new_async_client(way: Way = USUAL) -> httpx2.AsyncClient:
    import httpx2

    return httpx2.AsyncClient(**_settings(way))


async def _until_closed(loop: asyncio.AbstractEventLoop, held: _Held) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        _async_clients.pop(loop, None)
        for client in held.clients.values():
            await client.aclose()


def _refuse_offline() -> None:
    from omnibind.weights.places import is_offline

    if is_offline():
        raise Offline("OMNIBIND_OFFLINE is set, and this call needs the network; unset it")


def _built(
    client: httpx2.Client | httpx2.AsyncClient,
    request: Request,
    timeout_s: float | None,
    *,
    is_own: bool,
) -> httpx2.Request:
    import httpx2

    for name, value in request.headers.items():
        if isinstance(value, str) and not (value.isascii() and value.isprintable()):
            raise BadConfig(
                f"the header {name!r} of a request to {request.place} has a character that no "
                "header can have; check the key or setting that it is made of"
            )
    read_s = READ_S if timeout_s is None else min(timeout_s, TIMEOUT_MAX)
    connect_s = min(CONNECT_S, read_s)
    if is_own:  # with what the program gave it: headers, cookies, a base address
        return client.build_request(
            request.method,
            request.url,
            headers=[(name, _plain(value)) for name, value in request.headers.items()],
            content=request.body,
            timeout=httpx2.Timeout(read_s, connect=connect_s),
        )
    # Ours has nothing of its own to add, and keeps no service's cookies for other callers.
    timeout = {"connect": connect_s, "read": read_s, "write": read_s, "pool": read_s}
    said = {name.lower() for name in request.headers}
    usual = {name: value for name, value in _usual_headers().items() if name not in said}
    own = {name: _plain(value) for name, value in request.headers.items()}
    return httpx2.Request(
        request.method,
        _address(request.url),
        headers=usual | own,
        content=request.body,
        extensions={"timeout": timeout},
    )


@lru_cache(maxsize=256)
def _address(url: str) -> httpx2.URL:
    # Parsing takes longer than anything else about a request, and services have few addresses.
    import httpx2

    return httpx2.URL(url)


@lru_cache(maxsize=1)
def _usual_headers() -> dict[str, str]:
    import httpx2

    usual = httpx2.Client(trust_env=False, verify=False).headers  # it sends nothing
    names = ("accept", "accept-encoding", "connection")
    return {name: usual[name] for name in names}


def _plain(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


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

    def __init__(self, request: Request, status: int | None = None) -> None:
        self._request = request
        self._status = status

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if error is None or isinstance(error, OmnibindError):
            return
        import httpx2

        if isinstance(error, (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError)):
            told = type(error).__name__
            never_sent = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
            code = NOT_SENT if isinstance(error, never_sent) else None
            # The library's frames hold the headers, and what shows a traceback may show locals.
            error.__traceback__ = error.__context__ = error.__cause__ = None
            failed = "can't be reached" if self._status is None else "broke off its reply"
            unavailable = Unavailable(
                f"{self._request.place} {failed}: {told}; "
                "check the address and the network, then try again",
                code=code,
            )
            # Who had begun to answer with a result had worked for it.
            unavailable.may_be_charged = self._status is not None and self._status < 300
            raise unavailable from None
