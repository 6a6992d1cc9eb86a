"""What the handles of all modalities share: from a choice to a binding that serves calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from omnibind.calls.driver import run
from omnibind.calls.journey import Candidate, Request, serve
from omnibind.calls.subjects import MAX_CHARACTERS, clean_text
from omnibind.choices import Choice
from omnibind.contracts.binding import Binding
from omnibind.contracts.errors import BadConfig, BadOption, OmnibindError
from omnibind.contracts.media import Audio, Image, Meta, Transcript, Video
from omnibind.contracts.options import CALL_CONTROLS
from omnibind.managers.manager import BindingManager
from omnibind.managers.registry import Registered
from omnibind.running.slot import Slot

if TYPE_CHECKING:
    from omnibind.contracts.options import Schema
    from omnibind.discovery.diagnosis import Diagnosis, State

B = TypeVar("B", bound=Binding)
M = TypeVar("M", Audio, Image, Video, Transcript)


class NotGiven:
    """The default of an argument whose default is the binding's own."""

    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN = NotGiven()


class Handle(Generic[B, M]):
    """Stands between a program and one binding: checks, runs, verifies and reports every call.

    It is truthy when its binding is ready. Nothing is loaded before the first use; any number of
    threads may use it.
    """

    modality: ClassVar[str]
    _result: type[M]

    def __init__(self, manager: BindingManager[B], choice: Choice | None) -> None:
        self._manager = manager
        self._choice = choice
        self._candidate: Candidate | None = None
        self._slot: Slot | None = None
        self._max_characters = MAX_CHARACTERS
        self._lock = threading.Lock()
        if choice is not None:
            offer = manager.find(choice.binding)
            if choice.configuration:
                facts = manager.facts(offer)
                owner = f"{self.modality}/{offer.name}"
                facts.configuration.check(choice.configuration, owner, BadConfig)

    def __repr__(self) -> str:
        named = self._choice.binding if self._choice else "unnamed"
        return f"<{type(self).__name__} {named}>"

    def __bool__(self) -> bool:
        return self.diagnose().is_ready

    @property
    def binding_name(self) -> str | None:
        """The binding's name as it was given; None where none was."""
        return self._choice.binding if self._choice else None

    @property
    def state(self) -> State:
        """How the binding does: ``ready``, or the first thing that must be mended."""
        return self.diagnose().state

    @property
    def schema(self) -> Schema:
        """The options of the binding's verb."""
        return self._ready().schema

    def diagnose(self) -> Diagnosis:
        """Say how the binding does; what the last real load said goes before what files say."""
        from omnibind.discovery.diagnosis import Diagnosis, Problem, problem_of

        if self._choice is None:
            message = f"no {self.modality} binding was named; name one: Client({self.modality}=…)"
            return Diagnosis("", self.modality, "static", (Problem("needs-setting", message),))
        slot = self._slot
        if slot is not None and slot.is_loaded:
            return Diagnosis(slot.binding.binding_name, self.modality, "tried")
        if slot is not None and slot.load_error is not None:
            problem = problem_of(slot.load_error)
            return Diagnosis(slot.binding.binding_name, self.modality, "tried", (problem,))
        configuration = dict(self._choice.configuration)
        if self._choice.runs is not None:
            configuration["runs"] = self._choice.runs
        return self._manager.diagnose(self._choice.binding, self._choice.model, **configuration)

    def load(self) -> None:
        """Load the engine now, rather than at the first call."""
        self._ready()
        assert self._slot is not None
        self._slot.load()

    def unload(self) -> None:
        """Let go of the engine once no call runs; a later call loads it again."""
        if self._slot is not None:
            self._slot.unload()

    def _call(
        self,
        subject: tuple[Any, ...],
        options: Mapping[str, Any],
        verify: bool,
        max_result_bytes: int,
        facts: Meta,
    ) -> M:
        candidate = self._candidate or self._ready()
        for name in options:
            if name in CALL_CONTROLS:
                raise BadOption(
                    f"{name!r} belongs to the call, and this version doesn't have it yet"
                )
        verb = candidate.binding.verb
        request = Request(verb, subject, options, verify, max_result_bytes, facts)
        return run(serve(candidate, request, self._result))

    def _text(self, text: str, name: str) -> str:
        candidate = self._candidate or self._ready()
        return clean_text(text, name, candidate.label, self._max_characters)

    def _ask(self, verb: str, options: Mapping[str, Any]) -> Any:
        # The binding itself declares what its lists and settings take.
        candidate = self._candidate or self._ready()
        method: Callable[..., Any] = getattr(candidate.binding, verb)
        assert self._slot is not None
        return self._slot.ask(lambda: method(**options))

    def _ready(self) -> Candidate:
        if self._candidate is not None:
            return self._candidate
        with self._lock:
            if self._candidate is None:
                self._prepare()
        assert self._candidate is not None
        return self._candidate

    def _prepare(self) -> None:
        diagnosis = self.diagnose()
        if not diagnosis.is_ready:
            raise self._error(diagnosis)
        assert self._choice is not None
        offer = self._manager.find(self._choice.binding)
        configuration = dict(self._choice.configuration)
        model, concurrent = self._choice.model, 1
        if isinstance(offer, Registered):
            if model is not None:
                raise BadConfig(
                    f"{offer.name} was registered in code and has no model to choose; "
                    f"give its configuration instead of {model!r}"
                )
        else:
            from omnibind.discovery.static import chosen_model

            manifest = self._manager.manifest(offer)
            configuration = _with_model(configuration, model, manifest.model_option, offer.name)
            model = chosen_model(manifest, model, configuration)
            concurrent = manifest.concurrent
            self._max_characters = manifest.capabilities.max_characters or MAX_CHARACTERS
        binding = self._manager.create(offer, configuration)
        self._slot = Slot(binding, concurrent)
        schema = self._manager.facts(offer).verb
        label = f"{self.modality}/{offer.name}"
        self._candidate = Candidate(label, binding, self._slot, schema, model)

    def _error(self, diagnosis: Diagnosis) -> OmnibindError:
        # A model that can't be had is wrong use; no pull would bring it.
        unknown, choice = None, self._choice
        if diagnosis.state == "needs-weights" and choice is not None and choice.model is not None:
            offer = self._manager.find(choice.binding)
            if not isinstance(offer, Registered):
                unknown = self._manager.unknown_model(offer, choice.model)
        return unknown or diagnosis.error()


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
