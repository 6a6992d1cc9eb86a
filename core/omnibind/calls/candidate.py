"""A candidate: a binding that may serve a call, with what the journey needs to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from omnibind.calls.subjects import MAX_CHARACTERS
from omnibind.contracts.binding import Binding
from omnibind.contracts.effects import Place, Runner
from omnibind.contracts.errors import NotOffered

if TYPE_CHECKING:
    from omnibind.calls.gathering import Line
    from omnibind.contracts.options import Schema


SERVICE_S: Mapping[str, float] = {"tts": 120.0, "stt": 300.0, "ttv": 1800.0}
"""Seconds that a service gets where a call says none; the other modalities' get 300."""


class Engine(Place, Protocol):
    """A place that holds one engine."""

    @property
    def turns(self) -> Runner:
        """Where work runs that needs no loaded engine."""

    @property
    def is_loaded(self) -> bool:
        """True while the engine is in memory."""

    @property
    def line(self) -> Line:
        """The calls that wait for it and may be served together."""

    def load(self) -> None:
        """Load the engine if it isn't; to be called by who has a turn."""

    def relieve(self) -> bool:
        """Let go of idle engines where this one's memory is; False where there were none."""


class Candidate:
    """A binding that may serve a call.

    Attributes:
        label: ``modality/name``.
        binding: The binding itself.
        place: Where its code runs.
        schema: The options of its verb.
        powers: The options of further verbs and of the batch that it has, by name.
        model: The model that its configuration names, for the result's meta.
        max_batch_size: So many waiting calls one native batch may serve.
        max_characters: A longer text or prompt is refused.
        languages: BCP 47 tags that the model knows; empty where that isn't known.
        clones: Whether it can speak with the voice of a recording.
        is_remote: Whether a service does the work.
        license: The licence of weights that the catalogue doesn't tell of; None where unknown.
        models: What the binding's catalogue says about its models.
        consent: What the configuration says about cloning voices.
        configuration: The constructor's arguments as given.
        recordings: Sounds among them, which the engine may speak like.
        voices_are_models: Whether the models of the catalogue are voices that a call names.
    """

    __slots__ = (
        "_hashes",
        "binding",
        "clones",
        "configuration",
        "consent",
        "is_remote",
        "label",
        "languages",
        "license",
        "max_batch_size",
        "max_characters",
        "model",
        "models",
        "place",
        "powers",
        "recordings",
        "schema",
        "voices_are_models",
    )

    def __init__(
        self,
        label: str,
        binding: Binding,
        place: Engine,
        schema: Schema,
        model: str | None = None,
        *,
        max_batch_size: int = 1,
        max_characters: int = MAX_CHARACTERS,
        languages: tuple[str, ...] = (),
        clones: bool = False,
        is_remote: bool = False,
        license: str | None = None,  # noqa: A002  # the field's name
        models: Mapping[str, Any] | None = None,
        consent: bool = False,
        configuration: Mapping[str, Any] | None = None,
        recordings: tuple[object, ...] = (),
        voices_are_models: bool = False,
        powers: Mapping[str, Schema] | None = None,
    ) -> None:
        self.label = label
        self.binding = binding
        self.place = place
        self.schema = schema
        self.model = model
        self.max_batch_size = max_batch_size
        self.max_characters = max_characters
        self.languages = languages
        self.clones = clones
        self.is_remote = is_remote
        self.license = license
        self.models = models or {}
        self.consent = consent
        self.configuration = configuration or {}
        self.recordings = recordings
        self.voices_are_models = voices_are_models
        self.powers = powers or {}
        self._hashes: dict[str | None, str | None] = {}

    def schema_of(self, verb: str) -> Schema:
        """Return the options of its verb, or of a further one that it may have.

        Raises:
            NotOffered: It hasn't got that one.
        """
        if verb not in self.binding.powers:
            return self.schema
        found = self.powers.get(verb)
        if found is None:
            raise NotOffered(f"{self.label} has no {verb}; use a binding that has")
        return found

    def takes_seeds(self, verb: str) -> bool:
        """Tell whether its own batch of a verb takes a seed for each result."""
        batch = self.powers.get(f"{verb}_batch")
        return batch is not None and "seeds" in batch.names

    def native(self, name: str) -> Callable[..., Any] | None:
        """Return the method of that name, where the binding defines it."""
        found: Callable[..., Any] | None = getattr(self.binding, name, None)
        return found

    @property
    def service_s(self) -> float | None:
        """Seconds for a service's work where a call says none; None is any time."""
        return SERVICE_S.get(self.binding.modality, 300.0) if self.is_remote else None

    def model_of(self, voice: str) -> str | None:
        """Return the model that a voice of a call needs; None where it is the configured one."""
        return voice if self.voices_are_models else None

    def model_sha256(self, model: str | None) -> str | None:
        """Return what tells this model's files from others; None where they aren't listed."""
        if model not in self._hashes:
            self._hashes[model] = hash_of(self.models.get(model) if model else None)
        return self._hashes[model]


class Member(Protocol):
    """What was chosen, and becomes a candidate when it is needed."""

    @property
    def label(self) -> str:
        """``modality/name``."""

    @property
    def candidate(self) -> Candidate | None:
        """What serves calls; None before it was prepared."""

    def prepare(self) -> Candidate:
        """Return what serves calls, made at the first time."""


def hash_of(entry: Any) -> str | None:
    """Return what tells a model's files from others; None where not all hashes are known."""
    if entry is None:
        return None
    lines = sorted(f"{file.sha256} {file.path}" for file in entry.files)
    if not lines or any(not file.sha256 for file in entry.files):
        return None
    from hashlib import sha256

    return sha256("\n".join(lines).encode()).hexdigest()
