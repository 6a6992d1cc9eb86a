"""The commands that list bindings with their states, and models that could be used now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from omnibind.cli.parameters import AsJson, Modality

if TYPE_CHECKING:
    from omnibind.discovery.diagnosis import Diagnosis
    from omnibind.managers.available import Available
    from omnibind.weights.capabilities import Capabilities

_SHOWN_LANGUAGES = 6


def bindings(modality: Modality | None = None, /, *, as_json: AsJson = False) -> None:
    """List the bindings, how each does, and what mends it.

    Only files are looked at; omnibind doctor also imports the code.

    Args:
        modality: Of one modality alone.
        as_json: Print JSON.
    """
    from omnibind.choices import MODALITIES
    from omnibind.cli.output import print_json, print_table
    from omnibind.managers import MANAGERS

    seen = [
        diagnosis
        for name in ([modality] if modality else MODALITIES)
        for diagnosis in MANAGERS[name]().diagnose_all()
    ]
    if as_json:
        print_json([state_data(diagnosis) for diagnosis in seen])
    else:
        print_table(("binding", "state", "what to do"), map(state_row, seen))


def available(
    modality: Modality | None = None,
    /,
    *,
    capability: Annotated[list[str] | None, Parameter(consume_multiple=False, negative=())] = None,
    as_json: AsJson = False,
) -> None:
    """List the models that could be used now: weights, packages and keys are here.

    Args:
        modality: Of one modality alone.
        capability: What they must be able to do, as often as wanted: streaming, voices, clone,
            ssml, timestamps, language_detection, or language=de, size=512x512, max_images=4,
            max_characters=5000, max_duration_s=30, cost=0.
        as_json: Print JSON.
    """
    from omnibind.cli.output import print_json, print_table
    from omnibind.managers.available import available as usable

    seen = usable(modality, dict(map(_pair, capability or ())))
    if as_json:
        print_json([_available_data(one) for one in seen])
    else:
        rows = [(one.label, *_told(one.capabilities)) for one in seen]
        print_table(("model", "languages", "can"), rows)


def _pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or value in ("true", "false"):
        return name, value != "false"
    try:
        return name, float(value) if "." in value else int(value)
    except ValueError:
        return name, value


def _told(able: Capabilities | None) -> tuple[str, str]:
    if able is None:
        return "-", "-"
    facts = dict(capability_rows(able))
    return facts.get("languages", "-"), facts.get("can", "-")


def _available_data(one: Available) -> dict[str, Any]:
    return {
        "label": one.label,
        "modality": one.modality,
        "binding": one.binding,
        "model": one.model,
        "capabilities": None if one.capabilities is None else one.capabilities.to_dict(),
    }


def capability_rows(able: Capabilities) -> list[tuple[str, str]]:
    """Return what a binding or a model can do as pairs of name and text; what isn't known is out.

    Its flags are one pair, named ``can``.
    """
    facts = able.to_dict()
    cost = able.cost
    tags, more = able.languages[:_SHOWN_LANGUAGES], len(able.languages) - _SHOWN_LANGUAGES
    rows = [
        ("can", ", ".join(name for name, value in facts.items() if value is True)),
        ("languages", ", ".join(tags) + (f", … ({more} more)" if more > 0 else "")),
        ("sizes", ", ".join(able.sizes)),
        *(
            (name, f"{value:g}")
            for name, value in facts.items()
            if name.startswith("max_") and value
        ),
        ("cost", "" if cost is None else f"${cost.usd:g} a {cost.per}" if cost.usd else "free"),
    ]
    return [(name, text) for name, text in rows if text]


def state_row(diagnosis: Diagnosis) -> tuple[str, str, str]:
    """Return a binding's line: its name, its state, what mends it."""
    problem = diagnosis.problems[0] if diagnosis.problems else None
    mending = (problem.command or problem.message) if problem else ""
    return f"{diagnosis.modality}/{diagnosis.name}", diagnosis.state, mending


def state_data(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return a diagnosis as plain data."""
    return {
        "binding": f"{diagnosis.modality}/{diagnosis.name}",
        "modality": diagnosis.modality,
        "name": diagnosis.name,
        "state": diagnosis.state,
        "depth": diagnosis.depth,
        "problems": [problem._asdict() for problem in diagnosis.problems],
    }
