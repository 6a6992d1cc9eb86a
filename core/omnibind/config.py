"""Configuration files: one block a modality."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from omnibind import documents
from omnibind.choices import MODALITIES, Choice, choice_of
from omnibind.contracts.errors import BadConfig, suggest
from omnibind.weights.places import checkout, home


class Block(msgspec.Struct, forbid_unknown_fields=True):
    """What serves one modality."""

    binding: str
    model: str | None = None
    runs: str | None = None
    config: dict[str, Any] = {}


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """The client's own settings; there are none yet."""


class File(msgspec.Struct, forbid_unknown_fields=True):
    """A whole configuration file."""

    client: Settings = msgspec.field(default_factory=Settings)
    tts: str | Block | None = None
    tti: str | Block | None = None
    stt: str | Block | None = None
    ttm: str | Block | None = None
    ttv: str | Block | None = None


def read_config(name: str | os.PathLike[str]) -> dict[str, Choice]:
    """Read a configuration file: one block a modality.

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
        block = getattr(file, modality)
        if isinstance(block, str):
            choices[modality] = choice_of(block, modality)
        elif block is not None:
            named = choice_of(block.binding, modality)
            model = block.model or named.model
            choices[modality] = Choice(named.binding, model, block.runs, block.config)
    return choices


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
