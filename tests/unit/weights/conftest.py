"""A home of its own for every test, and a real web server on this machine."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from omnibind.weights import places


@dataclass
class Resource:
    content: bytes
    tag: str | None = None
    content_type: str = "application/octet-stream"
    ranges: bool = True
    breaks: list[int] = field(default_factory=list)  # bytes to send before hanging up, in order
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    sent: int = 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # clients hang up as they like
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class WebServer:
    """Serves ``resources`` by path and keeps what it was asked for."""

    def __init__(self) -> None:
        self.resources: dict[str, Resource] = {}
        self.seen: list[Seen] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                web._answer(self)

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *args: object) -> None:
                return

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def serve(self, path: str, content: bytes, **facts: object) -> str:
        self.resources[path] = Resource(content, **facts)  # type: ignore[arg-type]
        return self.url + path

    def gets(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == path and seen.method == "GET"]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path.partition("?")[0]
        seen = Seen(request.command, path, {k.lower(): v for k, v in request.headers.items()})
        self.seen.append(seen)
        resource = self.resources.get(path, Resource(b"nothing here", status=404))
        body, status = resource.content, resource.status
        headers = {"Content-Type": resource.content_type, **resource.headers}
        if resource.tag:
            headers["ETag"] = resource.tag
        asked = re.fullmatch(r"bytes=(\d+)-", seen.headers.get("range", ""))
        condition = seen.headers.get("if-range")
        if asked and resource.ranges and status == 200 and condition in {None, resource.tag}:
            start = int(asked[1])
            if start >= len(body):
                status, headers["Content-Range"] = 416, f"bytes */{len(body)}"
                body = b""
            else:
                status = 206
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
                body = body[start:]
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command == "HEAD":
            return
        if resource.breaks:
            body = body[: resource.breaks.pop(0)]
            request.close_connection = True
        seen.sent = len(body)
        request.wfile.write(body)


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("OMNIBIND_OFFLINE", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("OMNIBIND_HOME", str(folder))
    monkeypatch.setattr(places, "checkout", lambda: None)
    return folder


@pytest.fixture(scope="session")
def weights() -> bytes:
    """Half a megabyte that looks like nothing else."""
    return b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(16384))
