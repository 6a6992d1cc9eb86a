"""What is worked on: texts and prompts are cleaned and refused before anything runs."""

from __future__ import annotations

import re

from omnibind.contracts.errors import BadInput

MAX_CHARACTERS = 20_000

# Controls but tab, line feed and carriage return; lone surrogates can't be encoded as UTF-8.
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def clean_text(text: str, name: str, label: str, max_characters: int = MAX_CHARACTERS) -> str:
    """Return ``text`` without control characters.

    Args:
        text: A text to speak or a prompt.
        name: What the contract calls it, for messages.
        label: Who is to work on it.
        max_characters: A longer text is refused.

    Raises:
        BadInput: It isn't a str, is blank, or is too long.
    """
    if not isinstance(text, str):
        raise BadInput(f"the {name} for {label} is a {type(text).__name__}; give a str")
    cleaned = _UNSPEAKABLE.sub("", text)
    if not cleaned or cleaned.isspace():
        raise BadInput(f"the {name} for {label} is {text[:20]!r}; give some words")
    if len(cleaned) > max_characters:
        raise BadInput(
            f"the {name} for {label} has {len(cleaned)} characters; at most {max_characters} are "
            "taken: split it into several calls"
        )
    return cleaned
