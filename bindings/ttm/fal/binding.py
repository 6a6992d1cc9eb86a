"""Music by any model of fal.

Source: fal's documentation of the queue; its music models share few fields, so that most of a
model's own go through ``extra``.
"""

from __future__ import annotations

from typing import Annotated, Unpack

from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTM
from omnibind.remote.requests import given

from ..._shared.fal import Extra, Fal, ModelName, Negative, Seed


class FalTTM(Fal, RemoteTTM):
    """fal's music models."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none: owner/name/…"] = "",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name

    async def generate_music_flow(
        self,
        prompt: str,
        *,
        model: ModelName = None,
        negative_prompt: Negative = None,
        lyrics: Annotated[str | None, "where the model has it as `lyrics`"] = None,
        duration_s: Annotated[
            float | None, Range(1, 3600), "where the model has it as `duration` in seconds"
        ] = None,
        seed: Seed = None,
        extra: Extra = None,
    ) -> Audio:
        """Compose a piece of music."""
        chosen = self.model(model, self._model_name)
        fields = {
            "prompt": prompt,
            **given(
                negative_prompt=negative_prompt or None,
                lyrics=lyrics,
                duration=limits.whole(duration_s),
                seed=seed,
            ),
            **(extra or {}),
        }
        made: Audio = await self.made(chosen, chosen, fields)
        return made

    async def collect_flow(self, job_id: str) -> Audio:
        """Wait for a job and return its sound."""
        content, meta = await self.fetched(job_id, "audio", "audio", "audio_file", "audios")
        return Audio(content, meta=meta)
