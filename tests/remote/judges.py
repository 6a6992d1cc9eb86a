"""Who judges a request without the live service: Prism, Steady and our own comparison of names.

The two servers come from npm (``scripts/install_judges.py``) and read a service's specification;
neither sees everything that the other does, so that what either of them says counts.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection
from pathlib import Path

from tests.remote.recorder import Request
from tests.remote.servers import Prism, Server, Steady
from tests.remote.specification import Specification

# Where the key goes in services whose specification doesn't say so.
KEY_HEADERS = {"anthropic": "x-api-key", "elevenlabs": "xi-api-key", "gemini": "x-goog-api-key"}


class Judges:
    """Both servers for one specification, started when first asked, and the comparison of names.

    Attributes:
        specification: What they judge by.
    """

    def __init__(self, spec: Path) -> None:
        self.specification = Specification(spec)
        self._servers: list[Server] = []
        self._place: tempfile.TemporaryDirectory[str] | None = None

    def judge(self, request: Request, *, beyond: Collection[str] = ()) -> list[str]:
        """Return what is wrong with a request, who says so first; nothing where it is right.

        Args:
            request: As it was recorded.
            beyond: Names that the service knows and its specification doesn't: ``query.alt``,
                ``body.audio.voice``. They are left out of what is judged.

        Raises:
            RuntimeError: A server doesn't start or broke.
        """
        self.start()
        for name in beyond:
            request = _without(request, name)
        found = [f"names: {name}" for name in self.specification.unknown_names(request)]
        header = KEY_HEADERS.get(self.specification.path.stem)
        if header and not request.header(header):
            found.append(f"key: there is no header {header}")
        if not request.path.startswith(f"{self.specification.prefix}/"):
            found.append(f"path: {request.path} isn't below {self.specification.prefix}")
        for server in self._servers:
            found += [f"{server.name}: {text}" for text in server.judge(request)]
        return found

    @property
    def is_running(self) -> bool:
        return bool(self._servers)

    def start(self) -> None:
        """Start both servers where they don't run.

        Raises:
            RuntimeError: One of them doesn't start; its own words are in the message.
        """
        if self._servers:
            return
        self._place = tempfile.TemporaryDirectory(prefix="omnibind-judges-")
        try:
            for judge in (Prism, Steady):
                self._servers.append(judge(self.specification, Path(self._place.name)))
            for server in self._servers:
                server.await_start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop both servers; ``judge`` starts them again."""
        for server in self._servers:
            server.close()
        self._servers = []
        if self._place is not None:
            self._place.cleanup()
            self._place = None


class Panel:
    """The judges of a folder of specifications, by name; only a few run at once.

    Attributes:
        folder: Where ``NAME.json`` lies.
        at_once: How many pairs of servers may run; each takes some 220 MB.
    """

    def __init__(self, folder: Path, at_once: int = 4) -> None:
        self.folder = folder
        self.at_once = at_once
        self._judges: dict[str, Judges] = {}

    def __call__(self, name: str) -> Judges:
        """Return the judges by a specification; those not asked for longest stop for them."""
        judges = self._judges.pop(name, None) or Judges(self.folder / f"{name}.json")
        self._judges[name] = judges
        for early in list(self._judges.values())[: -self.at_once]:
            early.close()
        return judges

    def close(self) -> None:
        for judges in self._judges.values():
            judges.close()


def _without(request: Request, name: str) -> Request:
    """Return a request without one name; it must be there."""
    place, _, key = name.partition(".")
    if place == "query":
        path, _, query = request.target.partition("?")
        left = [pair for pair in query.split("&") if pair.partition("=")[0] != key]
        return request._replace(target=f"{path}?{'&'.join(left)}" if left else path)
    if request.content_type != "application/json":
        return request.with_form(part for part in request.form() if part.name != key)
    data = inside = request.json()
    *outer, last = key.split(".")
    for step in outer:
        inside = inside[step]
    del inside[last]
    return request._replace(body=json.dumps(data).encode())
