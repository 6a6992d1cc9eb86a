"""Transcription by a server with OpenAI's routes; any model id goes.

Source: OpenAI's API specification, ``/audio/transcriptions``.
"""

from __future__ import annotations

from typing import Annotated, Unpack

from omnibind.remote.connection import Connection

from ..._shared.openai_compatible import OpenAICompatible
from ..._shared.openai_hearing import HearsLikeOpenAI


class OpenAICompatibleSTT(OpenAICompatible, HearsLikeOpenAI):
    """Transcription by your own server, or one that you trust."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
