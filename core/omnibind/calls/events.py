"""What is told of a call: its events, and what they show of its options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from omnibind.contracts.secret import is_secret

if TYPE_CHECKING:
    from omnibind.contracts.binding import Progress

Kind = Literal["request", "response", "error", "progress", "fallback"]


class Event(NamedTuple):
    """Something that happened to one call.

    Attributes:
        kind: ``request``, ``progress``, ``fallback``, ``response`` or ``error``.
        call_id: The same in all events of a call, another for every call.
        verb: What was asked for: ``generate_audio``.
        binding: ``modality/name`` of who serves; at a fallback, who failed. None before one was
            chosen.
        model: The model that is used, where it is known.
        label: The caller's own label.
        options: The options as given: keys are masked, media are described in words.
        counts: What is known of the sizes: ``characters``, ``bytes``, ``seconds`` of sound or
            video, ``pictures``.
        elapsed_s: Seconds since the call began.
        attempts: How often a binding was run for this call, retries included.
        cost_usd: What the call cost so far, in US dollars; None where it isn't known.
        cost_basis: How the cost is known: ``free``, ``reported``, ``estimated`` or ``unknown``.
        error: Why the call failed, or why a fallback was needed.
        progress: How far the call is; only for ``progress``.
        next_binding: Who is tried next; only for ``fallback``.
    """

    kind: Kind
    call_id: str
    verb: str
    binding: str | None = None
    model: str | None = None
    label: str | None = None
    options: Mapping[str, Any] = {}
    counts: Mapping[str, float] = {}
    elapsed_s: float = 0.0
    attempts: int = 0
    cost_usd: float | None = None
    cost_basis: str | None = None
    error: BaseException | None = None
    progress: Progress | None = None
    next_binding: str | None = None


_BASE64 = re.compile("[A-Za-z0-9+/_-]{64}")
_LONG_TEXT = 512  # characters; a shorter text is no media content
_MANY = 32  # items; more are samples or pixels
_DEEP = 6


def described(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options for an event: as given, but keys masked and media in a few words."""
    return _described_mapping(options, 0)


def _described_mapping(given: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    return {
        str(name): "***" if is_secret(str(name)) else _described(value, depth)
        for name, value in given.items()
    }


def _described(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        is_media = value[:5].lower() == "data:" or (
            len(value) > _LONG_TEXT and _BASE64.match(value)
        )
        return f"encoded content of {len(value)} characters" if is_media else value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{type(value).__name__} of {len(value)} bytes"
    if depth < _DEEP and isinstance(value, Mapping):
        return _described_mapping(value, depth + 1)
    if depth < _DEEP and isinstance(value, (list, tuple)) and len(value) <= _MANY:
        return [_described(one, depth + 1) for one in value]
    return _described_object(value)


def _described_object(value: Any) -> Any:
    from omnibind.contracts.media import Source
    from omnibind.contracts.media.given import kind_of

    if isinstance(value, Source):
        return value.describe()
    if hasattr(value, "__fspath__"):
        return str(value)
    shape = getattr(value, "shape", None)
    if not isinstance(shape, tuple):
        return kind_of(value)
    return f"{kind_of(value)} and shape {shape}" if shape else value.item()
