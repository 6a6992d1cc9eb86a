"""Servers with OpenAI's routes: LocalAI, speaches, vLLM and others."""

from __future__ import annotations

from collections.abc import Mapping

from omnibind.contracts.secret import Secret
from omnibind.remote.binding import RemoteBinding


class OpenAICompatible(RemoteBinding):
    """A server of whoever; it may want no key."""

    test_path = "/models"
    base_url_names = ("OPENAI_COMPATIBLE_BASE_URL",)

    def authorization(self) -> Mapping[str, str | Secret]:
        """Return the key's header, where there is a key."""
        key = self.find_key()
        return {} if key is None else {"authorization": key.after("Bearer ")}
