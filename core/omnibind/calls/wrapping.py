"""What a result is told to be: its meta, its recipe, and the record of its use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from omnibind import __version__
from omnibind.calls.choice import Choice
from omnibind.calls.costs import Cost
from omnibind.calls.produce import Made
from omnibind.calls.request import Request
from omnibind.contracts.errors import BadInput, OmnibindError
from omnibind.contracts.media import Audio, Image, Meta, Recipe, Transcript, Video
from omnibind.contracts.media.meta import EMPTY
from omnibind.weights import usage

M = TypeVar("M", bound=Audio | Image | Video | Transcript)


class Passed(NamedTuple):
    """A candidate that didn't serve a call, and why."""

    label: str
    model: str | None
    error: OmnibindError


def wrapped(
    made: Made[M],
    request: Request,
    choice: Choice,
    cost: Cost,
    passed: Sequence[Passed],
    revised: str | None,
) -> M:
    """Return the result with what happened; what the binding itself said about it stands.

    Args:
        made: The verified result.
        request: What the caller asked for.
        choice: Who served it.
        cost: What all tries cost together.
        passed: Who didn't serve it before.
        revised: The changed prompt that was served; None where it was the caller's own.
    """
    candidate, facts, own = choice.candidate, request.facts, made.result.meta
    label, model = candidate.label, own.model or choice.model
    seed = choice.options.get("seed") if own.seed is None else own.seed
    warnings: tuple[str, ...] = made.warnings
    if passed:
        warnings = (*(_told(one, label) for one in passed), *warnings)
    if revised is not None:
        warnings = (f"{label} refused the prompt; a changed one was served", *warnings)
    recipe = _recipe(request, choice, model, seed) if request.controls.recipe else None
    # By position: sixteen names cost half a microsecond.
    meta = Meta(
        label,
        model,
        seed,
        made.seconds,
        cost.usd,
        cost.basis,
        choice.licence(model),
        facts.characters,
        revised,
        None,  # request_id, job_id and source_url are the binding's to tell
        None,
        None,
        label if passed else None,
        None,  # so is raw
        warnings,
        recipe,
    )
    if own is not EMPTY and own != EMPTY:
        said: dict[str, Any] = {
            name: value
            for name, value in zip(own._fields, own, strict=True)
            if value is not None and name not in ("cost_usd", "cost_basis")
        }
        meta = meta._replace(**said | {"warnings": own.warnings + meta.warnings})
    usage.note(label, meta.model, made.seconds, _units(made.result, facts))
    return made.result._with_meta(meta)  # type: ignore[return-value]  # M is bound to four types


def _told(passed: Passed, label: str) -> str:
    text = " ".join(str(passed.error).split())
    short = text if len(text) <= 200 else text[:199] + "…"
    return f"{passed.label} didn't serve this call, {label} did: {short}"


def _recipe(request: Request, choice: Choice, model: str | None, seed: int | None) -> Recipe:
    candidate = choice.candidate
    return Recipe(
        __version__,
        candidate.label.partition("/")[0],
        request.verb,
        candidate.label,
        model,
        candidate.model_sha256(model),
        dict(zip(request.names, choice.subject, strict=False)),
        choice.options,
        candidate.configuration,
        seed,
    )


def _units(result: Any, facts: Meta) -> float | None:
    if facts.characters is not None:
        return facts.characters
    if isinstance(result, Image):
        return 1.0
    return seconds_of(result)


def seconds_of(result: Audio | Image | Video | Transcript) -> float | None:
    """Return the length of a sound, a video or what was heard; None where it can't be told."""
    if isinstance(result, Image):
        return None
    try:
        return result.duration_s or None
    except BadInput:  # what wasn't verified may be anything
        return None
