"""How HTTP exchanges are performed, in a thread or on an event loop."""

from __future__ import annotations

from functools import lru_cache
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Any

from omnibind.calls import connections, hosts
from omnibind.contracts.errors import (
    BadConfig,
    BadOutput,
    Cancelled,
    OmnibindError,
    Unavailable,
)
from omnibind.contracts.http import Reply, ReplyStream, Request
from omnibind.contracts.secret import Secret

if TYPE_CHECKING:
    import httpx2

    from omnibind.calls.call import Call

CONNECT_S = 10.0
READ_S = 600.0
"""A service that says nothing for so long is given up, where no deadline is nearer."""

NOT_SENT = "not-sent"
"""The code of the error where no connection was made, so that the service knows of nothing."""


def send(request: Request, max_bytes: int, call: Call[Any]) -> Reply:
    """Perform a whole exchange in this thread.

    Args:
        request: What is sent.
        max_bytes: The most that is received.
        call: How long it may take, and the caller's own ``httpx2.Client``, if any.

    Raises:
        DeadlineExceeded: The reply wasn't whole when the call's time was over.
        Cancelled: The call was, or nobody waits for it any more.
        Unavailable: The service can't be reached, or the connection broke.
        BadOutput: The reply is larger than ``max_bytes``; the rest wasn't received.
        BadReply: A public host was wanted, and it isn't one.
        Offline: ``OMNIBIND_OFFLINE`` is set.
    """
    cleans_up = call.is_over
    stream = open_(request, call)
    try:
        body = _Body(request, stream, max_bytes)
        while piece := read(stream, call):
            body.add(piece)
            if call.is_over and not cleans_up:
                raise Cancelled("nobody waits for the reply any more")
            call.check()  # each piece may come in time, and the whole not
        return body.reply()
    finally:
        shut(stream)


def open_(request: Request, call: Call[Any]) -> ReplyStream:
    """Send a request and receive the head of its reply."""
    own = call.http_client
    pool = connections.pool(request.way, own)
    looks = _looks_up(request, own)
    if looks is not None:
        import socket

        try:
            found = socket.getaddrinfo(*looks, type=socket.SOCK_STREAM)
        except OSError:
            raise hosts.unresolved(request) from None
        hosts.refuse_private(request, hosts.addresses_of(found))
    with _Told(request, call):
        built = _built(request, call.remaining_s(), own)
        response = pool(built)
    stream = _stream_of(request, response, response.iter_bytes())
    try:
        _check_peer(request, response, looks)
    except BaseException:
        shut(stream)
        raise
    return stream


def read(stream: ReplyStream, call: Call[Any]) -> bytes:
    """Receive the next piece; ``b""`` at the end."""
    request, _, pieces = stream.response
    with _Told(request, call, stream.status):
        return next(filter(None, pieces), b"")


def shut(stream: ReplyStream) -> None:
    """Let go of the reply's connection."""
    response = stream.response[1]
    if hasattr(response.stream, "aclose"):  # opened on an event loop that has ended since
        return
    response.close()


async def asend(request: Request, max_bytes: int, call: Call[Any]) -> Reply:
    """Perform a whole exchange on the running loop; raises what :func:`send` does."""
    stream = await aopen(request, call)
    try:
        body = _Body(request, stream, max_bytes)
        while piece := await aread(stream, call):
            body.add(piece)
        return body.reply()
    finally:
        await ashut(stream)


async def aopen(request: Request, call: Call[Any]) -> ReplyStream:
    """Send a request and receive the head of its reply."""
    own = call.http_client
    pool = await connections.async_pool(request.way, own)
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
    with _Told(request, call):
        built = _built(request, call.remaining_s(), own)
        response = await pool(built)
    stream = _stream_of(request, response, response.aiter_bytes())
    try:
        _check_peer(request, response, looks)
    except BaseException:
        await ashut(stream)
        raise
    return stream


async def aread(stream: ReplyStream, call: Call[Any]) -> bytes:
    """Receive the next piece; ``b""`` at the end."""
    request, _, pieces = stream.response
    with _Told(request, call, stream.status):
        async for piece in pieces:
            if piece:
                return bytes(piece)
    return b""


async def ashut(stream: ReplyStream) -> None:
    """Let go of the reply's connection."""
    await stream.response[1].aclose()


def _looks_up(request: Request, own: Any) -> tuple[str, int] | None:
    """Return the host whose addresses must be public ones; None where nobody asks for that.

    Raises:
        BadReply: Its name alone tells that it isn't public.
    """
    if not request.is_public:
        return None
    place = hosts.place_of(request)
    # A proxy looks the host up itself, and is the one that we connect to.
    is_direct = own is None and request.way.proxy is None and not hosts.has_proxy("https")
    return place if is_direct else None


def _check_peer(request: Request, response: Any, looks: tuple[str, int] | None) -> None:
    """Refuse who answers from another address than the ones that were looked up and found good."""
    stream = response.extensions.get("network_stream")
    peer = None if looks is None or stream is None else stream.get_extra_info("server_addr")
    if peer:
        hosts.refuse_private(request, [str(peer[0])])


def _built(request: Request, timeout_s: float | None, own: Any) -> httpx2.Request:
    import httpx2

    for name, value in request.headers.items():
        if isinstance(value, str) and not (value.isascii() and value.isprintable()):
            raise BadConfig(
                f"the header {name!r} of a request to {request.place} has a character that no "
                "header can have; check the key or setting that it is made of"
            )
    read_s = READ_S if timeout_s is None else min(timeout_s, TIMEOUT_MAX)
    connect_s = min(CONNECT_S, read_s)
    if own is not None:  # with what the program gave it: headers, cookies, a base address
        built: httpx2.Request = own.build_request(
            request.method,
            request.url,
            headers=[(name, _plain(value)) for name, value in request.headers.items()],
            content=request.body,
            timeout=httpx2.Timeout(read_s, connect=connect_s),
        )
        return built
    url = _address(request.url)
    said = {name.lower() for name in request.headers}
    headers = {name: value for name, value in _usual_headers().items() if name not in said}
    headers |= {name: _plain(value) for name, value in request.headers.items()}
    if url.userinfo and "authorization" not in said:  # of a gateway, in base_url
        from base64 import b64encode

        pair = f"{url.username}:{url.password}".encode()
        headers["authorization"] = f"Basic {b64encode(pair).decode()}"
    timeout = {"connect": connect_s, "read": read_s, "write": read_s, "pool": read_s}
    return httpx2.Request(
        request.method,
        url,
        headers=headers,
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
    headers: dict[str, str] = {}
    for name, value in response.headers.raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
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

    def __init__(self, request: Request, call: Call[Any], status: int | None = None) -> None:
        self._request = request
        self._call = call
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
            # The library's own limit is the call's end, and either may be noticed first.
            is_late = isinstance(error, httpx2.TimeoutException) and self._call.remaining_s() == 0
            if is_late and not self._call.is_over:
                raise self._call.late() from None
            failed = "can't be reached" if self._status is None else "broke off its reply"
            unavailable = Unavailable(
                f"{self._request.place} {failed}: {told}; "
                "check the address and the network, then try again",
                code=code,
            )
            # Who had begun to answer with a result had worked for it.
            unavailable.may_be_charged = self._status is not None and self._status < 300
            raise unavailable from None
