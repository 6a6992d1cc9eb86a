"""The keeper: decides in one process what stays loaded.

It holds no lock of its own. Loads onto one device happen one after another, on the whole machine,
so that what a load took can be told and two programs never count on the same free bytes. Evicting
never waits for a turn: who is busy stays. So nobody who loads can wait for somebody who waits for
the load.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from omnibind.contracts.binding import CURRENT_CALL, Progress
from omnibind.contracts.errors import OutOfMemory
from omnibind.running import devices, footprints
from omnibind.running.ledger import Claim, Ledger, program
from omnibind.running.limits import Limits
from omnibind.running.stays import Freed, Resident, ResidentRow, Stay, fewest

if TYPE_CHECKING:
    import logging

    from omnibind.running.devices import Device
    from omnibind.running.footprints import Key, Need

_SETTLE_POLL_S = 0.05
_MOST = 0.9
_RETRY_S = 0.05
"""An engine that is kept for no time is looked at so often until it is idle."""


class Keeper:
    """Lets engines in, as long as there is memory, and makes room for them.

    Attributes:
        limits: What this program may take.
        ledger: What all programs of the machine hold.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        ledger: Ledger | None = None,
        device: Callable[[str | None], Device] = devices.device,
        clock: Callable[[], float] = time.monotonic,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limits = Limits() if limits is None else limits
        self.ledger = Ledger() if ledger is None else ledger
        self._device = device
        self._clock = clock
        self._rest = rest
        self._stays: dict[int, Stay] = {}
        self._seen: set[Key] = set()
        self._due = threading.Event()
        self._timer: threading.Thread | None = None

    def limit(self, given: Any) -> None:
        """Set the limits as a configuration says; what the environment says goes before it.

        Raises:
            BadConfig: It can't be read; see :mod:`omnibind.running.limits`.
        """
        self.limits = Limits.of_environment() or Limits(given)

    # ── loading ──

    @contextmanager
    def loading(self, resident: Resident, need: Need) -> Iterator[Stay]:
        """Make room for an engine, be the only one who loads, and measure what the load takes.

        To be held around the load, by who has a turn. A worker that is started in it is given
        ``stay.lease.inherit()``. Where the load fails, nothing is claimed.

        Raises:
            OutOfMemory: It doesn't fit, whatever idle engine went; the message has the numbers.
            Stuck: Another program has been loading for too long.
            DeadlineExceeded: The call's time was over before others had loaded.
            Cancelled: The call was cancelled before others had loaded.
        """
        device = self._device(resident.key.device)
        claim = _claim(resident, device, need)
        with self.ledger.loading(claim, _tell_waiting, rest=self._rest):
            self._make_room(resident, device, need)
            stay = Stay(resident, device, self.ledger.lease(claim), self, self._clock)
            try:
                # What was freed before and would be used again now wouldn't be seen as taken.
                device.give_back()
                before, started = self._reading(stay), self._clock()
                yield stay
                stay.load_seconds = self._clock() - started
                if resident.worker_pid != stay.pid:
                    before = self._started(stay, resident.worker_pid, before)
                self._measure(stay, need, before)
            except BaseException:
                stay.lease.end()
                raise
            stay.last_used = self._clock()
            self._stays[id(stay)] = stay
        self._begin_timer(stay)

    def _reading(self, stay: Stay) -> int | None:
        """Return what loads add to; None where that isn't told or others change it now."""
        return stay.device.taken(stay.pid) if self.is_alone(stay) else None

    def _started(self, stay: Stay, pid: int | None, before: int | None) -> int | None:
        """Take note of the worker that the load started; return what was taken before it."""
        stay.pid = pid
        if pid is not None:
            stay.lease.hand_over(pid)
        return 0 if stay.device.name == devices.HOST else before

    def _measure(self, stay: Stay, need: Need, before: int | None) -> None:
        """Find out what the load took, and keep that where nothing else can have added to it."""
        after = self._reading(stay)
        if before is None or after is None:
            return
        took = max(0, after - before)
        # What this process once gave to an engine is used again by the next load, and not seen.
        is_first = stay.pid is not None or stay.key not in self._seen
        self._seen.add(stay.key)
        if is_first or took > need.load_bytes:
            stay.bytes, stay.is_measured = took, True
            footprints.note_load(stay.key, took, stay.load_seconds)
        else:
            stay.bytes, stay.is_measured = need.load_bytes, need.basis == "measured"
        stay.lease.tell(bytes=stay.bytes, is_measured=stay.is_measured)

    def is_alone(self, stay: Stay) -> bool:
        """Tell whether no other engine's call changes what is measured of this one."""
        on_host = stay.device.name == devices.HOST
        return not any(
            other.is_busy
            for other in self._all()
            if other is not stay
            and other.device is stay.device
            and (other.pid == stay.pid or not on_host)
        )

    # ── room ──

    def _make_room(self, resident: Resident, device: Device, need: Need) -> None:
        if need.bytes == 0:
            return
        limit, freed, refused = self.limits.of(device.name), list[Freed](), set[int]()
        missing = limit.missing(need.bytes, device.free_bytes(), self._held(device))
        if missing:
            _give_back(device)
            missing = limit.missing(need.bytes, device.free_bytes(), self._held(device))
        while missing:
            idle = [stay for stay in self._idle(device) if id(stay) not in refused]
            if sum(stay.bytes for stay in idle) < missing:
                raise OutOfMemory(self._refusal(resident, device, need, freed))
            for stay in fewest(idle, missing, self._clock()):
                given = self._evict(stay)
                if given is None:
                    refused.add(id(stay))
                else:
                    freed.append(given)
            missing = limit.missing(need.bytes, device.free_bytes(), self._held(device))

    def _refusal(self, resident: Resident, device: Device, need: Need, freed: list[Freed]) -> str:
        from omnibind.running.refusal import refusal

        held = [stay for stay in self._all() if stay.device is device]
        limit, claims = self.limits.of(device.name), self.ledger.claims()
        return refusal(resident, device, need, limit, held, claims, freed)

    # ── letting go ──

    def release(self, stay: Stay, unload: Callable[[], object]) -> Freed:
        """Let go of an engine and measure what comes back; its lease ends whatever happens.

        Args:
            stay: Its stay.
            unload: Unloads it, or ends its worker.
        """
        pid = stay.pid
        before = stay.device.taken(pid)
        try:
            unload()
        finally:
            self.gone(stay)
            _give_back(stay.device)
            came_back = None if before is None else self._came_back(stay, pid, before)
            stay.freed = Freed(stay.label, stay.key.model, stay.bytes, came_back)
        _logger().info("%s", stay.freed)
        return stay.freed

    def _came_back(self, stay: Stay, pid: int | None, before: int) -> int | None:
        """Return what is held less than before; a device may show that late when a worker ends."""
        device, waited = stay.device, 0.0
        while (after := device.taken(pid)) is not None:
            back = max(0, before - after)
            if pid is None or back >= _MOST * stay.bytes or waited >= device.settle_s:
                return back
            self._rest(_SETTLE_POLL_S)
            waited += _SETTLE_POLL_S
        return None

    def gone(self, stay: Stay) -> None:
        """Forget a stay whose engine is gone already; again, it changes nothing."""
        if self._stays.pop(id(stay), None) is not None:
            stay.lease.end()

    def relieve(self, resident: Resident) -> list[Freed]:
        """Evict every idle engine on a resident's device but itself, because memory ran out."""
        device = self._device(resident.key.device)
        others = [stay for stay in self._idle(device) if stay.resident is not resident]
        _give_back(device)
        return self._evicted(others)

    def free(self, label: str | None = None) -> list[Freed]:
        """Let go of engines that nobody uses now.

        Args:
            label: ``modality/name``, with ``/model`` where wanted: of these, pinned ones too; None
                is all but the pinned ones.
        """
        if label is None:
            return self._evicted([stay for stay in self._all() if not stay.is_pinned])
        return self._evicted([one for one in self._all() if label in (one.label, one.named)])

    def _evicted(self, stays: list[Stay]) -> list[Freed]:
        freed = [self._evict(stay) for stay in stays]
        return [one for one in freed if one is not None]

    def _evict(self, stay: Stay) -> Freed | None:
        """Let go of an engine if nobody uses it; None where somebody does."""
        resident = stay.resident
        if resident is None or id(stay) not in self._stays:
            return None
        try:
            return stay.freed if resident.evict() else None
        except Exception:  # it isn't the failure of whoever needs the room
            _logger().warning("%s failed to unload", stay.label, exc_info=True)
            return stay.freed

    # ── looking ──

    def resident(self) -> list[ResidentRow]:
        """Return what is loaded in this process and its workers, the longest unused first."""
        now = self._clock()
        return sorted((stay.row(now) for stay in self._all()), key=lambda row: -row.idle_s)

    def _all(self) -> list[Stay]:
        stays = list(self._stays.values())  # in one step: others add and remove meanwhile
        for stay in stays:
            if stay.is_over:
                self.gone(stay)
        return [stay for stay in stays if id(stay) in self._stays]

    def _idle(self, device: Device) -> list[Stay]:
        stays = [stay for stay in self._all() if stay.device is device]
        return [stay for stay in stays if not stay.is_pinned and not stay.is_busy]

    def _held(self, device: Device) -> int:
        return sum(stay.bytes for stay in self._all() if stay.device is device)

    # ── time ──

    def wake(self) -> None:
        """Have the timer look again."""
        self._due.set()

    def _begin_timer(self, stay: Stay) -> None:
        if stay.keep_alive_s is None:
            return
        if self._timer is None:
            timer = threading.Thread(target=self._expire, name="omnibind-keeper", daemon=True)
            try:
                timer.start()
            except RuntimeError:  # the interpreter is ending, and takes all memory with it
                return
            self._timer = timer
        self._due.set()

    def _expire(self) -> None:
        due = self._due
        while True:
            due.wait(self.expire())
            due.clear()

    def expire(self) -> float | None:
        """Let go of what nobody used for its time; return the seconds until the next is due."""
        waits = (self._wait_for(stay) for stay in self._all())
        return min((wait for wait in waits if wait is not None), default=None)

    def _wait_for(self, stay: Stay) -> float | None:
        """Evict a stay that is due, else return the seconds until it may be; None for never."""
        keep, now = stay.keep_alive_s, self._clock()
        if keep is None or stay.is_pinned:
            return None
        if stay.is_busy:  # between the pieces of a stream, say: no call of it has ended yet
            stay.last_used = now
        left = stay.last_used + keep - now
        if left > 0:
            return left
        if self._evict(stay) is not None:
            return None
        return max(keep, _RETRY_S)

    # ── forks ──

    def begin_anew(self) -> None:
        """Forget the parent's stays in a forked child: their leases end with the parent."""
        for stay in self._all():
            stay.lease.forget()
        self._stays.clear()
        self._due = threading.Event()
        self._timer = None


