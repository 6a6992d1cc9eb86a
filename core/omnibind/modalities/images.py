"""Several pictures of one prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Image, Meta
from omnibind.contracts.options import Schema, shown

_HIGHEST_SEED = 2**31 - 1


class Images(list[Image]):
    """Pictures of one prompt, each with its own seed in its own meta.

    Attributes:
        meta: What all of them took and cost together.
    """

    def __init__(self, pictures: Iterable[Image]) -> None:
        super().__init__(pictures)
        self.meta = _together([picture.meta for picture in self])


def seeds_of(n: int, options: Mapping[str, Any], schema: Schema) -> list[dict[str, Any]]:
    """Return the options of each of ``n`` pictures; they differ in the seed, where there is one.

    Raises:
        BadOption: ``n`` isn't a whole number above 0, or ``seed`` isn't one.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise BadOption(f"n is {shown(n)}; give a whole number above 0: how many pictures")
    first, option = options.get("seed"), schema.option("seed")
    if first is None and option is None:
        return [dict(options)] * n
    if first is None:
        from random import SystemRandom

        high = option.type.high if option is not None else None
        highest = _HIGHEST_SEED if high is None else min(_HIGHEST_SEED, int(high))
        seeds: Iterable[int] = SystemRandom().sample(range(highest + 1), n)
    elif isinstance(first, bool) or not isinstance(first, int):
        raise BadOption(f"seed is {shown(first)}; give a whole number, the first picture's seed")
    else:
        seeds = range(first, first + n)
    return [{**options, "seed": seed} for seed in seeds]


def _together(metas: list[Meta]) -> Meta:
    first = metas[0]
    seconds = [meta.seconds for meta in metas if meta.seconds is not None]
    costs = [meta.cost_usd for meta in metas]
    known = [cost for cost in costs if cost is not None]
    warnings = dict.fromkeys(warning for meta in metas for warning in meta.warnings)
    return first._replace(
        seed=None,
        seconds=sum(seconds) if seconds else None,
        cost_usd=sum(known) if len(known) == len(costs) else None,
        cost_basis=first.cost_basis if len(known) == len(costs) else "unknown",
        warnings=tuple(warnings),
        recipe=None,
    )
