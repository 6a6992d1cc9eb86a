"""xAI's service, and what its bindings share.

Source: xAI's API as third parties describe it; its documentation at docs.x.ai.
"""

from __future__ import annotations

from typing import Any

from omnibind.contracts.media import ImageInput
from omnibind.remote.binding import RemoteBinding
from omnibind.remote.pace import Rate
from omnibind.remote.uploads import PICTURES, data_uri

TICKS_A_DOLLAR = 1e10


class XAI(RemoteBinding):
    """xAI's own service."""

    host = "https://api.x.ai/v1"
    base_url_names = ("XAI_BASE_URL",)
    test_path = "/api-key"
    rates = (Rate(5, 1.0),)


def cost_of(data: Any) -> float | None:
    """Return what a reply says that it cost, in US dollars; None where it says nothing."""
    usage = data.get("usage") if isinstance(data, dict) else None
    ticks = (usage or {}).get("cost_in_usd_ticks")
    return None if ticks is None else float(ticks) / TICKS_A_DOLLAR


async def shown(image: ImageInput) -> str:
    """Return a picture as a data URI."""
    return await data_uri(image, "image", formats=PICTURES, name="image")
