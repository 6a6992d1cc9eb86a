"""What sounds, pictures and videos share: nothing at all, and text in place of media."""

from __future__ import annotations

import re

from omnibind.calls.verification.rules import Case
from omnibind.contracts.media import sniff

QUOTED = 100

# What might be a key: a value that is named like one, and long runs with digits.
_NAMED = re.compile(
    r"(?i)((?:key|token|secret|passw\w*|authorization|bearer|credential\w*|signature)"
    r"[\"']?\s*[:=]?\s*(?:bearer\s+)?[\"']?)[^\s\"'<>,;&{}]{4,}"
)
_RUN = re.compile(r"(?=[\w+=-]*\d)[\w+=-]{12,}|[\w+=-]{24,}")

_TEXTS = {
    "text/html": "an HTML page",
    "application/json": "JSON",
    "text/plain": "text",
}


def is_judged_further(case: Case, content: bytes, noun: str) -> bool:
    """Judge bytes before they are decoded; False where there is nothing to decode."""
    if not content:
        case.refuse("empty", f"no bytes; {noun} was expected")
        return False
    found = _TEXTS.get(sniff.media_type(content))
    if found:
        case.refuse("text", f"{found} in place of {noun}: {quoted(content)}")
    return True


def quoted(content: bytes) -> str:
    """Return the beginning of a text for a message, without what might be a key."""
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    text = content[:2000].decode(encoding, "replace").lstrip("\ufeff")
    text = _RUN.sub("…", _NAMED.sub(r"\1…", " ".join(text.split())))
    return repr(text if len(text) <= QUOTED else text[:QUOTED] + "…")
