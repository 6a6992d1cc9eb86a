"""Commands about model files: pull, models, rm, trust."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from omnibind.cli.parameters import AsJson

if TYPE_CHECKING:
    from omnibind.cli.models import ModelState
    from omnibind.cli.naming import Named
    from omnibind.weights.catalogue import Target


def pull(model: Annotated[str, Parameter(name="MODALITY/NAME[/MODEL]")], /) -> None:
    """Fetch the files of a model, or go on with what an earlier pull left.

    Args:
        model: The model, for example tts/piper/en_US-joe-medium; the binding's own default where
            it isn't named.
    """
    from omnibind.cli.models import target_of
    from omnibind.cli.naming import parse_name

    named = parse_name(model, "MODALITY/NAME[/MODEL]")
    target = target_of(named)
    chosen = named.model or _default_model(named, target)
    listed = target.models.get(chosen)
    for one in (chosen, *(listed.companions if listed is not None else ())):
        _pull(named, target, one)


def _pull(named: Named, target: Target, chosen: str) -> None:
    from omnibind.cli.progress import showing
    from omnibind.contracts.media.base import size
    from omnibind.weights import pull as pulling
    from omnibind.weights import store

    label, listed = target.label(chosen), target.models.get(chosen)
    build = _builder(named, listed.build) if listed is not None and listed.build else None
    was_here = pulling.here(target, chosen) is not None
    with showing(label) as progress:
        folder = pulling.pull(target, chosen, progress=progress, build=build)
    here = "was here already" if was_here else "is here"
    print(f"{label} {here}: {folder} ({size(store.presence(target, chosen).bytes_here)})")
    if listed is not None and listed.license:
        print(f"license of these weights: {listed.license}")


def _default_model(named: Named, target: Target) -> str:
    from omnibind.cli.models import folder_of
    from omnibind.contracts.errors import BadInput, suggest
    from omnibind.discovery.manifest import read_manifest

    default = read_manifest(folder_of(named).folder).default_model
    if default in target.models:
        return default
    if not target.models:
        raise BadInput(f"{named.label} has no models to pull")
    if len(target.models) == 1:
        return next(iter(target.models))
    raise BadInput(f"{named.label} has no default model; {suggest('', target.models)}")


def _builder(named: Named, function: str) -> Callable[[Path, Path], None]:
    """Return the function of a binding that assembles a model from fetched files."""
    from omnibind.cli.models import folder_of
    from omnibind.contracts.errors import BindingBroken
    from omnibind.contracts.roots import import_binding

    found = folder_of(named)
    named.manager.facts(found)  # a folder that didn't ship is probed before it is imported here
    module = import_binding(found.root.folder, found.modality, found.name)
    builder: Callable[[Path, Path], None] | None = getattr(module, function, None)
    if builder is None:
        raise BindingBroken(f"{found.folder / 'binding.py'} has no function {function}")
    return builder


def models(
    name: Annotated[str | None, Parameter(name="MODALITY[/NAME]")] = None,
    /,
    *,
    remote: Annotated[bool, Parameter(negative=())] = False,
    as_json: AsJson = False,
) -> None:
    """List models: size, license, whether they are on this machine.

    Args:
        name: Of one modality or one binding alone, for example stt or tts/piper.
        remote: Those of services instead: price, end, successor.
        as_json: Print JSON.
    """
    from omnibind.choices import MODALITIES
    from omnibind.cli.models import COLUMNS
    from omnibind.cli.naming import Named, parse_name
    from omnibind.cli.output import print_json, print_table

    if name is None:
        wanted = [Named(modality, "") for modality in MODALITIES]
    else:
        wanted = [parse_name(name, "MODALITY[/NAME]")]
    if remote:
        _print_remote(wanted, as_json)
        return
    seen = [model for named in wanted for model in _models_of(named)]
    if as_json:
        print_json([model.to_data() for model in seen])
    else:
        print_table(COLUMNS, [model.row(model.label) for model in seen])


def _print_remote(wanted: Sequence[Named], as_json: bool) -> None:
    from omnibind.cli.output import print_json, print_table
    from omnibind.cli.remote_models import COLUMNS, models_of

    seen = [
        model
        for named in wanted
        for one in ([named] if named.binding else _bindings_of(named, is_remote=True))
        for model in models_of(one)
    ]
    if as_json:
        print_json([model._asdict() for model in seen])
    else:
        print_table(COLUMNS, [model.row() for model in seen])


def _bindings_of(named: Named, *, is_remote: bool) -> Iterator[Named]:
    """Yield the bindings of a modality that a service serves, or those of this machine."""
    from omnibind.cli import remote_models
    from omnibind.cli.naming import Named
    from omnibind.cli.output import warn
    from omnibind.contracts.errors import AmbiguousBinding, BindingBroken

    for binding in named.manager.get_available_bindings():
        one = Named(named.modality, binding)
        try:
            if remote_models.is_remote(one) is is_remote:
                yield one
        except (AmbiguousBinding, BindingBroken) as error:  # one never hides the others
            warn(str(error))


def _models_of(named: Named) -> list[ModelState]:
    """Return the models of one binding, or of all bindings of a modality."""
    from omnibind.cli.models import states_of, target_of, uncatalogued
    from omnibind.cli.output import warn
    from omnibind.contracts.errors import BindingBroken

    if named.binding:
        seen = list(states_of(target_of(named)))
        return seen + uncatalogued(named.modality, Path(named.label).name, seen)
    seen = []
    for one in _bindings_of(named, is_remote=False):
        try:
            seen += states_of(target_of(one))
        except BindingBroken as error:
            warn(str(error))
    return seen + uncatalogued(named.modality, "", seen)


def rm(model: Annotated[str, Parameter(name="MODALITY/NAME/MODEL")], /) -> None:
    """Remove the files of a model from this machine.

    Args:
        model: The model, for example tts/piper/en_US-joe-medium.
    """
    from omnibind.cli.models import target_of
    from omnibind.cli.naming import parse_name
    from omnibind.contracts.errors import UnknownBinding
    from omnibind.contracts.media.base import size
    from omnibind.weights import store
    from omnibind.weights.catalogue import Target

    named = parse_name(model, "MODALITY/NAME/MODEL")
    assert named.model is not None
    try:
        target = target_of(named)
    except UnknownBinding:  # weights may outlive the folder of their binding
        target = Target(named.modality, Path(named.label).name, {})
    freed = store.remove(target, named.model)
    label = target.label(named.model)
    print(f"{label} is removed; {size(freed)} are free" if freed else f"{label} wasn't here")


def trust(file: Annotated[Path, Parameter(name="FILE")], /) -> None:
    """Let a file that can run code be loaded, as long as it doesn't change.

    Args:
        file: The file: a pickle, or an archive that holds one.
    """
    from omnibind.weights.trust import trust as keep

    print(f"{file} is trusted from now on; its sha256 is {keep(file)}")
