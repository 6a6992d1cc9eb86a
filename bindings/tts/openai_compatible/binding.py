"""Speech by a server with OpenAI's routes; any model id goes.

Source: OpenAI's API specification, ``/audio/speech``.
"""

from __future__ import annotations

from typing import Annotated, Unpack

from omnibind.remote.connection import Connection

from ..._shared.openai_compatible import OpenAICompatible
from ..._shared.openai_speech import SpeaksLikeOpenAI


class OpenAICompatibleTTS(OpenAICompatible, SpeaksLikeOpenAI):
    """Speech by your own server, or one that you trust."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "",
        default_voice: Annotated[str, "the voice where a call names none"] = "alloy",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name
        self._default_voice = default_voice
