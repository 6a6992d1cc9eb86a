"""The journey of several calls that belong together, in order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from omnibind.calls.call import Call
from omnibind.calls.candidate import Member
from omnibind.calls.choice import Choice
from omnibind.calls.controls import Settings
from omnibind.calls.costs import Reservation
from omnibind.calls.journey import carried, patience
from omnibind.calls.produce import Made, batched, received
from omnibind.calls.request import Request
from omnibind.calls.trip import Trip
from omnibind.contracts.effects import Run, Runner
from omnibind.contracts.errors import (
    BudgetExceeded,
    Cancelled,
    DeadlineExceeded,
    OmnibindError,
)
from omnibind.contracts.media import Audio, Image, Transcript, Video

M = TypeVar("M", bound=Audio | Image | Video | Transcript)


async def serve_batch(
    members: Sequence[Member],
    requests: Sequence[Request],
    call: Call[Any],
    type_: type[M],
    settings: Settings,
    aside: Runner,
) -> list[M | OmnibindError]:
    """Serve several requests of one verb, and give the results in order.

    A binding with a native batch does them all at once where they differ in their subject alone,
    or in their seeds as well, where its batch takes ``seeds``.
    Else, and where that fails without being charged, each is a call of its own, with its own
    retries and fallbacks.

    Returns:
        Results; with ``return_errors`` an error in the place of each that failed, and in those
        that the deadline left no time for.

    Raises:
        OmnibindError: The first request that failed, where errors aren't to be returned.
        Cancelled: The batch was cancelled.
    """
    if len(requests) > 1:
        requests = [one._replace(part=number) for number, one in enumerate(requests, 1)]
    trips = [Trip(members, request, call, settings, aside) for request in requests]
    until, results = call.deadline, list[M | OmnibindError]()
    choices = await _choices_at_once(trips, members, aside) if len(trips) > 1 else None
    if choices is not None:
        try:
            made = await _at_once(trips, choices, type_)
        except OmnibindError as error:
            _allow(error, trips[0])
            return [error] * len(trips)
        if made is not None:
            return made
    for number, trip in enumerate(trips):
        try:
            if until is not None and call.clock() >= until:
                raise DeadlineExceeded(
                    f"no time was left for number {number + 1} of the batch; give a longer "
                    "timeout_s or fewer at once"
                )
            results.append(await carried(trip, type_, choices[number] if choices else None))
        except OmnibindError as error:
            _allow(error, trip)
            results.append(error)
    return results


def _allow(error: OmnibindError, trip: Trip) -> None:
    """Raise an error that isn't to stand in the place of a result."""
    if isinstance(error, Cancelled) or not trip.request.controls.return_errors:
        raise error


async def _choices_at_once(
    trips: Sequence[Trip], members: Sequence[Member], aside: Runner
) -> list[Choice] | None:
    """Return the choices for a native batch of the first candidate; None where it isn't one."""
    first, member = trips[0].request, members[0]
    try:
        candidate = member.candidate
        if candidate is None:
            candidate = await Run(aside, member.prepare)
        if candidate.native(f"{first.verb}_batch") is None:
            return None
        each = [trip.request.options for trip in trips]
        if candidate.takes_seeds(first.verb) and all("seed" in options for options in each):
            each = [{**options, "seed": None} for options in each]
        if any(options != each[0] for options in each):
            return None
        return [await trip.fit(member) for trip in trips]
    except (Cancelled, DeadlineExceeded):
        raise
    except OmnibindError:
        return None  # one after another, the fault is told of the one that has it


async def _at_once(
    trips: Sequence[Trip], choices: Sequence[Choice], type_: type[M]
) -> list[M | OmnibindError] | None:
    """Serve all by the binding's native batch; None where each has to be served by itself.

    Raises:
        OmnibindError: It failed, and trying again isn't allowed; or the first one that failed.
    """
    open_ = dict[Trip, Reservation | None]()
    try:
        for trip, choice in zip(trips, choices, strict=True):
            await trip.take(choice)
        trips[0].hear()
        if choices[0].candidate.place.is_stuck:
            await patience(choices[0].candidate)
        for trip, choice in zip(trips, choices, strict=True):
            open_[trip] = trip.reserved(choice)
        started = trips[0].call.clock()
        outputs = await _outputs(trips, choices)
        seconds = (trips[0].call.clock() - started) / len(outputs)
        results = list[M | OmnibindError]()
        for trip, choice, output in zip(trips, choices, outputs, strict=True):
            results.append(await _finished(trip, choice, output, seconds, type_, open_))
    except BaseException as error:
        if isinstance(error, BudgetExceeded):
            for reservation in open_.values():
                if reservation is not None:
                    reservation.release()
            return None  # one after another, as many as the budget holds
        verdicts = [
            trip.charge(choice, error, open_[trip])
            for trip, choice in zip(trips, choices, strict=True)
            if trip in open_
        ]
        charged = any(verdict.cost.usd != 0 for verdict in verdicts)
        ends = not isinstance(error, OmnibindError) or isinstance(
            error, (Cancelled, DeadlineExceeded)
        )
        if not ends and (not charged or trips[0].request.controls.retry_paid):
            return None  # one after another, the fault is told of the one that has it
        for trip in trips:
            await trip.fail(error)
        raise
    for trip, result in zip(trips, results, strict=True):
        if isinstance(result, OmnibindError):
            _allow(result, trip)
    return results


async def _finished(
    trip: Trip,
    choice: Choice,
    output: Any,
    seconds: float,
    type_: type[M],
    open_: dict[Trip, Reservation | None],
) -> M | OmnibindError:
    """Return one of the outputs verified and wrapped, or its error; it may be tried by itself."""
    try:
        made = await Run(trip.aside, lambda: Made.of(output, seconds, choice, type_, trip.request))
    except Cancelled:
        raise
    except OmnibindError as error:
        verdict = trip.charge(choice, error, open_.pop(trip))
        if not verdict.retry:
            await trip.fail(error)
            return error
        try:
            return await carried(trip, type_, choice)
        except Cancelled:
            raise
        except OmnibindError as failed:
            return failed
    trip.settle(choice, made.result, open_.pop(trip))
    result = trip.wrapped(made, choice)
    await trip.end(result)
    return result


async def _outputs(trips: Sequence[Trip], choices: Sequence[Choice]) -> Sequence[Any]:
    """Run the native batch.

    Raises:
        BadOutput: It didn't give a result for each.
        CallFailed: The engine failed.
    """
    candidate, verb = choices[0].candidate, trips[0].request.verb
    for trip in trips:
        trip.attempts += 1
    with received(candidate.label):
        return await Run(candidate.place, lambda: batched(choices, verb))
