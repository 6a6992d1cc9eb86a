"""The places where bindings are looked for, and the folders found there."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from omnibind.contracts.roots import shipped_roots

ENTRY_POINT_GROUP = "omnibind.bindings"
PATH_VARIABLE = "OMNIBIND_BINDINGS_PATH"

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


class Root(NamedTuple):
    """A folder that holds ``<modality>/<name>/`` folders.

    Attributes:
        origin: ``shipped``, ``user``, a distribution's name, or empty for a folder that was named
            by its path.
        folder: The folder.
    """

    origin: str
    folder: Path


class Found(NamedTuple):
    """One binding's folder.

    Attributes:
        name: The folder's name, which is the binding's.
        modality: The parent folder's name.
        root: The root folder it was found in.
    """

    name: str
    modality: str
    root: Root

    @property
    def folder(self) -> Path:
        """The binding's own folder."""
        return Path(self.root.folder, self.modality, self.name)

    @property
    def is_shipped(self) -> bool:
        """True where the folder came with omnibind."""
        return self.root.origin == "shipped"

    @property
    def choice(self) -> str:
        """The name that chooses exactly this folder."""
        return f"{self.root.origin}:{self.name}" if self.root.origin else str(self.folder)


def is_name(name: str) -> bool:
    """Tell whether ``name`` can be a binding's: lower-case letters, digits and underscores."""
    return _NAME.match(name) is not None


def roots(given: Sequence[str | os.PathLike[str]] = ()) -> Iterator[Root]:
    """Yield the root folders to look in, each real folder once, entry points left out."""
    seen: set[str] = set()
    for root in _all_roots(given):
        real = os.path.realpath(root.folder)
        if real not in seen:
            seen.add(real)
            yield root


def _all_roots(given: Sequence[str | os.PathLike[str]]) -> Iterator[Root]:
    yield from (Root("shipped", Path(folder)) for folder in shipped_roots())
    from omnibind.weights.places import home  # it costs an import that a shipped name can spare

    yield Root("user", home() / "bindings")
    named = [part for part in os.environ.get(PATH_VARIABLE, "").split(os.pathsep) if part]
    yield from (Root("", Path(folder).absolute()) for folder in (*named, *given))


def entry_point_roots() -> list[Root]:
    """Return the roots of installed packages that declare the entry-point group.

    An entry point's value is a top-level package whose folder holds ``<modality>/<name>/``; it is
    found without being imported. What was found stands until a folder of ``sys.path`` changes.
    """
    return list(_entry_point_roots(tuple((place, _changed_ns(place)) for place in sys.path)))


def _changed_ns(place: str) -> int:
    try:
        return os.stat(place or ".").st_mtime_ns  # noqa: PTH116 - a Path costs more than the call
    except OSError:
        return 0


@lru_cache(maxsize=1)
def _entry_point_roots(places: tuple[tuple[str, int], ...]) -> tuple[Root, ...]:
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    found: list[Root] = []
    for point in entry_points(group=ENTRY_POINT_GROUP):
        top = point.value.partition(":")[0].partition(".")[0]
        spec = find_spec(top)
        folders = spec.submodule_search_locations if spec else None
        origin = point.dist.name if point.dist else point.name
        found += [Root(origin, Path(place)) for place in folders or ()]
    return tuple(found)


def folders_in(root: Root, modality: str) -> Iterator[Found]:
    """Yield the folders of one modality below ``root``; names only, nothing is opened."""
    try:
        with os.scandir(root.folder / modality) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    for name in names:
        if name[0] not in "._":
            yield Found(name, modality, root)


def folder_at(path: Path, modality: str) -> Found | None:
    """Return the binding whose folder is ``path``, or None where there is no such folder."""
    path = path.absolute()
    if not path.is_dir() or path.parent.name != modality:
        return None
    return Found(path.name, modality, Root("", path.parent.parent))
