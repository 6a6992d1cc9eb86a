"""The journey of one call, written once as a flow for both drivers.

Choose a candidate → check what was given → take a turn and run → verify the output → retry or fall
back where that is worth it → wrap the result with what happened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

from omnibind.calls import retry
from omnibind.calls.call import Call
from omnibind.calls.candidate import Candidate, Member
from omnibind.calls.choice import Choice
from omnibind.calls.controls import Settings
from omnibind.calls.costs import Reservation
from omnibind.calls.gathering import can_wait_together
from omnibind.calls.produce import Made, produced, received
from omnibind.calls.request import Request
from omnibind.calls.subjects import clean_text
from omnibind.calls.trip import Trip
from omnibind.contracts.effects import Effect, Native, Run, Runner, Sleep
from omnibind.contracts.errors import BadOption, ContentRefused, OmnibindError, OutOfMemory, Stuck
from omnibind.contracts.media import Audio, Image, Transcript, Video
from omnibind.contracts.options import shown

M = TypeVar("M", bound=Audio | Image | Video | Transcript)
T = TypeVar("T")

MAX_REFUSALS = 3
"""So many changed prompts are tried."""

PATIENCE_S = 5.0
"""Seconds that a call waits for one that was left behind on its slot."""


def serve(
    members: Sequence[Member],
    request: Request,
    call: Call[Any],
    type_: type[M],
    settings: Settings,
    aside: Runner,
) -> Coroutine[Effect[Any], Any, M]:
    """Serve one call and give its result with meta.

    Args:
        members: Who may serve it, in order.
        request: What the caller asked for.
        call: Its clock, its deadline, its progress.
        type_: The media type of the contract.
        settings: What holds for all calls of the client.
        aside: Where work runs that is no engine's.

    Raises:
        UsageError: The input or an option is wrong; nothing was run.
        BadOutput: What came back isn't a usable result; it is kept in ``.result``.
        CallFailed: The engine failed.
    """
    return carried(Trip(members, request, call, settings, aside), type_)


async def carried(trip: Trip, type_: type[M], choice: Choice | None = None) -> M:
    """Carry one call to its end; where ``choice`` is given, that candidate is the first."""
    try:
        while True:
            choice = choice or await trip.choose()
            try:
                made, choice, reservation = await attempts(
                    trip, choice, partial(_attempt, trip, type_)
                )
            except OmnibindError as error:
                trip.fall_back(choice, error)
                choice = None
                continue
            trip.settle(choice, made.result, reservation)
            result = trip.wrapped(made, choice)
            await trip.end(result)
            return result
    except BaseException as error:
        await trip.fail(error)
        raise


async def attempts(
    trip: Trip, choice: Choice, attempt: Callable[[Choice], Awaitable[T]]
) -> tuple[T, Choice, Reservation | None]:
    """Run a candidate, again where that is worth it.

    Returns:
        What it gave, the choice that it was given for (its prompt may have been changed), and what
        was set aside for it.
    """
    pace = retry.REMOTE if choice.candidate.is_remote else retry.LOCAL
    tried, is_relieved = 0, False
    while True:
        reservation = trip.reserved(choice)
        trip.attempts += 1
        tried += 1
        try:
            return await attempt(choice), choice, reservation
        except ContentRefused as error:
            trip.charge(choice, error, reservation)
            changed = await _changed(trip, choice, error)
            if changed is None:
                raise
            choice, tried = trip.revise(choice, changed), 0
        except BaseException as error:
            verdict = trip.charge(choice, error, reservation)
            wait = pace.wait_s(tried, error, trip.call.remaining_s()) if verdict.retry else None
            if isinstance(error, OutOfMemory) and not is_relieved:
                is_relieved = True
                # With more memory free, the same again may go better, once.
                wait = 0.0 if await Run(trip.aside, choice.candidate.place.relieve) else None
            if wait is None:
                raise
            trip.retried(error, wait)
            if wait:
                await Sleep(wait)


async def _attempt(trip: Trip, type_: type[M], choice: Choice) -> Made[M]:
    candidate, request = choice.candidate, trip.request
    if candidate.place.is_stuck:
        await patience(candidate)
    flow = candidate.native(f"{request.verb}_flow")
    native = candidate.native(f"{request.verb}_async") if trip.call.is_asyncio else None
    if flow is None and native is None:
        if candidate.max_batch_size > 1 and can_wait_together(choice, request.verb):
            line = candidate.place.line
            with line.joined(choice, request.verb) as mine:
                return await Run(candidate.place, lambda: line.serve(mine, type_, request))
        verb = getattr(candidate.binding, request.verb)
        return await Run(candidate.place, lambda: produced(verb, choice, type_, request))
    if not candidate.place.is_loaded:
        await Run(candidate.place.turns, candidate.place.load)
    started = trip.call.clock()
    with received(candidate.label), trip.call.within(candidate.service_s):
        if flow is not None:
            output = await flow(*choice.subject, **choice.options)
        else:
            assert native is not None
            begin = native
            output = await Native(lambda: begin(*choice.subject, **choice.options))
    seconds = trip.call.clock() - started
    if request.controls.off is None:  # nothing is verified, which alone takes its time
        return Made.of(output, seconds, choice, type_, request)
    return await Run(trip.aside, lambda: Made.of(output, seconds, choice, type_, request))


async def patience(candidate: Candidate) -> None:
    """Give calls that were left behind on a slot a little time to end.

    Raises:
        Stuck: They go on.
    """
    waited = 0.0
    while candidate.place.is_stuck:
        if waited >= PATIENCE_S:
            raise Stuck(
                f"an earlier call still occupies {candidate.label} and can't be stopped; "
                "wait for it, or start the program anew"
            )
        await Sleep(0.05)
        waited += 0.05


async def _changed(trip: Trip, choice: Choice, error: ContentRefused) -> str | None:
    """Ask the caller for a changed prompt; None where there is none to try."""
    ask, prompt = trip.request.controls.on_refusal, choice.subject[0]
    if ask is None or trip.refusals >= MAX_REFUSALS or not isinstance(prompt, str):
        return None
    changed = ask(error, prompt)
    if hasattr(changed, "__await__"):
        if not trip.call.is_asyncio:
            if hasattr(changed, "close"):
                changed.close()  # a coroutine that is never awaited would warn
            raise BadOption("on_refusal is async, and this client isn't; give a plain function")
        waiting = changed
        try:
            changed = await Native(lambda: waiting)
        except BaseException:
            getattr(waiting, "close", bool)()  # one that never began would warn
            raise
    if changed is None or changed == prompt:
        return None
    if not isinstance(changed, str):
        raise BadOption(f"on_refusal gave {shown(changed)}; give a changed prompt, or None")
    name = trip.request.names[0]
    return clean_text(changed, name, choice.candidate.label)
