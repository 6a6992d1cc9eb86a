"""One of the bindings that a handle was given: from a choice to a candidate that serves calls."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from omnibind.calls import policy
from omnibind.calls.candidate import Candidate
from omnibind.calls.subjects import MAX_CHARACTERS
from omnibind.choices import Choice
from omnibind.contracts.binding import Binding
from omnibind.contracts.errors import BadConfig, OmnibindError
from omnibind.managers.manager import BindingManager
from omnibind.managers.registry import Registered
from omnibind.running.pool import identity
from omnibind.running.slot import LOADED_HERE, SLOTS, Slot, instance_of

if TYPE_CHECKING:
    from omnibind.contracts.options import Schema
    from omnibind.discovery.diagnosis import Diagnosis
    from omnibind.discovery.manifest import Manifest
    from omnibind.running.residence import Residence

B = TypeVar("B", bound=Binding)


class Member(Generic[B]):
    """A binding as it was chosen; what it takes to use it is made at the first use.

    Attributes:
        choice: What the user named.
        name: The name as it was given.
        label: ``modality/name`` for messages.
        candidate: What serves calls; None before it was prepared.
        slot: Where its engine runs; None before it was prepared.
    """

    def __init__(self, manager: BindingManager[B], choice: Choice) -> None:
        self.choice = choice
        self.name = choice.binding
        self.candidate: Candidate | None = None
        self.slot: Slot | None = None
        self._manager = manager
        self._teller: Candidate | None = None
        self._lock = threading.Lock()
        _ALL.add(self)
        offer = manager.find(choice.binding)
        self.label = f"{manager.modality}/{offer.name}"
        if choice.configuration:
            facts = manager.facts(offer)
            facts.configuration.check(choice.configuration, self.label, BadConfig)

    def diagnose(self) -> Diagnosis:
        """Say how the binding does; what the last real load said goes before what files say."""
        from omnibind.discovery.diagnosis import Diagnosis, Problem, problem_of

        slot, modality = self.slot, self._manager.modality
        if slot is not None:
            name = slot.binding.binding_name
            if slot.is_stuck:
                message = f"an earlier call still occupies {slot.label} and can't be stopped"
                return Diagnosis(name, modality, "tried", (Problem("stuck", message),))
            if slot.is_loaded:
                return Diagnosis(name, modality, "tried")
            if slot.load_error is not None:
                return Diagnosis(name, modality, "tried", (problem_of(slot.load_error),))
        return self.diagnose_files(self.choice.model)

    def diagnose_files(self, model: str | None) -> Diagnosis:
        """Say how the binding does with a model, from its files alone."""
        configuration = dict(self.choice.configuration)
        if self.choice.runs is not None:
            configuration["runs"] = self.choice.runs
        if self.choice.env_file is not None:
            configuration["env_file"] = self.choice.env_file
        return self._manager.diagnose(self.name, model, **configuration)

    def prepare(self) -> Candidate:
        """Return what serves calls, made at the first time.

        Raises:
            NotReady: Something must be mended first; the message ends with the command.
            UsageError: The model or the configuration is wrong.
        """
        if self.candidate is None:
            with self._lock:
                if self.candidate is None:
                    self.candidate = self._made()
        return self.candidate

    def teller(self) -> Candidate | None:
        """Return what tells of models and options without one; None where more is missing."""
        with self._lock:
            if self._teller is None and self.diagnose().wants_model:
                self._teller = self._made(is_asked=True)
            return self._teller

    def leave(self) -> bool:
        """Let go of the slot; True where nobody else holds it, so that its engine can go."""
        if self.slot is None:
            return False
        self.slot.holders.discard(self)
        return not self.slot.holders

    def part(self) -> Candidate:
        """Return a candidate whose binding is this member's alone, to be changed."""
        with self._lock:
            slot, candidate = self.slot, self.candidate
            assert slot is not None
            assert candidate is not None
            if any(holder is not self for holder in slot.holders):
                slot.holders.discard(self)
                self.candidate = candidate = self._made(is_own=True)
            else:
                SLOTS.forget(slot)
            return candidate

    def _made(self, *, is_own: bool = False, is_asked: bool = False) -> Candidate:
        diagnosis = self.diagnose()
        if not (diagnosis.is_ready or (is_asked and diagnosis.wants_model)):
            raise self._error(diagnosis)
        manager, choice = self._manager, self.choice
        offer = manager.find(choice.binding)
        configuration, model = configured(manager, offer, choice)
        facts, known = manager.facts(offer), dict[str, Any]()
        placed = with_defaults(facts.configuration, configuration)
        concurrent, residence, runs = 1, None, choice.runs
        if not isinstance(offer, Registered):
            concurrent = manager.manifest(offer).concurrent
            runs = _runs(manager.manifest(offer), runs)
            known = known_of(manager, offer, model)
            residence = _residence(manager, offer, model, placed, choice.stays)

        def make() -> Slot:
            binding = manager.create(offer, configuration, runs, choice.env_file)
            return Slot(binding, concurrent, residence)

        key = None if is_own else _key(manager, offer, choice, runs, configuration)
        slot = self.slot = make() if key is None else SLOTS.one(key, make)
        slot.holders.add(self)
        return Candidate(
            self.label,
            slot.binding,
            slot,
            facts.verb,
            model,
            consent=choice.consent,
            configuration=configuration,
            recordings=recordings_of(facts.configuration, configuration),
            powers=facts.powers,
            **known,
        )

    def _error(self, diagnosis: Diagnosis) -> OmnibindError:
        # A model that can't be had is wrong use; no pull would bring it.
        unknown = None
        if diagnosis.state == "needs-weights" and self.choice.model is not None:
            offer = self._manager.find(self.choice.binding)
            if not isinstance(offer, Registered):
                unknown = self._manager.unknown_model(offer, self.choice.model)
        return unknown or diagnosis.error()


