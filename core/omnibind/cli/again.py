"""Commands about the recipe that a saved file carries: show, again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from omnibind.cli.parameters import AsJson

if TYPE_CHECKING:
    from omnibind.cli.naming import Named
    from omnibind.contracts.media import Audio, Image, Recipe, Video
    from omnibind.weights.catalogue import Target

File = Annotated[Path, Parameter(name="FILE")]
_MEDIA = {"kind", "sha256", "bytes"}


def show(file: File, /, *, as_json: AsJson = False) -> None:
    """Show what a sound, picture or video is, and the recipe that it was made by.

    Args:
        file: The file.
        as_json: Print JSON.
    """
    from omnibind.cli.output import print_json, print_table
    from omnibind.contracts.media import recipe_of

    facts = {"file": str(file), **_facts(_opened(file))}
    recipe = recipe_of(file)
    if as_json:
        import json

        print_json({**facts, "recipe": json.loads(recipe.json()) if recipe else None})
        return
    rows = [*facts.items(), *(_rows(recipe) if recipe else [("recipe", "none")])]
    print_table(("", ""), [(name, str(value)) for name, value in rows])


def _opened(file: Path) -> Audio | Image | Video:
    from omnibind.contracts.media import Audio, Image, Source, Video

    family = Source.file(file).media_type.partition("/")[0]
    kinds: dict[str, type[Audio | Image | Video]] = {"audio": Audio, "image": Image, "video": Video}
    return kinds[family].from_file(file)


def _facts(media: Audio | Image | Video) -> dict[str, Any]:
    names = ("width", "height", "fps", "sample_rate", "channels", "duration_s")
    return {
        "media_type": media.media_type,
        "bytes": len(media),
        **{name: getattr(media, name) for name in names if hasattr(type(media), name)},
    }


def _rows(recipe: Recipe) -> list[tuple[str, str]]:
    """Return a line for each thing that the recipe knows."""
    import json

    def told(value: Any) -> str:
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    plain = recipe._asdict()
    groups = {"subject": "", "options": "option ", "configuration": "configured "}
    inner = {
        f"{before}{name}": value
        for group, before in groups.items()
        for name, value in plain.pop(group).items()
    }
    rows = {"made by omnibind": plain.pop("omnibind"), **plain, **inner}
    return [(name, told(value)) for name, value in rows.items() if value is not None]


def again(
    file: File,
    /,
    *,
    output: Annotated[Path | None, Parameter(["--output", "-o"])] = None,
) -> int:
    """Make a file again by the recipe that it carries.

    Says "exact" where the result is the same byte for byte, "same settings" where it isn't, and
    "impossible" with the reason, and exit code 1, where it can't be made here.

    Args:
        file: A sound, picture or video that omnibind saved.
        output: The file to write; its ending is the format. NAME-again beside the file otherwise.
    """
    from omnibind.cli.saving import check_place, tell_warnings
    from omnibind.contracts.errors import (
        BadInput,
        NotReady,
        PolicyError,
        UsageError,
        WeightsDamaged,
    )
    from omnibind.contracts.media import recipe_of

    place = output or file.with_name(f"{file.stem}-again{file.suffix}")
    recipe = recipe_of(file)
    if place.exists() and place.samefile(file):
        raise BadInput(f"{str(place)!r} is the file to make again; give another with -o")
    check_place(place, type(_opened(file)))
    try:
        if recipe is None:
            raise BadInput(f"{file} carries no recipe")
        result = _made(recipe, file.parent)
    except (NotReady, PolicyError, UsageError, WeightsDamaged) as error:
        print(f"impossible: {error}")
        return 1
    result.save(place)
    tell_warnings(result.meta)
    why = _difference(recipe, result)
    print(f"same settings: {place} ({why})" if why else f"exact: {place}")
    return 0


def _made(recipe: Recipe, folder: Path) -> Audio | Image | Video:
    """Return what the recipe makes now.

    Whoever sends a file chooses what its recipe says, so that it may name nothing but a binding
    that is found by its name, its verb, what this takes, and no place to write to.

    Raises:
        UsageError: The recipe can't be followed here.
        NotReady: Something must be mended first.
    """
    from omnibind import Client
    from omnibind.contracts import CONTRACTS
    from omnibind.contracts.errors import BadInput
    from omnibind.contracts.options import CALL_CONTROLS

    contract = CONTRACTS.get(recipe.modality)
    if contract is None or recipe.verb != contract.verb:
        raise BadInput(f"{recipe.verb!r} of {recipe.modality!r} can't be called by this version")
    given = {name: value for name, value in recipe.subject.items() if value is not None}
    odd = [*(set(given) - set(contract.subject)), *(CALL_CONTROLS & set(recipe.options))]
    if odd:
        raise BadInput(f"this recipe is damaged: {sorted(odd)[0]!r} is no part of one")
    configuration = _configuration(recipe)
    given |= recipe.options
    named: Any = {recipe.modality: configuration}
    with Client(**named) as client:
        handle: Any = getattr(client, recipe.modality)
        names = handle.schema.names
        if recipe.seed is not None and "seed" not in given and "seed" in names:
            given["seed"] = recipe.seed
        values = {name: _found(value, name, folder) for name, value in given.items()}
        result: Audio | Image | Video = getattr(handle, recipe.verb)(**values)
        return result


def _configuration(recipe: Recipe) -> dict[str, Any]:
    """Return the binding as a client takes it, once its model is seen to be the same.

    Raises:
        UnknownBinding: It isn't here.
        BadInput: It is configured in a way that a file may not ask for, or has other weights.
    """
    from omnibind.cli.models import folder_of, target_of
    from omnibind.cli.naming import Named
    from omnibind.contracts.errors import BadInput
    from omnibind.contracts.options import CONFIGURATION_CONTROLS
    from omnibind.discovery.manifest import read_manifest
    from omnibind.discovery.places import is_name

    modality, _, name = recipe.binding.partition("/")
    if modality != recipe.modality or not is_name(name):
        raise BadInput(f"this recipe is damaged: {recipe.binding!r} is no {recipe.modality}/NAME")
    if CONFIGURATION_CONTROLS & set(recipe.configuration):  # a file can't give consent, say
        raise BadInput("this recipe is damaged: its configuration isn't a constructor's alone")
    named = Named(modality, name)
    manifest = read_manifest(folder_of(named).folder)
    configuration: dict[str, Any] = {**recipe.configuration, "binding": name}
    odd = set(recipe.configuration) - {manifest.model_option}
    if manifest.kind == "remote" and odd:  # an address of the sender's own would be sent the key
        raise BadInput(
            f"a file may not configure {', '.join(sorted(odd))} of {recipe.binding}, which works "
            f"over the network; make it by hand, omnibind show has the values"
        )
    target = target_of(named)
    _check_model(recipe, named, target)
    is_own = any(configuration.get(option) is not None for option in manifest.local_weights)
    if manifest.model_option not in configuration and recipe.model in target.models and not is_own:
        configuration["model"] = recipe.model
    return configuration


def _check_model(recipe: Recipe, named: Named, target: Target) -> None:
    from omnibind import __version__
    from omnibind.calls.candidate import hash_of
    from omnibind.contracts.errors import BadInput

    if recipe.model is None or recipe.model_sha256 is None:
        return
    now = hash_of(target.models.get(recipe.model))
    if now == recipe.model_sha256:
        return
    label = target.label(recipe.model)
    if now is None:
        raise BadInput(f"{label} isn't known here; see omnibind models {named.label}")
    is_older = recipe.omnibind != __version__
    mending = (
        f"pip install omnibind=={recipe.omnibind}" if is_older else target.command(recipe.model)
    )
    raise BadInput(
        f"{label} has other weights now: {now[:12]}…, and the file was made with "
        f"{recipe.model_sha256[:12]}…; run: {mending}"
    )


def _found(value: Any, name: str, folder: Path) -> Any:
    """Return a recorded value as a call takes it: media by the path of a file that is the same."""
    from omnibind.contracts.errors import BadInput
    from omnibind.weights.integrity import sha256_of

    if isinstance(value, list):
        return [_found(inner, name, folder) for inner in value]
    if not isinstance(value, Mapping) or not value.keys() >= _MEDIA:
        return value
    path = value.get("path")
    if not isinstance(path, str):
        raise BadInput(f"{name!r} was {value['kind']} content that no file holds")
    for place in (Path(path), folder / path):
        if place.is_file():
            if sha256_of(place) == value["sha256"]:
                return str(place)
            raise BadInput(f"{name!r} was {path!r}, and {str(place)!r} has another content now")
    raise BadInput(f"{name!r} was the file {path!r}, which isn't there; put it there")


def _difference(recipe: Recipe, result: Audio | Image | Video) -> str:
    """Return why the result isn't the one that the recipe was written for; empty where it is."""
    from omnibind import __version__
    from omnibind.contracts.media.recipe import sha256

    if recipe.sha256 is None:
        return "the recipe has no sha256 to compare with"
    if sha256(result) == recipe.sha256:
        return ""
    reasons = []
    if recipe.omnibind != __version__:
        reasons.append(f"it was made by omnibind {recipe.omnibind}, this is {__version__}")
    if recipe.seed is None:
        reasons.append("it has no seed")
    return "; ".join(reasons) or "this engine, or this machine, makes other bytes of the same seed"
