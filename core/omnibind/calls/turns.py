"""Turns: who may run where, a limited number at a time, and the threads to run on."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import get_ident
from typing import Any, Generic, TypeVar

from omnibind.calls.gate import Gate
from omnibind.contracts.binding import CURRENT_CALL, Listener
from omnibind.contracts.errors import Cancelled, DeadlineExceeded

R = TypeVar("R")

IDLE_S = 10.0
"""A thread that had nothing to do for so long ends."""

_NOTHING: Any = object()


class Job(Generic[R]):
    """Work that was handed to a thread."""

    __slots__ = (
        *("_call", "_done", "_drop", "_error", "_has_begun", "_is_left", "_result", "_turns"),
        *("_withdraw", "_work"),
    )

    def __init__(
        self,
        turns: Turns,
        work: Callable[[], R],
        call: Listener | None,
        done: Callable[[], None],
    ) -> None:
        self._turns = turns
        self._work: Callable[[], R] | None = work
        self._call = call
        self._done: Callable[[], None] | None = done
        self._drop: Callable[[R], object] | None = None
        self._withdraw: Callable[[], None] | None = None
        self._has_begun = False
        self._is_left = False
        self._result: R = _NOTHING
        self._error: BaseException | None = None

    @property
    def is_done(self) -> bool:
        """True once :meth:`outcome` can be had."""
        return self._work is None

    def outcome(self) -> R:
        """Return what the work returned, raise what it raised; it isn't kept here any longer."""
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # a traceback that holds the job that holds the error
        result, self._result = self._result, _NOTHING
        return result

    def leave(self, drop: Callable[[R], object] | None = None) -> None:
        """Wait for it no longer; where it runs on, its place is stuck until it ends.

        Args:
            drop: Lets go of what the work returns, or has returned in the meantime.
        """
        with self._turns._mutex:
            is_done = self._work is None
            if not is_done:
                if self._is_left:
                    return
                self._is_left = True
                self._drop = drop
                self._turns._left += self._has_begun
        if is_done:
            self._dropped(drop)
        elif self._withdraw is not None:
            self._withdraw()

    def perform(self) -> bool:
        """Do the work in this thread, unless nobody waits for it any longer.

        Returns:
            True if somebody waited for it to its end.
        """
        with self._turns._mutex:
            if self._is_left:
                return False
            self._has_begun = True
        assert self._work is not None
        token = CURRENT_CALL.set(self._call)
        try:
            self._result = self._work()
        except BaseException as error:
            self._error = error
        finally:
            CURRENT_CALL.reset(token)
        with self._turns._mutex:
            self._work, done, drop = None, self._done, self._drop
            self._done = self._drop = self._call = None
            self._turns._left -= self._is_left
        if self._is_left:
            self._dropped(drop)
            return False
        assert done is not None
        done()
        return True

    def _dropped(self, drop: Callable[[R], object] | None) -> None:
        result, self._result, self._error = self._result, _NOTHING, None
        if drop is not None and result is not _NOTHING:
            let_go = drop
            _finish(lambda: let_go(result))


class Turns:
    """Lets a limited number of callers in at a time, in their own threads or on its own daemons.

    Attributes:
        turn: To be held while something runs.
        load_lock: To be held by one of several who have a turn, while it does what all need.
        concurrent: How many may run at once.
        name: What its threads and errors call it.
    """

    def __init__(self, concurrent: int = 1, name: str = "omnibind") -> None:
        self.concurrent = concurrent
        self.name = name
        self._begin()
        _ALL.add(self)

    def _begin(self) -> None:
        self.turn = Gate(self.concurrent, self.name)
        self.load_lock = threading.Lock()
        self._mutex = threading.RLock()
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._unfinished = 0
        self._threads = 0
        self._left = 0

    @property
    def is_stuck(self) -> bool:
        """True while calls that were left behind keep everybody else out."""
        return self._left >= self.concurrent

    def run(self, work: Callable[[], R]) -> R:
        """Wait for a turn and run ``work`` in this thread."""
        with self.turn:
            return work()

    def start(
        self, work: Callable[[], R], call: Listener | None, done: Callable[[], None]
    ) -> Job[R]:
        """Run ``work`` on an own daemon thread once there is a turn; ``done`` is called there."""
        job = Job(self, work, call, done)

        def in_turn() -> None:
            with self.turn:
                job.perform()

        self._put(in_turn)
        return job

    def take(self) -> DirectTurn:
        """Wait for a turn in this thread."""
        self.turn.acquire()
        return DirectTurn(self)

    def start_turn(self, call: Listener | None, done: Callable[[], None]) -> Job[ThreadTurn]:
        """Wait for a turn whose work runs on an own daemon thread."""
        works: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        job = Job(self, lambda: ThreadTurn(self, works), call, done)

        def serve() -> None:
            with self.turn:
                if job.perform():
                    while (work := works.get()) is not None:
                        work()

        self._put(serve)
        return job

    @property
    def whole(self) -> Whole:
        """Where work runs while nothing else does."""
        return Whole(self)

    def _put(self, job: Callable[[], None]) -> None:
        with self._mutex:
            self._unfinished += 1
            needs_thread = self._threads < min(self._unfinished, self.concurrent)
            self._threads += needs_thread
            if not needs_thread:
                self._jobs.put(job)
                return
        try:
            _start(self._serve, (job,), self.name)
        except BaseException:
            with self._mutex:
                self._threads -= 1
                self._unfinished -= 1
            raise

    def _serve(self, job: Callable[[], None]) -> None:
        while True:
            job()
            with self._mutex:
                self._unfinished -= 1
            try:
                job = self._jobs.get(timeout=IDLE_S)
            except Empty:
                with self._mutex:
                    if self._jobs.empty():
                        self._threads -= 1
                        return
                    job = self._jobs.get()


