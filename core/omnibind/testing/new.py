"""``omnibind new MODALITY NAME``: a folder that works, to be filled with an engine."""

from __future__ import annotations

import keyword
from pathlib import Path
from string import Template

from omnibind.contracts import CONTRACTS
from omnibind.contracts.errors import BadConfig, SaveFailed, suggest
from omnibind.discovery.places import is_name

from . import templates


def new_binding(modality: str, name: str, where: Path) -> Path:
    """Write a binding that works, with its test, to start from.

    Args:
        modality: ``tts``, …
        name: The binding's name: lower-case letters, digits and underscores.
        where: The root folder; the binding is written to ``<where>/<modality>/<name>/``.

    Returns:
        The binding's folder.

    Raises:
        BadConfig: There is no such modality, the name can't name a binding, or the folder exists.
        SaveFailed: The folder can't be written.
    """
    if modality not in CONTRACTS:
        raise BadConfig(f"the modality {modality!r} is unknown; {suggest(modality, CONTRACTS)}")
    if not is_name(name) or keyword.iskeyword(name):
        raise BadConfig(
            f"{name!r} can't name a binding; use lower-case letters, digits and underscores, "
            "a letter first, and no word of Python's own"
        )
    folder = Path(where).absolute() / modality / name
    words = {
        "name": name,
        "modality": modality,
        "entry": "".join(part.capitalize() for part in name.split("_")) + modality.upper(),
        "suite": f"{modality.upper()}Contract",
        "result": templates.RESULTS[modality],
    }
    files = {
        "binding.yaml": templates.MANIFEST,
        "binding.py": templates.CODE[modality],
        "README.md": templates.README,
        "test_binding.py": templates.TEST,
    }
    try:
        folder.mkdir(parents=True)
        for file, text in files.items():
            (folder / file).write_text(Template(text).substitute(words), encoding="utf-8")
    except FileExistsError:
        raise BadConfig(f"{folder} exists already; choose another name or remove it") from None
    except OSError as error:
        raise SaveFailed(f"{folder} can't be written: {error.strerror or error}") from error
    return folder
