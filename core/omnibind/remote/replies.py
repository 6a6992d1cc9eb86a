"""What services answer: the error that a reply means, and the media that it brings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from omnibind.contracts.errors import (
    BadReply,
    ContentRefused,
    KeyRefused,
    NotSupported,
    OmnibindError,
    QuotaExceeded,
    RateLimited,
    ServiceError,
    Unavailable,
    UnknownModel,
    UnknownVoice,
)
from omnibind.contracts.http import Reply
from omnibind.contracts.media import sniff
from omnibind.contracts.secret import is_secret

Codes = Mapping[str, tuple[type[OmnibindError], str]]
"""A service's own codes, by how they begin: the error that one means, and what to do, which may be
empty where that is the same for all services."""

MAX_CHARACTERS = 500
"""So much of a service's own words is told."""

_BY_STATUS: Mapping[int, type[ServiceError]] = {
    401: KeyRefused,
    402: QuotaExceeded,
    403: KeyRefused,
    408: Unavailable,
    425: Unavailable,
    429: RateLimited,
}

_BY_WORD: tuple[tuple[re.Pattern[str], type[OmnibindError]], ...] = tuple(
    (re.compile(words, re.IGNORECASE), error)
    for words, error in (
        (
            r"api.?key.{0,20}(invalid|incorrect|not valid|missing)|(invalid|incorrect|missing)"
            r".{0,12}(api.?key|credential|token)|API_KEY_INVALID|unauthenticated|"
            r"authentication_error",
            KeyRefused,
        ),
        (
            r"insufficient_quota|quota_exceeded|quota exceeded|insufficient.{0,12}(credit|balance|"
            r"fund)|out of credits|billing_(hard_limit|not_active)|payment.required",
            QuotaExceeded,
        ),
        (
            r"content_policy|content_filter|content.filter|moderation|safety|nsfw|prohibited|"
            r"flagged|content_moderated|sensitive (content|word)|banned word",
            ContentRefused,
        ),
        (r"model_not_found|model.{0,40}(does not exist|not found)", UnknownModel),
        (r"voice_not_found|voice.{0,40}(does not exist|not found)", UnknownVoice),
    )
)


def error_of(reply: Reply, label: str, codes: Codes | None = None) -> OmnibindError:
    """Return the error that a reply means, told in the service's own words, cut to a line or two.

    Args:
        reply: A reply whose status is 300 or above, or one that tells of a failure all the same.
        label: Who asked, for the message: ``tts/openai``.
        codes: The service's own, which go before its status and its words.
    """
    message, code = told(reply)
    own = next((found for start, found in (codes or {}).items() if code.startswith(start)), None)
    class_, advice = own or (_class_of(reply, message, code), "")
    said = f"{label}: the service says {reply.status}" + (f" ({code})" if code else "")
    text = f"{said}: {message}" if message else f"{said} and nothing else"
    advice = advice or _ADVICE.get(class_, "")
    text = f"{text.rstrip('.')}; {advice}" if advice else text
    if not issubclass(class_, ServiceError):
        return class_(text)
    return class_(
        text,
        status=reply.status,
        code=code or None,
        request_id=request_id_of(reply) or _id_in(reply),
        retry_after=retry_after_of(reply),
    )


_ADVICE: Mapping[type[OmnibindError], str] = {
    KeyRefused: "check the key with: omnibind keys test",
    QuotaExceeded: "fill the account at the service",
    ContentRefused: "change the prompt",
    UnknownModel: "choose a model that list_models() names",
    UnknownVoice: "choose a voice that list_voices() names",
}


def _class_of(reply: Reply, message: str, code: str) -> type[OmnibindError]:
    status = reply.status
    if status in (400, 401, 403, 404, 422, 429) or status < 300:
        for pattern, error in _BY_WORD:
            if pattern.search(code) or pattern.search(message):
                return error
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return NotSupported if status == 501 else Unavailable
    return BadReply if 300 <= status < 400 else ServiceError


def told(reply: Reply) -> tuple[str, str]:
    """Return the words and the code of an error, however its body is made."""
    try:
        data = reply.json()
    except BadReply:
        text = reply.body[:4000].decode("utf-8", "replace")
        if "<html" in text.lower() or "<!doctype" in text.lower():
            text = " ".join(re.findall(r"<title>(.*?)</title>", text, re.IGNORECASE | re.DOTALL))
        return cut(text), ""
    return _told_by(data)


