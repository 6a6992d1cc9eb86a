"""A LoLLMs server, and what its bindings share.

Source: ParisNeo/lollms ba1bad6a, ``openai_v1.py``, ``lollms_v1.py`` and ``README_API_DOCS.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from omnibind.contracts.http import Reply
from omnibind.contracts.media import Meta
from omnibind.contracts.secret import Secret
from omnibind.remote.connection import Connection
from omnibind.remote.requests import Exchange, Form, Upload, given

from .openai_compatible import OpenAICompatible


class LoLLMs(OpenAICompatible):
    """A LoLLMs server of one's own; its administrator says whether it wants a key."""

    test_path = "/v1/models"
    base_url_names = ("LOLLMS_BASE_URL",)

    def __init__(
        self,
        host_address: str | None,
        service_key: Secret | None,
        client_id: str,
        **connection: Unpack[Connection],
    ) -> None:
        if service_key is not None:
            connection["api_key"] = service_key
        if host_address is not None and connection.get("base_url") is None:
            connection["base_url"] = host_address
        super().__init__(**connection)
        self._client_id = client_id

    def model(self, given: str | None, default: str = "") -> str:
        """Return the model to ask for; empty is the one that is active on the server."""
        return given or default

    def meta(self, reply: Reply | None = None, **facts: Any) -> Meta:
        """Return what is known of a result; the active model's name isn't."""
        return super().meta(reply, **{**facts, "model": facts.get("model") or None})

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        form: Form | None = None,
        files: Mapping[str, Upload | Sequence[Upload]] | None = None,
        query: Form | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """Return a request, signed with ``client_id``, without the names that weren't given."""
        return super().request(
            method,
            path,
            json=self._signed(json),
            form=self._signed(form),
            files=files,
            query=query,
            headers=headers,
        )

    def _signed(self, fields: Form | None) -> dict[str, Any] | None:
        if fields is None:
            return None
        named = {name: value for name, value in fields.items() if value != ""}
        return {**named, **given(client_id=self._client_id or None)}
