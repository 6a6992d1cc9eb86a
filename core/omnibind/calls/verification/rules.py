"""The rules of verification: their one table, and how a call turns some of them off."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from omnibind.contracts.errors import BadOption, BadOutput, suggest

if TYPE_CHECKING:
    from omnibind.contracts.media import Audio, Image, Source, Transcript, Video


class Rule(NamedTuple):
    """One rule.

    Attributes:
        name: By which it is turned off, and which ``BadOutput.rule`` gives.
        of: The results that it judges: ``audio``, ``image``, ``video``, ``transcript``.
        catches: What it catches.
        effect: ``refuses`` or ``warns``, and when.
    """

    name: str
    of: tuple[str, ...]
    catches: str
    effect: str = "refuses"


_SEEN = ("image", "video")
_MEDIA = ("audio", *_SEEN)

RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("empty", _MEDIA, "no bytes, no samples or no frame"),
        Rule("text", _MEDIA, "JSON, an HTML page or other text in place of media"),
        Rule("decodes", _MEDIA, "bytes that can't be decoded, or a file that is cut short"),
        Rule("nan", ("audio",), "samples that are NaN or infinite"),
        Rule("silent", ("audio",), "a sound below −80 dB of full scale throughout"),
        Rule("flat", _MEDIA, "one value throughout: a constant level, a picture of one colour"),
        Rule("clipped", ("audio",), "a third of the samples or more at full scale or beyond"),
        Rule("black", _SEEN, "a picture, or every frame of a video, that is black"),
        Rule("length", ("audio",), "speech far too short or too long for its text"),
        Rule("duration", ("audio", "video"), "less than half or more than twice `duration_s`"),
        Rule(
            "repeats",
            ("transcript",),
            "one phrase at least 12 times and for 120 characters in a row",
            "refuses; warns where it is less than half of the text",
        ),
        Rule(
            "speech",
            ("transcript",),
            "no words, though a voice-activity detector hears speech",
            "refuses; warns where nothing was heard, or no detector is installed",
        ),
    )
}
"""All rules by name, in the order in which they are judged."""


class Expected(NamedTuple):
    """What the caller asked for, as far as it bears on the result.

    Attributes:
        text: The text to speak, or the prompt.
        language: BCP 47 tag of the text, where known.
        speed: Tempo that was asked for; 1.0 is natural.
        duration_s: Seconds that were asked for.
        sound: What was to be written down.
    """

    text: str | None = None
    language: str | None = None
    speed: float = 1.0
    duration_s: float | None = None
    sound: Source | None = None


class Case:
    """A result that is being judged, and what is found about it."""

    def __init__(
        self,
        result: Audio | Image | Video | Transcript,
        label: str,
        expected: Expected,
        off: Collection[str],
    ) -> None:
        self.result = result
        self.label = label
        self.expected = expected
        self.warnings: list[str] = []
        self._off = off

    def judges(self, rule: str) -> bool:
        """Whether the rule isn't turned off."""
        return rule not in self._off

    def refuse(self, rule: str, found: str) -> None:
        """Raise ``BadOutput``, unless the rule is turned off."""
        if self.judges(rule):
            raise BadOutput(f"{self.label} returned {found}", result=self.result, rule=rule)

    def warn(self, rule: str, warning: str) -> None:
        """Note a warning and log it, unless the rule is turned off."""
        if self.judges(rule):
            import logging

            self.warnings.append(f"{self.label} {warning}")
            logging.getLogger("omnibind.verification").warning(self.warnings[-1])


def off_of(verify: bool | Mapping[str, bool]) -> frozenset[str] | None:
    """Return the rules that a call turns off, or None where it skips verification.

    Args:
        verify: True for all rules, False for none, or ``{"silent": False}`` for all but some.

    Raises:
        BadOption: It is something else, or names an unknown rule.
    """
    if isinstance(verify, bool):
        return frozenset() if verify else None
    given: Any = verify
    if not isinstance(given, Mapping):
        raise BadOption(f"verify is {given!r}; give True, False, or rules as {{'silent': False}}")
    for name, on in given.items():
        if name not in RULES:
            raise BadOption(f"verify has no rule {name!r}; {suggest(str(name), RULES)}")
        if not isinstance(on, bool):
            raise BadOption(f"the rule {name!r} of verify is {on!r}; give True or False")
    return frozenset(name for name, on in given.items() if not on)