def keeper() -> Keeper:
    """Return this process's keeper, made at the first time.

    Raises:
        BadConfig: ``$OMNIBIND_MEMORY_LIMIT`` can't be read.
    """
    global _keeper
    if _keeper is None:
        with _making:
            if _keeper is None:
                _keeper = Keeper(Limits.of_environment())
    return _keeper


_keeper: Keeper | None = None
_making = threading.Lock()


def _begin_anew() -> None:
    global _making
    _making = threading.Lock()
    if _keeper is not None:
        _keeper.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def _claim(resident: Resident, device: Device, need: Need) -> Claim:
    key = resident.key
    return Claim(
        label=resident.label,
        engine=key.engine,
        model=key.model,
        device=device.name,
        device_id=device.id,
        bytes=need.bytes if need.basis == "estimated" else need.load_bytes,
        is_measured=need.basis == "measured",
        pid=os.getpid(),
        program=program(),
        worker_pid=resident.worker_pid,
        since=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def _give_back(device: Device) -> None:
    gc.collect()
    device.give_back()


def _tell_waiting(who: str) -> None:
    """Tell the call that it waits; raises where its time is over or it was cancelled."""
    call = CURRENT_CALL.get()
    if call is not None:
        call.report(Progress(None, "waiting to load", f"{who} is being loaded"))


def _logger() -> logging.Logger:
    import logging

    return logging.getLogger("omnibind.memory")
