"""What the engines that run Whisper share: languages and options."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

from omnibind.contracts.errors import BadOption, suggest
from omnibind.contracts.options import Range

RATE = 16_000

Language = Annotated[str | None, "spoken language as BCP 47 tag; None detects it"]
Task = Annotated[Literal["transcribe", "translate"], "translate gives English words"]
InitialPrompt = Annotated[
    str | None, "text as if it had been said before: style and spelling to go on with"
]
Temperature = Annotated[float | None, Range(0.0, 1.0), "None is 0, and more only where that fails"]
WordTimes = Annotated[bool, "give every word its times"]


def language_of(model: str, known: Collection[str], wanted: str | None, task: str) -> str | None:
    """Return the wanted language in Whisper's own spelling.

    Args:
        model: The model's name, for messages.
        known: Languages that it knows; ``en`` alone where it isn't multilingual.
        wanted: A BCP 47 tag, or None.
        task: ``transcribe`` or ``translate``.

    Raises:
        BadOption: The model doesn't know the language, or can't translate.
    """
    several = len(known) > 1
    alone = f"{model!r} knows English alone; use a model without .en"
    if task == "translate" and not several:
        raise BadOption(f"task is 'translate', and {alone}")
    if wanted is None:
        return None
    language = wanted.lower().replace("_", "-").partition("-")[0]
    if language not in known:
        hint = suggest(language, known)
        raise BadOption(
            f"language {wanted!r} is unknown to {model!r}; {hint}"
            if several
            else f"language is {wanted!r}, and {alone}"
        )
    return language
