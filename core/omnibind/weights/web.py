"""Fetching over https, taken up again where it broke off."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import msgspec

from omnibind.contracts.errors import FetchFailed
from omnibind.weights import records
from omnibind.weights.sources import is_loopback, shown

if TYPE_CHECKING:
    import httpx2

Report = Callable[[int, "int | None"], None]

_ATTEMPTS = 5
_SPARE_BYTES = 1 << 20


class Net(NamedTuple):
    """How to reach a host.

    Attributes:
        authorities: File of certificate authorities, or None for the system's.
        proxy: URL of the proxy, or None for what the environment says.
        trusted: Host names that may be reached without a valid certificate or encryption.
        timeout_s: Longest silence of a connection, in seconds.
    """

    authorities: str | None = None
    proxy: str | None = None
    trusted: frozenset[str] = frozenset()
    timeout_s: float = 60.0


class _Begun(msgspec.Struct):
    """What must be known about a part to take it up again."""

    key: str
    validator: str | None = None
    total: int | None = None


class _BrokenError(Exception):
    """The body ended too early; what arrived is kept."""


def client(url: str, net: Net) -> httpx2.Client:
    """Return an HTTP client that follows redirects and never leaves encryption.

    ``http`` is served for loopback addresses and for hosts that the user trusts.
    """
    import ssl

    import httpx2

    def check(request: httpx2.Request) -> None:
        target = str(request.url)
        if request.url.scheme == "http" and not is_loopback(target) and not _trusts(net, target):
            raise FetchFailed(f"{shown(target)} isn't encrypted; https was expected")

    verify: ssl.SSLContext | bool = not _trusts(net, url)
    if verify and net.authorities:
        verify = ssl.create_default_context(cafile=net.authorities)
    return httpx2.Client(
        verify=verify,
        proxy=net.proxy,
        trust_env=not is_loopback(url),  # a proxy can't reach this machine's own addresses
        timeout=net.timeout_s,
        follow_redirects=True,
        event_hooks={"request": [check]},
        headers={"User-Agent": "omnibind"},
    )


def download(
    url: str,
    part: Path,
    report: Report,
    *,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    net: Net | None = None,
    pinned: bool = False,
) -> None:
    """Fetch a URL into ``part``, going on from what an earlier attempt left there.

    Args:
        url: What to fetch.
        part: The file to write; facts for taking it up again lie beside it.
        report: Told the bytes so far and in all (None where the server doesn't say).
        key: What identifies the content; the URL where it isn't given (signed URLs change).
        headers: Sent besides our own.
        net: How to reach the host.
        pinned: The whole will be checked against a hash, so that a server without a validator
            (ETag, Last-Modified) may still be asked for the rest only.

    Raises:
        FetchFailed: It can't be had; what arrived is kept.
        OSError: It can't be written (``ENOSPC``: the disk is too small).
    """
    import httpx2

    part.parent.mkdir(parents=True, exist_ok=True)
    with client(url, net or Net()) as connection:
        for attempt in range(_ATTEMPTS):
            before = _size(part)
            try:
                request = _Request(url, part, key or url, dict(headers or {}), pinned)
                return _attempt(connection, request, report)
            except (httpx2.HTTPError, httpx2.InvalidURL, _BrokenError) as error:
                if _size(part) <= before or attempt == _ATTEMPTS - 1:
                    raise FetchFailed(f"the connection failed: {_words(error)}") from error
    raise AssertionError("the last attempt returns or raises")


def forget(part: Path) -> None:
    """Remove a part and what is known about it."""
    part.unlink(missing_ok=True)
    _beside(part).unlink(missing_ok=True)


def check_space(folder: Path, needed: int) -> None:
    """Refuse to begin what the disk can't hold.

    Raises:
        OSError: ``ENOSPC``, with the bytes needed and free.
    """
    free = shutil.disk_usage(folder).free
    if needed + _SPARE_BYTES > free:
        words = f"{needed / 1e6:.1f} MB are needed and {free / 1e6:.1f} MB are free"
        raise OSError(errno.ENOSPC, words, str(folder))


class _Request(NamedTuple):
    url: str
    part: Path
    key: str
    headers: dict[str, str]
    pinned: bool


def _attempt(connection: httpx2.Client, request: _Request, report: Report) -> None:
    part = request.part
    begun = _take_up(request)
    offset = _size(part)
    if offset and begun.total == offset:
        return report(offset, offset)
    headers = {**request.headers, "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if begun.validator:
            headers["If-Range"] = begun.validator
    with connection.stream("GET", request.url, headers=headers) as response:
        if response.status_code == 416 or (
            response.status_code == 206 and _start(response) != offset
        ):
            forget(part)  # the part isn't the beginning of what is there now
            headers.pop("Range")
            headers.pop("If-Range", None)
            with connection.stream("GET", request.url, headers=headers) as again:
                return _receive(again, request, 0, report)
        return _receive(response, request, offset, report)


def _receive(response: httpx2.Response, request: _Request, offset: int, report: Report) -> None:
    if response.status_code not in {200, 206}:
        raise FetchFailed(f"the server answered {response.status_code} {response.reason_phrase}")
    if response.status_code == 200:
        offset = 0
    length = response.headers.get("Content-Length", "")
    total = offset + int(length) if length.isdigit() else None
    if total is not None:
        check_space(request.part.parent, total - offset)
    records.write(_beside(request.part), _Begun(request.key, _validator(response), total))
    done = offset
    report(done, total)
    with request.part.open("ab" if offset else "wb") as file:
        for chunk in response.iter_raw():
            file.write(chunk)
            done += len(chunk)
            report(done, total)
    if total is not None and done != total:
        raise _BrokenError(f"ended after {done} of {total} bytes")


def _take_up(request: _Request) -> _Begun:
    try:
        begun = records.read(_beside(request.part), _Begun)
    except msgspec.MsgspecError:
        begun = None
    if begun and begun.key == request.key and (begun.validator or request.pinned):
        return begun
    forget(request.part)
    return _Begun(request.key)


def _validator(response: httpx2.Response) -> str | None:
    tag = response.headers.get("ETag")
    if tag and not tag.startswith("W/"):  # a weak one promises no equal bytes
        return str(tag)
    date = response.headers.get("Last-Modified")
    return str(date) if date else None


def _start(response: httpx2.Response) -> int | None:
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _trusts(net: Net, url: str) -> bool:
    parts = urlsplit(url)
    return (parts.hostname or "") in net.trusted or parts.netloc.rpartition("@")[2] in net.trusted


def _beside(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
