"""A service on this machine that answers by a script, and a remote binding that uses it."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import PIL.Image

MANIFEST = """\
schema: 1
summary: A service of the tests.
kind: remote
entry: Draws
license: {code: Apache-2.0, weights: service terms}
model_option: model_name
default_model: large
"""

MODELS = """\
large: {price: {usd: 0.04, per: image}}
small: {price: {usd: 0.01, per: image}}
gift: {}
"""

CODE = '''
"""Draws by a service of the tests."""

import json
from typing import Annotated

from omnibind import Image, Range, TTIBinding
from omnibind.contracts.effects import Send
from omnibind.contracts.errors import (
    BadReply, ContentRefused, KeyRefused, QuotaExceeded, RateLimited, Unavailable,
)
from omnibind.contracts.http import Request
from omnibind.contracts.media import Meta

ERRORS = {401: KeyRefused, 402: QuotaExceeded, 429: RateLimited, 503: Unavailable}


class Draws(TTIBinding):
    """Draws by a service."""

    def __init__(self, *, url: str = "", model_name: str = "large") -> None:
        self.url = url

    async def generate_image_flow(
        self,
        prompt: str,
        *,
        width: Annotated[int, Range(16, 64), "pixels"] = 32,
        seed: int | None = None,
    ) -> Image:
        body = json.dumps({"prompt": prompt, "width": width, "seed": seed}).encode()
        reply = await Send(Request("POST", self.url, {}, body), 9**9)
        wait = reply.headers.get("retry-after")
        if reply.status == 451:
            raise ContentRefused("the service declined the prompt")
        if reply.status in ERRORS:
            error = ERRORS[reply.status]
            raise error(f"the service says {reply.status}", status=reply.status,
                        retry_after=float(wait) if wait else None)
        if reply.status != 200:
            raise BadReply(f"the service says {reply.status}", status=reply.status)
        cost = reply.headers.get("x-cost")
        return Image(reply.body, meta=Meta(cost_usd=float(cost) if cost else None))

    def generate_image(self, prompt, *args, **options):
        raise TypeError("the flow is what is run")
'''


def picture(width: int = 32) -> bytes:
    """A PNG of a gradient."""
    row = np.linspace(0, 255, width).astype(np.uint8)
    pixels = np.broadcast_to(row[None, :, None], (width, width, 3))
    buffer = BytesIO()
    PIL.Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


class Answer(NamedTuple):
    """What the service says to one request."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = picture()


class Service:
    """A real HTTP server: the answers are given one after another; the last one stays.

    Attributes:
        url: Where it listens.
        asked: The requests so far, as JSON data.
    """

    def __init__(self) -> None:
        self.answers: list[Answer] = [Answer()]
        self.asked: list[dict[str, Any]] = []
        self.meanwhile: Any = lambda: None
        service, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                with lock:
                    service.asked.append(json.loads(content))
                    several = len(service.answers) > 1
                    answer = service.answers.pop(0) if several else service.answers[0]
                service.meanwhile()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/pictures"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def prompts(self) -> list[str]:
        return [request["prompt"] for request in self.asked]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
