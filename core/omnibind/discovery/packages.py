"""Which required distributions are installed, read from their metadata without importing them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import InvalidRequirement, Requirement


def missing(requirements: Iterable[str]) -> list[str]:
    """Return those of ``requirements`` that this interpreter doesn't meet."""
    return [text for text in requirements if not _is_met(text)]


def look_anew() -> None:
    """Forget what was installed at the last look, at the start of the next one."""
    _is_met.cache_clear()


@cache
def _is_met(text: str) -> bool:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return False
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    try:
        return requirement.specifier.contains(version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return False
