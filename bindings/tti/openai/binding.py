"""Pictures by OpenAI's service.

Source: OpenAI's API specification, ``/images/generations`` and ``/images/edits``.
"""

from __future__ import annotations

from typing import Annotated, Unpack

from omnibind.remote.connection import Connection

from ..._shared.openai import OpenAI
from ..._shared.openai_pictures import DrawsLikeOpenAI


class OpenAITTI(OpenAI, DrawsLikeOpenAI):
    """OpenAI's picture models; they have neither seed nor negative prompt."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "gpt-image-2",
        default_size: Annotated[str, "as 1024x1024; empty is the service's own"] = "",
        default_quality: Annotated[str, "empty is the service's own"] = "",
        default_style: Annotated[str, "empty is the service's own"] = "",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._default_size = default_size
        self._default_quality = default_quality
        self._default_style = default_style
