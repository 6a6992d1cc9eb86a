"""Effects: what a flow may wait for.

A flow is an ``async def`` that awaits only the effects below. It needs no event loop: a driver
sends it on and performs what it asks for, so the same flow serves blocking and asyncio callers and
is tested with scripted replies::

    Run(place, work)         engine code on a slot
    Take(place)              a turn on a slot, kept over several Run
    Native(start)            a binding's own asyncio code; the asyncio driver alone
    Sleep(seconds)           time to pass
    Send(request, max_bytes) one HTTP exchange
    Open(request)            an HTTP exchange whose body is read piece by piece, with
    Read(stream)             its next piece, and
    Shut(stream)             its end
    Tell(waiting)            callbacks that are async
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from omnibind.contracts.http import Reply, ReplyStream, Request  # noqa: F401  # in strings

R = TypeVar("R")
P = TypeVar("P", covariant=True)


class Task(Protocol[P]):
    """Work that was handed to a thread of its place."""

    @property
    def is_done(self) -> bool:
        """True once :meth:`outcome` can be had."""

    def outcome(self) -> P:
        """Return what the work returned, raise what it raised; to be called once."""

    def leave(self, drop: Callable[[P], object] | None = None, /) -> None:
        """Wait for it no longer: what hasn't begun never will, what runs on is the place's.

        ``drop`` lets go of what the work returns, or has returned in the meantime.
        """


class Runner(Protocol):
    """Where work runs, after a wait for its turn."""

    def run(self, work: Callable[[], R], /) -> R:
        """Run ``work`` in this thread and return what it returns."""

    def start(self, work: Callable[[], R], call: Any, done: Callable[[], None], /) -> Task[R]:
        """Run ``work`` on a thread of the runner's; ``done`` is called there at its end."""


class Turn(Runner, Protocol):
    """The right to run on a place; it is kept until it is released, or nothing refers to it."""

    def release(self, last: Callable[[], object] | None = None, /) -> None:
        """Do what is to be done last there and give the turn back; again, it changes nothing."""


class Place(Runner, Protocol):
    """Where engine code runs; a slot is one."""

    @property
    def is_stuck(self) -> bool:
        """True while calls that can't be stopped keep everybody else out."""

    def take(self) -> Turn:
        """Wait for a turn in this thread."""

    def start_turn(self, call: Any, done: Callable[[], None], /) -> Task[Turn]:
        """Wait for a turn whose work runs on a thread of the place's."""


class Effect(Generic[R]):
    """Something to wait for; ``await`` hands it to the driver and gives the driver's answer."""

    __slots__ = ()

    def __await__(self) -> Generator[Effect[Any], Any, R]:
        result: R = yield self
        return result


class Run(Effect[R]):
    """Run engine code on a place, or under a turn; gives what the code returns."""

    __slots__ = ("runner", "work")

    def __init__(self, runner: Runner, work: Callable[[], R]) -> None:
        self.runner = runner
        self.work = work


class Take(Effect[Turn]):
    """Wait for a turn on a place; gives the turn, which the flow releases."""

    __slots__ = ("place",)

    def __init__(self, place: Place) -> None:
        self.place = place


class Native(Effect[R]):
    """Await a binding's own asyncio code; only the asyncio driver can."""

    __slots__ = ("start",)

    def __init__(self, start: Callable[[], Awaitable[R]]) -> None:
        self.start = start


class Sleep(Effect[None]):
    """Let time pass."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Send(Effect["Reply"]):
    """Send a request and receive its whole reply, of at most ``max_bytes``."""

    __slots__ = ("max_bytes", "request")

    def __init__(self, request: Request, max_bytes: int) -> None:
        self.request = request
        self.max_bytes = max_bytes


class Open(Effect["ReplyStream"]):
    """Send a request and receive the head of its reply; the body is then read in pieces."""

    __slots__ = ("request",)

    def __init__(self, request: Request) -> None:
        self.request = request


class Read(Effect[bytes]):
    """Receive the next piece of an open reply; ``b""`` is its end."""

    __slots__ = ("stream",)

    def __init__(self, stream: ReplyStream) -> None:
        self.stream = stream


class Shut(Effect[None]):
    """Let go of an open reply, read to its end or not."""

    __slots__ = ("stream",)

    def __init__(self, stream: ReplyStream) -> None:
        self.stream = stream


class Whole(NamedTuple):
    """What an emitting flow yields last where the whole isn't its pieces joined; handed to nobody.

    Attributes:
        result: The whole result.
    """

    result: Any


class Tell(Effect[None]):
    """Wait for what async callbacks gave; their failures are logged, never raised."""

    __slots__ = ("waiting",)

    def __init__(self, waiting: Sequence[Awaitable[Any]]) -> None:
        self.waiting = waiting
