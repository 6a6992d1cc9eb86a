"""Tiny real models for the tests: each made once a run, when first asked for."""

from __future__ import annotations

import sys
import tempfile
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="omnibind-tiny-")


def place() -> Path:
    """Return the folder for models that tests make once a run."""
    return Path(_kept().name)


@cache
def tiny(name: str) -> Path:
    """Return the folder of one of ``scripts/make_tiny_models.py``'s models."""
    if str(SCRIPTS) not in sys.path:
        sys.path.append(str(SCRIPTS))
    import make_tiny_models

    folder = place() / name
    make_tiny_models.make(name, folder)
    return folder
