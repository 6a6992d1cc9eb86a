"""A stay: one engine in memory, from its load until it was let go of."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from omnibind.contracts.media.base import size
from omnibind.running import footprints
from omnibind.running.footprints import Key
from omnibind.running.memory import Marks

if TYPE_CHECKING:
    from omnibind.running.devices import Device
    from omnibind.running.ledger import Lease

KEEP_ALIVE_S = 300.0
"""So long an engine that nobody uses stays loaded, unless its configuration says otherwise."""

WATCHED_CALLS = 3
"""The memory that calls take is measured for so many after each load."""


class Resident(Protocol):
    """What can be loaded and let go of; a slot is one. It must allow weak references."""

    @property
    def key(self) -> Key:
        """What its memory is known by."""

    @property
    def label(self) -> str:
        """``modality/name``."""

    @property
    def worker_pid(self) -> int | None:
        """The process that holds its engine; None where this one does."""

    @property
    def keep_alive_s(self) -> float | None:
        """Seconds that it stays loaded without use; 0 for no longer than a call, None for ever."""

    @property
    def is_pinned(self) -> bool:
        """Whether it is only let go of when it is asked for by name."""

    @property
    def is_busy(self) -> bool:
        """Whether anybody has a turn on it; never waits."""

    def evict(self) -> bool:
        """Let go of the engine through the keeper's ``release``; never waits for a turn.

        Returns:
            False where it is busy, and nothing was changed.
        """


class Watcher(Protocol):
    """Who keeps a stay."""

    def gone(self, stay: Stay, /) -> None:
        """Nobody refers to its resident any more."""

    def wake(self) -> None:
        """A stay may be at its end."""

    def is_alone(self, stay: Stay, /) -> bool:
        """Tell whether nobody else changes what is measured of it."""


class Freed(NamedTuple):
    """What letting go of an engine gave back.

    Attributes:
        label: ``modality/name``.
        model: Its model, or None.
        expected_bytes: What it held.
        came_back_bytes: What the device or the process holds less since; None where that isn't
            told. An engine in process may leave much of its memory with the allocators.
    """

    label: str
    model: str | None
    expected_bytes: int
    came_back_bytes: int | None

    def __str__(self) -> str:
        back = "unknown" if self.came_back_bytes is None else size(self.came_back_bytes)
        named = named_model(self.label, self.model)
        return f"{named} was let go: of {size(self.expected_bytes)}, {back} came back"


class ResidentRow(NamedTuple):
    """An engine that is loaded.

    Attributes:
        label: ``modality/name``.
        model: Its model, or None.
        device: Where its memory is: ``host``, ``cuda:0``.
        worker_pid: The process that holds it; None where this one does.
        bytes: What it holds.
        is_measured: Whether that was measured rather than estimated.
        call_bytes: What a call took beside that at most; None where that wasn't seen.
        idle_s: Seconds since it was last used.
        expires_in_s: Seconds until it is let go of if nobody uses it; None for never.
        is_pinned: Whether it is only let go of by name.
        is_busy: Whether it works now.
    """

    label: str
    model: str | None
    device: str
    worker_pid: int | None
    bytes: int
    is_measured: bool
    call_bytes: int | None
    idle_s: float
    expires_in_s: float | None
    is_pinned: bool
    is_busy: bool


class Stay:
    """One engine's stay in memory.

    Attributes:
        key: What its memory is known by.
        label: ``modality/name``.
        device: Where the memory is.
        lease: What tells other programs of it; a worker inherits its descriptor.
        keep_alive_s: As its resident says.
        bytes: What it holds, or is expected to.
        is_measured: Whether that was measured.
        call_bytes: What a call took beside that at most; None where that wasn't seen.
        pid: The process that holds it; None where this one does.
        load_seconds: How long loading it took.
        last_used: When a call last ended, by the keeper's clock.
        freed: What came back; None while it stays.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_keeper",
        "_marks",
        "_resident",
        "_unwatched",
        "bytes",
        "call_bytes",
        "device",
        "freed",
        "is_measured",
        "keep_alive_s",
        "key",
        "label",
        "last_used",
        "lease",
        "load_seconds",
        "pid",
    )

    def __init__(
        self,
        resident: Resident,
        device: Device,
        lease: Lease,
        keeper: Watcher,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.key = resident.key
        self.label = resident.label
        self.device = device
        self.lease = lease
        self.keep_alive_s = resident.keep_alive_s
        self.bytes = lease.claim.bytes
        self.is_measured = lease.claim.is_measured
        self.call_bytes: int | None = None
        self.pid = resident.worker_pid
        self.load_seconds = 0.0
        self.last_used = clock()
        self.freed: Freed | None = None
        self._clock = clock
        self._keeper = keeper
        self._unwatched = WATCHED_CALLS
        self._marks: Marks | None = None
        # A program that drops its client without closing it gets its memory back all the same.
        self._resident = weakref.ref(resident, lambda _: keeper.gone(self))

    @property
    def resident(self) -> Resident | None:
        """Who stays; None once nobody refers to it."""
        return self._resident()

    @property
    def named(self) -> str:
        """``modality/name/model``."""
        return named_model(self.label, self.key.model)

    @property
    def is_busy(self) -> bool:
        """Whether it works now."""
        resident = self._resident()
        return resident is not None and resident.is_busy

    @property
    def is_pinned(self) -> bool:
        """Whether it is only let go of by name."""
        resident = self._resident()
        return resident is not None and resident.is_pinned

    @property
    def is_over(self) -> bool:
        """Whether its worker has ended, or its resident is gone."""
        resident = self._resident()
        return resident is None or (self.pid is not None and resident.worker_pid != self.pid)

    def score(self, now: float) -> float:
        """Return how little is lost by evicting it: seconds without use per second of loading."""
        return max(0.0, now - self.last_used) / max(self.load_seconds, 0.05)

    def expires_in_s(self, now: float) -> float | None:
        """Return the seconds until nobody's use makes it go; None for never."""
        if self.keep_alive_s is None or self.is_pinned or self.is_busy:
            return None
        return max(0.0, self.last_used + self.keep_alive_s - now)

    def begin(self) -> None:
        """Note that a call begins; to be called by who has a turn."""
        if self._unwatched and self._keeper.is_alone(self):
            self._marks = self.device.marks(self.pid, anew=True)

    def end(self) -> None:
        """Note that a call ended; to be called by who still has its turn."""
        self.last_used = self._clock()
        if self._unwatched and self._marks is not None:
            self._note_call(self._marks)
        if self.keep_alive_s == 0:
            self._keeper.wake()

    def _note_call(self, before: Marks) -> None:
        self._marks = None
        self._unwatched -= 1
        after = self.device.marks(self.pid)
        if after is None or not self._keeper.is_alone(self):
            return
        # A mark as high as before the call was set by something else, and tells nothing of it.
        top = after.highest if after.highest > before.highest else after.now
        took = max(0, top - before.now)
        if self.call_bytes is None or took > self.call_bytes:
            self.call_bytes = took
            footprints.note_call(self.key, took)

    def row(self, now: float) -> ResidentRow:
        """Return what is told of it."""
        return ResidentRow(
            self.label,
            self.key.model,
            self.key.device,
            self.pid,
            self.bytes,
            self.is_measured,
            self.call_bytes,
            max(0.0, now - self.last_used),
            self.expires_in_s(now),
            self.is_pinned,
            self.is_busy,
        )


def named_model(label: str, model: str | None) -> str:
    """Return ``modality/name/model``."""
    return label if model is None else f"{label}/{model}"


def fewest(stays: Sequence[Stay], missing: int, now: float) -> list[Stay]:
    """Choose whom to evict so that ``missing`` bytes come free.

    Those of which least is lost go first (:meth:`Stay.score`), and of them nobody whose memory
    isn't needed once the others are gone.
    """
    ordered = sorted(stays, key=lambda stay: stay.score(now), reverse=True)
    chosen: list[Stay] = []
    total = 0
    for stay in ordered:
        if total >= missing:
            break
        chosen.append(stay)
        total += stay.bytes
    for stay in reversed(chosen.copy()):
        if total - stay.bytes >= missing:
            chosen.remove(stay)
            total -= stay.bytes
    return chosen
