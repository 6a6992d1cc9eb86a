"""A candidate that was chosen for one call, and what is known of that before it runs."""

from __future__ import annotations

from typing import Any

from omnibind.calls.candidate import Candidate
from omnibind.calls.costs import FREE, UNKNOWN, Cost, estimate
from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import Source


class Choice:
    """A candidate that was chosen for this call, with what it is given.

    Attributes:
        candidate: Who it is.
        subject: The arguments that go by position.
        options: The checked options.
        model: The model that will be used, as far as it is known before.
        price: What one try is expected to cost.
    """

    __slots__ = ("candidate", "model", "options", "price", "subject")

    def __init__(
        self,
        candidate: Candidate,
        subject: tuple[Any, ...],
        options: dict[str, Any],
        model: str | None,
    ) -> None:
        self.candidate = candidate
        self.subject = subject
        self.options = options
        self.model = model
        self.price = FREE if not candidate.is_remote else self._estimated()

    def with_first(self, part: Any) -> Choice:
        """Return this choice for another text, prompt or sound."""
        subject = (part, *self.subject[1:])
        return Choice(self.candidate, subject, self.options, self.model)

    def licence(self, model: str | None = None) -> str | None:
        """Return the licence of the weights, of another model than the choice's where given."""
        entry = self.candidate.models.get(model or self.model or "")
        return (entry.license if entry is not None else None) or self.candidate.license

    def times(self, count: int) -> Choice:
        """Return this choice at the price of so many."""
        usd, basis = self.price
        several = Choice(self.candidate, self.subject, self.options, self.model)
        several.price = self.price if usd is None else Cost(usd * count, basis)
        return several

    def check_length(self, name: str) -> None:
        """Refuse a text, called ``name``, that this candidate doesn't take whole.

        Raises:
            BadInput: It has too many characters.
        """
        text, most = self.subject[0], self.candidate.max_characters
        if isinstance(text, str) and len(text) > most:
            raise BadInput(
                f"the {name} for {self.candidate.label} has {len(text)} characters; at most {most} "
                "are taken: split it into several calls"
            )

    def _estimated(self) -> Cost:
        entry = self.candidate.models.get(self.model or "")
        price = getattr(entry, "price", None)
        return estimate(price, self._counts()) if price else UNKNOWN

    def _counts(self) -> dict[str, float]:
        counts: dict[str, float] = {"images": 1, "videos": 1}
        subject, duration = self.subject[0], self.candidate.schema.option("duration_s")
        if isinstance(subject, str):
            counts["characters"] = len(subject)
        seconds = None
        if isinstance(subject, Source) and duration is None:
            seconds = _length_of(subject)
        elif duration is not None:
            seconds = self.options.get("duration_s", duration.default)
        if seconds is not None:
            counts["seconds"] = seconds
        return counts


def _length_of(sound: Source) -> float | None:
    try:
        return sound.duration_s
    except BadInput:  # some files don't tell their length; the service may still take them
        return None
