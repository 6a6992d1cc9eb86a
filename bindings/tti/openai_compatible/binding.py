"""Pictures by a server with OpenAI's routes; any model id goes.

Source: OpenAI's API specification, ``/images/generations``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Unpack

from omnibind.remote.connection import Connection

from ..._shared.openai_compatible import OpenAICompatible
from ..._shared.openai_pictures import DrawsLikeOpenAI


class OpenAICompatibleTTI(OpenAICompatible, DrawsLikeOpenAI):
    """Pictures by your own server, or one that you trust."""

    # OpenAI's own models refuse this field; the servers give an address without it.
    _fixed: ClassVar[Mapping[str, Any]] = {"response_format": "b64_json"}

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "",
        default_size: Annotated[str, "as 1024x1024; empty is the server's own"] = "",
        default_quality: Annotated[str, "empty is the server's own"] = "",
        default_style: Annotated[str, "empty is the server's own"] = "",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._default_size = default_size
        self._default_quality = default_quality
        self._default_style = default_style
