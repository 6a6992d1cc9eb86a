"""The Gemini API, and what its bindings share.

Source: Gemini API v1beta, ``models.generateContent``, ``models.streamGenerateContent``; recorded
replies; google-genai 3.3.0.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping, Sequence
from typing import Any

from omnibind.contracts.errors import BadOption, BadReply, ContentRefused, OmnibindError
from omnibind.contracts.http import Reply
from omnibind.remote.replies import cut, picked
from omnibind.remote.requests import part

from .google import Google

REFUSALS = frozenset(
    (
        *("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "ESCALATION"),
        *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
    )
)
"""Reasons to finish that are about the content."""

_NOUNS = {"audio": "a sound", "image": "a picture"}


class Gemini(Google):
    """The Gemini API."""

    host = "https://generativelanguage.googleapis.com/v1beta"
    test_path = "/models"
    base_url_names = ("GEMINI_BASE_URL",)

    def media(self, data: Any, family: str) -> list[Mapping[str, Any]]:
        """Return the media of a kind in a reply, each with ``mimeType`` and ``data``.

        Args:
            data: The reply's JSON.
            family: ``audio`` or ``image``.

        Raises:
            ContentRefused: There are none: the prompt or the result was declined.
            BadReply: There are none for another reason.
        """
        found = [one["inlineData"] for one in parts_of(data) if "inlineData" in one]
        fitting = [one for one in found if str(one.get("mimeType")).startswith(f"{family}/")]
        if not fitting:
            raise self.nothing(data, family)
        return fitting

    def nothing(self, data: Any, family: str) -> OmnibindError:
        """Return the error for a reply of status 200 without what was asked for."""
        feedback, candidate = data.get("promptFeedback") or {}, candidate_of(data)
        blocked = feedback.get("blockReason")
        reason = str(blocked or candidate.get("finishReason") or "no reason is given")
        said = cut(str(candidate.get("finishMessage") or text_of(data)))
        told = f"{reason}: {said}" if said else reason
        if blocked or reason in REFUSALS:
            words = f"{self.label}: the service declined the content ({told}); change the prompt"
            return self.hidden(ContentRefused(words))
        return self.hidden(
            BadReply(
                f"{self.label}: the service answers without {_NOUNS[family]} ({told}); say in the "
                "prompt what is wanted, or try again",
                status=200,
                code=reason,
                request_id=data.get("responseId"),
            )
        )

    def checked(self, data: Any) -> Any:
        """Return an event of a stream.

        Raises:
            OmnibindError: It tells of a failure.
        """
        if isinstance(data, Mapping) and "error" not in data:
            return data
        said = data["error"] if isinstance(data, Mapping) else None
        code = said.get("code") if isinstance(said, Mapping) else None
        raise self.error(Reply(code or 502, {}, json.dumps(data).encode()))


def route(model: str, method: str) -> str:
    """Return the route of a model's method."""
    return f"/models/{part(model)}:{method}"


def candidate_of(data: Any) -> Mapping[str, Any]:
    """Return what the model answered; nothing where the prompt was blocked."""
    found: list[Mapping[str, Any]] = data.get("candidates") or [{}]
    return found[0]


def parts_of(data: Any) -> list[Mapping[str, Any]]:
    """Return the parts of the model's answer without its thoughts."""
    parts = (candidate_of(data).get("content") or {}).get("parts") or ()
    return [one for one in parts if not one.get("thought")]


def text_of(data: Any) -> str:
    """Return the words of the model's answer."""
    return "".join(str(one["text"]) for one in parts_of(data) if one.get("text")).strip()


def raw_samples(inline: Mapping[str, Any]) -> tuple[bytes, int] | None:
    """Return 16-bit mono samples and their rate; None where it is another encoding.

    Raises:
        BadReply: It isn't base64.
    """
    kind, *details = str(inline["mimeType"]).lower().split(";")
    if kind not in ("audio/l16", "audio/pcm"):
        return None
    rates = (one.partition("=")[2] for one in details if one.strip().startswith("rate="))
    try:
        return b64decode(picked(inline, "data"), validate=True), int(next(rates, 24_000))
    except (Error, ValueError, TypeError):
        raise BadReply("the service sent damaged samples; try again") from None


# ── turns of a conversation: their media are bytes here, and base64 text on the wire ──


def sendable(turn: Any) -> Any:
    """Return a turn as JSON data: bytes become base64 text."""
    if isinstance(turn, (bytes, bytearray, memoryview)):
        return b64encode(turn).decode()
    if isinstance(turn, Mapping):
        return {name: sendable(value) for name, value in turn.items()}
    return [sendable(one) for one in turn] if isinstance(turn, (list, tuple)) else turn


def kept(data: Any) -> dict[str, Any]:
    """Return the model's own turn, to be handed back with the next one."""
    content = candidate_of(data).get("content") or {}
    return {"role": "model", "parts": [_kept(one) for one in content.get("parts") or ()]}


def _kept(one: Mapping[str, Any]) -> dict[str, Any]:
    turned = dict(one)
    if "inlineData" in one:
        turned["inlineData"] = {**one["inlineData"], "data": _packed(one["inlineData"].get("data"))}
    if "thoughtSignature" in one:
        turned["thoughtSignature"] = _packed(one["thoughtSignature"])
    return turned


def _packed(text: Any) -> Any:
    try:
        content = b64decode(text)
    except (Error, ValueError, TypeError):
        return text
    return content if b64encode(content).decode() == text else text


def refuse_odd_turns(history: Sequence[Mapping[str, Any]], owner: str) -> None:
    """Refuse earlier turns that aren't any.

    Raises:
        BadOption: One hasn't got a role and parts.
    """
    for number, turn in enumerate(history):
        if turn.get("role") not in ("user", "model") or not isinstance(turn.get("parts"), list):
            raise BadOption(
                f"history[{number}] isn't a turn for {owner}; give the meta.raw['history'] of the "
                "picture before, or {'role': 'user' or 'model', 'parts': […]}"
            )
