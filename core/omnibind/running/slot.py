"""A slot: one loaded engine in one place, with its turns and its load lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from omnibind.contracts.binding import Binding
from omnibind.contracts.errors import BindingBroken, OmnibindError, OutOfMemory

R = TypeVar("R")


class Slot:
    """Runs a binding's code in process, in the caller's thread, a limited number at a time.

    Attributes:
        binding: The binding whose engine it holds.
        load_error: What the last load that failed said; None after one that didn't.
    """

    def __init__(self, binding: Binding, concurrent: int = 1) -> None:
        self.binding = binding
        self.load_error: OmnibindError | None = None
        self._concurrent = concurrent
        # A lock costs a fifth of a semaphore, and nearly every engine serves one call at a time.
        self._turn = threading.Lock() if concurrent == 1 else threading.Semaphore(concurrent)
        self._load_lock = threading.Lock()
        self._all_lock = threading.Lock()
        self._is_loaded = False

    @property
    def is_loaded(self) -> bool:
        """True while the engine is in memory."""
        return self._is_loaded

    def run(self, work: Callable[[], R]) -> R:
        """Wait for a turn, load the engine if need be, and run ``work``."""
        with self._turn:
            if not self._is_loaded:
                self._load()
            return work()

    def ask(self, work: Callable[[], R]) -> R:
        """Wait for a turn and run ``work``, which needs no loaded engine."""
        with self._turn:
            return work()

    def change(self, work: Callable[[], bool]) -> bool:
        """Wait until no call runs and run ``work``; where it says True, the engine loads anew."""
        with self._every_turn():
            changed = work()
            if changed:
                self._is_loaded = False
            return changed

    def load(self) -> None:
        """Load the engine now."""
        self.run(lambda: None)

    def unload(self) -> None:
        """Wait until no call runs, then let go of the engine; a later call loads it again."""
        with self._every_turn():
            if self._is_loaded:
                self._is_loaded = False
                self.binding.unload()

    @contextmanager
    def _every_turn(self) -> Iterator[None]:
        # One taker at a time: two that each hold some turns would wait for each other.
        with self._all_lock, ExitStack() as turns:
            for _ in range(self._concurrent):
                turns.enter_context(self._turn)
            yield

    def _load(self) -> None:
        with self._load_lock:
            if self._is_loaded:
                return
            label = f"{self.binding.modality}/{self.binding.binding_name}"
            try:
                self.binding.load()
            except OmnibindError as error:
                self.load_error = error
                raise
            except MemoryError as error:
                self.load_error = OutOfMemory(f"{label} can't be loaded: memory ran out")
                raise self.load_error from error
            except Exception as error:
                told = f"{type(error).__name__}: {error}"
                self.load_error = BindingBroken(f"{label} can't be loaded: {told}")
                raise self.load_error from error
            self.load_error = None
            self._is_loaded = True
