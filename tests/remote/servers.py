"""The two servers that check requests, each with what it can't read put in a way that it can."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from tests.remote.forms import Part
from tests.remote.recorder import Request
from tests.remote.specification import Specification

JUDGES = Path(__file__).parents[2] / ".venv-test" / "judges"
PRISM = JUDGES / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
STEADY = "node_modules/@stdy/cli-*/bin/steady*"

START_S = 60.0

# Of the connection, not of the request.
OWN_HEADERS = {"connection", "content-length", "expect", "host", "transfer-encoding"}

# How a service's own SDK writes lists and objects in queries and forms, where not in brackets.
WRITTEN = {"elevenlabs": {"array": "repeat"}}


def why_missing() -> str | None:
    """Tell what is to be done for the servers to be there; None where they are."""
    if shutil.which("node") and PRISM.is_file() and any(JUDGES.glob(STEADY)):
        return None
    return "the judges aren't there: install Node.js and run python3 scripts/install_judges.py"


class Verdict(NamedTuple):
    """A server's reply."""

    status: int
    headers: dict[str, str]
    body: bytes


class Server:
    """One server process for one specification.

    Attributes:
        name: Of the program.
        specification: What it judges by.
    """

    name = ""

    def __init__(self, specification: Specification, folder: Path) -> None:
        """Start it, without waiting until it listens; ``folder`` is for its files."""
        self.specification = specification
        spec = folder / f"{self.name}.json"
        spec.write_text(json.dumps(specification.of_requests()))
        # Steady doesn't tell which port it took of its own, so that one is looked for.
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port: int = free.getsockname()[1]
        self._log = folder / f"{self.name}.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(spec, str(self._port)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _command(self, spec: Path, port: str) -> list[str]:
        raise NotImplementedError

    def _complaints(self, verdict: Verdict) -> list[str]:
        raise NotImplementedError

    def _put(self, request: Request) -> Request:
        return request

    def await_start(self) -> None:
        """Return when it listens.

        Raises:
            RuntimeError: It ended or is too slow; its own words are in the message.
        """
        until = time.monotonic() + START_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError(f"{self.name} didn't start:\n{self._said()}")

    def judge(self, request: Request) -> list[str]:
        """Return what the server says against a request.

        Raises:
            RuntimeError: The server broke, which says nothing about the request.
        """
        verdict = self._ask(self._put(request))
        told = verdict.body.decode(errors="replace")[:2000]
        if verdict.status >= 500:
            raise RuntimeError(f"{self.name} broke at {request.target}: {told}\n{self._said()}")
        found = list(dict.fromkeys(self._complaints(verdict)))
        return found or ([f"HTTP {verdict.status}: {told}"] if verdict.status >= 400 else [])

    def _ask(self, request: Request) -> Verdict:
        target = request.target.removeprefix(self.specification.prefix)
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.putrequest(request.method, target, skip_accept_encoding=True)
            for name, text in request.headers:
                if name.lower() not in OWN_HEADERS:
                    connection.putheader(name, text)
            if request.body or request.method not in ("GET", "DELETE"):
                connection.putheader("content-length", str(len(request.body)))
            connection.endheaders(request.body)
            reply = connection.getresponse()
            headers = {name.lower(): text for name, text in reply.getheaders()}
            return Verdict(reply.status, headers, reply.read())
        except OSError as error:
            raise RuntimeError(f"{self.name} doesn't answer: {error}\n{self._said()}") from error
        finally:
            connection.close()

    def _said(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class Prism(Server):
    """Sees a missing key, ranges and wrong types; not unknown names in forms."""

    name = "prism"

    def _command(self, spec: Path, port: str) -> list[str]:
        program = [shutil.which("node") or "node", str(PRISM), "mock", "--errors"]
        quiet = ["--multiprocess=false", "--verboseLevel=warn"]
        return [*program, *quiet, "--host=127.0.0.1", f"--port={port}", str(spec)]

    def _put(self, request: Request) -> Request:
        """Take out of a form what Prism can't read: lists, objects and the bytes of files."""
        if request.content_type != "multipart/form-data":
            return request
        kinds = self.specification.field_kinds(request)
        fields: dict[str, Part] = {}
        for part in request.form():
            name = part.name.removesuffix("[]")
            if kinds.get(name, {"string"}) - {"array", "object", "null"}:
                content = part.content if part.filename is None else b"(bytes)"
                fields.setdefault(name, part._replace(name=name, content=content))
        return request.with_form(fields.values())

    def _complaints(self, verdict: Verdict) -> list[str]:
        if verdict.status < 400:
            return []
        problem = json.loads(verdict.body)
        listed = problem.get("validation", [])
        found = [f"{'.'.join(each['location'])}: {each['message']}" for each in listed]
        return found or [f"{problem['title']}: {problem['detail']}"]


class Steady(Server):
    """Sees forms whole, and unknown names where the schema is closed; knows no keys."""

    name = "steady"

    def _command(self, spec: Path, port: str) -> list[str]:
        (program,) = JUDGES.glob(STEADY)
        written = WRITTEN.get(self.specification.path.stem, {})
        formats = [
            f"--validator-{place}-{kind}-format={written.get(kind, 'brackets')}"
            for place in ("query", "form")
            for kind in ("array", "object")
        ]
        return [str(program), "--host=127.0.0.1", f"--port={port}", *formats, str(spec)]

    def _complaints(self, verdict: Verdict) -> list[str]:
        """Return all that Steady noted, what it let pass too: it is lenient with ranges."""
        noted = int(verdict.headers.get("x-steady-error-count", 0))
        return [
            ": ".join(
                verdict.headers.get(f"x-steady-error-{at}-{part}", "")
                for part in ("path", "message")
            )
            for at in range(1, noted + 1)
        ]
