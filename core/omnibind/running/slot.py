"""A slot: one loaded engine in one place, with its turns and its load lock."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from omnibind.calls.gathering import Line
from omnibind.calls.turns import DirectTurn, Job, ThreadTurn, Turns
from omnibind.contracts.binding import Binding, Listener
from omnibind.contracts.errors import (
    BindingBroken,
    Cancelled,
    DeadlineExceeded,
    OmnibindError,
    OutOfMemory,
)
from omnibind.running.pool import Pool

if TYPE_CHECKING:
    from omnibind.running.footprints import Key
    from omnibind.running.instance import Instance
    from omnibind.running.residence import Residence
    from omnibind.running.stays import Stay

R = TypeVar("R")


class Slot:
    """Runs a binding's code, a limited number at a time; loads the engine first.

    It is what the keeper knows as a resident, where the engine's memory is told of.

    Attributes:
        binding: The binding whose engine it holds.
        turns: Who may run; what needs no loaded engine runs on them directly.
        load_error: What the last load that failed said; None after one that didn't.
        residence: How its engine is to stay in memory; None where it takes none here.
        holders: Who uses it; the last one who lets go of it unloads the engine.
        line: The calls that wait for it and may be served together.
    """

    def __init__(
        self, binding: Binding, concurrent: int = 1, residence: Residence | None = None
    ) -> None:
        self.binding = binding
        self.label = f"{binding.modality}/{binding.binding_name}"
        self.turns = Turns(concurrent, self.label)
        self.load_error: OmnibindError | None = None
        self.residence = residence
        self.holders: weakref.WeakSet[object] = weakref.WeakSet()
        self.line = Line()
        self._is_loaded = False
        self._stay: Stay | None = None

    @property
    def is_loaded(self) -> bool:
        """True while the engine is in memory."""
        stay = self._stay
        return self._is_loaded and (stay is None or not stay.is_over)

    @property
    def is_stuck(self) -> bool:
        """True while calls that can't be stopped keep everybody else out."""
        return self.turns.is_stuck

    def run(self, work: Callable[[], R]) -> R:
        """Wait for a turn, load the engine if need be, and run ``work`` in this thread."""
        with self.turns.turn:
            return self._served(work)

    def start(
        self, work: Callable[[], R], call: Listener | None, done: Callable[[], None]
    ) -> Job[R]:
        """Do what :meth:`run` does on the slot's own daemon thread; ``done`` is called there."""
        return self.turns.start(lambda: self._served(work), call, done)

    def _served(self, work: Callable[[], R]) -> R:
        if not self.is_loaded:
            self.load()
        stay = self._stay
        if stay is None:
            return work()
        stay.begin()
        try:
            return work()
        finally:
            stay.end()

    def take(self) -> DirectTurn:
        """Wait for a turn in this thread; the engine isn't loaded by it."""
        return self.turns.take()

    def start_turn(self, call: Listener | None, done: Callable[[], None]) -> Job[ThreadTurn]:
        """Wait for a turn on the slot's own daemon thread; the engine isn't loaded by it."""
        return self.turns.start_turn(call, done)

    def load(self) -> None:
        """Load the engine if it isn't; to be called by who has a turn.

        Raises:
            OutOfMemory: It doesn't fit beside what can't be let go of.
        """
        with self.turns.load_lock:
            if self.is_loaded:
                return
            if self.residence is None:
                self._load()
                return
            from omnibind.running.keeper import keeper

            # What the keeper raises says nothing about the engine, and isn't remembered of it.
            with keeper().loading(self, self.residence.need()) as stay, self._inheriting(stay):
                self._load()
            self._stay = stay

    @contextmanager
    def _inheriting(self, stay: Stay) -> Iterator[None]:
        """Give the lease to the worker that the load may start, so that it ends with that."""
        instance = instance_of(self.binding)
        if instance is None:
            yield
            return
        instance.engine.inherit = stay.lease.inherit()
        try:
            yield
        finally:
            instance.engine.inherit = ()

    def let_go(self) -> None:
        """Unload the engine if it is loaded; to be called by who has every turn."""
        stay, self._stay = self._stay, None
        if self._is_loaded:
            self._is_loaded = False
            if stay is None:
                self.binding.unload()
            else:
                from omnibind.running.keeper import keeper

                keeper().release(stay, self.binding.unload)

    def change(self, work: Callable[[], bool]) -> bool:
        """Run ``work``; where it says True, the engine loads anew before its next use."""
        changed = work()
        if changed:
            self._is_loaded = False
            stay, self._stay = self._stay, None
            if stay is not None:
                from omnibind.running.keeper import keeper

                keeper().gone(stay)
        return changed

    # ── what the keeper asks for ──

    @property
    def key(self) -> Key:
        """What its memory is known by."""
        assert self.residence is not None
        return self.residence.key

    @property
    def worker_pid(self) -> int | None:
        """The process that holds its engine; None where this one does."""
        instance = instance_of(self.binding)
        return None if instance is None else instance.worker_pid

    @property
    def keep_alive_s(self) -> float | None:
        """Seconds that its engine stays loaded without use; None for ever."""
        return None if self.residence is None else self.residence.keep_alive_s

    @property
    def is_pinned(self) -> bool:
        """Whether its engine is only let go of by name."""
        return self.residence is not None and self.residence.is_pinned

    @property
    def is_busy(self) -> bool:
        """Whether anybody has a turn or waits for one."""
        return not self.turns.turn.is_idle

    def evict(self) -> bool:
        """Let go of the engine if nobody has a turn or waits for one; False where somebody does."""
        turn = self.turns.turn
        if not turn.take_all():
            return False
        try:
            self.let_go()
        finally:
            turn.release_all()
        return True

    def relieve(self) -> bool:
        """Let go of idle engines where this one's memory is; False where there were none."""
        was_refused = not self.is_loaded and not isinstance(self.load_error, OutOfMemory)
        if self.residence is None or was_refused:  # who was refused gains nothing by it
            return False
        from omnibind.running.keeper import keeper

        return bool(keeper().relieve(self))

    def _load(self) -> None:
        try:
            self.binding.load()
        except (Cancelled, DeadlineExceeded):
            raise  # it was the call's, and says nothing about the engine
        except OmnibindError as error:
            self.load_error = error
            raise
        except MemoryError as error:
            self.load_error = OutOfMemory(f"{self.label} can't be loaded: memory ran out")
            raise self.load_error from error
        except (Exception, SystemExit) as error:
            told = f"{type(error).__name__}: {error}"
            self.load_error = BindingBroken(f"{self.label} can't be loaded: {told}")
            raise self.load_error from error
        self.load_error = None
        self._is_loaded = True
        if instance_of(self.binding) is None:
            LOADED_HERE.add(self.label)


def instance_of(binding: Binding) -> Instance | None:
    """Return what a proxy stands for in its worker; None for a binding of this process."""
    found: Instance | None = vars(binding).get("_instance")
    return found


LOADED_HERE: set[str] = set()
"""Every engine that was ever loaded in this process itself, or in the one that it was forked from.

Its library may have started threads, which a forked child lacks, and waits for.
"""

SLOTS: Pool[Slot] = Pool()
"""The slots of this process: equal bindings with equal configuration are one instance."""
