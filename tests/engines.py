"""Engines of nothing but bytes on a device, as the keeper sees them."""

from __future__ import annotations

from collections.abc import Callable

from tests.byte_device import ByteDevice, Clock

from omnibind.running.footprints import Key, Need
from omnibind.running.keeper import Keeper
from omnibind.running.ledger import Ledger
from omnibind.running.limits import Limits
from omnibind.running.stays import Stay


class UntimedKeeper(Keeper):
    """A keeper that lets go of expired engines when it is told to, and not by itself."""

    def _begin_timer(self, stay: Stay) -> None:
        pass


def keeper_of(device: ByteDevice, clock: Clock, ledger: Ledger, limit: str = "90%") -> Keeper:
    return UntimedKeeper(Limits(limit), ledger, lambda name: device, clock, clock.rest)


class ByteEngine:
    """Takes bytes when it loads, more while a call runs, and gives all back."""

    def __init__(
        self,
        keeper: Keeper,
        device: ByteDevice,
        name: str,
        load_bytes: int,
        call_bytes: int = 0,
        *,
        seconds: float = 1.0,
        keep_alive_s: float | None = 300.0,
        is_pinned: bool = False,
        worker_pid: int | None = None,
    ) -> None:
        self.key = Key(name, None, device.name)
        self.label = name
        self.keep_alive_s = keep_alive_s
        self.is_pinned = is_pinned
        self.worker_pid = worker_pid
        self.is_busy = False
        self.stay: Stay | None = None
        self.load_bytes = load_bytes
        self.call_bytes = call_bytes
        self.seconds = seconds
        self.evictions = 0
        self.on_load: Callable[[], None] = lambda: None
        self._keeper = keeper
        self._device = device

    @property
    def need(self) -> Need:
        return Need(self.load_bytes, self.call_bytes, "measured", "measured by hand")

    def load(self) -> None:
        with self._keeper.loading(self, self.need) as stay:
            self.on_load()
            self._device.take(self.load_bytes)
            clock = self._device._clock
            clock.rest(self.seconds)
        self.stay = stay

    def begin(self) -> None:
        """Begin a call; raises MemoryError where the device has no bytes for it."""
        assert self.stay is not None
        assert not self.is_busy
        self.is_busy = True
        self.stay.begin()
        try:
            self._device.take(self.call_bytes)
        except MemoryError:
            self.stay.end()
            self.is_busy = False
            raise

    def end(self) -> None:
        assert self.stay is not None
        self._device.put_back(self.call_bytes)
        self.stay.end()
        self.is_busy = False

    def unload(self) -> None:
        stay, self.stay = self.stay, None
        assert stay is not None
        self._keeper.release(stay, lambda: self._device.put_back(self.load_bytes))

    def evict(self) -> bool:
        if self.is_busy:
            return False
        self.evictions += 1
        self.unload()
        return True
