"""A device of bytes that are only counted, for tests of what decides about memory."""

from __future__ import annotations

from omnibind.running.memory import Marks


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def rest(self, seconds: float) -> None:
        self.now += seconds


class ByteDevice:
    """Counts what is taken; what is freed may be seen late, and taking may fail when asked to."""

    settle_s = 5.0

    def __init__(self, total: int, clock: Clock, lag_s: float = 0.0, name: str = "bytes:0") -> None:
        self.name = self.id = name
        self.total = total
        self.used = 0
        self.highest = 0
        self.lag_s = lag_s
        self.failures = 0
        self._clock = clock
        self._unseen: list[tuple[float, int]] = []

    def take(self, count: int) -> None:
        if self.failures:
            self.failures -= 1
            raise MemoryError(f"no {count} bytes in one piece")
        if self.used + count > self.total:
            raise MemoryError(f"{count} bytes asked for, {self.total - self.used} free")
        self.used += count
        self.highest = max(self.highest, self.used)

    def put_back(self, count: int) -> None:
        assert count <= self.used
        self.used -= count
        self._unseen.append((self._clock() + self.lag_s, count))

    def total_bytes(self) -> int | None:
        return self.total

    def free_bytes(self) -> int | None:
        self._unseen = [one for one in self._unseen if one[0] > self._clock()]
        return max(0, self.total - self.used - sum(count for _, count in self._unseen))

    def taken(self, pid: int | None) -> int | None:
        free = self.free_bytes()
        assert free is not None
        return self.total - free

    def marks(self, pid: int | None, *, anew: bool = False) -> Marks | None:
        if anew:
            self.highest = self.used
        return Marks(self.used, self.highest)

    def give_back(self) -> None:
        """Nothing is kept for reuse."""
