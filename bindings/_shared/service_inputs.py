"""What services are given beside words: pictures and sounds by their address."""

from __future__ import annotations

from typing import Any

from omnibind.contracts.media import Source


def address_of(given: Any) -> str | None:
    """Return the address of what was given as ``Source.url(…)``; None where it is anything else."""
    return given.address if isinstance(given, Source) else None
