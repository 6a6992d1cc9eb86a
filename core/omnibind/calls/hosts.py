"""Whom a service may send us to: public hosts by https, so that no reply reaches into a network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from omnibind.contracts.errors import BadReply, Unavailable

if TYPE_CHECKING:
    from omnibind.contracts.http import Request

PORT = 443


def place_of(request: Request) -> tuple[str, int]:
    """Return the host and port that a request to a public host goes to.

    Raises:
        BadReply: It isn't https, or the host is plainly none of the public internet.
    """
    parts = urlsplit(request.url)
    host = parts.hostname or ""
    try:
        port = parts.port or PORT
    except ValueError:
        host, port = "", PORT
    if parts.scheme != "https" or not host or host == "localhost" or host.endswith(".localhost"):
        raise _refusal(request)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host, port
    refuse_private(request, [host])
    return host, port


def refuse_private(request: Request, addresses: Iterable[str]) -> None:
    """Refuse a host that isn't reached at public addresses alone.

    Raises:
        BadReply: One of the addresses is of a private network, or of this machine.
    """
    for address in addresses:
        if not is_public(address):
            raise _refusal(request)


def is_public(address: str) -> bool:
    """Tell whether an address is one of the public internet."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or found.sixtofour or found
    return found.is_global and not found.is_multicast


def unresolved(request: Request) -> Unavailable:
    """Return the error for a host whose name leads nowhere."""
    return Unavailable(
        f"{request.place} can't be reached: its host isn't known; check the network, then try again"
    )


def addresses_of(resolved: Iterable[Any]) -> list[str]:
    """Return the addresses of what ``getaddrinfo`` gives."""
    return [str(one[4][0]) for one in resolved]


def has_proxy(*schemes: str) -> bool:
    """Tell whether the environment names a proxy for one of these, who then looks hosts up."""
    from urllib.request import getproxies

    named = getproxies()
    return any(name in named for name in (*schemes, "all"))


def _refusal(request: Request) -> BadReply:
    return BadReply(
        f"the service points to {request.place}, which isn't a public https address, and isn't "
        "followed; where the service is your own, give its address as base_url"
    )
