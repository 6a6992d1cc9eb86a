"""Speech by a LoLLMs server.

Source: ParisNeo/lollms ba1bad6a, ``/lollms/v1/audio/speech`` and ``/lollms/v1/audio/voices``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Unpack

from omnibind.contracts.errors import BadReply
from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range
from omnibind.contracts.secret import Secret
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTS
from omnibind.remote.requests import Extra, given

from ..._shared.lollms import LoLLMs

SpeechFormat = Literal["mp3", "opus", "aac", "flac", "wav"]


class LoLLMsTTS(LoLLMs, RemoteTTS):
    """The voices of a LoLLMs server."""

    def __init__(
        self,
        *,
        host_address: Annotated[str | None, "your server, as http://localhost:9642"] = None,
        service_key: Annotated[Secret | None, "its key, where it wants one"] = None,
        client_id: Annotated[str, "who asks, where the server wants to know"] = "",
        model_name: Annotated[str, "empty is the server's active one"] = "",
        default_voice: Annotated[str, "empty is the server's own"] = "",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(host_address, service_key, client_id, **connection)
        self._model_name = model_name
        self._default_voice = default_voice

    async def generate_audio_flow(
        self,
        text: str,
        voice: str | None = None,
        *,
        model: Annotated[str | None, "instead of the configured model"] = None,
        language: Annotated[str | None, "BCP 47"] = None,
        speed: Annotated[float | None, Range(0.25, 4.0), "tempo; 1.0 is natural"] = None,
        output_format: Annotated[SpeechFormat | None, "not given, the server's own"] = None,
        extra: Extra = None,
    ) -> Audio:
        """Speak a text."""
        chosen = self.model(model, self._model_name)
        body = {
            "input": text,
            "voice": voice or self._default_voice,
            "model": chosen,
            **given(language=language, speed=speed, response_format=output_format),
            **(extra or {}),
        }
        reply = await self.post("/lollms/v1/audio/speech", json=body)
        return self.audio(reply, model=chosen)

    async def list_voices_flow(self) -> list[str]:
        """Return the voices that the server has now, sorted."""
        data = (await self.get("/lollms/v1/audio/voices")).json()
        listed = data.get("voices") if isinstance(data, Mapping) else data
        if not isinstance(listed, list):
            raise BadReply(f"{self.label}: the server's reply lists no voices; it may have changed")
        return sorted({_name(one) for one in listed} - {""})


def _name(voice: Any) -> str:
    if isinstance(voice, Mapping):
        voice = voice.get("id") or voice.get("name")
    return str(voice or "")
