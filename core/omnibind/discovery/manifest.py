"""``binding.yaml``: what can be known of a binding without running its code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from omnibind import documents
from omnibind.contracts.errors import BindingBroken
from omnibind.weights.capabilities import FREE, MANY_LANGUAGES, cost_of
from omnibind.weights.capabilities import Capabilities as Capabilities
from omnibind.weights.catalogue import Model

MAX_BYTES = 2048


class License(msgspec.Struct, forbid_unknown_fields=True):
    """SPDX identifiers, or plain words where there is none."""

    code: str
    weights: str = ""


class Environment(msgspec.Struct, forbid_unknown_fields=True):
    """The virtual environment that an engine needs for itself."""

    python: str = ""
    requires: list[str] = []
    constraints: list[str] = []
    overrides: list[str] = []
    unlocked: list[str] = []


class Setting(msgspec.Struct, forbid_unknown_fields=True):
    """One value that the user must provide before the binding can run.

    Attributes:
        name: The constructor's argument.
        help: What it is.
        variables: Environment variables that may hold it instead.
        alternatives: Arguments that do as well.
    """

    name: str
    help: str = ""
    variables: list[str] = []
    alternatives: list[str] = []


class Manifest(msgspec.Struct, forbid_unknown_fields=True):
    """The keys of ``binding.yaml``; see CONTRIBUTING.md for a walk through them."""

    schema: Literal[1]
    summary: str
    kind: Literal["local", "remote"]
    license: License
    entry: str = ""
    homepage: str = ""
    requires: list[str] = []
    imports: list[str] = []
    programs: list[str] = []
    program_option: str = ""
    either: bool = False
    runs: Literal["in-process", "worker", "own-environment"] = "in-process"
    engine: str = ""
    model_option: str = ""
    default_model: str = ""
    local_weights: list[str] = []
    repositories: bool = False
    weights_of: str = ""
    state: Literal["", "retired", "unavailable"] = ""
    reason: str = ""
    instead: str = ""
    environment: Environment | None = None
    keys: list[list[str]] = []
    optional_keys: list[str] = []
    settings: list[Setting] = []
    platforms: list[Literal["linux", "macos", "windows"]] = []
    concurrent: Annotated[int, msgspec.Meta(ge=1)] = 1
    max_batch_size: Annotated[int, msgspec.Meta(ge=1)] = 1
    capabilities: Capabilities = msgspec.field(default_factory=Capabilities)
    hints: list[str] = []
    open: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the manifest as plain data."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data

    def capabilities_of(self, models: Mapping[str, Model], model: str | None) -> Capabilities:
        """Return what the binding can do with one model.

        Args:
            models: The binding's catalogue.
            model: A model; None is the binding as a whole, which knows the languages of them all.
        """
        able = self.capabilities
        if able.cost is None and self.kind == "local":
            able = msgspec.structs.replace(able, cost=FREE)
        if model is None and not able.languages:
            known = {tag for entry in models.values() for tag in entry.languages}
            return msgspec.structs.replace(able, languages=sorted(known - {MANY_LANGUAGES}))
        entry = models.get(model) if model is not None else None
        return able if entry is None else _with_entry(able, entry)


def _with_entry(able: Capabilities, entry: Model) -> Capabilities:
    languages = [tag for tag in entry.languages if tag != MANY_LANGUAGES]
    if MANY_LANGUAGES in entry.languages:
        languages += able.languages
    values: dict[str, Any] = {
        "voices": able.voices or len(entry.voices) > 1,
        # Who knows one language alone has nothing to detect.
        "language_detection": able.language_detection and len(languages) != 1,
        "languages": languages or able.languages,
        "sizes": entry.sizes or able.sizes,
    }
    if entry.price:
        values["cost"] = cost_of(entry.price)
    return able.changed(values | entry.capabilities)


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``binding.yaml`` in ``folder``.

    Raises:
        BindingBroken: It is missing, too large, not YAML, has unknown keys or wrong values.
    """
    path = folder / "binding.yaml"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BindingBroken(
            f"{folder} has no binding.yaml; write one or remove the folder"
        ) from None
    except OSError as error:
        raise BindingBroken(f"{path} can't be read: {error.strerror or error}") from error
    return _decoded(content, str(path))


# A state is asked for again and again; reading YAML takes ten times as long as reading the file.
@lru_cache(maxsize=128)
def _decoded(content: bytes, path: str) -> Manifest:
    if len(content) > MAX_BYTES:
        raise BindingBroken(
            f"{path} has {len(content)} bytes; a manifest has at most {MAX_BYTES}: "
            "put prose into README.md and models into models.yaml"
        )
    manifest = documents.decode(content, Manifest, BindingBroken, path)
    if not manifest.entry and not manifest.state:
        raise BindingBroken(f"{path} names no entry: give the class in binding.py")
    if manifest.weights_of and not re.fullmatch(r"[a-z]{3}/[a-z0-9_]+", manifest.weights_of):
        raise BindingBroken(
            f"{path}: weights_of is {manifest.weights_of!r}; give MODALITY/NAME of the binding in "
            "this root folder whose weights it uses"
        )
    if manifest.either and not (manifest.programs and manifest.requires):
        raise BindingBroken(f"{path} says either; give the programs and the requires it is between")
    if manifest.default_model and not manifest.model_option and manifest.kind == "local":
        raise BindingBroken(f"{path} has default_model without model_option; name the option")
    return manifest
