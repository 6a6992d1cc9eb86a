"""Models as the commands show them: size, licence, here or not, how they were used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from omnibind.cli.naming import Named
from omnibind.contracts import CONTRACTS
from omnibind.contracts.errors import BadInput
from omnibind.discovery import static
from omnibind.discovery.manifest import read_manifest
from omnibind.discovery.places import Found
from omnibind.managers import Description, finding
from omnibind.weights import store, usage
from omnibind.weights.catalogue import Model, Target
from omnibind.weights.usage import Use

COLUMNS = ("model", "size", "license", "state", "last used", "uses", "speed")


class ModelState(NamedTuple):
    """One model and whether it is here.

    Attributes:
        label: ``tts/piper/en_US-joe-medium``.
        name: The model's own name.
        bytes: The size of its files, or None where nobody publishes it.
        license: The licence of its weights, or None where it isn't known.
        languages: BCP 47 tags.
        gender: How it sounds, where it is a voice.
        state: ``here``, ``absent``, ``partial``, ``wrong size``, or ``no files`` where there is
            nothing to pull.
        folder: Where its files lie or would lie.
        use: When, how often and how fast it was used here; None for never.
    """

    label: str
    name: str
    bytes: int | None
    license: str | None
    languages: list[str]
    gender: str | None
    state: str
    folder: str
    use: Use | None

    def row(self, name: str) -> tuple[str, ...]:
        """Return its line, under a name of the caller's choice."""
        from omnibind.contracts.media.base import size

        shown = "" if not self.bytes else size(self.bytes)
        facts = (name, shown or "-", self.license or "license unknown", self.state)
        if self.use is None:
            return *facts, "", "", ""
        speed = self.use.units_per_s
        unit = CONTRACTS[self.label.partition("/")[0]].unit
        told = "" if speed is None else f"{speed:.3g} {unit}/s"
        return *facts, self.use.last_used, str(self.use.use_count), told

    def to_data(self) -> dict[str, Any]:
        """Return this as plain data."""
        return {**self._asdict(), "use": None if self.use is None else self.use._asdict()}


def target_of(named: Named) -> Target:
    """Return a binding as far as weights are concerned.

    Raises:
        UnknownBinding: Nothing has that name.
        AmbiguousBinding: Several places have it.
        BindingBroken: Its manifest or catalogue can't be read.
        BadInput: It was registered in code and has no weights.
    """
    found = folder_of(named)
    manifest = read_manifest(found.folder)
    return static.target_of(found, manifest, static.models_of(found, manifest))


def folder_of(named: Named) -> Found:
    """Return a binding's folder.

    Raises:
        UnknownBinding: Nothing has that name.
        AmbiguousBinding: Several places have it.
        BadInput: It was registered in code and has none.
    """
    found = finding.find(named.modality, named.binding, ())
    if not isinstance(found, Found):
        raise BadInput(f"{named.label} was registered in code and has no models to pull")
    return found


def models_of(description: Description) -> list[ModelState]:
    """Return the models of a described binding; none of one that was registered in code."""
    manifest = description.manifest
    if manifest is None:
        return []
    return list(states_of(static.target_of(description, manifest, description.models)))


def states_of(target: Target) -> Iterator[ModelState]:
    """Yield the models of a catalogue with their states."""
    for name, model in target.models.items():
        yield _state_of(target, name, model)


def _state_of(target: Target, name: str, model: Model) -> ModelState:
    seen = store.presence(target, name)
    return ModelState(
        target.label(name),
        name,
        seen.bytes_total if model.has_weights else None,
        model.license,
        model.languages,
        model.gender,
        seen.state if model.has_weights else "no files",
        str(seen.folder) if model.has_weights else "",
        usage.of(f"{target.modality}/{target.name}", name),
    )


def uncatalogued(modality: str, name: str, known: list[ModelState]) -> list[ModelState]:
    """Return the models on disk that no catalogue lists.

    Args:
        modality: Of this modality.
        name: Of this binding; empty for all.
        known: What the catalogues list.
    """
    labels = {model.label for model in known}
    found = []
    for one in store.installed():
        label = f"{one.modality}/{one.name}/{one.model}"
        if one.modality != modality or (name and one.name != name) or label in labels:
            continue
        use = usage.of(f"{one.modality}/{one.name}", one.model)
        found.append(
            ModelState(label, one.model, one.bytes, None, [], None, "here", str(one.folder), use)
        )
    return found
