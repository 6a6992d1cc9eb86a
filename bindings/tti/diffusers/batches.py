"""How many pictures are drawn together, with which seeds and steps, and how far they are."""

from __future__ import annotations

from collections.abc import Mapping
from random import SystemRandom
from typing import TYPE_CHECKING, Any

from omnibind.contracts.binding import Binding
from omnibind.contracts.errors import BadOption
from omnibind.contracts.options import shown

if TYPE_CHECKING:
    from ..._shared.pipelines import Pipeline

AT_ONCE = 8
"""Pictures of one batch that are drawn together; further ones wait, for the sake of memory."""


class Part:
    """The progress of some pictures of a batch, as that of the batch."""

    def __init__(self, binding: Binding, first: int, total: int) -> None:
        self._binding = binding
        self._first = first
        self._total = total

    def report(self, fraction: float | None = None, step: str | None = None, /) -> None:
        """Tell the binding how far its whole batch is; raises where the call is over."""
        done = min(self._total, self._first + AT_ONCE) - self._first
        if fraction is not None:
            fraction = (self._first + fraction * done) / self._total
        self._binding.report(fraction, step)


def seeds_of(several: list[int] | None, seed: int | None, count: int) -> list[int]:
    """Return a seed for each picture; by chance where none was given."""
    if several is not None:
        if len(several) != count:
            raise BadOption(f"seeds is {shown(several)}; give a list of {count}, one a prompt")
        return several
    chance = SystemRandom()
    return [chance.randrange(2**32) if seed is None else seed for _ in range(count)]


def check_strength(editor: Pipeline, arguments: Mapping[str, Any]) -> None:
    """Refuse a strength that leaves no step to take.

    Raises:
        BadOption: ``strength`` times ``steps`` is less than one.
    """
    known = editor.parameters()
    if "strength" not in known or "num_inference_steps" not in known:
        return
    strength = arguments.get("strength", known["strength"].default)
    steps = arguments.get("num_inference_steps", known["num_inference_steps"].default)
    if strength is not None and steps is not None and int(steps * strength) < 1:
        raise BadOption(
            f"strength is {strength} with {steps} steps, which leaves none to take; give a higher "
            "strength or more steps"
        )
