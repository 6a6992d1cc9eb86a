"""``models.yaml`` as typed data: which models a binding knows and what their files are."""

from __future__ import annotations

import datetime
import shlex
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from omnibind import documents
from omnibind.contracts.errors import BadConfig, BindingBroken, suggest
from omnibind.contracts.tts import Voice
from omnibind.weights import places, sources
from omnibind.weights.capabilities import Capabilities, Gender, Language, Size

FILE_NAME = "models.yaml"
_SHA256_LENGTH = 64


class ModelFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a model.

    Attributes:
        path: Where it lies in the model's folder; forward slashes.
        bytes: Its size, or None where nobody publishes it.
        sha256: Its hash in lower-case hex, or None where nobody publishes it.
        sources: Places that deliver it, tried in order; none where it comes with a checkout.
        parts: Pieces to concatenate, each a list of alternatives; instead of ``sources``.
    """

    path: str
    bytes: int | None = None
    sha256: str | None = None
    sources: list[str] = []
    parts: list[list[str]] = []

    def __post_init__(self) -> None:
        places.check_relative(self.path)
        if self.bytes is not None and self.bytes < 0:
            raise ValueError(f"{self.path}: bytes is {self.bytes}; expected 0 or more")
        if self.sha256 is not None and not _is_sha256(self.sha256):
            raise ValueError(f"{self.path}: sha256 {self.sha256!r} isn't 64 lower-case hex digits")
        if self.sources and self.parts:
            raise ValueError(f"{self.path}: give either sources or parts")
        for alternatives in self.parts:
            if not alternatives:
                raise ValueError(f"{self.path}: a part without any source")
        for alternatives in self.alternatives:
            for text in alternatives:
                sources.parse_file(text)

    @property
    def alternatives(self) -> list[list[str]]:
        """The pieces of the file in order, each with its alternatives; most files are one piece."""
        return self.parts or [self.sources]

    @property
    def pinned(self) -> bool:
        """Whether size and hash are both known."""
        return self.bytes is not None and self.sha256 is not None


class VoiceFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of one voice of a model; None where it isn't.

    Attributes:
        language: BCP 47; where it isn't said, the model's own if that has one alone.
        gender: As it sounds.
    """

    language: Language | None = None
    gender: Gender | None = None


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One model of a binding, as its catalogue describes it.

    Attributes:
        summary: One line about it.
        license: Licence of the weights (SPDX where there is one), or None where it isn't known.
        languages: BCP 47 tags; ``mul`` stands for all those that the binding's manifest lists.
        gender: How it sounds, where the model is itself a voice.
        files: Its files, each pinned; empty for remote models and for ``repository``.
        repository: ``hf:REPO[@REV]``, pulled as a snapshot; its hashes are kept in ``models.lock``.
        allow: Patterns (``*.json``) of the repository's files to take; all that fit where empty.
        build: Name of the binding's function that makes the model from ``files``.
        companions: Other models of the catalogue that it doesn't work without; a pull fetches them
            too.
        price: What a remote model costs, by unit.
        token_prices: US dollars for a million tokens, by what the service counts.
        limits: What the model accepts at most, by name.
        sizes: Picture sizes it is made for.
        aspect_ratios: Aspect ratios it is made for, as ``16:9``.
        durations_s: The lengths in seconds that there are, where not any goes.
        lacks: Options of the binding that this model hasn't got.
        voices: Voices it has, where it is more than one: names, or names with what is known.
        capabilities: What it can do other than its binding, in the manifest's own words.
        retired_on: The day its maker withdrew it.
        successor: The model to use instead.
        source: The page that these facts come from.
        date: The day they were looked up.
    """

    summary: str = ""
    license: str | None = None
    languages: list[Language] = []
    gender: Gender | None = None
    files: list[ModelFile] = []
    repository: str | None = None
    allow: list[str] = []
    build: str | None = None
    companions: list[str] = []
    price: dict[str, float | str] = {}
    token_prices: dict[str, float] = {}
    limits: dict[str, float | str] = {}
    sizes: list[Size] = []
    aspect_ratios: list[str] = []
    durations_s: list[float] = []
    lacks: list[str] = []
    voices: dict[str, VoiceFacts] | list[str] = []
    capabilities: dict[str, Any] = {}
    retired_on: datetime.date | None = None
    successor: str | None = None
    source: str | None = None
    date: datetime.date | None = None

    def __post_init__(self) -> None:
        if self.repository is not None:
            sources.parse_repository(self.repository)
            if self.files:
                raise ValueError("give either files or repository")
        elif self.allow:
            raise ValueError("allow goes with repository")
        paths = [file.path for file in self.files]
        if len(set(paths)) < len(paths):
            raise ValueError(f"two files have the path {max(paths, key=paths.count)!r}")
        if self.capabilities:
            Capabilities().changed(self.capabilities)

    @property
    def has_weights(self) -> bool:
        """Whether there is anything to pull; False for remote models and mocks."""
        return bool(self.files or self.repository or self.build)

    @property
    def is_retired(self) -> bool:
        """Whether its maker has withdrawn it by today."""
        return self.retired_on is not None and self.retired_on <= datetime.date.today()

    def told_of_end(self, label: str) -> str:
        """Return a sentence that says when it was withdrawn and what to use instead."""
        instead = f"; use {self.successor}" if self.successor else ""
        return f"{label} was retired on {self.retired_on}{instead}"

    @property
    def is_delivered(self) -> bool:
        """Whether a pull can bring it; False where it comes with a checkout alone."""
        return all(file.sources or file.parts for file in self.files)

    @property
    def hashes(self) -> frozenset[str]:
        """The sha256 of every file that the catalogue pins."""
        return frozenset(file.sha256 for file in self.files if file.sha256)


class Target(NamedTuple):
    """A binding, as far as weights are concerned.

    Attributes:
        modality: ``tts``, ``stt``, …
        name: The binding's name.
        models: Its catalogue.
        allow_unlisted: Whether a hub repository that the catalogue doesn't list may be pulled by
            its name.
    """

    modality: str
    name: str
    models: dict[str, Model]
    allow_unlisted: bool = False

    def label(self, model: str) -> str:
        """Return ``tts/piper/en_US-joe-medium``."""
        return f"{self.modality}/{self.name}/{model}"

    def is_repository(self, model: str) -> bool:
        """Tell whether a model that the catalogue doesn't list may be a hub's ``ORG/NAME``."""
        return self.allow_unlisted and model.count("/") == 1

    def command(self, model: str) -> str:
        """Return the command that fetches a model: ``omnibind pull tts/piper/en_US-joe-medium``.

        Where nothing delivers it, the first one of the catalogue that can be had.
        """
        listed = self.models.get(model)
        if listed is not None and not listed.is_delivered:
            model = next(iter(self.delivered()), model)
        return f"omnibind pull {shlex.quote(self.label(model))}"

    def delivered(self) -> list[str]:
        """Return the models that can be pulled."""
        return [name for name, one in self.models.items() if one.has_weights and one.is_delivered]

    def lacks(self, model: str, what: str, about: str = "") -> str:
        """Return a sentence that says what about some weights isn't as it should be.

        Where nothing delivers them, it names three that can be had.
        """
        label, listed = self.label(model), self.models.get(model)
        if listed is None or listed.is_delivered:
            return f"the weights of {label}{about} {what}"
        told = "; ".join(f"{name} ({_about(self.models[name])})" for name in self.delivered()[:3])
        return f"the weights of {label} come with a checkout alone; choose another model: {told}"


def read_models(folder: Path) -> dict[str, Model]:
    """Read the catalogue of a binding's folder.

    Returns:
        The models by name, in the order of the file; empty where there is no ``models.yaml``.

    Raises:
        BindingBroken: The file can't be read or isn't what a catalogue must be.
    """
    path = folder / FILE_NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BindingBroken(f"{path} can't be read: {error.strerror or error}") from error
    return dict(_decoded(content, str(path)))


@lru_cache(maxsize=128)
def _decoded(content: bytes, path: str) -> dict[str, Model]:
    models = documents.decode(content, dict[str, Model], BindingBroken, path)
    for name, model in models.items():
        for companion in model.companions:
            if companion not in models:
                told = suggest(companion, models)
                raise BindingBroken(f"{path}: {name} has the companion {companion!r}; {told}")
    return models


class _Prices(msgspec.Struct, forbid_unknown_fields=True):
    prices: dict[str, dict[str, float | str]] = {}


def with_prices(models: dict[str, Model], label: str) -> dict[str, Model]:
    """Return a catalogue with the user's own prices, of ``configs/prices.yaml`` in the home folder.

    The file says ``prices: {tts/openai/tts-1: {usd: 12, per: million characters}}``.

    Raises:
        BadConfig: It can't be read.
    """
    path = places.home() / "configs" / "prices.yaml"
    if not models or not path.is_file():
        return models
    own = documents.read(path, _Prices, BadConfig).prices
    return {
        name: msgspec.structs.replace(model, price=own[f"{label}/{name}"])
        if f"{label}/{name}" in own
        else model
        for name, model in models.items()
    }


def voices_of(models: Mapping[str, Model]) -> dict[str, Voice]:
    """Return what a catalogue knows of voices, by name; a model without any is one itself."""
    known: dict[str, Voice] = {}
    for name, model in models.items():
        language = model.languages[0] if len(model.languages) == 1 else None
        voices = model.voices
        if isinstance(voices, list):
            voices = dict.fromkeys(voices, VoiceFacts())
        for voice, facts in voices.items():
            known[voice] = Voice(voice, facts.language or language, facts.gender)
        if not voices:
            known[name] = Voice(name, language, model.gender)
    return known


def _about(model: Model) -> str:
    size = sum(file.bytes or 0 for file in model.files)
    shown = f"{size / 1e6:.0f} MB" if size else ""
    told = (model.license or "licence unknown", shown or model.summary.rstrip("."))
    return ", ".join(filter(None, told))


def _is_sha256(text: str) -> bool:
    return len(text) == _SHA256_LENGTH and not text.strip("0123456789abcdef")
