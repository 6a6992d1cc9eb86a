"""Videos by Pika, which is reached through fal.

Source: fal's models ``fal-ai/pika/v2.2/text-to-video`` and ``fal-ai/pika/v2.2/image-to-video``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Unpack

from omnibind.contracts.errors import BadOption
from omnibind.contracts.media import ImageInput, Video
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTV
from omnibind.remote.requests import given

from ..._shared.fal import Extra, Fal, Seed, data_uri

if TYPE_CHECKING:
    from omnibind.weights.catalogue import Model


class PikaTTV(Fal, RemoteTTV):
    """Pika's video model."""

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "fal-ai/pika/v2.2",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._model_name = model_name

    async def generate_video_flow(
        self,
        prompt: str,
        *,
        model: Annotated[str | None, "instead of the configured model"] = None,
        image: Annotated[ImageInput | None, "to begin with"] = None,
        negative_prompt: Annotated[str | None, "what not to show"] = None,
        aspect_ratio: Annotated[
            str | None, "as 16:9, which is the default; a picture has its own"
        ] = None,
        resolution: Annotated[Literal["720p", "1080p"] | None, "720p by default"] = None,
        duration_s: Annotated[float, Range(5, 10), "5 or 10"] = 5.0,
        seed: Seed = None,
        extra: Extra = None,
    ) -> Video:
        """Film what a prompt describes, from a picture where one is given."""
        chosen = self.model(model, self._model_name)
        facts, owner = self.facts(chosen), f"{chosen} of {self.label}"
        if image is not None and aspect_ratio is not None:
            raise BadOption(f"{owner} keeps the picture's aspect_ratio; leave it out")
        if aspect_ratio is not None:
            limits.chosen(aspect_ratio, facts.aspect_ratios if facts else (), "aspect_ratio", owner)
        fields = {
            "prompt": prompt,
            "duration": limits.whole(limits.duration_of(duration_s, facts, owner)),
            **given(
                image_url=None if image is None else await data_uri(image),
                negative_prompt=negative_prompt or None,
                aspect_ratio=aspect_ratio,
                resolution=resolution,
                seed=seed,
            ),
            **(extra or {}),
        }
        route = f"{chosen}/{'text' if image is None else 'image'}-to-video"
        made: Video = await self.made(chosen, route, fields)
        usd = _usd_of(facts, resolution)
        if usd is None:
            return made
        meta = made.meta._replace(cost_usd=usd * duration_s, cost_basis="estimated")
        return made._with_meta(meta)

    async def collect_flow(self, job_id: str) -> Video:
        """Wait for a job and return its video."""
        content, meta = await self.fetched(job_id, "video", "video")
        return Video(content, meta=meta)


def _usd_of(facts: Model | None, resolution: str | None) -> float | None:
    """Return what a second costs where that isn't the price of the catalogue."""
    found = facts.limits.get(f"usd_per_second_{resolution}") if facts else None
    return None if found is None else float(found)
