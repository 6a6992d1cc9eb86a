"""How a caller waits: never longer than its call lasts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from omnibind.contracts.binding import CURRENT_CALL, Listener, Progress
from omnibind.contracts.errors import Cancelled, DeadlineExceeded

TICK_S = 0.05
"""How often a wait looks whether its call is over."""


class Patience:
    """The call that waits in this thread, or none."""

    __slots__ = ("_listener",)

    def __init__(self) -> None:
        self._listener: Listener | None = CURRENT_CALL.get()

    def check(self) -> None:
        """Raise if the call is over.

        Raises:
            Cancelled: It was cancelled, or nobody waits for it.
            DeadlineExceeded: Its time is over.
        """
        listener: Any = self._listener
        if listener is None:
            return
        if getattr(listener, "is_over", False):
            raise Cancelled("the call is over; nobody waits for its result")
        check = getattr(listener, "check", None)
        if check is not None:
            check()

    def report(self, progress: Progress) -> None:
        """Pass on how far the engine is; raises where the call is over."""
        if self._listener is not None:
            self._listener.report(progress)

    @contextmanager
    def holding(self, lock: threading.Lock | threading.Semaphore) -> Iterator[None]:
        """Hold a lock, waiting for it no longer than the call lasts."""
        while not lock.acquire(timeout=TICK_S):
            self.check()
        try:
            yield
        finally:
            lock.release()


class Limit(Patience):
    """Waits so long and no longer, whatever call it is for."""

    __slots__ = ("_until",)

    def __init__(self, seconds: float) -> None:
        self._listener = None
        self._until = monotonic() + seconds

    def check(self) -> None:
        """Raise once the time is over."""
        if monotonic() >= self._until:
            raise DeadlineExceeded("it took too long")
