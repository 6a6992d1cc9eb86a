"""A call: its clock, its deadline, its progress, and the way to cancel it."""

from __future__ import annotations

import os
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from threading import TIMEOUT_MAX
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from omnibind.contracts.binding import Progress
from omnibind.contracts.errors import BadOption, Cancelled, DeadlineExceeded
from omnibind.contracts.secret import Secret

if TYPE_CHECKING:
    import asyncio

R = TypeVar("R")

GRACE_S = 5.0
"""Seconds that a flow has for cleaning up after an interruption was thrown into it."""

SUBMITTED: ContextVar[Call[Any] | None] = ContextVar("omnibind_submitted", default=None)
"""The call that ``submit`` handed out, for the verb that it runs."""

_NUMBERS = count(1)


class Call(Generic[R]):
    """One call on its way; ``client.submit`` hands it out.

    Attributes:
        clock: Gives seconds; only differences mean something.
        deadline: The clock's time at which the call is over; None without one.
        is_firm: True where the caller must be free at the deadline, so that engine code has to run
            on a thread of its own.
        progress: What was last reported; None before.
        on_progress: Hears every report, in the thread that reports.
        loop: The event loop whose driver carries it; None for the blocking one.
        api_key: The key that the caller gave for the service that is called now.
        http_client: The caller's own ``httpx2`` client; None is ours.
        max_bytes: A larger result isn't received; None where nobody said.
    """

    def __init__(
        self,
        timeout_s: float | None = None,
        *,
        is_firm: bool = False,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.clock = clock
        self.deadline = None if timeout_s is None else clock() + timeout_s
        self.is_firm = is_firm or timeout_s is not None
        self.progress: Progress | None = None
        self.on_progress: Callable[[Progress], None] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.api_key: Secret | None = None
        self.http_client: Any = None
        self.max_bytes: int | None = None
        self._timeout_s = timeout_s
        self._id = ""
        self._is_cancelled = False
        self._is_over = False
        self._is_late = False
        self._cancel_reason = "the call was cancelled"
        self._waker: Callable[[], None] | None = None
        self._ended: threading.Event | None = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._task: asyncio.Task[R] | None = None

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.state}>"

    @property
    def is_asyncio(self) -> bool:
        """True where the asyncio driver carries it."""
        return self.loop is not None

    @property
    def id(self) -> str:
        """A name for events and logs, unique on this machine."""
        if not self._id:
            self._id = f"{_process}-{next(_NUMBERS):x}"
        return self._id

    @property
    def state(self) -> str:
        """``running``, ``cancelled`` (it may still clean up), ``done`` or ``failed``."""
        if self.done():
            return "done" if self._error is None else "failed"
        return "cancelled" if self._is_cancelled else "running"

    # ── for the program that submitted it ──

    def cancel(self, reason: str = "") -> bool:
        """Ask the call to end; its result is then ``Cancelled``, soon.

        Returns:
            False if it was done already.
        """
        if self.done():
            return False
        if reason:
            self._cancel_reason = reason
        self._is_cancelled = True
        waker = self._waker
        if waker is not None:
            waker()
        return True

    def done(self) -> bool:
        """Tell whether there is a result or an error."""
        return self._ended is not None and self._ended.is_set()

    def result(self, timeout_s: float | None = None) -> R:
        """Wait for the result.

        Args:
            timeout_s: Seconds to wait at most; the call itself goes on after them.

        Raises:
            DeadlineExceeded: It isn't done yet.
            OmnibindError: What the call raised.
        """
        if self._ended is None:
            raise BadOption("this call wasn't submitted; client.submit() gives one to wait for")
        if self._task is not None and not self.done():
            raise BadOption("this call belongs to an event loop; await it instead")
        if not self._ended.wait(None if timeout_s is None else min(timeout_s, TIMEOUT_MAX)):
            raise DeadlineExceeded(
                f"there is no result after {timeout_s:g} s; the call goes on: wait longer or cancel"
            )
        if self._error is not None:
            raise self._error
        result: R = self._result
        return result

    def __await__(self) -> Generator[Any, Any, R]:
        if self._task is None:
            raise BadOption("this call was submitted by a blocking client; use .result()")
        return self._wait().__await__()

    async def _wait(self) -> R:
        import asyncio

        assert self._task is not None
        return await asyncio.shield(self._task)

    # ── for whoever runs it ──

    def limit(self, timeout_s: float | None) -> None:
        """Set its time, from now on; None leaves it as it is."""
        if timeout_s is not None:
            self.deadline = self.clock() + timeout_s
            self.is_firm = True
            self._timeout_s = timeout_s

    @contextmanager
    def within(self, seconds: float | None) -> Iterator[None]:
        """Give a call without a time of its own so many seconds for what is done inside."""
        if seconds is None or self.deadline is not None:
            yield
            return
        self.deadline, self._timeout_s = self.clock() + seconds, seconds
        try:
            yield
        finally:
            if not self._is_over:
                self.deadline = self._timeout_s = None

    def finish_later(self, waiting: Sequence[Awaitable[Any]]) -> None:
        """Do what async listeners to progress still have to do; called where the engine runs."""
        from omnibind.calls.callbacks import finish, finish_blocking

        loop = self.loop
        if loop is None:
            finish_blocking(waiting)
            return
        import asyncio

        finishing = finish(waiting)
        try:
            asyncio.run_coroutine_threadsafe(finishing, loop)
        except RuntimeError:  # the loop was closed, and with it whoever listened
            finishing.close()
            for one in waiting:
                getattr(one, "close", bool)()

    def begin(self) -> None:
        """Make it a call that can be waited for."""
        self._ended = threading.Event()

    def end(self, result: Any = None, error: BaseException | None = None) -> None:
        """Set what it came to."""
        assert self._ended is not None
        self._result, self._error = result, error
        self._ended.set()

    def begin_task(self, task: asyncio.Task[R]) -> None:
        """Make it a call that is awaited."""
        self.begin()
        self._task = task

        def ended(task: asyncio.Task[R]) -> None:
            error = Cancelled("its task was cancelled") if task.cancelled() else task.exception()
            self.end(None if error else task.result(), error)

        task.add_done_callback(ended)

    def remaining_s(self) -> float | None:
        """Return the seconds until the deadline, at least 0; None without one."""
        return None if self.deadline is None else max(0.0, self.deadline - self.clock())

    def check(self) -> None:
        """Raise if the call is over.

        Raises:
            Cancelled: It was cancelled.
            DeadlineExceeded: Its time is over, or cleaning up took too long.
        """
        if self._is_cancelled and not self._is_over:
            raise Cancelled(self._cancel_reason)
        if self.deadline is not None and self.clock() >= self.deadline:
            if self._is_over:
                raise DeadlineExceeded(f"cleaning up took more than {GRACE_S:g} s")
            raise self.late()

    def late(self) -> DeadlineExceeded:
        """Return the error that tells that its time is over."""
        return DeadlineExceeded(
            f"the call wasn't done after {self._timeout_s:g} s; give a longer timeout_s"
        )

    def report(self, progress: Progress) -> None:
        """Take note of how far the engine is.

        Raises:
            Cancelled: The call was cancelled, or its caller is gone.
            DeadlineExceeded: Its time is over.
        """
        if self._is_over:
            raise self.late() if self._is_late else Cancelled(self._cancel_reason)
        self.check()
        self.progress = progress
        if self.on_progress is not None:
            self.on_progress(progress)

    def interrupted(self, error: BaseException) -> None:
        """Take note of an error that is thrown into the flow; one that ends it starts its grace."""
        if self._is_over:
            return
        self._is_late = isinstance(error, DeadlineExceeded)
        ends = not isinstance(error, Exception) or (
            isinstance(error, (Cancelled, DeadlineExceeded))
            and (self._is_cancelled or self.remaining_s() == 0)
        )
        if ends:
            self.closing()

    def closing(self) -> Call[R]:
        """Return this call, allowed a few more seconds for cleaning up."""
        self._is_over = True
        self.deadline = self.clock() + GRACE_S
        return self

    @property
    def is_over(self) -> bool:
        """True once its flow was told to end and only cleans up."""
        return self._is_over

    @property
    def is_given_up(self) -> bool:
        """True where a flow was interrupted and has used up its grace."""
        return self._is_over and self.remaining_s() == 0

    def wake_with(self, waker: Callable[[], None] | None) -> None:
        """Set what ends the present wait when the call is cancelled; None where none waits."""
        self._waker = waker
        if waker is not None and self._is_cancelled and not self._is_over:
            waker()


_process = f"{os.getpid():x}"


def _name_process() -> None:
    global _process
    _process = f"{os.getpid():x}"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_name_process)
