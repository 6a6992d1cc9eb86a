"""Transcription by Hugging Face's inference providers.

Source: huggingface_hub 2.4, ``InferenceClient.automatic_speech_recognition``.
"""

from __future__ import annotations

from typing import Annotated, Unpack

from omnibind.contracts.errors import BadReply, OmnibindError
from omnibind.contracts.media import AudioInput, Transcript
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteSTT
from omnibind.remote.replies import without_media

from ..._shared.huggingface import Extra, HuggingFace, Provider, media_input
from ..._shared.model_outputs import transcript_of

TASK = "automatic-speech-recognition"


class HuggingFaceSTT(HuggingFace, RemoteSTT):
    """Hearing models of the hub, run by whoever serves them."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "openai/whisper-large-v3",
        provider: Provider = "auto",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(model_name, provider, **connection)

    async def transcribe_audio_flow(
        self, audio_path: AudioInput, model: str | None = None, *, extra: Extra = None
    ) -> Transcript:
        """Write down the speech in a sound."""
        chosen = self.model(model, self._model_name)
        sound = await media_input(audio_path, "audio")
        provider, exchange = await self.asked(TASK, chosen, sound, extra or {})
        reply = await exchange
        try:
            data = reply.json()
            heard = data
            if provider == "replicate":
                heard = data.get("output")
                if heard is None:
                    raise self.failed(data) or self.unfinished()
            meta = self.meta(reply, model=chosen, served_by=provider, raw=without_media(data))
            transcript = transcript_of(heard, meta)
            if transcript is None:
                raise BadReply(f"{self.label}: {provider} answers without a transcript; try again")
        except OmnibindError as error:
            error.may_be_charged = True
            raise
        return transcript
