"""Where weights lie: ``<modality>/<name>/<model>/`` under a few roots."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

from omnibind.contracts.errors import UnknownModel

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@=-]*(?<!\.)")


def home() -> Path:
    """Return omnibind's own folder: ``$OMNIBIND_HOME``, else one in the user's data folder."""
    given = os.environ.get("OMNIBIND_HOME")
    return Path(given).expanduser().absolute() if given else _user_folder()


@cache
def _user_folder() -> Path:
    import platformdirs

    return platformdirs.user_data_path("omnibind", appauthor=False)


def program(name: str) -> Path:
    """Return where a program lies that was built for omnibind's own use, if it was."""
    return home() / "programs" / (f"{name}.exe" if os.name == "nt" else name)


@cache
def checkout() -> Path | None:
    """Return the root of the checkout that omnibind runs from, or None where it is installed."""
    root = Path(__file__).resolve().parents[3]
    is_checkout = (root / "pyproject.toml").is_file() and (root / "bindings").is_dir()
    return root if is_checkout else None


def is_offline() -> bool:
    """Say whether ``OMNIBIND_OFFLINE`` forbids going online."""
    return os.environ.get("OMNIBIND_OFFLINE", "").lower() not in {"", "0", "false", "no"}


def models_folders() -> list[Path]:
    """Return the roots that hold weights, the first to be read first; the last is written to."""
    root = checkout()
    own = home() / "models"
    return [root / "models", own] if root else [own]


def subfolder(modality: str, name: str, model: str) -> str:
    """Return ``modality/name/model``; a hub name ``org/name`` nests.

    Raises:
        UnknownModel: The name could lead out of the folder or isn't portable as a path.
    """
    path = f"{modality}/{name}/{model}"
    if not all(_SEGMENT.fullmatch(segment) for segment in path.split("/")):
        raise UnknownModel(
            f"{path!r} can't name a folder of weights; expected MODALITY/NAME/MODEL of letters, "
            "digits and _ . + @ = - (a hub model is ORG/NAME)"
        )
    return path


def check_relative(path: str) -> None:
    """Refuse a path that could lead out of the folder it belongs to.

    Raises:
        ValueError: It is absolute, empty, goes up, or isn't written with forward slashes.
    """
    segments = path.split("/")
    if "\\" in path or ":" in path or any(part in {"", ".", ".."} for part in segments):
        raise ValueError(f"path {path!r} must be relative, with forward slashes and without '..'")
    if segments[0].startswith("."):
        raise ValueError(f"path {path!r} is hidden; such names are kept for omnibind")
