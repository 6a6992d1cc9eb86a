"""Calls that wait for the same engine and could be done in one native batch.

Whoever gets its turn first serves those that wait behind it and ask for the same with other words;
they find their output when their own turn comes. Where the batch fails, each is served alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TypeVar

from omnibind.calls.choice import Choice
from omnibind.calls.produce import Made, batched, produced
from omnibind.calls.request import Request
from omnibind.contracts.errors import Cancelled, DeadlineExceeded
from omnibind.contracts.media import Audio, Image, Transcript, Video

M = TypeVar("M", bound=Audio | Image | Video | Transcript)

_PLAIN = (bool, int, float, str, type(None))


class Waiting:
    """One call in the line.

    Attributes:
        choice: What it asks for.
        verb: The contract's method.
        output: What a batch gave for it, and the seconds that this took; None before.
        is_taken: Whether a batch works on it.
        is_alone: Whether it is to be served by itself, because a batch with it failed.
    """

    __slots__ = ("choice", "is_alone", "is_taken", "output", "verb")

    def __init__(self, choice: Choice, verb: str) -> None:
        self.choice = choice
        self.verb = verb
        self.output: tuple[Any, float] | None = None
        self.is_taken = False
        self.is_alone = False

    def fits(self, other: Waiting) -> bool:
        """Tell whether both can be in one batch."""
        one, two = self.choice, other.choice
        return (
            not (other.is_taken or other.is_alone or other.output)
            and self.verb == other.verb
            and one.candidate.binding is two.candidate.binding
            and one.subject[1:] == two.subject[1:]
            and _has_seed(one) is _has_seed(two)
            and _without_seed(one) == _without_seed(two)
        )


class Line:
    """The calls that wait for one engine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Waiting] = []

    @contextmanager
    def joined(self, choice: Choice, verb: str) -> Iterator[Waiting]:
        """Stand in the line for as long as the call waits and runs."""
        mine = Waiting(choice, verb)
        with self._lock:
            self._waiting.append(mine)
        try:
            yield mine
        finally:
            with self._lock:
                self._waiting.remove(mine)

    def serve(self, mine: Waiting, type_: type[M], request: Request) -> Made[M]:
        """Serve a call whose turn has come, and others with it; the engine is loaded.

        Raises:
            BadOutput: What came back isn't a usable result.
            CallFailed: The engine failed.
        """
        choice = mine.choice
        group = self._group(mine)
        if mine.output is None and len(group) > 1:
            self._run(group)
        if mine.output is None:
            return produced(getattr(choice.candidate.binding, mine.verb), choice, type_, request)
        output, seconds = mine.output
        return Made.of(output, seconds, choice, type_, request)

    def _group(self, mine: Waiting) -> list[Waiting]:
        with self._lock:
            if mine.output is not None or mine.is_alone or mine.is_taken:
                return [mine]
            most = mine.choice.candidate.max_batch_size - 1
            others = [other for other in self._waiting if other is not mine and mine.fits(other)]
            group = [mine, *others[:most]]
            for one in group:
                one.is_taken = True
            return group

    def _run(self, group: list[Waiting]) -> None:
        """Do all at once; where that fails, each is left to be served alone."""
        started = perf_counter()
        try:
            outputs = batched([one.choice for one in group], group[0].verb)
            each = (perf_counter() - started) / len(group)
            for one, output in zip(group, outputs, strict=True):
                one.output = output, each
        except (Cancelled, DeadlineExceeded):
            raise  # it was this call's end, and says nothing about the others
        except Exception:  # one of them may be the cause: it is told when it is served alone
            for one in group:
                one.output, one.is_alone = None, True
        finally:
            for one in group:
                one.is_taken = False


def can_wait_together(choice: Choice, verb: str) -> bool:
    """Tell whether a call can be served by a batch with others.

    With a seed it can only where the batch takes one for each: else it wouldn't be made again by
    its own seed alone.
    """
    candidate = choice.candidate
    if candidate.max_batch_size < 2 or candidate.native(f"{verb}_batch") is None:
        return False
    if _has_seed(choice) and not candidate.takes_seeds(verb):
        return False
    plain = (*choice.subject[1:], *choice.options.values())
    return all(isinstance(value, _PLAIN) for value in plain)


def _has_seed(choice: Choice) -> bool:
    return choice.options.get("seed") is not None


def _without_seed(choice: Choice) -> dict[str, Any]:
    return {name: value for name, value in choice.options.items() if name != "seed"}