def _told_by(data: Any) -> tuple[str, str]:
    if isinstance(data, str):
        return cut(data), ""
    if isinstance(data, list):
        parts = [_told_by(one)[0] for one in data[:5]]
        return cut("; ".join(part for part in parts if part)), ""
    if not isinstance(data, Mapping):
        return "", ""
    code = _code_of(data)
    for name in ("error", "detail", "errors", "message", "msg", "title", "description", "failure"):
        inner = data.get(name)
        if inner in (None, "", [], {}):
            continue
        words, inner_code = _told_by(inner)
        if not words:
            code = inner_code or code
            continue
        if name == "errors" or (name == "title" and data.get("detail")):
            return words, code or inner_code
        where = ".".join(str(one) for one in data["loc"]) if "loc" in data else ""
        return (cut(f"{where}: {words}") if where else words), inner_code or code
    return "", code


def _code_of(data: Mapping[str, Any]) -> str:
    for name in ("code", "status", "type", "reason", "name"):
        value = data.get(name)
        if isinstance(value, str) and value:
            return value[:80]
        if isinstance(value, int) and not isinstance(value, bool) and name == "code":
            return str(value)
    return ""


def cut(text: str) -> str:
    """Return a service's words in one line, cut where they are long."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 1] + "…"


def request_id_of(reply: Reply) -> str | None:
    """Return the service's id of a request, from the header that it uses."""
    for name in ("x-request-id", "request-id", "x-runway-request-id", "cf-ray", "x-trace-id"):
        if found := reply.headers.get(name):
            return found
    return None


def _id_in(reply: Reply) -> str | None:
    """Return the service's id of a request, where the body of a failure tells it."""
    try:
        data = reply.json()
    except BadReply:
        return None
    found = data.get("request_id") if isinstance(data, Mapping) else None
    return found if isinstance(found, str) and found else None


def retry_after_of(reply: Reply) -> float | None:
    """Return how many seconds the service asks to wait; None where it says nothing usable."""
    milliseconds = reply.headers.get("retry-after-ms", "")
    value = reply.headers.get("retry-after", "").strip()
    try:
        if milliseconds:
            return max(0.0, float(milliseconds) / 1000)
        return max(0.0, float(value)) if value else None
    except ValueError:
        pass
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def picked(data: Any, *path: str | int) -> Any:
    """Return what lies at a path in a reply's JSON.

    Raises:
        BadReply: There is nothing.
    """
    found = data
    for step in path:
        try:
            found = found[step]
        except (KeyError, IndexError, TypeError):
            where = ".".join(str(one) for one in path)
            raise BadReply(f"the service's reply has no {where}; it may have changed") from None
    if found is None:
        where = ".".join(str(one) for one in path)
        raise BadReply(f"the service's reply has nothing as {where}; it may have changed")
    return found


def checked_media(content: bytes, family: str, label: str) -> bytes:
    """Return content, once it is seen to be a sound, a picture or a video.

    Raises:
        BadReply: It is empty or something else.
    """
    if not content:
        raise BadReply(f"{label}: the service answers with an empty {_NOUNS[family]}; try again")
    found = sniff.media_type(content)
    if sniff.family(found) != family:
        looks = sniff.looks_like(content)
        raise BadReply(
            f"{label}: the service sent {looks} instead of a {_NOUNS[family]}; try again"
        )
    return content


def base64_media(text: Any, family: str, label: str) -> bytes:
    """Return the content of base64 text or a data URI of a reply, checked as its kind.

    Raises:
        BadReply: It isn't base64, is empty or something else.
    """
    from base64 import b64decode
    from binascii import Error

    if not isinstance(text, str):
        raise BadReply(f"{label}: the service sent a {type(text).__name__} instead of base64 text")
    if text[:5] == "data:":
        text = text.partition(",")[2]
    try:
        content = b64decode(text, validate=True)
    except (Error, ValueError):
        raise BadReply(f"{label}: the service sent damaged base64 text; try again") from None
    return checked_media(content, family, label)


_NOUNS = {"audio": "sound", "image": "picture", "video": "video"}


def without_media(data: Any) -> Any:
    """Return a reply's JSON for the meta: long texts, which are media, are told by their length."""
    if isinstance(data, str):
        return data if len(data) <= 2000 else f"{len(data)} characters"
    if isinstance(data, Mapping):
        return {
            str(name): without_media(value)
            for name, value in data.items()
            if not is_secret(str(name))
        }
    if isinstance(data, list):
        return [without_media(one) for one in data[:100]]
    return data
