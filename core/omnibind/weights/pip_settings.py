"""pip's own settings, read as pip reads them: its files, then ``PIP_…`` in the environment.

Read here because pip has no public way to ask for them, and an interpreter made by uv has no pip.
"""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from omnibind.contracts.errors import FetchFailed
from omnibind.weights.web import Net


class PipSettings(NamedTuple):
    """Where pip looks for packages.

    Attributes:
        indexes: URLs of simple indexes, the main one first.
        find_links: Folders, pages and files to look at besides.
        net: How to reach them.
    """

    indexes: list[str]
    find_links: list[str]
    net: Net


def read() -> PipSettings:
    """Read pip's settings.

    Raises:
        FetchFailed: One of pip's files can't be read.
    """
    said = values()
    indexes: list[str] = []
    if said.get("no-index", "").lower() not in {"1", "y", "yes", "t", "true", "on"}:
        main = said.get("index-url") or _default_index()
        indexes = [*([main] if main else []), *said.get("extra-index-url", "").split()]
    timeout = said.get("timeout", said.get("default-timeout", ""))
    net = Net(
        authorities=said.get("cert"),
        proxy=said.get("proxy"),
        trusted=frozenset(said.get("trusted-host", "").split()),
        timeout_s=float(timeout) if timeout.isdigit() else Net().timeout_s,
    )
    return PipSettings(indexes, said.get("find-links", "").split(), net)


@cache
def _default_index() -> str | None:
    # pip alone knows its default: the installed one, else the one that Python carries for new
    # virtual environments. Where neither is there, the user must name an index.
    carried = [str(wheel) for wheel in _carried()]
    code = (
        f"import sys; sys.path += {carried!r}; "
        "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    )
    command = [sys.executable, "-I", "-c", code]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.strip() or None


def _carried() -> list[Path]:
    try:
        import ensurepip
    except ImportError:
        return []
    return sorted(Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl"))


def values() -> dict[str, str]:
    """Return what pip's files and variables set, by names without dashes in front.

    Raises:
        FetchFailed: One of the files can't be read.
    """
    found: dict[str, str] = {}
    for file in _files():
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise FetchFailed(f"pip's settings in {file} can't be read: {error}") from error
        for section in ("global", "download"):
            if parser.has_section(section):
                found |= {_key(name): text for name, text in parser.items(section) if text}
    for name, text in os.environ.items():
        if name.upper().startswith("PIP_") and text:
            found[_key(name[4:])] = text
    return found


def _key(name: str) -> str:
    return name.lower().replace("_", "-").removeprefix("--")


def _files() -> Iterator[Path]:
    given = os.environ.get("PIP_CONFIG_FILE")
    if given == os.devnull:
        return
    name = "pip.ini" if sys.platform == "win32" else "pip.conf"
    yield from (folder / name for folder in _system_folders())
    if not (given and Path(given).exists()):
        yield from (folder / name for folder in _user_folders())
    yield Path(sys.prefix) / name
    if given:
        yield Path(given)


def _system_folders() -> list[Path]:
    if sys.platform == "win32":
        return [Path(os.environ.get("PROGRAMDATA", "C:\\ProgramData")) / "pip"]
    if sys.platform == "darwin":
        return [Path("/Library/Application Support/pip")]
    shared = os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    return [*(Path(folder) / "pip" for folder in shared.split(os.pathsep)), Path("/etc")]


def _user_folders() -> list[Path]:
    user = Path.home()
    if sys.platform == "win32":
        roaming = Path(os.environ.get("APPDATA", user / "AppData" / "Roaming"))
        return [user / "pip", roaming / "pip"]
    own = Path(os.environ.get("XDG_CONFIG_HOME") or user / ".config") / "pip"
    if sys.platform == "darwin":
        library = user / "Library" / "Application Support" / "pip"
        own = library if library.is_dir() else user / ".config" / "pip"
    return [user / ".pip", own]
