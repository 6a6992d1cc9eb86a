"""The command that lists bindings with their states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omnibind.cli.parameters import AsJson, Modality

if TYPE_CHECKING:
    from omnibind.discovery.diagnosis import Diagnosis


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
