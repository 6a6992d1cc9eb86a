"""The blocking driver: performs the effects of a flow in the caller's thread."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from omnibind.contracts.effects import Effect, Run

R = TypeVar("R")


def run(flow: Coroutine[Effect[Any], Any, R]) -> R:
    """Drive ``flow`` to its end; give what it returns, raise what it raises."""
    try:
        effect = flow.send(None)
        while True:
            try:
                answer = _perform(effect)
            except BaseException as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(answer)
    except StopIteration as end:
        result: R = end.value
        return result


def _perform(effect: Effect[Any]) -> Any:
    if type(effect) is Run:
        return effect.slot.run(effect.work)
    raise TypeError(f"{effect!r} isn't an effect of omnibind; a flow awaits nothing else")
