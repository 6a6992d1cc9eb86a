"""Recorded exchanges with the services; what was cut from them is real media again.

A recording is a file in JSON with the origin and the licence of what it holds. Its pictures and
sounds were cut to their first bytes and their sizes; here they are files of the same kind and size,
so that what reads them has real work, while every other byte of a reply is as it was recorded.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.remote.real_media import kind_of, media
from tests.remote.recorder import Answer

CUT = re.compile(r"([A-Za-z0-9+/]+)\.\.\.<b64 cut, (\d+) chars>")
PIECE = 16384

# Of the connection that was recorded.
OWN_HEADERS = {"content-encoding", "content-length", "transfer-encoding"}


class Exchange(NamedTuple):
    """One request and its reply.

    Attributes:
        method: In capitals.
        url: The whole address.
        request_body: What was sent; None where it was cut.
        status: Of the reply.
        headers: Of the reply, names in lower case, without those of the connection.
        body: Of the reply, refilled.
        chunked: Whether the reply came in chunks.
    """

    method: str
    url: str
    request_body: bytes | None
    status: int
    headers: Mapping[str, str]
    body: bytes
    chunked: bool

    def answer(self, moved: Mapping[str, str] | None = None) -> Answer:
        """Return the reply for a recorder.

        Args:
            moved: Hosts that the reply names, and where they are now:
                ``{"https://imgen.x.ai": recorder.url}``.
        """
        body = self.body
        for old, new in (moved or {}).items():
            body = body.replace(old.encode(), new.encode())
        pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)]
        return Answer(self.status, self.headers, pieces if self.chunked else body)


class Recording(NamedTuple):
    """The exchanges of one file.

    Attributes:
        origin: Where they were found; empty where the file doesn't say.
        licence: Of the file there; empty where the file doesn't say.
        exchanges: In their order.
    """

    origin: str
    licence: str
    exchanges: list[Exchange]

    def answers(self, moved: Mapping[str, str] | None = None) -> list[Answer]:
        """Return all replies in their order, as a script for a recorder."""
        return [exchange.answer(moved) for exchange in self.exchanges]


def load(path: Path) -> Recording:
    """Read a recording; a file that is only a reply's JSON gives that reply with status 200."""
    text = path.read_text()
    document = json.loads(text)
    if "interactions" not in document:
        reply = {"content-type": "application/json"}
        return Recording("", "", [Exchange("POST", "", None, 200, reply, text.encode(), False)])
    exchanges = [_exchange(each) for each in document["interactions"]]
    return Recording(document["origin"], document["licence"], exchanges)


def _exchange(said: Mapping[str, Any]) -> Exchange:
    every = {name.lower(): ", ".join(texts) for name, texts in said["resp_headers"].items()}
    sent = said["req_body"]
    return Exchange(
        method=said["method"].upper(),
        url=said["uri"],
        request_body=sent.encode() if isinstance(sent, str) else None,
        status=said["status"],
        headers={name: text for name, text in every.items() if name not in OWN_HEADERS},
        body=_refilled(said["resp_body"]),
        chunked="chunked" in every.get("transfer-encoding", ""),
    )


def _refilled(body: str | Mapping[str, Any]) -> bytes:
    if isinstance(body, str):
        return CUT.sub(_refilled_text, body).encode()
    head = bytes.fromhex(body["head_hex"])
    kind = kind_of(head)
    if kind is None:
        raise ValueError(f"a recorded body begins with {head[:8].hex()}, which is no known media")
    return media(kind, body["bytes"])


def _refilled_text(cut: re.Match[str]) -> str:
    head, size = cut[1], int(cut[2])
    kind = kind_of(base64.b64decode(head[: len(head) // 4 * 4]))
    if kind is not None:
        return base64.b64encode(media(kind, size // 4 * 3)).decode()
    # A token of the service's own: nobody reads it, but it is carried along.
    return head + "A" * (size - len(head))
