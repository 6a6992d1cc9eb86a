"""The command that says what is wrong on this machine."""

from __future__ import annotations

import platform
import sys
from typing import TYPE_CHECKING, Any

from omnibind.cli.parameters import AsJson

if TYPE_CHECKING:
    from omnibind.discovery.diagnosis import Diagnosis

_FAULTS = ("broken", "ambiguous")


def doctor(*, as_json: AsJson = False) -> int:
    """Import every binding's code in a child process, and say what mends what is wrong.

    The exit code is 1 where something is broken or ambiguous; what merely isn't installed is no
    fault.

    Args:
        as_json: Print JSON.
    """
    from omnibind.choices import MODALITIES
    from omnibind.cli.look import state_data, state_row
    from omnibind.cli.output import print_json, print_table, print_title
    from omnibind.managers import MANAGERS

    machine = _machine()
    defaults = {modality: _default(modality) for modality in MODALITIES}
    seen: list[Diagnosis] = []
    for modality in MODALITIES:
        seen += MANAGERS[modality]().diagnose_all(probed=True)
    if as_json:
        chosen = {
            modality: None if found is None else {"choice": found[0], **state_data(found[1])}
            for modality, found in defaults.items()
        }
        print_json(
            {"machine": machine, "defaults": chosen, "bindings": list(map(state_data, seen))}
        )
    else:
        print_table(("", ""), machine.items())
        print_title("\nused where nothing is named (configs/default.yaml)")
        rows = [_default_row(modality, found) for modality, found in defaults.items()]
        print_table(("modality", "binding", "state", "what to do"), rows, indent="  ")
        print_title("\nbindings")
        problems = [row for diagnosis in seen for row in _rows(diagnosis, state_row(diagnosis))]
        print_table(("binding", "state", "what is wrong", "what mends it"), problems, indent="  ")
    states = [d.state for d in (*seen, *(found[1] for found in defaults.values() if found))]
    return int(any(state in _FAULTS for state in states))


def _machine() -> dict[str, str]:
    from omnibind import __version__
    from omnibind.weights.places import home, is_offline

    return {
        "omnibind": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": f"{platform.system()} {platform.machine()}",
        "home": str(home()),
        "network": "forbidden by OMNIBIND_OFFLINE" if is_offline() else "allowed",
    }


def _default(modality: str) -> tuple[str, Diagnosis] | None:
    """Return what serves a modality where nothing is named, and how it does."""
    from omnibind.cli.choosing import default_choices
    from omnibind.contracts.errors import BadConfig, UnknownBinding
    from omnibind.discovery.diagnosis import Diagnosis, Problem
    from omnibind.managers import MANAGERS

    name = "default.yaml"
    try:
        choices = default_choices(modality)
        if not choices:
            return None
        choice = choices[0]
        name = f"{choice.binding}/{choice.model}" if choice.model else choice.binding
        configuration = dict(choice.configuration)
        if choice.runs is not None:
            configuration["runs"] = choice.runs
        diagnose = MANAGERS[modality]().diagnose
        return name, diagnose(choice.binding, choice.model, **configuration)
    except (BadConfig, UnknownBinding) as error:
        problem = Problem("broken", str(error))
        return name, Diagnosis(name, modality, "static", (problem,))


def _default_row(modality: str, found: tuple[str, Diagnosis] | None) -> tuple[str, str, str, str]:
    if found is None:
        return modality, "none", "", ""
    name, diagnosis = found
    problem = diagnosis.problems[0] if diagnosis.problems else None
    mending = (problem.command or problem.message) if problem else ""
    return modality, name, diagnosis.state, mending


def _rows(diagnosis: Diagnosis, row: tuple[str, str, str]) -> list[tuple[Any, ...]]:
    if not diagnosis.problems:
        return [(row[0], row[1], "", "")]
    return [
        (row[0], problem.state, problem.message, problem.command) for problem in diagnosis.problems
    ]
