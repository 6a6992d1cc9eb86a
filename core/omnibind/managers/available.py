"""What could be used now, without a client: models whose weights, packages and keys are here."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from omnibind.contracts.errors import (
    BadInput,
    BadOption,
    UnknownModel,
    WeightsDamaged,
    suggest,
)
from omnibind.managers import finding
from omnibind.managers.registry import Registered

if TYPE_CHECKING:
    from typing import Self

    from omnibind.discovery.manifest import Manifest
    from omnibind.discovery.places import Found
    from omnibind.weights.capabilities import Capabilities
    from omnibind.weights.catalogue import Model

Wanted = str | Iterable[str] | Mapping[str, Any]


class Available(str):
    """``binding/model``, or the binding alone where it has no models: what a client is given.

    Attributes:
        modality: ``tts``, …
        binding: The binding's name.
        model: The model's name, or None.
        capabilities: What it can do; None where the binding was registered in code.
    """

    modality: str
    binding: str
    model: str | None
    capabilities: Capabilities | None

    def __new__(
        cls, modality: str, binding: str, model: str | None, capabilities: Capabilities | None
    ) -> Self:
        """Make the text of its parts."""
        self = super().__new__(cls, binding if model is None else f"{binding}/{model}")
        self.modality, self.binding, self.model = modality, binding, model
        self.capabilities = capabilities
        return self

    def __getnewargs__(self) -> Any:
        return self.modality, self.binding, self.model, self.capabilities

    @property
    def label(self) -> str:
        """``tts/piper/en_US-joe-medium``, as the command line names it."""
        return f"{self.modality}/{self}"


def available(modality: str | None = None, capability: Wanted | None = None) -> list[Available]:
    """Return the models that could be used now, by modality and name; nothing is loaded or run.

    Args:
        modality: ``tts``, …; None is all of them, and each item knows its own.
        capability: What they must be able to do: ``"streaming"``, several names, or values:
            ``{"language": "de", "streaming": True, "max_characters": 5000, "cost": 0}``. A limit
            must be at least that high, a cost at most. What isn't known counts as no limit, but
            neither as a language nor as a low cost.

    Raises:
        BadInput: There is no such modality.
        BadOption: There is no such capability, or its value is of the wrong type.
    """
    from omnibind.managers import MANAGERS

    if modality is not None and modality not in MANAGERS:
        raise BadInput(f"modality {modality!r} is unknown; {suggest(modality, MANAGERS)}")
    wanted = _wanted(capability)
    return [
        one
        for name in (MANAGERS if modality is None else [modality])
        for one in sorted(_of_modality(name))
        if _fits(one.capabilities, wanted)
    ]


def _of_modality(modality: str) -> Iterator[Available]:
    from omnibind.discovery import packages

    packages.look_anew()
    for name, offers in finding.all_offers(modality, ()).items():
        if len(offers) > 1:
            continue  # the bare name would be refused as ambiguous
        if isinstance(offers[0], Registered):
            yield Available(modality, name, None, None)
        else:
            yield from _of_folder(offers[0])


def _of_folder(found: Found) -> Iterator[Available]:
    from omnibind.discovery import static
    from omnibind.discovery.manifest import read_manifest

    try:
        problems = static.problems_of(found, None, {})
        wants_model = any(problem.wants_model for problem in problems)
        if any(one.state != "needs-weights" and not one.wants_model for one in problems):
            return
        manifest = read_manifest(found.folder)
        models = static.models_of(found, manifest)
    except WeightsDamaged:
        return
    names: Iterable[str | None] = [None]
    if wants_model or (manifest.model_option and (models or manifest.repositories)):
        names = _models_here(found, manifest, models)
    for model in names:
        able = manifest.capabilities_of(models, model)
        yield Available(found.modality, found.name, model, able)


def _models_here(found: Found, manifest: Manifest, models: Mapping[str, Model]) -> Iterator[str]:
    from omnibind.discovery import static
    from omnibind.weights import lockfile, store

    target = static.target_of(found, manifest, models)
    today = datetime.date.today()
    names = [
        name for name, one in models.items() if one.retired_on is None or one.retired_on > today
    ]
    if manifest.repositories:  # pulled by their own names
        prefix = target.label("")
        pulled = (key.removeprefix(prefix) for key in lockfile.entries() if key.startswith(prefix))
        names += [name for name in pulled if name not in models]
    for name in names:
        try:
            if store.presence(target, name).state == "here":
                yield name
        except (UnknownModel, WeightsDamaged):
            continue  # its own diagnosis tells; it hides no other


def _reaches(limit: float | None, wanted: float) -> bool:
    return limit is None or wanted <= limit


_Test = Callable[["Capabilities", Any], bool]
_FLAGS = ("streaming", "voices", "clone", "ssml", "timestamps", "language_detection")
_VALUES: dict[str, tuple[type | tuple[type, ...], str, _Test]] = {
    "language": (str, "a BCP 47 tag", lambda able, tag: able.speaks(tag)),
    "size": (str, "'WIDTHxHEIGHT'", lambda able, size: not able.sizes or size in able.sizes),
    "max_images": (int, "an int", lambda able, count: _reaches(able.max_images, count)),
    "max_characters": (int, "an int", lambda able, count: _reaches(able.max_characters, count)),
    "max_duration_s": (
        (int, float),
        "seconds",
        lambda able, seconds: _reaches(able.max_duration_s, seconds),
    ),
    "cost": (
        (int, float),
        "US dollars a unit",
        lambda able, usd: able.cost is not None and able.cost.usd <= usd,
    ),
}


def _wanted(capability: Wanted | None) -> dict[str, Any]:
    """Return what is asked for by name, checked."""
    if capability is None:
        return {}
    if isinstance(capability, str):
        capability = [capability]
    if not isinstance(capability, Mapping):
        capability = dict.fromkeys(capability, True)
    for name, value in capability.items():
        if name in _FLAGS:
            expected, is_right = "True or False", isinstance(value, bool)
        elif name in _VALUES:
            type_, expected, _ = _VALUES[name]
            is_right = isinstance(value, type_) and not isinstance(value, bool)
        else:
            raise BadOption(
                f"capability {name!r} is unknown; {suggest(str(name), (*_FLAGS, *_VALUES))}"
            )
        if not is_right:
            raise BadOption(f"capability {name!r} is {value!r}; give {{{name!r}: {expected}}}")
    return dict(capability)


def _fits(able: Capabilities | None, wanted: Mapping[str, Any]) -> bool:
    if not wanted:
        return True
    if able is None:
        return False
    return all(
        getattr(able, name) is value if name in _FLAGS else _VALUES[name][2](able, value)
        for name, value in wanted.items()
    )
