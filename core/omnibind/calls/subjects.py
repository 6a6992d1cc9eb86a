"""What is worked on: texts and prompts are cleaned, media opened, before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import Source
from omnibind.contracts.options import KINDS, OptionType

MAX_CHARACTERS = 20_000
"""A binding that says nothing else takes no longer text."""

# Controls but tab, line feed and carriage return; lone surrogates can't be encoded as UTF-8.
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def clean_text(text: str, name: str, label: str) -> str:
    """Return ``text`` without control characters.

    Args:
        text: A text to speak or a prompt.
        name: What the contract calls it, for messages.
        label: Who is to work on it.

    Raises:
        BadInput: It isn't a str, or is blank.
    """
    if not isinstance(text, str):
        raise BadInput(f"the {name} for {label} is a {type(text).__name__}; give a str")
    cleaned = _UNSPEAKABLE.sub("", text)
    if not cleaned or cleaned.isspace():
        raise BadInput(f"the {name} for {label} is {text[:20]!r}; give some words")
    return cleaned


def opened(media: Any, kind: str, name: str) -> Callable[[], Source]:
    """Return what opens a sound or a picture, and gives the same one to whoever asks again.

    Args:
        media: Anything that one can be read from.
        kind: ``audio`` or ``image``.
        name: What it is called in messages.

    Raises:
        BadInput: It is of no kind that one can be read from.
    """
    try:
        KINDS[kind].check(media, OptionType(kind))
    except ValueError as error:
        raise BadInput(f"the {name} can't be read: {error}") from None
    kept: list[Source] = []

    def source() -> Source:
        if not kept:  # an open file can be read only once, whoever serves in the end
            kept.append(Source.of(media, kind))
        _ = kept[0].media_type  # a missing or wrong file is told before an engine is loaded
        return kept[0]

    return source
