"""Effects: what a flow may wait for.

A flow is an ``async def`` that awaits only the effects below. It needs no event loop: a driver
sends it on and performs what it asks for, so the same flow serves blocking and asyncio callers and
is tested with scripted replies.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Generic, Protocol, TypeVar

R = TypeVar("R")


class Place(Protocol):
    """Where engine code runs; a slot is one."""

    def run(self, work: Callable[[], R], /) -> R:
        """Run ``work`` there, after a wait for its turn, and return what it returns."""


class Effect(Generic[R]):
    """Something to wait for; ``await`` hands it to the driver and gives the driver's answer."""

    __slots__ = ()

    def __await__(self) -> Generator[Effect[Any], Any, R]:
        result: R = yield self
        return result


class Run(Effect[R]):
    """Run engine code on a slot; gives what the code returns, raises what it raises."""

    __slots__ = ("slot", "work")

    def __init__(self, slot: Place, work: Callable[[], R]) -> None:
        self.slot = slot
        self.work = work
