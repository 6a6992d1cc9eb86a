"""Which required distributions are installed, read from their metadata without importing them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution

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
        return requirement.specifier.contains(_version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return False


def _version(name: str) -> str:
    # The library would parse the whole file, with the project's long description.
    found = distribution(name)
    text = found.read_text("METADATA") or found.read_text("PKG-INFO") or ""
    told = re.search(r"^Version:[ \t]*(\S+)", text, re.MULTILINE)
    return told[1] if told else found.version
