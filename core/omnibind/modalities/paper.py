"""A candidate on paper: what is known of it while none of its code runs."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, NamedTuple

from omnibind.calls.candidate import Candidate
from omnibind.contracts.binding import Binding
from omnibind.contracts.errors import NotReady, OmnibindError
from omnibind.contracts.options import Option, OptionType, Schema
from omnibind.discovery import static
from omnibind.discovery.diagnosis import problem_of
from omnibind.managers.registry import Registered
from omnibind.modalities.member import (
    Member,
    configured,
    known_of,
    recordings_of,
    with_defaults,
)
from omnibind.running.slot import Slot

if TYPE_CHECKING:
    from omnibind.discovery.probe import Facts
    from omnibind.managers.finding import Offer
    from omnibind.weights.catalogue import Target

# What isn't known takes anything; this one means the same wherever it is declared.
ANY = Schema((), (Option("duration_s", OptionType("float", nullable=True), False),), open=True)


class _OnPaper(Binding):
    """Stands where a binding would, so that none of its code is run."""

    modality = "paper"


class Paper(NamedTuple):
    """A candidate as far as it is known without its code.

    Attributes:
        label: ``modality/name``.
        engine: What its memory is known by.
        sketch: What would serve calls; what it would run isn't there.
        model: The model that the call would use.
        state: How it does.
        error: What using it would raise; None where it is ready.
        target: Its weights; None where it has no folder that can be read.
        is_schema_known: Whether its options can be checked.
        is_loaded: Whether its engine is in memory.
        placed: The device and the precision that its engine is to have, where it has the choice.
    """

    label: str
    engine: str
    sketch: Candidate
    model: str | None
    state: str
    error: OmnibindError | None
    target: Target | None
    is_schema_known: bool
    is_loaded: bool
    placed: Mapping[str, Any]

    @property
    def candidate(self) -> Candidate | None:
        """What serves calls; None where something is wrong with it, as ``prepare`` tells."""
        return self.sketch if self.error is None else None

    def prepare(self) -> Candidate:
        """Raise what using it would raise."""
        if self.error is not None:
            raise self.error
        return self.sketch


class _Sketched(NamedTuple):
    """What a member would become.

    Attributes:
        candidate: What would serve calls.
        is_schema_known: Whether its options can be checked.
        target: Its weights; None where it has no folder that can be read.
        engine: What its memory is known by.
        placed: The device and the precision that its engine is to have.
    """

    candidate: Candidate
    is_schema_known: bool
    target: Target | None
    engine: str
    placed: Mapping[str, Any]


def paper_of(member: Member[Any], named: str | None, is_model: bool) -> Paper:
    """Return what is known of a handle's member for one call.

    Args:
        member: Who may serve it.
        named: The voice or the model that the call names; None where it names none.
        is_model: Whether that is a model; a voice is one only where the binding's voices are.
    """
    state, error = _state_of(member, None)
    try:
        seen = _sketched(member, error is None)
    except OmnibindError as reason:
        if error is None:
            state, error = problem_of(reason).state, reason
        nobody = _OnPaper()
        unknown = Candidate(member.label, nobody, Slot(nobody), ANY)
        seen = _Sketched(unknown, False, None, member.label, {})
    sketch = seen.candidate
    model = named if is_model or named is None else sketch.model_of(named)
    is_listed = is_model or model in sketch.models  # a voice may lie in a folder of the user's
    if (
        error is None
        and seen.target is not None
        and model not in (None, sketch.model)
        and is_listed
    ):
        state, error = _state_of(member, model)
    is_loaded = member.slot is not None and member.slot.is_loaded
    model = model or sketch.model
    return Paper(
        label=member.label,
        engine=seen.engine,
        sketch=sketch,
        model=model,
        state=state,
        error=error,
        target=seen.target,
        is_schema_known=seen.is_schema_known,
        is_loaded=is_loaded,
        placed=seen.placed,
    )


def _state_of(member: Member[Any], model: str | None) -> tuple[str, OmnibindError | None]:
    try:
        diagnosis = member.diagnose() if model is None else member.diagnose_files(model)
    except OmnibindError as error:
        return problem_of(error).state, error
    return diagnosis.state, None if diagnosis.is_ready else member._error(diagnosis)


def _sketched(member: Member[Any], is_ready: bool) -> _Sketched:
    manager, choice, prepared = member._manager, member.choice, member.candidate
    offer, paper = manager.find(choice.binding), _OnPaper()
    target, engine = None, member.label
    if not isinstance(offer, Registered):
        manifest = manager.manifest(offer)
        target = static.target_of(offer, manifest, manager.models(offer))
        engine = manifest.engine or engine
    configuration, model = configured(manager, offer, choice)
    facts = _facts_of(member, offer, is_ready)
    placed = with_defaults(facts.configuration if facts else ANY, configuration)
    if prepared is not None:
        sketch = copy(prepared)
        sketch.binding = paper
        return _Sketched(sketch, True, target, engine, placed)
    known = {} if target is None else known_of(manager, offer, model)
    sketch = Candidate(
        member.label,
        paper,
        Slot(paper),
        facts.verb if facts else ANY,
        model,
        consent=choice.consent,
        configuration=configuration,
        recordings=recordings_of(facts.configuration if facts else ANY, configuration),
        powers=facts.powers if facts else None,
        **known,
    )
    return _Sketched(sketch, facts is not None, target, engine, placed)


def _facts_of(member: Member[Any], offer: Offer, is_ready: bool) -> Facts | None:
    """Return the schemas; None where only foreign code that wasn't run yet could tell."""
    if isinstance(offer, Registered):
        is_at_hand = isinstance(offer.maker, type)
    else:
        # Where configuration was given, the client has looked at the folder when it was made.
        is_at_hand = offer.is_shipped or bool(member.choice.configuration)
    if not is_at_hand:
        return None
    try:
        return member._manager.facts(offer)
    except NotReady:
        if is_ready:
            raise
        return None
