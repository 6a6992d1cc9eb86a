"""How the asyncio driver performs effects: the loop goes on while it waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from omnibind.calls.call import GRACE_S, Call
from omnibind.contracts.binding import CURRENT_CALL
from omnibind.contracts.effects import (
    Effect,
    Native,
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
    import asyncio

    from omnibind.contracts.http import Reply, ReplyStream

R = TypeVar("R")


async def aperform(effect: Effect[Any], call: Call[Any]) -> Any:
    """Perform an effect on the running event loop, which is never blocked; give its answer."""
    try:
        by_kind = _APERFORM[type(effect)]
    except KeyError:
        raise TypeError(f"{effect!r} isn't an effect that a call can wait for") from None
    return await by_kind(effect, call)


class _Bell:
    """Wakes one coroutine; it may ring early, twice, or when nobody waits."""

    def __init__(self) -> None:
        import asyncio

        self.loop = asyncio.get_running_loop()
        self._has_rung = False
        self._waiting: asyncio.Future[None] | None = None

    def ring(self, *_: object) -> None:
        self._has_rung = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def ring_from_thread(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self.ring)
        except RuntimeError:
            return  # the loop was closed, and with it whoever waited

    async def wait(self, seconds: float | None) -> None:
        timer = None if seconds is None else self.loop.call_later(seconds, self.ring)
        try:
            if not self._has_rung:
                self._waiting = self.loop.create_future()
                await self._waiting
        finally:
            self._has_rung, self._waiting = False, None
            if timer is not None:
                timer.cancel()


async def _await(bell: _Bell, is_done: Callable[[], bool], call: Call[Any]) -> None:
    call.wake_with(bell.ring_from_thread)
    try:
        while not is_done():
            await bell.wait(call.remaining_s())
            if is_done():
                return
            call.check()
    finally:
        call.wake_with(None)


async def _astarted(start: Callable[[Callable[[], None]], Task[R]], call: Call[Any]) -> R:
    bell = _Bell()
    task = start(bell.ring_from_thread)
    try:
        await _await(bell, lambda: task.is_done, call)
        return task.outcome()
    except BaseException:
        task.leave()
        raise


async def _arun(effect: Run[R], call: Call[Any]) -> R:
    return await _astarted(lambda done: effect.runner.start(effect.work, call, done), call)


async def _atake(effect: Take, call: Call[Any]) -> Turn:
    return await _astarted(lambda done: effect.place.start_turn(call, done), call)


async def _anative(effect: Native[R], call: Call[Any]) -> R:
    """Await a binding's own coroutine as a task of its own, which alone is cancelled."""
    import asyncio
    from contextvars import copy_context

    async def awaited() -> R:
        return await effect.start()

    context = copy_context()
    context.run(CURRENT_CALL.set, call)
    bell = _Bell()
    task = bell.loop.create_task(awaited(), context=context)
    task.add_done_callback(bell.ring)
    try:
        await _await(bell, task.done, call)
    except BaseException:
        task.cancel()
        task.add_done_callback(_heard)
        await asyncio.wait([task], timeout=GRACE_S)
        raise
    return task.result()


def _heard(task: asyncio.Task[Any]) -> BaseException | None:
    """Return how a task failed that was interrupted, which goes before it."""
    import asyncio

    return asyncio.CancelledError() if task.cancelled() else task.exception()


async def _asleep(effect: Sleep, call: Call[Any]) -> None:
    until = call.clock() + effect.seconds
    bell = _Bell()
    while (left := until - call.clock()) > 0:
        timer = bell.loop.call_later(left, bell.ring)
        try:
            await _await(bell, lambda: call.clock() >= until, call)
        finally:
            timer.cancel()


async def _atell(effect: Tell, call: Call[Any]) -> None:
    from omnibind.calls.callbacks import finish

    await _anative(Native(lambda: finish(effect.waiting)), call)


async def _within(wait: Callable[[], Awaitable[R]], call: Call[Any]) -> R:
    """Await what can be cancelled where it stands; a task of its own would take as long again."""
    import asyncio

    loop = asyncio.get_running_loop()
    timer = asyncio.timeout(call.remaining_s())

    def expire() -> None:
        with suppress(RuntimeError):  # the wait has ended in the meantime
            timer.reschedule(loop.time())

    def wake() -> None:
        with suppress(RuntimeError):  # the loop was closed, and with it whoever waited
            loop.call_soon_threadsafe(expire)

    try:
        async with timer:
            call.wake_with(wake)
            try:
                return await wait()
            finally:
                call.wake_with(None)
    except TimeoutError:
        if not timer.expired():
            raise
        call.check()
        raise call.late() from None


async def _asend(effect: Send, call: Call[Any]) -> Reply:
    from omnibind.calls import wire

    return await _within(lambda: wire.asend(effect.request, effect.max_bytes, call), call)


async def _aopen(effect: Open, call: Call[Any]) -> ReplyStream:
    from omnibind.calls import wire

    opened: list[ReplyStream] = []

    async def begin() -> ReplyStream:
        opened.append(await wire.aopen(effect.request, call))
        return opened[0]

    try:
        return await _within(begin, call)
    except BaseException:  # in the moment in which it was open
        for stream in opened:
            await wire.ashut(stream)
        raise


async def _aread(effect: Read, call: Call[Any]) -> bytes:
    from omnibind.calls import wire

    return await _within(lambda: wire.aread(effect.stream, call), call)


async def _ashut(effect: Shut, call: Call[Any]) -> None:
    import asyncio

    from omnibind.calls import wire

    shutting = asyncio.ensure_future(wire.ashut(effect.stream))
    _shutting.add(shutting)  # the loop itself wouldn't keep it
    shutting.add_done_callback(_shutting.discard)
    await asyncio.shield(shutting)


_shutting: set[asyncio.Future[None]] = set()


_APERFORM: dict[type, Callable[[Any, Call[Any]], Awaitable[Any]]] = {
    Run: _arun,
    Take: _atake,
    Native: _anative,
    Sleep: _asleep,
    Tell: _atell,
    Send: _asend,
    Open: _aopen,
    Read: _aread,
    Shut: _ashut,
}
