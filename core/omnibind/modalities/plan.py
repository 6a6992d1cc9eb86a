"""What a call would do, before it is made: who would serve it, and what each candidate takes.

Nothing of an engine is run, loaded, downloaded or written. What only running a binding's code can
tell isn't known here: that a constructor refuses, that a voice doesn't exist, that files whose
names and sizes are right are damaged. A folder that didn't ship isn't imported for a plan, so that
its options go unchecked until it was used or looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from omnibind.calls.call import Call
from omnibind.calls.choice import Choice
from omnibind.calls.costs import UNKNOWN, Cost, dollars
from omnibind.calls.driver import run
from omnibind.calls.request import Request, Subject
from omnibind.calls.trip import Trip
from omnibind.calls.turns import Turns
from omnibind.choices import MODALITIES
from omnibind.contracts.errors import (
    BadInput,
    BindingBroken,
    OmnibindError,
    UsageError,
    suggest,
)
from omnibind.contracts.media import Meta, Source
from omnibind.contracts.media.base import size
from omnibind.modalities.images import seeds_of
from omnibind.modalities.needs import memory_of, sizes_of
from omnibind.modalities.paper import ANY, Paper, paper_of
from omnibind.modalities.prompts import NO_FACTS, prompted, with_named
from omnibind.modalities.stt import heard
from omnibind.modalities.tts import facts_of, spoken
from omnibind.running import memory
from omnibind.weights import usage

if TYPE_CHECKING:
    from omnibind.calls.controls import Settings
    from omnibind.contracts.options import Schema
    from omnibind.modalities.handle import Handle


class Planned(NamedTuple):
    """What one candidate would take; None is never 0: it stands for what isn't known.

    Attributes:
        binding: ``modality/name``.
        model: The model that the call would use, or None where there is no such thing.
        state: ``ready``, or what must be mended first.
        problem: What is wrong, with the command that mends it; None where it is ready.
        download_bytes: What must be fetched first; 0 where all of it is here.
        memory_bytes: What it needs on this machine, as an estimate; 0 where nothing is loaded for
            it, or it is loaded already.
        memory_basis: What that estimate is made of.
        memory_free_bytes: What this machine has free now.
        seconds: How long it would work, by what this machine measured; loading isn't counted.
        cost: What it would cost.
        license: The licence of the weights.
        license_allows: Whether the client's policy allows that licence.
        options_known: False where options were given that only running foreign code could check.
        skipped: Why it wouldn't serve this call; None where it could.
    """

    binding: str
    model: str | None
    state: str
    problem: str | None
    download_bytes: int | None
    memory_bytes: int | None
    memory_basis: str
    memory_free_bytes: int | None
    seconds: float | None
    cost: Cost
    license: str | None
    license_allows: bool
    options_known: bool
    skipped: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return this as plain data."""
        return {**self._asdict(), "cost": self.cost._asdict()}


