"""The static look at a binding: files, metadata and environment, none of its code run."""

from __future__ import annotations

import os
import shutil
import symtable
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from omnibind.contracts.binding import is_path
from omnibind.contracts.errors import OmnibindError, UnknownModel, WeightsMissing
from omnibind.discovery import keys
from omnibind.discovery.diagnosis import Problem
from omnibind.discovery.manifest import Manifest, read_manifest
from omnibind.discovery.places import Found, is_name
from omnibind.weights import local, places, store
from omnibind.weights.catalogue import Model, Target, read_models, with_prices

_PLATFORMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}


def problems_of(found: Found, model: str | None, configuration: Mapping[str, Any]) -> list[Problem]:
    """Look at one binding's folder and say what keeps it from running.

    Args:
        found: The folder.
        model: The model that is meant; None is the configured one, else the manifest's default.
        configuration: The constructor's arguments that are meant.
    """
    if not is_name(found.name):
        return [
            Problem(
                "broken",
                f"{found.folder} isn't a binding's name; use lower-case letters, digits and '_'",
            )
        ]
    folder = found.folder
    try:
        manifest = read_manifest(folder)
        models = models_of(found, manifest)
    except OmnibindError as error:
        return [Problem("broken", str(error))]
    if manifest.state:
        return [withdrawn(found, manifest)]
    runs = configuration.get("runs") or manifest.runs
    return [
        *_code_problems(folder, manifest),
        *_platform_problems(found, manifest, runs),
        *_engine_problems(found, manifest, runs, configuration),
        *_model_problems(found, manifest, models, model, configuration),
        *_key_problems(found, manifest, configuration),
        *_setting_problems(found, manifest, models, model, configuration),
    ]


def chosen_model(
    manifest: Manifest, model: str | None, configuration: Mapping[str, Any]
) -> str | None:
    """Return the model that this configuration would load, or None where there is no such thing."""
    if any(configuration.get(option) is not None for option in manifest.local_weights):
        return None
    named = configuration.get(manifest.model_option) if manifest.model_option else None
    return model or (str(named) if named else None) or manifest.default_model or None


def withdrawn(found: Found, manifest: Manifest) -> Problem:
    """Return what is to be told of a binding that is retired or unavailable."""
    instead = f"; use {manifest.instead}" if manifest.instead else ""
    reason = manifest.reason or f"{found.modality}/{found.name} is {manifest.state}"
    return Problem("retired" if manifest.state == "retired" else "unavailable", reason + instead)


