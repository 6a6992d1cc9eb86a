"""Connections to services: one pool a way, in a process or an event loop.

A pool is a transport of httpx2 without a client around it: a client would keep a service's cookies,
and hand them to callers with other keys. Where the environment names proxies, a client chooses one.

Source: httpx2, ``HTTPTransport``, ``AsyncHTTPTransport``, ``Client`` and ``AsyncClient``.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from omnibind.calls import hosts
from omnibind.contracts.errors import BadConfig, Offline
from omnibind.contracts.http import USUAL, Way

if TYPE_CHECKING:
    import asyncio

    import httpx2

MAX_CONNECTIONS = 100
MAX_IDLE = 20

Sender = Callable[["httpx2.Request"], "httpx2.Response"]
AsyncSender = Callable[["httpx2.Request"], Awaitable["httpx2.Response"]]

_pools: dict[tuple[int, Way], _Pool] = {}
_held: WeakKeyDictionary[asyncio.AbstractEventLoop, _Held] = WeakKeyDictionary()


def pool(way: Way = USUAL, own: Any = None) -> Sender:
    """Return what sends requests from this thread and gives replies whose bodies are still to come.

    Args:
        way: How the service is reached.
        own: The program's own ``httpx2.Client``; None is ours.

    Raises:
        BadConfig: The certificates can't be read, or ``own`` is something else.
        Offline: ``OMNIBIND_OFFLINE`` is set.
    """
    _refuse_offline()
    if own is not None:
        sender: Sender = _of_program(own, "Client")
        return sender
    # A connection that parent and child of a fork share would mix up their replies.
    key = os.getpid(), way
    found = _pools.get(key)
    if found is None:
        if not _pools:
            atexit.register(_close)
        found = _pools.setdefault(key, _Pool(way))
    return found.send


async def async_pool(way: Way = USUAL, own: Any = None) -> AsyncSender:
    """Return what sends requests on the running loop; see :func:`pool`."""
    import asyncio

    _refuse_offline()
    if own is not None:
        sender: AsyncSender = _of_program(own, "AsyncClient")
        return sender
    loop = asyncio.get_running_loop()
    held = _held.get(loop)
    if held is None:
        for ended in [one for one in _held if one.is_closed()]:
            del _held[ended]  # its connections hold it, and would keep it for ever
        held = _held[loop] = _Held()
    found = held.pools.get(way)
    if found is None:
        async with held.lock:
            found = held.pools.get(way)
            if found is None:
                # The import, and reading the certificates, would stop the loop for 0.1 s.
                found = held.pools[way] = await asyncio.to_thread(_AsyncPool, way)
            if held.until_closed is None:
                held.until_closed = _until_closed(loop, held)
                await anext(held.until_closed)
    return found.send


async def aclose() -> None:
    """Close the connections of the running loop; a loop that ends in order does so itself."""
    import asyncio

    held = _held.pop(asyncio.get_running_loop(), None)
    if held is not None and held.until_closed is not None:
        await held.until_closed.aclose()


class _Pool:
    """The connections of one way for blocking callers."""

    def __init__(self, way: Way) -> None:
        import httpx2

        self.send: Sender
        self.close: Callable[[], None]
        settings = _settings(way)
        if way.proxy is None and hosts.has_proxy("http", "https"):
            client = httpx2.Client(**settings)
            self.send = partial(client.send, stream=True, follow_redirects=False)
            self.close = client.close
        else:
            transport = httpx2.HTTPTransport(**settings)
            self.send, self.close = transport.handle_request, transport.close


class _AsyncPool:
    """The connections of one way for an event loop."""

    def __init__(self, way: Way) -> None:
        import httpx2

        self.send: AsyncSender
        self.close: Callable[[], Awaitable[None]]
        settings = _settings(way)
        if way.proxy is None and hosts.has_proxy("http", "https"):
            client = httpx2.AsyncClient(**settings)
            self.send = partial(client.send, stream=True, follow_redirects=False)
            self.close = client.aclose
        else:
            transport = httpx2.AsyncHTTPTransport(**settings)
            self.send, self.close = transport.handle_async_request, transport.aclose


class _Held:
    """The pools of one event loop, and the generator that closes them.

    The loop adopts the generator and closes it at its own end, and with it the connections.
    """

    def __init__(self) -> None:
        import asyncio

        self.lock = asyncio.Lock()
        self.pools: dict[Way, _AsyncPool] = {}
        self.until_closed: AsyncGenerator[None, None] | None = None


async def _until_closed(loop: asyncio.AbstractEventLoop, held: _Held) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        _held.pop(loop, None)
        for one in held.pools.values():
            await one.close()


def _close() -> None:
    """Close the connections of this process at its end; a parent's are the parent's."""
    for (process, _), one in _pools.items():
        if process == os.getpid():
            one.close()


def _of_program(own: Any, kind: str) -> Any:
    import httpx2

    if not isinstance(own, getattr(httpx2, kind)):
        raise BadConfig(f"http_client is a {type(own).__name__}; this client takes a httpx2.{kind}")
    return partial(own.send, stream=True, follow_redirects=False)


def _settings(way: Way) -> dict[str, Any]:
    import httpx2

    most = way.max_connections or MAX_CONNECTIONS
    # Each request looks at every idle connection; while calls wait, none is idle.
    idle = min(most, MAX_IDLE)
    limits = httpx2.Limits(max_connections=most, max_keepalive_connections=idle)
    settings: dict[str, Any] = {"limits": limits}
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
    return settings


def _refuse_offline() -> None:
    from omnibind.weights.places import is_offline

    if is_offline():
        raise Offline("OMNIBIND_OFFLINE is set, and this call needs the network; unset it")
