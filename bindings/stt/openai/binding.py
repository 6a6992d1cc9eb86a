"""Transcription by OpenAI's service.

Source: OpenAI's API specification, ``/audio/transcriptions`` and ``/audio/translations``.
"""

from __future__ import annotations

from typing import Annotated, Unpack

from omnibind.remote.connection import Connection

from ..._shared.openai import OpenAI
from ..._shared.openai_hearing import HearsLikeOpenAI


class OpenAISTT(OpenAI, HearsLikeOpenAI):
    """OpenAI's transcription models."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "gpt-transcribe",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