def _code_problems(folder: Path, manifest: Manifest) -> Iterable[Problem]:
    path = folder / "binding.py"
    try:
        is_bound = _binds(path.read_bytes(), str(path), manifest.entry)
    except FileNotFoundError:
        yield Problem("broken", f"{folder} has no binding.py")
        return
    except (OSError, SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        place = f"{path}:{line}" if line else str(path)
        yield Problem("broken", f"{place} isn't Python that can be read: {_told(error)}")
        return
    if not is_bound:
        yield Problem("broken", f"{path} has no class {manifest.entry}, which binding.yaml names")


@lru_cache(maxsize=128)
def _binds(code: Any, path: str, entry: str) -> bool:
    """Tell whether code, as the bytes of its file, binds a name at its top."""
    # The compiler's own table of names: two thirds of the time that a syntax tree takes.
    return _is_bound(entry, symtable.symtable(code, path, "exec"))


def _told(error: Exception) -> str:
    return error.msg if isinstance(error, SyntaxError) else str(error)


def _is_bound(name: str, names: symtable.SymbolTable) -> bool:
    if name not in names.get_identifiers():
        return False
    symbol = names.lookup(name)
    return symbol.is_assigned() or symbol.is_imported()


def _platform_problems(found: Found, manifest: Manifest, runs: str) -> Iterable[Problem]:
    here = _PLATFORMS.get(sys.platform, sys.platform)
    if manifest.platforms and here not in manifest.platforms:
        places = ", ".join(manifest.platforms)
        yield Problem("wrong-platform", f"{found.name} runs on {places}; this machine is {here}")
    if runs != "in-process" and here == "windows":
        told = f"{found.name} is to run as {runs}; on Windows bindings run in process only"
        yield Problem("wrong-platform", told)


def _engine_problems(
    found: Found, manifest: Manifest, runs: str, configuration: Mapping[str, Any]
) -> Iterable[Problem]:
    programs = list(_program_problems(manifest, configuration))
    packages = list(_package_problems(found, manifest, runs))
    if manifest.either and not (programs and packages):
        return ()
    return programs + packages


def _program_problems(manifest: Manifest, configuration: Mapping[str, Any]) -> Iterable[Problem]:
    if manifest.program_option and configuration.get(manifest.program_option):
        return  # the user's own, wherever it is
    for program in manifest.programs:
        if shutil.which(program) is None and shutil.which(places.program(program)) is None:
            yield Problem("needs-program", f"the program {program!r} isn't on PATH; install it")


def _package_problems(found: Found, manifest: Manifest, runs: str) -> Iterable[Problem]:
    if runs == "own-environment":
        from omnibind.discovery.environment import environment_problems

        yield from environment_problems(found, manifest)
        return
    from omnibind.discovery.packages import missing

    absent = missing(manifest.requires)
    if absent:
        wanted = " ".join(f'"{requirement}"' for requirement in absent)
        yield Problem(
            "needs-packages",
            f"{found.modality}/{found.name} requires {', '.join(absent)}",
            f"pip install {wanted}",
        )


def _model_problems(
    found: Found,
    manifest: Manifest,
    models: dict[str, Model],
    model: str | None,
    configuration: Mapping[str, Any],
) -> Iterable[Problem]:
    chosen = chosen_model(manifest, model, configuration)
    if chosen is None:
        return
    if manifest.kind == "remote":
        entry = models.get(chosen)
        if entry is not None and entry.is_retired:
            yield Problem("retired", entry.told_of_end(f"{found.modality}/{found.name}/{chosen}"))
        return
    if is_path(chosen):
        try:
            local.find(chosen)
        except WeightsMissing as error:
            yield Problem("needs-weights", str(error))
        return
    target = target_of(found, manifest, models)
    unknown = unknown_model(target, model) if model is not None else None
    if unknown is not None:
        yield Problem("needs-weights", str(unknown))
        return
    entry = models.get(chosen)
    needs_weights = entry.has_weights if entry is not None else target.is_repository(chosen)
    if not needs_weights:
        return
    for one in (chosen, *(entry.companions if entry is not None else ())):
        seen = store.presence(target, one)
        if seen.state != "here":
            yield Problem(
                "needs-weights", target.lacks(one, f"are {seen.state}"), target.command(one)
            )


def models_of(found: Found, manifest: Manifest) -> dict[str, Model]:
    """Return the catalogue that a binding goes by: its own, or that of whose weights it uses.

    Raises:
        BindingBroken: The file can't be read or isn't what a catalogue must be.
    """
    owner = manifest.weights_of
    models = read_models(found.root.folder / owner if owner else found.folder)
    return with_prices(models, owner or f"{found.modality}/{found.name}")


class Named(Protocol):
    """What has a binding's names: its folder, or its description."""

    @property
    def modality(self) -> str:
        """The modality, such as ``tts``."""

    @property
    def name(self) -> str:
        """The binding's name."""


def target_of(named: Named, manifest: Manifest, models: Mapping[str, Model]) -> Target:
    """Return the binding as the weights see it; with ``weights_of``, the other binding."""
    owner = manifest.weights_of or f"{named.modality}/{named.name}"
    modality, _, name = owner.partition("/")
    return Target(modality, name, dict(models), manifest.repositories)


def unknown_model(target: Target, model: str) -> UnknownModel | None:
    """Return the error for a model that the binding can't have, or None where it may."""
    if not target.models or model in target.models:
        return None
    return None if may_have(target, model) else store.unknown(target, model)


def may_have(target: Target, model: str) -> bool:
    """Tell whether a model that no catalogue lists can be one: a path, or a hub repository."""
    return is_path(model) or target.is_repository(model)


def _key_problems(
    found: Found, manifest: Manifest, configuration: Mapping[str, Any]
) -> Iterable[Problem]:
    if not configuration.get("api_key"):
        env_file = configuration.get("env_file")
        for alternatives in manifest.keys:
            if not any(
                keys.is_set(name, env_file) or _is_configured(name, configuration)
                for name in alternatives
            ):
                names = " or ".join(alternatives)
                command = f"omnibind keys set {alternatives[0]}"
                yield Problem("needs-key", f"{found.name} needs a key; set {names}", command)


def _setting_problems(
    found: Found,
    manifest: Manifest,
    models: Mapping[str, Model],
    model: str | None,
    configuration: Mapping[str, Any],
) -> Iterable[Problem]:
    for setting in manifest.settings:
        is_named = any(os.environ.get(variable) for variable in setting.variables)
        given = (configuration.get(name) for name in (setting.name, *setting.alternatives))
        if is_named or any(value is not None for value in given):
            continue
        about = f" ({setting.help})" if setting.help else ""
        if setting.name != manifest.model_option:
            yield Problem("needs-setting", f"{found.name} needs {setting.name}{about} configured")
        elif model is None:
            told = _model_wanted(found, models, f"{setting.name}{about}")
            yield Problem("needs-setting", told, wants_model=True)


def _model_wanted(found: Found, models: Mapping[str, Model], setting: str) -> str:
    """Say how a model is named; three stand for all that the catalogue lists."""
    few = list(models)[:3]
    told = ", ".join(f"{name} ({models[name].license or 'license unknown'})" for name in few)
    such = f", such as {told}" if few else ""
    return (
        f"{found.modality}/{found.name} has no default model; name one: "
        f'Client({found.modality}="{found.name}/{few[0] if few else "MODEL"}"), or configure '
        f"{setting}{such}"
    )


def _is_configured(name: str, configuration: Mapping[str, Any]) -> bool:
    """Tell whether a configuration gives a key: ``access_key`` is ``KLING_ACCESS_KEY``."""
    return any(
        value and name.lower().endswith(f"_{option}") for option, value in configuration.items()
    )
