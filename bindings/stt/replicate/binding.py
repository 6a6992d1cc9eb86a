"""Transcription by any model of Replicate.

Source: Replicate HTTP API 1.0.0-a1; the inputs are those of ``openai/whisper``, which most share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Unpack

from omnibind.contracts.errors import CallFailed
from omnibind.contracts.media import AudioInput, Transcript
from omnibind.contracts.options import Range
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteSTT
from omnibind.remote.replies import cut, without_media

from ..._shared.model_outputs import transcript_of
from ..._shared.replicate import Extra, Names, Replicate, Waits

WHISPER = "openai/whisper:8099696689d249cf8b122d833c36ac3f75505c666a395ca40ef26f68e7d3d16e"


class ReplicateSTT(Replicate, RemoteSTT):
    """Replicate's hearing models."""

    inputs: ClassVar[Mapping[str, str]] = {
        "audio": "audio",
        "language": "language",
        "translate": "translate",
        "initial_prompt": "initial_prompt",
        "temperature": "temperature",
    }

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = WHISPER,
        input_names: Names = None,
        wait_s: Waits = None,
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(model_name, input_names, wait_s, **connection)

    async def transcribe_audio_flow(
        self,
        audio_path: AudioInput,
        model: str | None = None,
        *,
        language: Annotated[str | None, "as the model names it; not given, it is detected"] = None,
        task: Annotated[
            Literal["transcribe", "translate"] | None, "translate: into English"
        ] = None,
        initial_prompt: Annotated[str | None, "words or style to expect"] = None,
        temperature: Annotated[float | None, Range(0.0, 1.0), "chance in choosing words"] = None,
        extra: Extra = None,
    ) -> Transcript:
        """Write down the speech in a sound."""
        options = {
            "language": language,
            "translate": True if task == "translate" else None,
            "initial_prompt": initial_prompt,
            "temperature": temperature,
        }
        transcript: Transcript = await self.predicted(
            model, options, extra, files={"audio": audio_path}
        )
        return transcript

    async def collect_flow(self, job_id: str) -> Transcript:
        """Wait for a prediction and return what it heard."""
        data = await self.finished(job_id)
        transcript = transcript_of(data["output"], self.meta(raw=without_media(data)))
        if transcript is None:
            told = cut(str(data["output"]))
            raise CallFailed(f"{self.label}: the model gave no transcript but {told}; use another")
        return transcript
