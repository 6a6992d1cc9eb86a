"""What services are given beside words: pictures by their address, and further fields."""

from __future__ import annotations

from typing import Annotated, Any

from omnibind.contracts.media import Source

Extra = Annotated[dict[str, Any] | None, "further fields of the request, passed on as they are"]


def address_of(given: Any) -> str | None:
    """Return the address of what was given as ``Source.url(…)``; None where it is anything else."""
    return given.address if isinstance(given, Source) else None
