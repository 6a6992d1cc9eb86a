"""The journey of a call whose result comes piece by piece, written once as an emitting flow.

It is retried or falls back only before its first piece; at its end the whole is verified.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar

from omnibind.calls.call import Call
from omnibind.calls.candidate import Member
from omnibind.calls.choice import Choice
from omnibind.calls.controls import Settings
from omnibind.calls.journey import attempts, patience
from omnibind.calls.produce import Made, produced, received
from omnibind.calls.request import Request
from omnibind.calls.streams import Outcome
from omnibind.calls.trip import Trip
from omnibind.contracts.effects import Run, Runner, Take, Whole
from omnibind.contracts.errors import Cancelled, OmnibindError
from omnibind.contracts.media import Audio, Image, Meta, Transcript, Video

T = TypeVar("T")
M = TypeVar("M", bound=Audio | Image | Video | Transcript)

_END: Any = object()


class Streaming(NamedTuple, Generic[T, M]):
    """How the results of one verb come piece by piece.

    Attributes:
        method: What a binding with native streaming defines.
        type_: The media type of the whole.
        join: Makes the whole of the pieces.
        split: Where a binding has no native streaming: the texts to be worked on one by one.
        pieces: The pieces of a whole result, the first of which has the number given.
        alike: Gives the whole in the encoding of one of its parts.
    """

    method: str
    type_: type[M]
    join: Callable[[Sequence[T]], M]
    split: Callable[[Choice], Sequence[Any]]
    pieces: Callable[[M, int], Sequence[T]]
    alike: Callable[[M, M], M] = lambda whole, part: whole


async def serve_stream(
    members: Sequence[Member],
    request: Request,
    call: Call[Any],
    streaming: Streaming[T, M],
    outcome: Outcome[M],
    settings: Settings,
    aside: Runner,
) -> AsyncGenerator[T, None]:
    """Emit the pieces of one call and set the whole result, with meta, before the end.

    Raises:
        UsageError: The input or an option is wrong; nothing was run.
        BadOutput: What came isn't a usable result; it is kept in ``.result``.
        CallFailed: The engine failed.
    """
    trip = Trip(members, request, call, settings, aside)
    source: _Source[T, M] | None = None
    reservation = None
    unbooked: Choice | None = None
    try:
        while source is None:
            choice = await trip.choose()
            try:
                (source, item), choice, reservation = await attempts(
                    trip, choice, partial(_begun, trip, streaming)
                )
            except OmnibindError as error:
                trip.fall_back(choice, error)
        unbooked = choice
        while item is not _END:
            yield item
            item = await source.next()
        opened = source
        made = await Run(aside, lambda: opened.made(trip))
        trip.settle(choice, made.result, reservation)
        unbooked = None
        outcome.result = trip.wrapped(made, choice)
        await trip.end(outcome.result)
    except BaseException as error:
        if unbooked is not None:
            trip.charge(unbooked, error, reservation)
        await trip.fail(error)
        raise
    finally:
        if source is not None:
            await source.close()


async def _begun(trip: Trip, streaming: Streaming[T, M], choice: Choice) -> tuple[_Source[T, M], T]:
    """Begin to stream and return the source with its first piece."""
    candidate = choice.candidate
    if candidate.place.is_stuck:
        await patience(candidate)
    source: _Source[T, M]
    if flow := candidate.native(f"{streaming.method}_flow"):
        source = _FlowSource(trip, choice, streaming, flow)
    elif method := candidate.native(streaming.method):
        source = _EngineSource(trip, choice, streaming, method)
    else:
        source = _PartSource(trip, choice, streaming)
    try:
        await source.open()
        return source, await source.next()
    except BaseException:
        await source.close()
        raise


class _Source(Generic[T, M]):
    """Where the pieces come from; counts how long the engine worked for them."""

    def __init__(self, trip: Trip, choice: Choice, streaming: Streaming[T, M]) -> None:
        self.trip = trip
        self.choice = choice
        self.streaming = streaming
        self.seconds = 0.0
        self.taken: list[T] = []
        self.whole: Any = None

    async def open(self) -> None:
        """Get ready to give pieces."""

    async def pull(self) -> T:
        """Give the next piece, or the end."""
        raise TypeError(f"{type(self).__name__} gives nothing")

    async def close(self) -> None:
        """Stop the work."""

    async def next(self) -> T:
        """Give the next piece, or the end."""
        clock = self.trip.call.clock
        started = clock()
        with received(self.choice.candidate.label):
            item = await self.pull()
        self.seconds += clock() - started
        if item is not _END:
            self.taken.append(item)
        return item

    def made(self, trip: Trip) -> Made[M]:
        """Return the whole, verified."""
        whole = self.streaming.join(self.taken) if self.whole is None else self.whole
        return Made.of(whole, self.seconds, self.choice, self.streaming.type_, trip.request)


class _EngineSource(_Source[T, M]):
    """A binding's own generator, pulled piece by piece under one turn."""

    def __init__(
        self,
        trip: Trip,
        choice: Choice,
        streaming: Streaming[T, M],
        method: Callable[..., Generator[T, None, Any]],
    ) -> None:
        super().__init__(trip, choice, streaming)
        self._method = method
        self._turn: Any = None
        self._items: Generator[T, None, Any] | None = None

    async def open(self) -> None:
        place = self.choice.candidate.place
        self._turn = await Take(place)
        if not place.is_loaded:
            await Run(self._turn, place.load)
        self._items = self._method(*self.choice.subject, **self.choice.options)

    async def pull(self) -> T:
        return await Run(self._turn, self._pulled)

    def _pulled(self) -> T:
        assert self._items is not None
        try:
            return next(self._items)
        except StopIteration as end:
            self.whole = end.value
            return _END  # type: ignore[no-any-return]  # known by identity

    async def close(self) -> None:
        if self._turn is not None:
            # An engine that can't be stopped is closed when it has ended; nobody waits for it.
            close = getattr(self._items, "close", None)
            self._turn.release(close)


