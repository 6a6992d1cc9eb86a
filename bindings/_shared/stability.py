"""Stability's service, and what its bindings share.

Source: Stability's REST API v2beta, ``/v2beta/stable-image``, ``/v2beta/audio/stable-audio-2``.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from omnibind.contracts.errors import ContentRefused
from omnibind.contracts.options import Range
from omnibind.remote.binding import RemoteBinding
from omnibind.remote.pace import Rate
from omnibind.remote.replies import Codes

# The service takes 0 for a seed of its own choice.
Seed = Annotated[int | None, Range(1, 4_294_967_294), "the same seed, the same result"]

CREDIT_USD = 0.01
"""What a credit costs, in US dollars; the service's own unit of account."""


class Stability(RemoteBinding):
    """Stability's own service; every request is a multipart form."""

    host = "https://api.stability.ai"
    test_path = "/v1/user/account"
    base_url_names = ("STABILITY_ENDPOINT", "STABILITY_BASE_URL")
    rates = (Rate(150, 10.0),)
    codes: ClassVar[Codes] = {"public_figure": (ContentRefused, "")}


def filtered(label: str, words: str) -> ContentRefused:
    """Return the error for content that the service's moderation took away."""
    return ContentRefused(f"{label}: the service declined the content: {words}; change the prompt")


def seed_of(value: Any) -> int | None:
    """Return the seed that a reply tells, in a header or in its JSON."""
    return int(value) if str(value or "").isdigit() else None
