"""Speech by Hugging Face's inference providers.

Source: huggingface_hub 2.4, ``InferenceClient.text_to_speech``.
"""

from __future__ import annotations

from typing import Annotated, Unpack

from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTS

from ..._shared.huggingface import Extra, HuggingFace, ModelName, Provider


class HuggingFaceTTS(HuggingFace, RemoteTTS):
    """Speaking models of the hub, run by whoever serves them."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "hexgrad/Kokoro-82M",
        default_voice: Annotated[str, "empty is the model's own"] = "",
        provider: Provider = "auto",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(model_name, provider, **connection)
        self._default_voice = default_voice

    async def generate_audio_flow(
        self,
        text: str,
        voice: str | None = None,
        *,
        model: ModelName = None,
        temperature: Annotated[float | None, Range(0, 10), "where the model has it"] = None,
        top_k: Annotated[int | None, Range(0, 10_000), "where the model has it"] = None,
        top_p: Annotated[float | None, Range(0, 1), "where the model has it"] = None,
        extra: Extra = None,
    ) -> Audio:
        """Speak a text."""
        parameters = {
            "voice": voice or self._default_voice or None,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            **(extra or {}),
        }
        chosen = self.model(model, self._model_name)
        content, meta = await self.made("audio", "text-to-speech", chosen, text, parameters)
        return Audio(content, meta=meta)
