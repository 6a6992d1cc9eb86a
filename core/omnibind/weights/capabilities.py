"""What a binding or one of its models can do, known without loading it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from omnibind.contracts.errors import suggest

Language = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$")]
"""A BCP 47 tag."""

Size = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]*x[1-9][0-9]*$")]
"""``WIDTHxHEIGHT`` in pixels."""

Gender = Literal["female", "male", "neutral"]

MANY_LANGUAGES = "mul"
"""In a model's ``languages``: all those that the binding's manifest lists."""

_Count = Annotated[int, msgspec.Meta(ge=1)]


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one unit costs.

    Attributes:
        per: The unit.
        usd: US dollars for one of it; 0 is free.
    """

    per: Literal[
        "call",
        "image",
        "video",
        "character",
        "1000 characters",
        "million characters",
        "token",
        "million tokens",
        "second",
        "minute",
        "hour",
    ]
    usd: Annotated[float, msgspec.Meta(ge=0)]


FREE = Cost("call", 0.0)


def cost_of(price: Mapping[str, float | str]) -> Cost | None:
    """Return a catalogue's price as a cost; None where it has another form."""
    try:
        return msgspec.convert(price, Cost)
    except msgspec.ValidationError:
        return None


class Capabilities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an engine can do.

    Attributes:
        streaming: It gives its result piece by piece by itself; without it a text is spoken
            sentence by sentence.
        voices: A call can choose among several voices.
        clone: It speaks with the voice of a recording.
        ssml: It understands SSML.
        timestamps: A transcript has segments with times.
        language_detection: It finds out which language is spoken.
        languages: BCP 47 tags; empty where they aren't known, or where language doesn't matter.
        sizes: The picture sizes that there are; empty where any goes that the options allow.
        max_images: The most pictures in one call of the engine; None where no limit is known.
        max_characters: The longest text or prompt; None where no limit is known.
        max_duration_s: The longest sound or video in seconds; None where no limit is known.
        cost: What a unit costs; None where it isn't known.
    """

    streaming: bool = False
    voices: bool = False
    clone: bool = False
    ssml: bool = False
    timestamps: bool = False
    language_detection: bool = False
    languages: list[Language] = []
    sizes: list[Size] = []
    max_images: _Count | None = None
    max_characters: _Count | None = None
    max_duration_s: Annotated[float, msgspec.Meta(gt=0)] | None = None
    cost: Cost | None = None

    def changed(self, values: Mapping[str, Any]) -> Capabilities:
        """Return these with some of them replaced, as plain data names them.

        Raises:
            ValueError: A name is unknown or a value is wrong.
        """
        for name in values:
            if name not in self.__struct_fields__:
                near = suggest(name, self.__struct_fields__)
                raise ValueError(f"the capability {name!r} is unknown; {near}")
        try:
            return msgspec.convert({**msgspec.to_builtins(self), **values}, Capabilities)
        except msgspec.ValidationError as reason:
            raise ValueError(f"capabilities: {reason}") from reason

    def speaks(self, language: str) -> bool:
        """Tell whether a language is among ``languages``.

        ``de`` asks for German of any country and finds ``de-AT``; ``de-AT`` finds ``de`` and not
        ``de-DE``.
        """
        wanted = language.lower().replace("_", "-").split("-")
        for known in self.languages:
            tag = known.lower().split("-")
            if all(one == other for one, other in zip(wanted, tag, strict=False)):
                return True
        return False

    def to_dict(self) -> dict[str, Any]:
        """Return the capabilities as plain data."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data
