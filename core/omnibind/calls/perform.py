"""How the blocking driver performs effects: in the caller's thread, or waiting for another."""

from __future__ import annotations

import threading
from collections.abc import Callable
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Any, TypeVar

from omnibind.calls.call import Call
from omnibind.contracts.effects import (
    Effect,
    Open,
    Read,
    Run,
    Send,
    Shut,
    Sleep,
    Take,
    Task,
    Tell,
    Turn,
)

if TYPE_CHECKING:
    from omnibind.calls.turns import Turns
    from omnibind.contracts.http import Reply, ReplyStream

R = TypeVar("R")


def perform(effect: Effect[Any], call: Call[Any]) -> Any:
    """Perform an effect in this thread; give its answer."""
    if isinstance(effect, Run):
        runner, work = effect.runner, effect.work
        if call.is_firm:
            return _started(lambda done: runner.start(work, call, done), call)
        return runner.run(work)
    try:
        by_kind = _PERFORM[type(effect)]
    except KeyError:
        raise TypeError(f"{effect!r} isn't an effect that a blocking call can wait for") from None
    return by_kind(effect, call)


def _started(
    start: Callable[[Callable[[], None]], Task[R]],
    call: Call[Any],
    drop: Callable[[R], object] | None = None,
) -> R:
    """Start work on a thread and wait for it no longer than the call lasts.

    ``drop`` lets go of a result that comes when nobody waits any longer.
    """
    awake = threading.Event()
    task: Task[R] | None = None
    try:
        task = start(awake.set)
        _wait(awake, task, call)
        return task.outcome()
    except BaseException:
        if task is not None:
            task.leave(drop)
        raise


def _wait(awake: threading.Event, task: Task[Any], call: Call[Any]) -> None:
    call.wake_with(awake.set)
    try:
        while not task.is_done:
            awake.wait(_capped(call.remaining_s()))
            if task.is_done:
                return
            awake.clear()
            call.check()
    finally:
        call.wake_with(None)


def _capped(seconds: float | None) -> float | None:
    return None if seconds is None else min(seconds, TIMEOUT_MAX)


def _take(effect: Take, call: Call[Any]) -> Turn:
    if not call.is_firm:
        return effect.place.take()
    return _started(lambda done: effect.place.start_turn(call, done), call)


def _sleep(effect: Sleep, call: Call[Any]) -> None:
    until = call.clock() + effect.seconds
    awake = threading.Event()
    call.wake_with(awake.set)
    try:
        while (left := until - call.clock()) > 0:
            remaining = call.remaining_s()
            awake.wait(_capped(left if remaining is None else min(left, remaining)))
            awake.clear()
            call.check()
    finally:
        call.wake_with(None)


def _tell(effect: Tell, call: Call[Any]) -> None:
    from omnibind.calls.callbacks import finish_blocking

    if not call.is_firm:
        finish_blocking(effect.waiting)
        return
    # A listener that takes longer than the call isn't stopped: what it does isn't the call's.
    awake = threading.Event()
    task = _thread().start(lambda: finish_blocking(effect.waiting), call, awake.set)
    _wait(awake, task, call)
    task.outcome()


def _send(effect: Send, call: Call[Any]) -> Reply:
    from omnibind.calls import wire

    return _aside(lambda: wire.send(effect.request, effect.max_bytes, call), call)


def _open(effect: Open, call: Call[Any]) -> ReplyStream:
    from omnibind.calls import wire

    return _aside(lambda: wire.open_(effect.request, call), call, wire.shut)


def _read(effect: Read, call: Call[Any]) -> bytes:
    from omnibind.calls import wire

    return _aside(lambda: wire.read(effect.stream, call), call)


def _shut(effect: Shut, call: Call[Any]) -> None:
    from omnibind.calls import wire

    wire.shut(effect.stream)


def _aside(work: Callable[[], R], call: Call[Any], drop: Callable[[R], object] | None = None) -> R:
    """Run what may wait for the network, on a thread where the caller must be free in time."""
    if not call.is_firm:
        return work()
    return _started(lambda done: _thread().start(work, call, done), call, drop)


def _thread() -> Turns:
    from omnibind.calls.turns import Turns

    return Turns(name="omnibind-aside")


_PERFORM: dict[type, Callable[[Any, Call[Any]], Any]] = {
    Take: _take,
    Sleep: _sleep,
    Tell: _tell,
    Send: _send,
    Open: _open,
    Read: _read,
    Shut: _shut,
}
