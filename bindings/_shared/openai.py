"""OpenAI's service, and what its bindings share.

Source: OpenAI's API specification, ``components/schemas``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omnibind.remote.binding import RemoteBinding


class OpenAI(RemoteBinding):
    """OpenAI's own service."""

    host = "https://api.openai.com/v1"
    test_path = "/models"
    base_url_names = ("OPENAI_BASE_URL",)


def tokens(usage: Any) -> dict[str, Any]:
    """Return what a reply counted, by the names of the price list."""
    if not isinstance(usage, Mapping):
        return {}
    counted: dict[str, Any] = {}
    for side in ("input", "output"):
        details = usage.get(f"{side}_tokens_details") or usage.get(f"{side}_token_details") or {}
        known = {
            kind: details.get(f"{kind}_tokens") or 0
            for kind in ("text", "image", "audio")
            if f"{kind}_tokens" in details
        }
        for kind, count in (known or {"": usage.get(f"{side}_tokens") or 0}).items():
            counted[f"{side}_{kind}".rstrip("_")] = count
    return counted