class _FlowSource(_Source[T, M]):
    """A remote binding's emitting flow."""

    def __init__(
        self,
        trip: Trip,
        choice: Choice,
        streaming: Streaming[T, M],
        flow: Callable[..., AsyncGenerator[T, None]],
    ) -> None:
        super().__init__(trip, choice, streaming)
        self._flow = flow
        self._items: AsyncGenerator[T, None] | None = None
        self._is_over = False

    async def open(self) -> None:
        place = self.choice.candidate.place
        if not place.is_loaded:
            await Run(place, lambda: None)
        self._items = self._flow(*self.choice.subject, **self.choice.options)

    async def pull(self) -> T:
        assert self._items is not None
        try:
            item = await self._items.__anext__()
            while isinstance(item, Whole):
                self.whole = item.result
                item = await self._items.__anext__()
            return item
        except StopAsyncIteration:
            self._is_over = True
            return _END  # type: ignore[no-any-return]  # known by identity
        except BaseException:
            self._is_over = True
            raise

    async def close(self) -> None:
        if self._items is None or self._is_over:
            return
        self._is_over = True
        try:
            await self._items.athrow(Cancelled("the stream was closed"))
        except (Cancelled, StopAsyncIteration):
            return


class _PartSource(_Source[T, M]):
    """A binding without native streaming: its verb, for one part of the text after another."""

    def __init__(self, trip: Trip, choice: Choice, streaming: Streaming[T, M]) -> None:
        super().__init__(trip, choice, streaming)
        self._parts: deque[Any] = deque()
        self._ready: deque[T] = deque()
        self._part: M | None = None
        self._metas: list[Meta] = []

    async def open(self) -> None:
        choice, split = self.choice, self.streaming.split
        self._parts.extend(await Run(self.trip.aside, lambda: split(choice)))

    async def pull(self) -> T:
        while not self._ready:
            if not self._parts:
                return _END  # type: ignore[no-any-return]  # known by identity
            is_single = self._part is None and len(self._parts) == 1
            made = self._part = await self._made(self._parts.popleft())
            self._metas.append(made.meta)
            if is_single:
                self.whole = made
            pieces = partial(self.streaming.pieces, made, len(self.taken))
            self._ready.extend(await Run(self.trip.aside, pieces))
        return self._ready.popleft()

    def made(self, trip: Trip) -> Made[M]:
        if self.whole is None and self._part is not None:
            whole = self.streaming.alike(self.streaming.join(self.taken), self._part)
            self.whole = whole._with_meta(_together(self._metas))
        return super().made(trip)

    async def _made(self, part: Any) -> M:
        trip, choice, type_ = self.trip, self.choice, self.streaming.type_
        candidate, verb = choice.candidate, trip.request.verb
        own = choice.with_first(part)
        # The whole is verified at the end; a part may be a word that nobody could judge.
        request = trip.request._replace(controls=trip.request.controls._replace(off=None))
        if flow := candidate.native(f"{verb}_flow"):
            output = await flow(*own.subject, **own.options)
            return Made.of(output, 0.0, own, type_, request).result
        method = getattr(candidate.binding, verb)
        made = await Run(candidate.place, lambda: produced(method, own, type_, request))
        return made.result


def _together(metas: Sequence[Meta]) -> Meta:
    """Return what a binding said about the parts as what it says about the whole."""
    costs = [meta.cost_usd for meta in metas if meta.cost_usd is not None]
    cost_usd = sum(costs) if len(costs) == len(metas) else None
    return Meta(model=metas[0].model, seed=metas[0].seed, cost_usd=cost_usd)
