"""Where one file can be had, as ``models.yaml`` writes it.

``hf:REPO[@REV]#PATH`` · ``https://…`` · ``pypi:NAME==VERSION#PATH`` · ``npm:NAME@VERSION#PATH`` ·
``file:PATH``.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

_FORMS = {
    "hf": re.compile(
        r"hf:(?P<name>[\w.-]+(?:/[\w.-]+)?)(?:@(?P<version>[^#\s]+))?(?:#(?P<path>\S.*))?"
    ),
    "pypi": re.compile(r"pypi:(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[\w.+!-]+)#(?P<path>\S.*)"),
    "npm": re.compile(
        r"npm:(?P<name>(?:@[\w][\w.-]*/)?[\w][\w.-]*)@(?P<version>\d[\w.+-]*)#(?P<path>\S.*)"
    ),
    "https": re.compile(r"(?P<path>https://[^\s/]+/?\S*)"),
    "http": re.compile(r"(?P<path>http://[^\s/]+/?\S*)"),
    "file": re.compile(r"file:(?P<path>\S.*)"),
}
_EXPECTED = (
    "hf:REPO[@REV]#PATH, https://…, pypi:NAME==VERSION#PATH, npm:NAME@VERSION#PATH or file:PATH"
)


class Source(NamedTuple):
    """One place that may deliver one file (or, without a path, one hub repository).

    Attributes:
        kind: ``hf``, ``pypi``, ``npm``, ``https``, ``http`` or ``file``.
        text: The source as written.
        name: Repository or package; empty for URLs and paths.
        version: Revision or version; empty where none is given.
        path: Path inside the repository or package, the URL, or the local path.
    """

    kind: str
    text: str
    name: str
    version: str
    path: str


def parse(text: str) -> Source:
    """Read one source.

    Raises:
        ValueError: It has none of the known forms, or is an http address of another machine.
    """
    kind = text.partition(":")[0]
    form = _FORMS.get(kind)
    found = form.fullmatch(text) if form else None
    if found is None:
        raise ValueError(f"source {text!r} has no known form; expected {_EXPECTED}")
    parts = found.groupdict(default="")
    if kind == "http" and not is_loopback(text):
        raise ValueError(f"source {text!r} isn't encrypted; use https (http is for loopback only)")
    path = _local(text, parts["path"]) if kind == "file" else parts["path"]
    return Source(kind, text, parts.get("name", ""), parts.get("version", ""), path)


def parse_file(text: str) -> Source:
    """Read a source that must name one file, not a whole repository.

    Raises:
        ValueError: It can't be read, or names no path.
    """
    source = parse(text)
    if not source.path:
        raise ValueError(f"source {text!r} names no file; add #PATH")
    return source


def parse_repository(text: str) -> Source:
    """Read ``hf:REPO[@REV]``.

    Raises:
        ValueError: It is another kind of source, or names a path.
    """
    source = parse(text)
    if source.kind != "hf" or source.path:
        raise ValueError(f"repository {text!r} isn't a hub repository; expected hf:REPO[@REV]")
    return source


def is_loopback(url: str) -> bool:
    """Say whether a URL leads to this machine itself."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def shown(url: str) -> str:
    """Return a URL fit for a message: no user, password, query or fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _local(text: str, path: str) -> str:
    if path.startswith("//"):
        from urllib.request import url2pathname  # takes 10 ms to import

        path = url2pathname(urlsplit(text).path)
    local = Path(path).expanduser()
    if not local.is_absolute():
        raise ValueError(f"source {text!r} isn't absolute; write the whole path")
    return str(local)
