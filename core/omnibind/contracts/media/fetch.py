"""Reading a URL that was given as input, with the standard library."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from omnibind.contracts.errors import BadInput, FetchFailed, Offline

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

MAX_BYTES = 512 * 1024 * 1024
TIMEOUT_S = 60.0
CHUNK = 1024 * 1024
URL_MARKS = "!#$%&'()*+,/:;=?@[]~"


def check(url: str) -> None:
    """Refuse what isn't a web address.

    Raises:
        BadInput: The URL isn't http or https, or has no host.
    """
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and bool(parts.hostname)
        good = named and parts.username is None and not any(char <= " " for char in url)
    except (AttributeError, TypeError, ValueError):
        good = False
    if not good:
        raise BadInput(
            f"{shown(url)!r} isn't a web address; expected http://… or https://…; correct it"
        )


def shown(url: object) -> str:
    """Return a URL for a message, without user name, password and query: these may be secrets."""
    text = str(url).partition("#")[0].partition("?")[0]
    scheme, slashes, rest = text.partition("://")
    if not slashes:
        return text[:200]
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"[:200]


def fetch(url: str, *, timeout_s: float = TIMEOUT_S, max_bytes: int = MAX_BYTES) -> bytes:
    """Return what lies at a URL.

    Args:
        url: An http or https address.
        timeout_s: Seconds until the whole of it must be here.
        max_bytes: The most bytes that are accepted.

    Raises:
        BadInput: It isn't a web address, or what lies there is too large.
        Offline: ``OMNIBIND_OFFLINE`` is set.
        FetchFailed: It couldn't be fetched in time.
    """
    from http.client import HTTPException
    from time import monotonic
    from urllib.error import HTTPError
    from urllib.parse import quote
    from urllib.request import Request

    check(url)
    if os.environ.get("OMNIBIND_OFFLINE", "").strip().lower() not in ("", "0", "false", "no"):
        raise Offline(
            f"{shown(url)} can't be fetched, as OMNIBIND_OFFLINE is set; give a local file",
            command="unset OMNIBIND_OFFLINE",
        )
    end = monotonic() + timeout_s
    parts, count = [], 0
    try:
        address = quote(url, safe=URL_MARKS)
        request = Request(address, headers={"User-Agent": "omnibind"})  # noqa: S310 - checked
        with _opener().open(request, timeout=timeout_s) as reply:
            declared = reply.length
            while chunk := reply.read1(CHUNK):
                parts.append(chunk)
                count += len(chunk)
                if count > max_bytes or (declared or 0) > max_bytes:
                    limit = f"{max_bytes // (1024 * 1024)} MiB"
                    raise BadInput(f"{shown(url)} is larger than {limit}; give a smaller file")
                if monotonic() > end:
                    raise TimeoutError(f"not whole after {timeout_s:g} s")
    except (OSError, HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()
        # An HTTPException may quote the whole address, secrets included.
        reason = str(error) if isinstance(error, OSError) else type(error).__name__
        raise FetchFailed(
            f"{shown(url)} couldn't be fetched: {reason}; check the address and the network",
            errors=[error],
        ) from error
    if declared is not None and count < declared:
        raise FetchFailed(f"{shown(url)} broke off after {count} of {declared} bytes; try again")
    return b"".join(parts)


def _opener() -> OpenerDirector:
    """Return an opener for the web alone: the usual one would follow a redirect to ftp."""
    import urllib.request as web

    opener = web.OpenerDirector()
    for handler in (
        web.ProxyHandler,
        web.UnknownHandler,
        web.HTTPHandler,
        web.HTTPSHandler,
        web.HTTPDefaultErrorHandler,
        web.HTTPRedirectHandler,
        web.HTTPErrorProcessor,
    ):
        opener.add_handler(handler())
    return opener
