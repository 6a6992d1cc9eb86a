"""A real HTTP/1.1 server on loopback that keeps every request whole and answers by a script."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import repeat
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tests.remote import forms


class Request(NamedTuple):
    """What came over the wire.

    Attributes:
        method: ``GET``, ``POST``, …
        target: Path and query as they were written.
        headers: Names as they were written, with their texts, in their order.
        body: The content, out of its chunks.
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path as it was written."""
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query, keep_blank_values=True)

    def header(self, name: str) -> str | None:
        """Return a header's text, whatever the case of its name."""
        texts = [text for key, text in self.headers if key.lower() == name.lower()]
        return ", ".join(texts) or None

    @property
    def content_type(self) -> str:
        """The type alone, in lower case; empty where none was said."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> list[forms.Part]:
        """Return the parts of a multipart form, or the fields of a URL-encoded one."""
        if self.content_type != "multipart/form-data":
            fields = parse_qsl(self.body.decode(), keep_blank_values=True)
            return [forms.field(name, text) for name, text in fields]
        return forms.read(self.header("content-type") or "", self.body)

    def with_form(self, parts: Iterable[forms.Part]) -> Request:
        """Return the request with another form in it."""
        content_type, body = forms.write(parts)
        return self._replace(body=body).with_header("Content-Type", content_type)

    def with_header(self, name: str, text: str | None) -> Request:
        """Return the request with a header replaced; None takes it out."""
        kept = [(key, of) for key, of in self.headers if key.lower() != name.lower()]
        return self._replace(headers=(*kept, *([(name, text)] if text is not None else [])))


class Answer(NamedTuple):
    """What the server says to one request; the functions below make the usual ones.

    Attributes:
        status: The HTTP status.
        headers: More headers; they go before those the server makes.
        body: The content. Bytes go with their length, pieces as chunks; the pieces of an answer
            that serves several requests can't be an iterator.
        wait_s: Silence before the first byte.
        pause_s: Silence between the pieces.
        claimed: What ``Content-Length`` says in place of the truth.
        complete: Whether the last chunk and the next request come; else the connection closes.
    """

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes | Iterable[bytes] = b""
    wait_s: float = 0.0
    pause_s: float = 0.0
    claimed: int | None = None
    complete: bool = True


def as_json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with JSON."""
    kind = {"content-type": "application/json", **(headers or {})}
    return Answer(status, kind, json.dumps(data).encode())


def as_media(body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with the bytes of a file."""
    return Answer(200, {"content-type": content_type, **(headers or {})}, body)


def as_events(events: Iterable[Any], pause_s: float = 0.0) -> Answer:
    """Answer with server-sent events: JSON data each, or a text such as ``[DONE]`` as it is."""
    texts = [event if isinstance(event, str) else json.dumps(event) for event in events]
    pieces = [f"data: {text}\n\n".encode() for text in texts]
    return Answer(200, {"content-type": "text/event-stream"}, pieces, pause_s=pause_s)


def dripping(body: bytes, content_type: str, *, size: int, pause_s: float) -> Answer:
    """Answer in pieces of ``size`` bytes with pauses between them."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return Answer(200, {"content-type": content_type}, pieces, pause_s=pause_s)


def truncated(body: bytes, content_type: str, *, after: int) -> Answer:
    """Announce the whole length, and close the connection after some bytes."""
    return Answer(200, {"content-type": content_type}, body[:after], claimed=len(body))


def broken_chunks(pieces: Iterable[bytes], content_type: str) -> Answer:
    """Send chunks, and close the connection where the last one should come."""
    return Answer(200, {"content-type": content_type}, pieces, complete=False)


def endless(content_type: str, piece: bytes = bytes(65536)) -> Answer:
    """Send the same piece until the other side goes."""
    return Answer(200, {"content-type": content_type}, repeat(piece))


def redirect(url: str, status: int = 302) -> Answer:
    """Send the other side elsewhere."""
    return Answer(status, {"location": url})


class HangUp(Exception):
    """To be raised by a script: the connection closes without a word."""


Script = Callable[[Request], Answer]


class Recorder:
    """A server that keeps every request and answers by a script; a context manager.

    Attributes:
        url: Where it listens, without a slash at its end.
        requests: The requests so far, in the order in which they were complete.
        connections: How many were made so far.
        script: Gives the answer to a request, or a sequence of answers of which the last one stays.
    """

    def __init__(self, script: Script | Sequence[Answer] = ()) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.connections = 0
        self._failed: list[Exception] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def script(self) -> Script | Sequence[Answer]:
        return self._script

    @script.setter
    def script(self, script: Script | Sequence[Answer]) -> None:
        self._script = script
        self._left = [] if callable(script) else list(script)

    @property
    def only(self) -> Request:
        """The one request that came."""
        (request,) = self.requests
        return request

    def close(self) -> None:
        """Close every connection, those in the middle of an answer too, and the server.

        Raises:
            Exception: What the script raised, where it did.
        """
        self._closing.set()
        self._server.shutdown()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()
        if self._failed:
            raise self._failed.pop()

    def _answer(self, request: Request) -> Answer | None:
        with self._lock:
            self.requests.append(request)
            if not callable(self._script):
                return self._left.pop(0) if len(self._left) > 1 else (self._left or [Answer()])[0]
        try:
            return self._script(request)
        except HangUp:
            return None
        except Exception as error:
            self._failed.append(error)
            return None


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 1024

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, address: Any) -> None:
        """Say nothing where the other side is gone; that is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        with self.server.recorder._lock:
            self.server.recorder._open.add(self.connection)
            self.server.recorder.connections += 1
            # Accepted just before the recorder closed, and unknown to it then.
            if self.server.recorder._closing.is_set():
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        with self.server.recorder._lock:
            self.server.recorder._open.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def _exchange(self) -> None:
        request = Request(self.command, self.path, tuple(self.headers.items()), self._content())
        answer = self.server.recorder._answer(request)
        if answer is None:
            self.close_connection = True
            return
        self._pause(answer.wait_s)
        self._send(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _exchange  # noqa: N815

    def _content(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        pieces = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, text in answer.headers.items():
            self.send_header(name, text)
        if isinstance(answer.body, bytes):
            claimed = len(answer.body) if answer.claimed is None else answer.claimed
            self.send_header("content-length", str(claimed))
            self.end_headers()
            self.wfile.write(answer.body)
        else:
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self._send_chunks(answer.body, answer.pause_s)
            if answer.complete:
                self.wfile.write(b"0\r\n\r\n")
        if answer.claimed is not None or not answer.complete:
            self.close_connection = True

    def _send_chunks(self, pieces: Iterable[bytes], pause_s: float) -> None:
        for number, piece in enumerate(pieces):
            # The recorder may close while this sleeps, or while the other side reads on and on.
            if self._pause(pause_s if number else 0.0):
                return
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    def _pause(self, seconds: float) -> bool:
        return self.server.recorder._closing.wait(seconds)

    def log_message(self, *args: object) -> None:
        """Say nothing."""
