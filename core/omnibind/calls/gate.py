"""A gate: lets a limited number of threads in, first come, first served."""

from __future__ import annotations

import threading
from collections import deque
from threading import get_ident

from omnibind.contracts.errors import Stuck


class Waiter:
    """A thread that waits for turns; its lock is held until it gets them."""

    __slots__ = ("count", "ident", "is_granted", "lock")

    def __init__(self, ident: int, count: int) -> None:
        self.ident = ident
        self.count = count
        self.is_granted = False
        self.lock = threading.Lock()
        self.lock.acquire()


class Gate:
    """Lets a limited number in, first come, first served.

    A lock or a semaphore isn't fair: a thread that does one job after another would get the turn
    that it gave back again and again, and who waits in another thread would wait for the last job.
    """

    def __init__(self, concurrent: int, name: str) -> None:
        self._concurrent = concurrent
        self._name = name
        self._free = concurrent
        self._inside: list[int] = []  # the threads that have a turn, one again for each
        self._waiting: deque[Waiter] = deque()
        self._mutex = threading.RLock()  # what is collected as garbage may give a turn back here

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *exc: object) -> None:
        self.release()

    def acquire(self, blocking: bool = True) -> bool:
        """Wait for a turn, or say whether there was one at once.

        Raises:
            Stuck: This thread would wait for itself.
        """
        ident, is_in = get_ident(), False
        try:
            with self._mutex:
                if self._free and not self._waiting:
                    self._free -= 1
                    is_in = True
                    self._inside.append(ident)
                    return True
        except BaseException:  # Ctrl-C in this very moment
            if is_in:
                self.release(ident)
            raise
        if not blocking:
            return False
        waiter = self.queue()
        self.wait(waiter)
        return True

    def release(self, ident: int | None = None) -> None:
        """Give back a turn that this thread has, or that another got."""
        with self._mutex:
            self._inside.remove(ident or get_ident())
            self._free += 1
            if self._waiting:
                self._grant()

    @property
    def is_idle(self) -> bool:
        """True while nobody has a turn or waits for one."""
        return self._free == self._concurrent and not self._waiting

    def take_all(self) -> bool:
        """Take every turn if nobody has one or waits for one; never waits."""
        with self._mutex:
            if not self.is_idle:
                return False
            self._free = 0
            self._inside += [get_ident()] * self._concurrent
            return True

    def release_all(self) -> None:
        """Give back what :meth:`take_all` took."""
        for _ in range(self._concurrent):
            self.release()

    def queue(self, count: int = 1) -> Waiter:
        """Line up for so many turns at once.

        Raises:
            Stuck: This thread would wait for itself.
        """
        waiter = Waiter(get_ident(), count)
        with self._mutex:
            if waiter.ident in self._inside:
                raise Stuck(
                    f"this thread has a turn on {self._name} already and would wait for itself; "
                    "read its stream to the end or close it first, and don't call an engine from "
                    "within its own call"
                )
            self._waiting.append(waiter)
            self._grant()
        return waiter

    def wait(self, waiter: Waiter) -> bool:
        """Wait until the turns are there; False if they were withdrawn."""
        try:
            waiter.lock.acquire()
        except BaseException:  # Ctrl-C
            self.withdraw(waiter)
            if waiter.is_granted:
                self.give_back(waiter)
            raise
        return waiter.is_granted

    def withdraw(self, waiter: Waiter) -> None:
        """Line up no longer; where the turns were granted already, nothing happens."""
        with self._mutex:
            if waiter.is_granted or waiter not in self._waiting:
                return
            self._waiting.remove(waiter)
            waiter.lock.release()
            self._grant()

    def give_back(self, waiter: Waiter) -> None:
        """Give back all that a waiter was granted."""
        for _ in range(waiter.count):
            self.release(waiter.ident)

    def move(self, ident: int) -> int:
        """Tell that the turn of another thread is now this thread's; return which one it is."""
        me = get_ident()
        if ident != me:
            with self._mutex:
                self._inside[self._inside.index(ident)] = me
        return me

    def _grant(self) -> None:
        while self._waiting and self._free >= self._waiting[0].count:
            waiter = self._waiting.popleft()
            self._free -= waiter.count
            self._inside += [waiter.ident] * waiter.count
            waiter.is_granted = True
            waiter.lock.release()