def _runs(manifest: Manifest, runs: str | None) -> str | None:
    """Return where a binding runs: in a worker after a fork that left engines' threads behind."""
    is_here = (runs or manifest.runs) == "in-process" and manifest.kind == "local"
    return "worker" if is_here and _is_apart else runs


def _key(
    manager: BindingManager[Any],
    offer: Any,
    choice: Choice,
    runs: str | None,
    configuration: Mapping[str, Any],
) -> Hashable | None:
    """Return what equal bindings of this process have in common; None where that can't be told."""
    from omnibind.contracts.errors import UsageError

    made_by = offer.maker if isinstance(offer, Registered) else str(offer.folder.resolve())
    try:
        said = identity(configuration), identity(choice.stays)
    except (UsageError, TypeError, ValueError, OSError):
        return None  # an open file, say
    return manager.modality, offer.name, made_by, runs, choice.env_file, said


def _residence(
    manager: BindingManager[Any],
    offer: Any,
    model: str | None,
    placed: Mapping[str, Any],
    stays: Mapping[str, Any],
) -> Residence | None:
    """Return how the engine is to stay in memory; None where a service does the work."""
    from omnibind.discovery import static
    from omnibind.running.residence import Residence
    from omnibind.weights import store

    manifest = manager.manifest(offer)
    if manifest.kind == "remote":
        return None
    target = static.target_of(offer, manifest, manager.models(offer))
    listed = target.models.get(model or "")
    files = None
    if model and (listed.has_weights if listed else static.may_have(target, model)):
        files = store.expected(target, model)
    engine = manifest.engine or f"{manager.modality}/{offer.name}"
    return Residence.of_files(engine, manager.modality, model, placed, files, **stays)


def with_defaults(schema: Schema, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return where an engine is to be, and in what precision, as configured or by default."""
    options = (schema.option(name) for name in ("device", "precision"))
    return {
        option.name: configuration.get(option.name, option.default)
        for option in options
        if option is not None
    }


def known_of(manager: BindingManager[Any], offer: Any, model: str | None) -> dict[str, Any]:
    """Return what manifest and catalogue say about the binding with that model."""
    manifest, models = manager.manifest(offer), manager.models(offer)
    able = manifest.capabilities_of(models, model)
    return {
        "max_characters": able.max_characters or MAX_CHARACTERS,
        "max_batch_size": manifest.max_batch_size,
        "languages": tuple(able.languages),
        "clones": able.clone,
        "is_remote": manifest.kind == "remote",
        "models": models,
        "license": manifest.license.weights or None,
        "voices_are_models": manifest.model_option == "default_voice",
    }


def recordings_of(schema: Schema, configuration: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the sounds in a configuration, and the paths and names of sounds."""
    takes_sound = policy.recording_options(schema)
    return tuple(
        value
        for name, value in configuration.items()
        if value is not None and (name in takes_sound or _names_sound(value))
    )


def _names_sound(value: object) -> bool:
    text = str(value) if isinstance(value, (str, os.PathLike)) else ""
    return text.casefold().endswith(policy.SOUND_ENDINGS)


def configured(
    manager: BindingManager[Any], offer: Any, choice: Choice
) -> tuple[dict[str, Any], str | None]:
    """Return the constructor's arguments as chosen, and the model that they mean.

    Raises:
        BadConfig: The binding has no model to choose, or two are named.
    """
    configuration = dict(choice.configuration)
    if isinstance(offer, Registered):
        if choice.model is not None:
            raise BadConfig(
                f"{offer.name} was registered in code and has no model to choose; "
                f"give its configuration instead of {choice.model!r}"
            )
        return configuration, None
    from omnibind.discovery.static import chosen_model

    manifest = manager.manifest(offer)
    configuration = _with_model(configuration, choice.model, manifest.model_option, offer.name)
    return configuration, chosen_model(manifest, choice.model, configuration)


def _with_model(
    configuration: dict[str, Any], model: str | None, option: str, name: str
) -> dict[str, Any]:
    if model is None:
        return configuration
    if not option:
        raise BadConfig(
            f"{name} has no models to choose; give {name!r} instead of '{name}/{model}'"
        )
    present = configuration.setdefault(option, model)
    if present != model:
        raise BadConfig(
            f"{name} is to use both {model!r} and {option}={present!r}; give one of them"
        )
    return configuration


_ALL: weakref.WeakSet[Member[Any]] = weakref.WeakSet()

_is_apart = False
"""Whether this process was forked from one that had loaded engines: its own run in workers."""


def _after_fork() -> None:
    global _is_apart
    _is_apart = _is_apart or bool(LOADED_HERE)
    for member in list(_ALL):
        member._lock = threading.Lock()
        slot = member.slot
        if _is_apart and slot is not None and instance_of(slot.binding) is None:
            _never_end(slot)
            member.candidate = member.slot = member._teller = None


def _never_end(slot: Slot) -> None:
    """Keep an engine for ever: its end would wait for threads that the parent alone has."""
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(slot))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
