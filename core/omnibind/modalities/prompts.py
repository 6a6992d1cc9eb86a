"""What the handles that work on a prompt share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from omnibind.calls.candidate import Candidate
from omnibind.calls.request import Subject
from omnibind.calls.subjects import clean_text, opened
from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import AudioInput, ImageInput, Meta, VideoInput
from omnibind.contracts.options import KINDS, OptionType
from omnibind.modalities.handle import NOT_GIVEN

NO_FACTS = Meta()


def prompted(prompt: str) -> Subject:
    """Return what checks a prompt for a candidate."""

    def subject(candidate: Candidate) -> tuple[str, ...]:
        return (clean_text(prompt, "prompt", candidate.label),)

    return subject


def shown_and_told(prompt: str, image: ImageInput) -> Subject:
    """Return what checks a prompt and the picture that it is about.

    Raises:
        BadInput: The picture is of no kind that one can be read from.
    """
    picture = opened(image, "image", "picture")

    def subject(candidate: Candidate) -> tuple[Any, ...]:
        source = picture()
        return clean_text(prompt, "prompt", candidate.label), source

    return subject


def filmed_and_heard(video: VideoInput, sound: AudioInput) -> Subject:
    """Return what hands on a video and the sound that belongs to it; neither is read.

    Raises:
        BadInput: One of them is of no kind that it can be read from.
    """
    for kind, noun, given in (("video", "video", video), ("audio", "sound", sound)):
        try:
            KINDS[kind].check(given, OptionType(kind))
        except ValueError as error:
            raise BadInput(f"the {noun} can't be read: {error}") from None
    return lambda candidate: (video, sound)


def each_prompted(prompts: Iterable[str]) -> list[tuple[Subject, Meta]]:
    """Return what checks each of several prompts."""
    return [(prompted(prompt), NO_FACTS) for prompt in prompts]


def with_named(options: dict[str, Any], **named: Any) -> dict[str, Any]:
    """Return the options, those arguments that were given among them."""
    options.update((name, value) for name, value in named.items() if value is not NOT_GIVEN)
    return options
