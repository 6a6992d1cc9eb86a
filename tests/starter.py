"""What the starter model for pictures learns from, by npm: read once, when first asked for."""

from __future__ import annotations

import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STARTER = ROOT / "models" / "tti" / "diffusers" / "starter-noto64"

if str(ROOT / "scripts") not in sys.path:
    sys.path.append(str(ROOT / "scripts"))

from starter_tti import captions, colours, emoji, judging  # noqa: E402  # found by the path above

__all__ = ["STARTER", "captions", "collection", "colours", "emoji", "judging", "packages"]


@cache
def _place() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="omnibind-starter-")


def packages() -> Path:
    """Return the folder of the npm packages."""
    folder = Path(_place().name)
    emoji.fetch(folder)
    return folder


@cache
def collection() -> emoji.Collection:
    """Return all pictures with their names."""
    return emoji.read(packages())
