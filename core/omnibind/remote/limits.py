"""What fits a model: given values are taken as they are, or refused naming those that fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from omnibind.contracts.errors import BadOption

if TYPE_CHECKING:
    from omnibind.weights.catalogue import Model

T = TypeVar("T")


def size_of(
    width: int | None, height: int | None, facts: Model | None, owner: str, default: str = ""
) -> str | None:
    """Return a size as ``WIDTHxHEIGHT``; None where none was given, which is the service's own.

    Args:
        width: Pixels; None is not given.
        height: Pixels; None is not given.
        facts: The model; its sizes, where it lists any, are all that there are.
        owner: Who asks, for messages: ``gpt-image-2 of tti/openai``.
        default: The configured size.

    Raises:
        BadOption: One of the two is missing, or the model hasn't that size.
    """
    if width is None and height is None:
        return default or None
    refuse_alone(width, height, owner)
    return chosen(f"{width}x{height}", facts.sizes if facts else (), "size", owner)


def refuse_alone(width: int | None, height: int | None, owner: str) -> None:
    """Refuse a width without a height, and a height without a width.

    Raises:
        BadOption: One of the two is missing.
    """
    if (width is None) != (height is None):
        raise BadOption(f"give width and height together; {owner} takes neither alone")


def aspect_ratio_of(
    width: int | None,
    height: int | None,
    aspect_ratio: str | None,
    ratios: Sequence[str],
    owner: str,
) -> str | None:
    """Return the aspect ratio that is meant; None where nothing was given.

    Args:
        width: Pixels; with ``height`` another way of naming a ratio.
        height: Pixels.
        aspect_ratio: ``16:9``.
        ratios: Those that there are; any goes where it is empty.
        owner: Who asks, for messages.

    Raises:
        BadOption: Two different ones were given, or the model hasn't that ratio.
    """
    if width is None and height is None:
        return None if aspect_ratio is None else chosen(aspect_ratio, ratios, "aspect_ratio", owner)
    if width is None or height is None:
        raise BadOption(f"give width and height together, or aspect_ratio, to {owner}")
    if aspect_ratio is not None:
        raise BadOption(f"give either width and height or aspect_ratio to {owner}, not both")
    from math import gcd

    factor = gcd(width, height)
    exact = f"{width // factor}:{height // factor}"
    for ratio in ratios:
        across, colon, down = ratio.partition(":")
        if colon and width * float(down) == height * float(across):
            return ratio
    if not ratios:
        return exact
    raise BadOption(
        f"{width}x{height} is {exact}, and {owner} draws only {', '.join(ratios)}; "
        "give aspect_ratio or a size of one of these"
    )


def chosen(value: T, known: Iterable[T], name: str, owner: str) -> T:
    """Return a value that is among those that a model takes; any goes where none are listed.

    Raises:
        BadOption: It isn't; names those that are.
    """
    fitting = list(known)
    if fitting and value not in fitting:
        shown = ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in fitting)
        raise BadOption(f"{name} {value} doesn't fit {owner}; choose one of {shown}")
    return value


def duration_of(duration_s: float | None, facts: Model | None, owner: str) -> float | None:
    """Return a length that the model takes; None where none was given.

    Raises:
        BadOption: It is longer than the model's limit, or none of the lengths that there are.
    """
    if duration_s is None or facts is None:
        return duration_s
    if facts.durations_s:
        return chosen(float(duration_s), facts.durations_s, "duration_s", owner)
    longest: float | None = facts.capabilities.get("max_duration_s")
    if longest is not None and duration_s > longest:
        raise BadOption(
            f"duration_s is {duration_s:g}; {owner} makes at most {longest:g} s: give less"
        )
    return duration_s


def whole_seconds(duration_s: float | None, owner: str) -> int | None:
    """Return a length for a service that takes whole seconds alone; None where none was given.

    Raises:
        BadOption: It isn't whole.
    """
    if duration_s is None:
        return None
    if duration_s != int(duration_s):
        raise BadOption(f"duration_s is {duration_s:g}; {owner} takes whole seconds alone")
    return int(duration_s)


def whole(number: float | None) -> float | int | None:
    """Return a number as most services want it: without a fraction where it has none."""
    return int(number) if number is not None and number == int(number) else number


def refuse_lacking(facts: Model | None, owner: str, **given: Any) -> None:
    """Refuse options that a model hasn't got although its service has them.

    Raises:
        BadOption: One of them was given.
    """
    for name in facts.lacks if facts else ():
        if given.get(name) is not None:
            raise BadOption(f"{owner} has no {name}; leave it out, or choose another model")


def cost_of(facts: Model | None, tokens: dict[str, Any]) -> float | None:
    """Return what counted tokens cost by a model's price list, in US dollars; None where unknown.

    Args:
        facts: The model with its ``token_prices``, for a million tokens each.
        tokens: How many were counted, by the names of the price list.
    """
    prices = facts.token_prices if facts else {}
    counted = {name: count for name, count in tokens.items() if count}
    if not counted or any(name not in prices for name in counted):
        return None
    cost: float = sum(prices[name] * count for name, count in counted.items())
    return cost / 1e6