class Plan(NamedTuple):
    """What a call would do.

    Attributes:
        modality: ``tts``, …
        verb: The method that was planned.
        candidates: Who may serve it, in the order in which they are tried.
        chosen: The one that would be tried first; None where the call would fail.
    """

    modality: str
    verb: str
    candidates: tuple[Planned, ...]
    chosen: Planned | None

    def __str__(self) -> str:
        rows = [COLUMNS, *self.rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        reason = [] if self.reason is None else [self.reason]
        return "\n".join([*lines, *self.notes(), *reason])

    def rows(self) -> list[tuple[str, ...]]:
        """Return a line for every candidate, as :data:`COLUMNS` names the cells."""
        return [_row(one, one is self.chosen) for one in self.candidates]

    @property
    def reason(self) -> str | None:
        """Why the call would fail; None where somebody would serve it."""
        if self.chosen is not None:
            return None
        told = "; ".join(str(one.skipped) for one in self.candidates)
        return f"nobody would serve this call: {told}"

    def notes(self) -> list[str]:
        """Return in words why candidates wouldn't serve, and what doesn't stand in their lines."""
        told = [f"{one.binding}: {one.skipped}" for one in self.candidates if one.skipped]
        free = self.candidates[0].memory_free_bytes
        told.append(f"memory free now: {'unknown' if free is None else size(free)}")
        unread = [one.binding for one in self.candidates if not one.options_known]
        if unread:
            told.append(
                f"not checked, as its code isn't run for that: options of {', '.join(unread)}"
            )
        return told

    def to_dict(self) -> dict[str, Any]:
        """Return this as plain data; ``chosen`` is the number of a candidate, counted from 0."""
        chosen = next((n for n, one in enumerate(self.candidates) if one is self.chosen), None)
        candidates = [one.to_dict() for one in self.candidates]
        return {**self._asdict(), "candidates": candidates, "chosen": chosen}


COLUMNS = ("", "binding", "state", "to fetch", "memory", "time", "price", "license")
"""The head of :meth:`Plan.rows`."""


def handle_of(client: Any, modality: str) -> Handle[Any, Any]:
    """Return a client's handle by the name of its modality.

    Raises:
        BadInput: There is no such modality.
    """
    if modality not in MODALITIES:
        raise BadInput(f"modality {modality!r} is unknown; {suggest(str(modality), MODALITIES)}")
    handle: Handle[Any, Any] = getattr(client, modality)
    return handle


def plan_of(handle: Handle[Any, Any], subject: Sequence[Any], options: Mapping[str, Any]) -> Plan:
    """Say what a call of the handle's verb would do.

    Args:
        handle: Who would be called.
        subject: The verb's arguments by position.
        options: Its arguments by name. For pictures, ``n`` is how many.

    Raises:
        SettingMissing: No binding was named for this modality.
        BadInput: The verb doesn't take such arguments.
        BadOption: A call control has a wrong value.
    """
    members, asked = handle._named(), _asked(handle, subject, dict(options))
    is_model = handle.modality == "stt"
    papers = [paper_of(member, asked.named, is_model) for member in members]
    settings = copy(handle._settings)
    settings.budget = copy(settings.budget)  # calls under way go on with the real one
    trip = Trip(papers, asked.request, Call(), settings, Turns())
    free = memory.free_bytes()
    candidates: list[Planned] = []
    chosen, end = None, ""
    for paper in papers:
        skipped, ends = _why_not(trip, paper, asked)
        if asked.request.controls.strict and candidates:
            skipped = "strict=True: only the first may serve"
        elif end:
            skipped = f"isn't reached: {end}"
        planned = _planned(paper, asked, settings, free, skipped)
        if chosen is None and skipped is None:
            chosen = planned
        elif chosen is None and ends and not end:
            end = f"what is wrong with {paper.label} ends the call"
        candidates.append(planned)
    return Plan(handle.modality, asked.verb, tuple(candidates), chosen)


def schemas_of(handle: Handle[Any, Any]) -> list[Schema]:
    """Return the options of a handle's bindings, of those where no foreign code is run for it."""
    papers = [paper_of(member, None, False) for member in handle._named()]
    return [paper.sketch.schema for paper in papers if paper.is_schema_known]


# ── what is asked for ──


class _Asked(NamedTuple):
    """The call that is planned.

    Attributes:
        verb: The method.
        given: Its subject as far as it may be looked at.
        request: What the journey would be asked.
        named: The voice or model that was named for this call.
        times: How many times it is made: so many pictures.
        units: How much there is to do, where the subject tells.
    """

    verb: str
    given: tuple[Any, ...]
    request: Request
    named: str | None
    times: int
    units: float | None


def _asked(handle: Handle[Any, Any], subject: Sequence[Any], options: dict[str, Any]) -> _Asked:
    verb, times, facts = handle._verb, 1, NO_FACTS
    named: str | None = None
    units: float | None = None
    if handle.modality == "tti":
        if "n" in options:
            verb, times = "generate_images", len(seeds_of(options.pop("n"), {}, ANY))
        units = times
    try:
        bound = signature(getattr(handle, handle._verb)).bind(*subject, **options)
    except TypeError as error:
        raise BadInput(f"{verb} isn't called so: {error}") from None
    arguments = dict(bound.arguments)
    options = arguments.pop("options", {})
    first = arguments.pop(handle._names[0])
    given = first
    if handle.modality == "tts":
        named = arguments.get("voice")
        check, facts = spoken(first, named), facts_of(first)
        units = facts.characters
    elif handle.modality == "stt":
        named = arguments.get("model")
        facts = Meta(model=named)
        given, check = _looked_at(first, heard(first, named))
        units = _length_of(given)
    else:
        check, options = prompted(first), with_named(options, **arguments)
    request, _ = handle._prepared(check, options, facts)
    return _Asked(verb, (given,), request._replace(listeners=None), named, times, units)


def _looked_at(sound: Any, check: Subject) -> tuple[Source | None, Subject]:
    """Return a sound and its check; neither where a look would fetch it or use it up."""
    try:
        source = Source.of(sound, "audio")
    except OmnibindError:
        return None, check  # it tells what is wrong with it
    path = None if source._path is None else Path(source._path)
    is_plain = path is not None and (path.is_file() or path.is_dir() or not path.exists())
    if is_plain or source._data is not None:
        return source, lambda candidate: check(candidate)[:1]  # the facts know the model
    return None, lambda candidate: (None,)


def _length_of(sound: Source | None) -> float | None:
    try:
        return None if sound is None else sound.duration_s
    except OmnibindError:
        return None


# ── what is told of each ──


def _why_not(trip: Trip, paper: Paper, asked: _Asked) -> tuple[str | None, bool]:
    """Return why a candidate wouldn't serve this call, and whether the call ends with it."""
    try:
        choice = run(trip.fit(paper), Call())
    except OmnibindError as error:
        return str(error), not trip.is_unfit(error)
    try:
        reservation = trip.reserved(choice.times(asked.times))
    except OmnibindError as error:  # a budget ends the call: it isn't the candidate's fault
        return str(error), True
    if reservation is not None:
        reservation.release()
    return None, False


def _planned(
    paper: Paper, asked: _Asked, settings: Settings, free: int | None, skipped: str | None
) -> Planned:
    candidate, model = paper.sketch, paper.model
    try:
        options = candidate.schema.check(asked.request.options, paper.label)
    except UsageError:
        options = {}
    try:
        choice = Choice(candidate, asked.given, options, model)
        licence, cost = choice.licence(), choice.times(asked.times).price
    except BindingBroken:  # its price can't be read
        licence, cost = candidate.license, UNKNOWN
    download_bytes, weights = sizes_of(paper)
    memory_bytes, basis = memory_of(paper, weights)
    return Planned(
        binding=paper.label,
        model=model,
        state=paper.state,
        problem=None if paper.error is None else str(paper.error),
        download_bytes=download_bytes,
        memory_bytes=memory_bytes,
        memory_basis=basis,
        memory_free_bytes=free,
        seconds=_seconds(paper, asked, options),
        cost=cost,
        license=licence,
        license_allows=settings.policy.allows(licence),
        options_known=paper.is_schema_known or not asked.request.options,
        skipped=skipped,
    )


def _seconds(paper: Paper, asked: _Asked, options: Mapping[str, Any]) -> float | None:
    units = asked.units
    if units is None:
        declared = paper.sketch.schema.option("duration_s")
        units = options.get("duration_s", declared.default if declared else None)
    use = usage.of(paper.label, paper.model)
    if units is None or use is None or not use.units_per_s:
        return None
    return units / use.units_per_s


def _duration(seconds: float) -> str:
    if seconds < 0.1:
        return "< 0.1 s"
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"


def _row(one: Planned, is_chosen: bool) -> tuple[str, ...]:
    def told(count: int | None) -> str:
        return "unknown" if count is None else "-" if not count else size(count)

    usd, basis = one.cost
    price = basis if usd is None or basis == "free" else dollars(usd)
    licence = one.license or "unknown"
    return (
        "→" if is_chosen else "",
        one.binding if one.model is None else f"{one.binding}/{one.model}",
        one.state,
        told(one.download_bytes),
        told(one.memory_bytes),
        "unknown" if one.seconds is None else _duration(one.seconds),
        price,
        licence if one.license_allows else f"{licence} (not allowed)",
    )
