"""A slot: one loaded engine in one place, with its turns and its load lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from omnibind.calls.turns import DirectTurn, Job, ThreadTurn, Turns
from omnibind.contracts.binding import Binding, Listener
from omnibind.contracts.errors import (
    BindingBroken,
    Cancelled,
    DeadlineExceeded,
    OmnibindError,
    OutOfMemory,
)

R = TypeVar("R")


class Slot:
    """Runs a binding's code in process, a limited number at a time; loads the engine first.

    Attributes:
        binding: The binding whose engine it holds.
        turns: Who may run; what needs no loaded engine runs on them directly.
        load_error: What the last load that failed said; None after one that didn't.
    """

    def __init__(self, binding: Binding, concurrent: int = 1) -> None:
        self.binding = binding
        self.label = f"{binding.modality}/{binding.binding_name}"
        self.turns = Turns(concurrent, self.label)
        self.load_error: OmnibindError | None = None
        self._is_loaded = False

    @property
    def is_loaded(self) -> bool:
        """True while the engine is in memory."""
        return self._is_loaded

    @property
    def is_stuck(self) -> bool:
        """True while calls that can't be stopped keep everybody else out."""
        return self.turns.is_stuck

    def run(self, work: Callable[[], R]) -> R:
        """Wait for a turn, load the engine if need be, and run ``work`` in this thread."""
        with self.turns.turn:
            if not self._is_loaded:
                self.load()
            return work()

    def start(
        self, work: Callable[[], R], call: Listener | None, done: Callable[[], None]
    ) -> Job[R]:
        """Do what :meth:`run` does on the slot's own daemon thread; ``done`` is called there."""

        def loaded() -> R:
            if not self._is_loaded:
                self.load()
            return work()

        return self.turns.start(loaded, call, done)

    def take(self) -> DirectTurn:
        """Wait for a turn in this thread; the engine isn't loaded by it."""
        return self.turns.take()

    def start_turn(self, call: Listener | None, done: Callable[[], None]) -> Job[ThreadTurn]:
        """Wait for a turn on the slot's own daemon thread; the engine isn't loaded by it."""
        return self.turns.start_turn(call, done)

    def load(self) -> None:
        """Load the engine if it isn't; to be called by who has a turn."""
        with self.turns.load_lock:
            if not self._is_loaded:
                self._load()

    def let_go(self) -> None:
        """Unload the engine if it is loaded; to be called by who has every turn."""
        if self._is_loaded:
            self._is_loaded = False
            self.binding.unload()

    def change(self, work: Callable[[], bool]) -> bool:
        """Run ``work``; where it says True, the engine loads anew before its next use."""
        changed = work()
        if changed:
            self._is_loaded = False
        return changed

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
