"""Streams: what a flow that emits looks like to a program, blocking or on an event loop."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Coroutine
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from omnibind.calls.call import Call
from omnibind.calls.driver import arun, run
from omnibind.contracts.effects import Effect
from omnibind.contracts.errors import BadOption, Cancelled

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")
M = TypeVar("M")

_END: Any = object()

_open: set[Any] = set()  # flows that have begun; what collects one as garbage would close it


class Outcome(Generic[M]):
    """What the emitting flow leaves behind: the whole result, set before its end."""

    result: M | None = None


class _Items(Generic[T, M]):
    """What both kinds of stream share: the flow, its call and its outcome."""

    def __init__(
        self, items: AsyncGenerator[T, None], call: Call[Any], outcome: Outcome[M]
    ) -> None:
        self._items = items
        self._call = call
        self._outcome = outcome
        self._has_begun = False
        self._is_over = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'at its end' if self._is_over else 'open'}>"

    @property
    def call(self) -> Call[Any]:
        """The call that it belongs to: its progress, and the way to cancel it."""
        return self._call

    @property
    def result(self) -> M:
        """The whole result with its meta, once the stream is exhausted.

        Raises:
            BadOption: The stream isn't exhausted.
        """
        if self._outcome.result is None:
            raise BadOption(
                "this stream has no result: it wasn't read to its end; iterate over it first"
            )
        return self._outcome.result

    def _begin(self) -> Coroutine[Effect[Any], Any, T]:
        self._has_begun = True
        _open.add(self._items)
        return _item(self._items)

    def _ended(self) -> None:
        self._is_over = True
        _open.discard(self._items)

    def _end(self) -> Coroutine[Effect[Any], Any, None] | None:
        """Return the flow that closes it; None where there is nothing to close."""
        is_open = self._has_begun and not self._is_over
        self._ended()
        return _closed(self._items) if is_open else None


async def _item(items: AsyncGenerator[T, None]) -> T:
    try:
        return await items.__anext__()
    except StopAsyncIteration:
        return _END  # type: ignore[no-any-return]  # known by identity


async def _closed(items: AsyncGenerator[Any, None]) -> None:
    try:
        await items.athrow(Cancelled("the stream was closed"))
    except (Cancelled, StopAsyncIteration):
        return


class Stream(_Items[T, M]):
    """Items as they are made; ``.result`` is the whole once they are exhausted.

    Closing it early, also by leaving its ``with``, stops the work. Threads that share it get its
    items in turn.
    """

    def __init__(
        self, items: AsyncGenerator[T, None], call: Call[Any], outcome: Outcome[M]
    ) -> None:
        super().__init__(items, call, outcome)
        self._lock = threading.Lock()

    def __iter__(self) -> Stream[T, M]:
        return self

    def __next__(self) -> T:
        with self._lock:
            if self._is_over:
                raise StopIteration
            item = run(self._begin(), self._call)
            if item is _END:
                self._ended()
                raise StopIteration
            return item

    def __enter__(self) -> Stream[T, M]:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the work; at its end or closed already, nothing happens.

        A thread that waits for an item meanwhile gets ``Cancelled``.
        """
        if not self._lock.acquire(blocking=False):
            self._call.cancel("the stream was closed")
            return
        try:
            if end := self._end():
                run(end, self._call.closing())
        finally:
            self._lock.release()

    def __del__(self) -> None:
        if not getattr(self, "_has_begun", False) or self._is_over:
            return
        self._ended()
        _close_here(self._items, self._call)


class AsyncStream(_Items[T, M]):
    """Items as they are made; ``.result`` is the whole once they are exhausted.

    Closing it early, also by leaving its ``async with``, stops the work. Tasks that share it get
    its items in turn.
    """

    def __init__(
        self, items: AsyncGenerator[T, None], call: Call[Any], outcome: Outcome[M]
    ) -> None:
        import asyncio

        super().__init__(items, call, outcome)
        self._lock = asyncio.Lock()

    def __aiter__(self) -> AsyncStream[T, M]:
        return self

    async def __anext__(self) -> T:
        async with self._lock:
            if self._is_over:
                raise StopAsyncIteration
            item = await arun(self._begin(), self._call)
            if item is _END:
                self._ended()
                raise StopAsyncIteration
            return item

    async def __aenter__(self) -> AsyncStream[T, M]:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the work; at its end or closed already, nothing happens.

        A task that waits for an item meanwhile gets ``Cancelled``.
        """
        if self._lock.locked():
            self._call.cancel("the stream was closed")
        async with self._lock:
            if end := self._end():
                await arun(end, self._call.closing())

    def __del__(self) -> None:
        if not getattr(self, "_has_begun", False) or self._is_over:
            return
        self._ended()
        items, call, loop = self._items, self._call, self._call.loop
        if loop is not None and loop.is_running():
            try:
                loop.call_soon_threadsafe(_close_on, loop, items, call)
                return
            except RuntimeError:  # it was closed in this moment
                pass
        _close_here(items, call)


def _close_here(items: AsyncGenerator[Any, None], call: Call[Any]) -> None:
    try:
        run(_closed(items), call.closing())
    except Exception:
        _log_closing()


def _close_on(
    loop: asyncio.AbstractEventLoop, items: AsyncGenerator[Any, None], call: Call[Any]
) -> None:
    async def close() -> None:
        await arun(_closed(items), call.closing())

    def closed(task: asyncio.Task[None]) -> None:
        _closing.discard(task)
        if task.cancelled():  # the loop is ending
            if getattr(items, "ag_frame", None) is not None:
                _close_here(items, call)
        elif task.exception() is not None:
            _log_closing(task.exception())

    task = loop.create_task(close())
    _closing.add(task)  # the loop itself wouldn't keep it
    task.add_done_callback(closed)


_closing: set[asyncio.Task[None]] = set()


def _log_closing(error: BaseException | None = None) -> None:
    import logging

    logging.getLogger("omnibind.calls").warning(
        "a stream that nobody read to its end failed when it was closed", exc_info=error or True
    )
