"""uv, the program that makes virtual environments: found, handed pip's settings, run, quoted."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from omnibind.contracts.errors import InstallFailed, PackagesMissing
from omnibind.weights import pip_settings

Progress = Callable[[str], None]

_MOST_WORDS = 2000
# These would lead a command to another interpreter than the one named, or turn off what a lock is
# for. All other settings of uv stay the user's.
_NOT_KEPT = ("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_NO_VERIFY_HASHES", "UV_REQUIRE_HASHES")
_INDEXES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")
_NO = {"", "0", "n", "no", "f", "false", "off"}
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s,`'\"<>()]+")
_NO_FRAME = str.maketrans(dict.fromkeys("×╰─▶│├", " "))
_FAILURE = ("error", "  ×")
_UNTOLD = (" + ", " - ", " ~ ", "Using ", "Creating ", "Activate ")


class Uv(NamedTuple):
    """uv, ready to be run.

    Attributes:
        program: The executable.
        environment: The variables that it is run with.
        arguments: What every command that installs is given besides.
        has_own_places: True where the user's settings name places for packages, whose builds of
            torch are then taken as they are.
    """

    program: str
    environment: dict[str, str]
    arguments: tuple[str, ...]
    has_own_places: bool

    def version(self) -> str:
        """Return its version."""
        told = subprocess.run(
            [self.program, "--version"], capture_output=True, text=True, check=False
        )
        return [*told.stdout.split(), "", "unknown"][1]

    def run(
        self, arguments: Sequence[str], folder: Path, descriptor: int, progress: Progress
    ) -> None:
        """Run one command to its end.

        Args:
            arguments: What follows ``uv``.
            folder: Where it runs.
            descriptor: Inherited by it, so that a lock lasts as long as it runs, even where this
                process is killed.
            progress: Told what uv says that it does.

        Raises:
            InstallFailed: It failed; the message holds its own words, without addresses.
        """
        said: list[str] = []
        failed = False
        process = subprocess.Popen(
            [self.program, *arguments, "--color", "never"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=self.environment,
            cwd=folder,
            pass_fds=(descriptor,),
        )
        with process:
            try:
                assert process.stderr is not None
                for line in process.stderr:
                    said.append(line)
                    failed = failed or line.startswith(_FAILURE)
                    if line.strip() and not failed and not line.startswith(_UNTOLD):
                        progress(self._without_addresses(line.strip()))
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise InstallFailed(self._words(said) or f"uv ended with code {process.returncode}")

    def _words(self, said: Sequence[str]) -> str:
        """Return why uv failed, in its own words."""
        start = next((n for n, line in enumerate(said) if line.startswith(_FAILURE)), 0)
        words = " ".join(" ".join(said[start:]).translate(_NO_FRAME).split())
        words = self._without_addresses(words)
        return words if len(words) <= _MOST_WORDS else f"{words[:_MOST_WORDS]}…"

    def _without_addresses(self, text: str) -> str:
        hosts = {
            urlsplit(address).hostname
            for name in ("UV_FIND_LINKS", *_INDEXES)
            for address in _ADDRESS.findall(self.environment.get(name, ""))
        }
        text = _ADDRESS.sub("<address>", text)
        for host in filter(None, hosts):
            text = text.replace(host, "<host>")
        return text


def find() -> Uv:
    """Find uv and hand it pip's own settings, which it doesn't read itself.

    Variables that the user set for uv go before them. Addresses are handed on as variables, which
    other users of the machine can't list.

    Raises:
        PackagesMissing: There is no uv.
        FetchFailed: One of pip's files can't be read.
    """
    pip = pip_settings.values()
    if pip.get("extra-index-url") and not pip.get("index-url"):
        main, *_ = pip_settings.read().indexes  # that of pip itself
        pip["index-url"] = main
    return _handed(_program(), pip, os.environ)


def _program() -> str:
    found: str | None = None
    try:
        from uv import find_uv_bin

        found = find_uv_bin()
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise PackagesMissing(
            "environments are made by uv, which isn't installed",
            command="pip install 'omnibind[environments]'",
        )
    return found


def _handed(program: str, pip: Mapping[str, str], variables: Mapping[str, str]) -> Uv:
    environment = {name: text for name, text in variables.items() if name not in _NOT_KEPT}
    given = {
        "UV_INSECURE_HOST": pip.get("trusted-host", ""),
        "UV_HTTP_TIMEOUT": pip.get("timeout", pip.get("default-timeout", "")),
        "SSL_CERT_FILE": pip.get("cert", ""),
        "HTTP_PROXY": pip.get("proxy", ""),
        "HTTPS_PROXY": pip.get("proxy", ""),
        "UV_FIND_LINKS": ",".join(pip.get("find-links", "").split()),
    }
    arguments: tuple[str, ...] = ()
    if not any(environment.get(name) for name in _INDEXES):
        given["UV_DEFAULT_INDEX"] = pip.get("index-url", "")
        if extra := pip.get("extra-index-url", "").split():
            # pip takes the best of all its indexes, uv the first that has any. Of one release uv
            # takes the first index's files alone, so the main one comes first.
            given["UV_INDEX"] = " ".join([*pip.get("index-url", "").split(), *extra])
            given["UV_INDEX_STRATEGY"] = "unsafe-best-match"
        if pip.get("no-index", "").lower() not in _NO:
            arguments = ("--no-index",)
    for name, text in given.items():
        if text and name not in environment and name.lower() not in environment:
            environment[name] = text
    own = any(environment.get(name) for name in ("UV_FIND_LINKS", *_INDEXES))
    return Uv(program, environment, arguments, own or bool(arguments))
