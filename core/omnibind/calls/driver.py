"""The drivers: they carry a flow to its end, blocking or on an event loop.

Both perform the same effects. What interrupts a call (its deadline, ``Call.cancel``, Ctrl-C, the
cancellation of its task) is thrown into the flow at its wait; the driver then goes on performing
for a few seconds, so that the flow can clean up. A flow that was started is never closed.
"""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from omnibind.calls.aperform import aperform
from omnibind.calls.call import Call
from omnibind.calls.perform import perform
from omnibind.contracts.binding import CURRENT_CALL
from omnibind.contracts.effects import Effect, Shut, Tell
from omnibind.contracts.errors import Cancelled

R = TypeVar("R")
Flow = Coroutine[Effect[Any], Any, R]


def run(flow: Flow[R], call: Call[Any], error: BaseException | None = None) -> R:
    """Drive ``flow`` to its end in this thread; give what it returns, raise what it raises.

    Engine code runs in this thread too, unless the call is firm.

    Args:
        flow: The flow.
        call: Its clock, its deadline, the way to cancel it.
        error: What is thrown into it first, where it has begun elsewhere.
    """
    answer: Any = None
    end: _End | None = None
    token = CURRENT_CALL.set(call)
    hooks = _without_hooks()
    try:
        while True:
            try:
                while True:
                    effect = flow.send(answer) if error is None else flow.throw(error)
                    answer = error = None
                    if type(effect) not in _ALWAYS:
                        call.check()
                    answer = perform(effect, call)
            except BaseException as raised:
                if _is_finished(flow):
                    if isinstance(raised, StopIteration):
                        result: R = raised.value
                        return result
                    raise
                end = end or _End()
                error = end.thrown(raised, call, flow)
    finally:
        CURRENT_CALL.reset(token)
        sys.set_asyncgen_hooks(*hooks)
        del error, end  # they hold this frame, which holds them


async def arun(flow: Flow[R], call: Call[Any]) -> R:
    """Drive ``flow`` to its end on the running event loop, which is never blocked.

    Engine code runs on the thread of its place.
    """
    import asyncio

    answer: Any = None
    error: BaseException | None = None
    end = _End()
    call.loop = asyncio.get_running_loop()
    call.is_firm = True
    try:
        while True:
            try:
                while True:
                    effect = _step(flow, call, answer, error)
                    answer = error = None
                    if type(effect) not in _ALWAYS:
                        call.check()
                    answer = await aperform(effect, call)
            except BaseException as raised:
                if _is_finished(flow):
                    if isinstance(raised, StopIteration):
                        result: R = raised.value
                        return result
                    raise
                if isinstance(raised, GeneratorExit):  # its loop ended, and nobody can await here
                    with suppress(Exception):
                        run(flow, call.closing(), Cancelled("the event loop of this call ended"))
                    raise
                error = end.thrown(raised, call, flow)
    finally:
        del error, end


def _step(flow: Flow[Any], call: Call[Any], answer: Any, error: BaseException | None) -> Any:
    """Let the flow go on to its next effect, on an event loop."""
    token = CURRENT_CALL.set(call)
    hooks = _without_hooks()
    try:
        return flow.send(answer) if error is None else flow.throw(error)
    finally:
        sys.set_asyncgen_hooks(*hooks)
        CURRENT_CALL.reset(token)
        del error


def _without_hooks() -> Any:
    """Keep an event loop from adopting the generators of a flow; return what it had set.

    It would close them at its end, and they await what only a driver can perform.
    """
    hooks = sys.get_asyncgen_hooks()
    if hooks.firstiter is not None or hooks.finalizer is not None:
        sys.set_asyncgen_hooks(None, None)
    return hooks


def _is_finished(flow: Flow[Any]) -> bool:
    # One that runs elsewhere takes nothing from here: it would refuse whatever is thrown, for ever.
    return getattr(flow, "cr_frame", None) is None or getattr(flow, "cr_running", False)


class _End:
    """How the end of a call is thrown into its flow, and how often."""

    def __init__(self) -> None:
        self._first: BaseException | None = None
        self._refused = 0

    def thrown(self, raised: BaseException, call: Call[Any], flow: Flow[Any]) -> BaseException:
        """Return what to throw into the flow for what was raised at its wait.

        Raises:
            BaseException: The flow goes on after its grace and however often it is told to end.
        """
        call.interrupted(raised)
        if not call.is_over:
            return raised
        if self._first is None:
            self._first = raised
        if not call.is_given_up:
            return raised
        self._refused += 1
        if self._refused > MAX_THROWS:
            _unending.append(flow)
            raise self._first
        return self._first  # what ended the call comes out of it, not how long it cleaned up


MAX_THROWS = 32
"""A flow that has used up its grace is told so often to end: it may wait in each ``finally``."""

_unending: list[Flow[Any]] = []  # kept, since what collects a coroutine closes it

_ALWAYS = frozenset((Shut, Tell))
"""What lets go of something is begun although the call is over."""
