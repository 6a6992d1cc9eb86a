"""What is worked on: texts and prompts are cleaned and refused before anything runs."""

from __future__ import annotations

import re

from omnibind.contracts.errors import BadInput

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