class Whole:
    """Every turn at once: work waits until nothing runs, and nothing else runs beside it."""

    __slots__ = ("_turns",)

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def run(self, work: Callable[[], R]) -> R:
        """Wait until nothing runs and run ``work`` in this thread."""
        gate = self._turns.turn
        waiter = gate.queue(self._turns.concurrent)
        gate.wait(waiter)
        try:
            return work()
        finally:
            gate.give_back(waiter)

    def start(
        self, work: Callable[[], R], call: Listener | None, done: Callable[[], None]
    ) -> Job[R]:
        """Run ``work`` on a daemon thread once nothing runs; ``done`` is called there."""
        gate, job = self._turns.turn, Job(self._turns, work, call, done)

        def once_granted() -> None:
            waiter = gate.queue(self._turns.concurrent)
            # Who waits for all of them keeps everybody else out, and mustn't when it is left.
            job._withdraw = lambda: gate.withdraw(waiter)
            if job._is_left:
                gate.withdraw(waiter)
            if gate.wait(waiter):
                try:
                    job.perform()
                finally:
                    gate.give_back(waiter)

        _start(once_granted, (), self._turns.name)
        return job


class DirectTurn:
    """A turn held by threads of the caller; dropping it gives it back."""

    __slots__ = ("_gate", "_ident", "_is_held", "_turns")

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._gate = turns.turn
        self._ident = get_ident()
        self._is_held = True

    def run(self, work: Callable[[], R]) -> R:
        """Run ``work`` in this thread."""
        self._ident = self._gate.move(self._ident)
        return work()

    def start(self, work: Callable[[], R], call: Any, done: Callable[[], None]) -> Job[R]:
        """Not for this turn: its work runs in the caller's thread."""
        raise TypeError("this turn was taken for the caller's own thread")

    def release(self, last: Callable[[], object] | None = None) -> None:
        """Do what is to be done last and give the turn back; again, it changes nothing."""
        if self._is_held:
            self._is_held = False
            try:
                _finish(last)
            finally:
                self._gate.release(self._ident)

    def __del__(self) -> None:
        self.release()


class ThreadTurn:
    """A turn held by a daemon thread, which does what is put to it; dropping it gives it back."""

    __slots__ = ("_is_held", "_turns", "_works")

    def __init__(
        self, turns: Turns, works: SimpleQueue[Callable[[], object] | None] | None = None
    ) -> None:
        self._turns = turns
        self._works = works or SimpleQueue()
        self._is_held = True

    def run(self, work: Callable[[], R]) -> R:
        """Not for this turn: its work runs on its own thread."""
        raise TypeError("this turn was taken for a thread of its own")

    def start(
        self, work: Callable[[], R], call: Listener | None, done: Callable[[], None]
    ) -> Job[R]:
        """Run ``work`` on the thread that holds the turn; ``done`` is called there."""
        job = Job(self._turns, work, call, done)
        self._works.put(job.perform)
        return job

    def release(self, last: Callable[[], object] | None = None) -> None:
        """Have the last thing done and the turn given back once its work has ended.

        Nobody waits for it; releasing it again changes nothing.
        """
        if self._is_held:
            self._is_held = False
            self._works.put(lambda: _finish(last))
            self._works.put(None)

    def __del__(self) -> None:
        self.release()


def _start(target: Callable[..., None], args: tuple[Any, ...], name: str) -> None:
    threading.Thread(target=target, args=args, name=name, daemon=True).start()


def _finish(last: Callable[[], object] | None) -> None:
    """Do what an engine has to do at the end; nobody is left to hear of a failure but the log."""
    try:
        if last is not None:
            last()
    except (Cancelled, DeadlineExceeded):
        return  # it reported, and heard that its call is over
    except Exception:
        import logging

        logging.getLogger("omnibind.calls").warning("an engine failed at its end", exc_info=True)


_ALL: weakref.WeakSet[Turns] = weakref.WeakSet()


def _begin_anew() -> None:
    # The threads of the parent don't live here, and what they held would stay held.
    for turns in _ALL:
        turns._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
