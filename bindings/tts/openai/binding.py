"""Speech by OpenAI's service.

Source: OpenAI's API specification, ``/audio/speech``.
"""

from __future__ import annotations

from typing import Annotated, Unpack

from omnibind.remote.connection import Connection

from ..._shared.openai import OpenAI
from ..._shared.openai_speech import SpeaksLikeOpenAI


class OpenAITTS(OpenAI, SpeaksLikeOpenAI):
    """OpenAI's voices."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "gpt-4o-mini-tts",
        default_voice: Annotated[str, "the voice where a call names none"] = "alloy",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._default_voice = default_voice
