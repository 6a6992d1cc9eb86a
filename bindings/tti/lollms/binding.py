"""Pictures by a LoLLMs server.

Source: ParisNeo/lollms ba1bad6a, ``/v1/images/generations`` and ``/v1/images/edits``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Unpack

from omnibind.contracts.secret import Secret
from omnibind.remote.connection import Connection

from ..._shared.lollms import LoLLMs
from ..._shared.openai_pictures import DrawsLikeOpenAI


class LoLLMsTTI(LoLLMs, DrawsLikeOpenAI):
    """The picture engine that is active on a LoLLMs server."""

    test_path = "/models"
    _fixed: ClassVar[Mapping[str, Any]] = {"response_format": "b64_json"}

    # The server draws like OpenAI's but shows no picture before it is done.
    stream_image_flow = None  # type: ignore[assignment]

    def __init__(
        self,
        *,
        host_address: Annotated[str | None, "your server, as http://localhost:9642"] = None,
        service_key: Annotated[Secret | None, "its key, where it wants one"] = None,
        client_id: Annotated[str, "who asks, where the server wants to know"] = "",
        model_name: Annotated[str, "empty is the server's active one"] = "",
        default_size: Annotated[str, "as 1024x1024; empty is the server's own"] = "",
        default_quality: Annotated[str, "empty is the server's own"] = "",
        default_style: Annotated[str, "empty is the server's own"] = "",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(host_address, service_key, client_id, **connection)
        self._model_name = model_name
        self._default_size = default_size
        self._default_quality = default_quality
        self._default_style = default_style

    @property
    def base_url(self) -> str:
        """The server's address with the version of these routes."""
        return super().base_url + "/v1"
