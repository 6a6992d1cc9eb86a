"""Music by Stability's service.

Source: Stability's REST API v2beta, ``/v2beta/audio/stable-audio-2/text-to-audio``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Unpack

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTM
from omnibind.remote.requests import Extra, given

from ..._shared.stability import Seed, Stability, seed_of

if TYPE_CHECKING:
    from omnibind.weights.catalogue import Model


class StabilityTTM(Stability, RemoteTTM):
    """Stable Audio."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "stable-audio-2.5",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name

    async def generate_music_flow(
        self,
        prompt: str,
        *,
        model: Annotated[str | None, "instead of the configured model"] = None,
        duration_s: Annotated[float | None, Range(1, 190), "190 where it isn't given"] = None,
        seed: Seed = None,
        steps: Annotated[int | None, Range(4, 100), "2.5 takes 4 to 8, 2 takes 30 to 100"] = None,
        guidance_scale: Annotated[float | None, Range(1, 25), "nearness to the prompt"] = None,
        output_format: Annotated[Literal["mp3", "wav"] | None, "mp3 by default"] = None,
        extra: Extra = None,
    ) -> Audio:
        """Compose a piece of music, or a sound."""
        chosen = self.model(model, self._model_name)
        _check_steps(steps, self.facts(chosen), f"{chosen} of {self.label}")
        form = {
            "prompt": prompt,
            "model": chosen,
            **given(
                duration=None if duration_s is None else f"{duration_s:g}",
                seed=seed,
                steps=steps,
                cfg_scale=guidance_scale,
                output_format=output_format,
            ),
            **(extra or {}),
        }
        reply = await self.post(
            "/v2beta/audio/stable-audio-2/text-to-audio",
            form=form,
            files={},
            headers={"accept": "audio/*"},
        )
        return self.audio(reply, model=chosen, seed=seed_of(reply.headers.get("seed")))


def _check_steps(steps: int | None, facts: Model | None, owner: str) -> None:
    if steps is None or facts is None:
        return
    least, most = int(facts.limits["least_steps"]), int(facts.limits["most_steps"])
    if not least <= steps <= most:
        raise BadOption(f"steps is {steps}; {owner} takes {least} to {most}: choose one of these")
