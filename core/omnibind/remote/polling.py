"""Waiting for work that a service does on its own time, and calling it off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from omnibind.calls.retry import REMOTE
from omnibind.contracts.binding import CURRENT_CALL, Progress
from omnibind.contracts.effects import Sleep
from omnibind.contracts.errors import (
    Cancelled,
    ContentRefused,
    DeadlineExceeded,
    OmnibindError,
    RateLimited,
    Unavailable,
)
from omnibind.contracts.http import Reply

EVERY_S = 5.0
"""Seconds between two looks."""

MAX_MISSES = 8
"""So many looks in a row may fail before the service counts as gone."""


async def poll(
    look: Awaitable[Reply],
    until: Callable[[Any], bool],
    *,
    failed: Callable[[Any], OmnibindError | None] = lambda data: None,
    progress: Callable[[Any], float | None] = lambda data: None,
    step: Callable[[Any], str | None] = lambda data: None,
    every_s: float = EVERY_S,
    deadline_s: float | None = None,
    first_s: float | None = None,
) -> Any:
    """Look again and again until the work is done, and return the last look's JSON.

    A look that fails because the service is busy or out of reach for a moment is made again:
    the work was paid for, and goes on there.

    Args:
        look: The request that asks how the work goes; awaited for each look.
        until: Tells from a look's JSON whether the work is done.
        failed: The error where it failed; None while it didn't.
        progress: How much is done, 0..1, where the service tells.
        step: What is being done, in a word, where the service tells.
        every_s: Seconds between looks.
        deadline_s: Seconds after which it is given up; None is the call's own time.
        first_s: Seconds before the first look; None is at once.

    Raises:
        DeadlineExceeded: It wasn't done in time; it may go on at the service.
        OmnibindError: What ``failed`` gives.
    """
    waited, misses = 0.0, 0
    if first_s:
        await Sleep(first_s)
        waited = first_s
    while True:
        try:
            data = (await look).json()
        except (Unavailable, RateLimited) as error:
            misses += 1
            if misses > MAX_MISSES:
                raise
            pause = max(every_s, REMOTE.wait_s(1, error) or every_s)
        else:
            misses, pause = 0, every_s
            failure = failed(data)
            if failure is not None:
                raise failure
            if until(data):
                return data
            _tell(progress(data), step(data))
        if deadline_s is not None and waited + pause > deadline_s:
            raise DeadlineExceeded(
                f"the service hadn't finished after {waited:g} s; give it more time"
            )
        await Sleep(pause)
        waited += pause


def _tell(fraction: float | None, step: str | None) -> None:
    call = CURRENT_CALL.get()
    if call is None or (fraction is None and step is None):
        return
    # A flow is told at its next wait that its call is over, and may then clean up; raised here, the
    # driver would take the first thing that it awaits for cleaning up as one wait too many.
    with suppress(Cancelled, DeadlineExceeded):
        call.report(Progress(fraction, step))


class cancelling:  # noqa: N801  # it is used as a function
    """``async with cancelling(self.delete(…))``: call the work off where the caller cancels.

    Where the call's time is over the work isn't called off: it was paid for, and may be fetched
    when it is done.
    """

    def __init__(self, cancel: Awaitable[Any] | None) -> None:
        self._cancel = cancel

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if self._cancel is None or error is None or getattr(error, "is_made", False):
            return
        if isinstance(error, Cancelled) or not isinstance(error, Exception):
            with suppress(OmnibindError):  # the caller is told of the cancellation alone
                await self._cancel


def refused(words: str) -> ContentRefused:
    """Return the error for work that a service declined while it was at it."""
    return ContentRefused(f"the service declined the content: {words}; change the prompt")
