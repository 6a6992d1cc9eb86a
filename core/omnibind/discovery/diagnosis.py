"""How a binding does: the problems found, and what they mean when it is asked to run."""

from __future__ import annotations

from typing import Literal, NamedTuple

from omnibind.contracts import errors
from omnibind.contracts.errors import NotReady

State = Literal[
    "ready",
    "broken",
    "ambiguous",
    "retired",
    "unavailable",
    "wrong-platform",
    "needs-program",
    "needs-environment",
    "needs-packages",
    "needs-weights",
    "needs-key",
    "needs-setting",
    "stuck",
]
Depth = Literal["static", "probed", "tried"]

STATES: tuple[State, ...] = State.__args__  # type: ignore[attr-defined]
"""Every state, in the order in which problems are reported."""

_ERRORS: dict[str, type[NotReady]] = {
    "broken": errors.BindingBroken,
    "retired": errors.Retired,
    "unavailable": errors.NotOffered,
    "wrong-platform": errors.WrongPlatform,
    "needs-program": errors.ProgramMissing,
    "needs-environment": errors.EnvironmentMissing,
    "needs-packages": errors.PackagesMissing,
    "needs-weights": errors.WeightsMissing,
    "needs-key": errors.KeyMissing,
    "needs-setting": errors.SettingMissing,
}


class Problem(NamedTuple):
    """One thing that keeps a binding from running.

    Attributes:
        state: What kind of problem it is.
        message: What was found and what was expected.
        command: The one command that mends it, or an empty string where there is none.
        wants_model: Whether naming a model is what mends it.
    """

    state: State
    message: str
    command: str = ""
    wants_model: bool = False


class Diagnosis(NamedTuple):
    """How one binding does.

    Attributes:
        name: The binding's name.
        modality: Its modality.
        depth: How deep the look was: ``static`` (files only), ``probed`` (imported in a child
            process) or ``tried`` (what the last real load said).
        problems: What is wrong, most fundamental first; empty where it is ready.
    """

    name: str
    modality: str
    depth: Depth
    problems: tuple[Problem, ...] = ()

    @property
    def state(self) -> State:
        """The first problem's state, ``ready`` where there is none."""
        return self.problems[0].state if self.problems else "ready"

    @property
    def is_ready(self) -> bool:
        """True where nothing keeps the binding from running."""
        return not self.problems

    @property
    def wants_model(self) -> bool:
        """True where a model is all that is missing: it can be asked which ones it has."""
        return bool(self.problems) and all(problem.wants_model for problem in self.problems)

    def error(self) -> errors.OmnibindError:
        """Return the error that using this binding raises."""
        problem = self.problems[0]
        if problem.state == "ambiguous":
            return errors.AmbiguousBinding(problem.message)
        if problem.state == "stuck":
            return errors.Stuck(problem.message)
        return _ERRORS[problem.state](problem.message, command=problem.command)


def ordered(problems: list[Problem]) -> tuple[Problem, ...]:
    """Return the problems, most fundamental first."""
    return tuple(sorted(problems, key=lambda problem: STATES.index(problem.state)))


def problem_of(error: errors.OmnibindError) -> Problem:
    """Return the problem that a real load's error means."""
    for state, type_ in _ERRORS.items():
        if isinstance(error, type_):
            command = error.command if isinstance(error, NotReady) else ""
            return Problem(state, error.message, command)  # type: ignore[arg-type]  # _ERRORS' keys are states
    if isinstance(error, errors.WeightsDamaged):
        return Problem("needs-weights", error.message, error.command)
    return Problem("broken", str(error))
