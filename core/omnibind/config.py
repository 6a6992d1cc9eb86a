"""Configuration files: one block a modality."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from omnibind import documents
from omnibind.calls.controls import Settings
from omnibind.choices import MODALITIES, Choice, Spec, choices_of
from omnibind.contracts.errors import BadConfig, UsageError, suggest
from omnibind.running.limits import Limits
from omnibind.weights.places import checkout, home


class Block(msgspec.Struct, forbid_unknown_fields=True):
    """One binding that serves a modality."""

    binding: str
    model: str | None = None
    runs: str | None = None
    consent: bool = False
    keep_alive_s: float | str | msgspec.UnsetType | None = msgspec.UNSET
    pinned: bool = False
    config: dict[str, Any] = {}


class ClientBlock(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What holds for all calls; see :mod:`omnibind.calls.controls`."""

    timeout_s: float | None = None
    verify: bool | dict[str, bool] = True
    max_result_bytes: int | None = None
    label: str | None = None
    strict: bool = False
    recipe: bool = True
    budget_usd: float | None = None
    allow_unknown_cost: bool = False
    retry_paid: bool = False
    policy: dict[str, bool] = {}
    memory: str | int | dict[str, str | int] | None = None


Served = str | Block | list[str | Block]


File: type[Any] = msgspec.defstruct(
    "File",
    [
        ("client", ClientBlock, msgspec.field(default_factory=ClientBlock)),
        *((modality, Served | None, None) for modality in MODALITIES),
    ],
    module=__name__,
    forbid_unknown_fields=True,
)
"""A whole configuration file: what holds for all calls, and who serves each modality."""


class Config(NamedTuple):
    """What a configuration file says.

    Attributes:
        choices: The bindings of each modality, in the order in which they are tried.
        settings: What holds for all calls, by the names of a client's arguments; checked.
    """

    choices: dict[str, tuple[Choice, ...]]
    settings: dict[str, Any]


def read_config(name: str | os.PathLike[str]) -> Config:
    """Read a configuration file.

    Args:
        name: The name of a file in the user's or the shipped ``configs/`` folder; with a
            separator or an ending ``.yaml`` it is a path.

    Raises:
        BadConfig: There is no such file, or its content is wrong.
    """
    path = config_path(name)
    file = documents.read(path, File, BadConfig)
    choices = {}
    for modality in MODALITIES:
        served = getattr(file, modality)
        if served is not None:
            listed = served if isinstance(served, list) else [served]
            try:
                named = choices_of([_spec(one) for one in listed], modality)
                env_file = str(path.parent / ".env")
                choices[modality] = tuple(
                    one if one.env_file else one._replace(env_file=env_file) for one in named
                )
            except BadConfig as error:
                raise BadConfig(f"{path}: {error.message}") from None
    settings = msgspec.to_builtins(file.client)
    try:
        Settings({name: value for name, value in settings.items() if name != "memory"})
        Limits(settings.get("memory"))
    except UsageError as error:
        raise BadConfig(f"{path}: client: {error.message}") from None
    return Config(choices, settings)


def _spec(block: str | Block) -> Spec:
    if isinstance(block, str):
        return block
    said: dict[str, Any] = {"binding": block.binding, "consent": block.consent, **block.config}
    if block.keep_alive_s is not msgspec.UNSET:
        said["keep_alive_s"] = block.keep_alive_s
    if block.pinned:
        said["pinned"] = True
    named = {"model": block.model, "runs": block.runs}
    return said | {name: value for name, value in named.items() if value is not None}


def config_path(name: str | os.PathLike[str]) -> Path:
    """Return the file that a configuration's name means.

    Raises:
        BadConfig: There is none.
    """
    text = os.fspath(name)
    if os.sep in text or "/" in text or text.endswith((".yaml", ".yml")):
        path = Path(text).expanduser()
        if not path.is_file():
            raise BadConfig(f"the configuration {text!r} isn't a file; give a path that exists")
        return path
    folders = config_folders()
    for folder in folders:
        path = folder / f"{text}.yaml"
        if path.is_file():
            return path
    known = {path.stem for folder in folders for path in folder.glob("*.yaml")}
    raise BadConfig(f"the configuration {text!r} is unknown; {suggest(text, known)}")


def config_folders() -> list[Path]:
    """Return the folders that hold configurations: the user's own, then the shipped ones."""
    root = checkout()
    shipped = root / "configs" if root else Path(__file__).parent / "configs"
    return [home() / "configs", shipped]
