"""What the handles that work on a prompt share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from omnibind.calls.candidate import Candidate
from omnibind.calls.request import Subject
from omnibind.calls.subjects import clean_text
from omnibind.contracts.media import Meta
from omnibind.modalities.handle import NOT_GIVEN

NO_FACTS = Meta()


def prompted(prompt: str) -> Subject:
    """Return what checks a prompt for a candidate."""

    def subject(candidate: Candidate) -> tuple[str, ...]:
        return (clean_text(prompt, "prompt", candidate.label),)

    return subject


def each_prompted(prompts: Iterable[str]) -> list[tuple[Subject, Meta]]:
    """Return what checks each of several prompts."""
    return [(prompted(prompt), NO_FACTS) for prompt in prompts]


def with_named(options: dict[str, Any], **named: Any) -> dict[str, Any]:
    """Return the options with those arguments that were given."""
    return options | {name: value for name, value in named.items() if value is not NOT_GIVEN}
