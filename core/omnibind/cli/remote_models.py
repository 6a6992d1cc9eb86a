"""Models of services as the commands show them: price, end, successor, and how old that is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from omnibind.cli.models import folder_of
from omnibind.cli.naming import Named
from omnibind.discovery import static
from omnibind.discovery.manifest import read_manifest
from omnibind.weights.capabilities import cost_of
from omnibind.weights.catalogue import Model

COLUMNS = ("model", "price", "state", "source")


class RemoteModel(NamedTuple):
    """One model of a service.

    Attributes:
        label: ``tts/openai/tts-1``.
        price: What it costs, in words; None where that isn't known.
        retired_on: The day its maker withdraws it, as ``2026-12-01``; None where none was named.
        successor: The model to use instead.
        source: Where these facts come from.
        date: The day they were looked up.
    """

    label: str
    price: str | None
    retired_on: str | None
    successor: str | None
    source: str | None
    date: str | None

    def row(self) -> tuple[str, ...]:
        """Return its line."""
        state = "offered"
        if self.retired_on is not None:
            is_over = self.retired_on <= date.today().isoformat()
            state = f"{'retired' if is_over else 'ends'} {self.retired_on}"
            state += f", then {self.successor}" if self.successor else ""
        told = f"{self.source or 'unknown'}" + (f" ({self.date})" if self.date else "")
        return self.label, self.price or "unknown", state, told


def is_remote(named: Named) -> bool:
    """Tell whether a service serves a binding."""
    return read_manifest(folder_of(named).folder).kind == "remote"


def models_of(named: Named) -> Iterator[RemoteModel]:
    """Yield the models of a remote binding's catalogue."""
    found = folder_of(named)
    for name, model in static.models_of(found, read_manifest(found.folder)).items():
        yield RemoteModel(
            f"{named.label}/{name}",
            _price(model),
            model.retired_on.isoformat() if model.retired_on else None,
            model.successor,
            model.source,
            model.date.isoformat() if model.date else None,
        )


def _price(model: Model) -> str | None:
    cost = cost_of(model.price) if model.price else None
    if cost is not None:
        return f"${cost.usd:g} a {cost.per}"
    if model.token_prices:
        each = ", ".join(f"{name} ${usd:g}" for name, usd in model.token_prices.items() if usd)
        return f"{each} a million tokens"
    return None
