"""Video by Hugging Face's inference providers.

Source: huggingface_hub 2.4, ``InferenceClient.text_to_video`` and ``.image_to_video``.
"""

from __future__ import annotations

from typing import Annotated, Any, Unpack

from omnibind.contracts.media import ImageInput, Video
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTV
from omnibind.remote.replies import without_media

from ..._shared.huggingface import Extra, HuggingFace, ModelName, Provider, media_input


class HuggingFaceTTV(HuggingFace, RemoteTTV):
    """Video models of the hub, run by whoever serves them.

    A job is known by the router's path to it, or by the address of its video where the provider
    answers when it is done. The router has no way to call one off.
    """

    def __init__(
        self,
        *,
        model_name: Annotated[str, "the model where a call names none"] = "tencent/HunyuanVideo",
        provider: Provider = "auto",
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(model_name, provider, **connection)

    async def generate_video_flow(
        self,
        prompt: str,
        *,
        image: Annotated[ImageInput | None, "the first picture, for a model that takes one"] = None,
        model: ModelName = None,
        negative_prompt: Annotated[str | None, "what isn't wanted, where the model has it"] = None,
        steps: Annotated[int | None, Range(1, 1000), "where the model has it"] = None,
        guidance_scale: Annotated[float | None, Range(0, 100), "where the model has it"] = None,
        seed: Annotated[int | None, Range(0, 2**32 - 1), "where the model has it"] = None,
        extra: Extra = None,
    ) -> Video:
        """Film a prompt, or what becomes of a picture."""
        chosen = self.model(model, self._model_name)
        limits.refuse_lacking(self.facts(chosen), f"{chosen} of {self.label}", image=image)
        parameters = {
            "prompt": None if image is None else prompt,
            "negative_prompt": negative_prompt or None,
            "num_inference_steps": steps,
            "guidance_scale": guidance_scale,
            "seed": seed,
            **(extra or {}),
        }
        task = "text-to-video" if image is None else "image-to-video"
        inputs: Any = prompt if image is None else await media_input(image, "image")
        provider, begin = await self.asked(task, chosen, inputs, parameters)
        video: Video = await self.job(
            begin, lambda reply: self._job_of(provider, reply.json()), about=prompt, model=chosen
        )
        return video._with_meta(video.meta._replace(model=chosen, served_by=provider))

    async def collect_flow(self, job_id: str) -> Video:
        """Wait for a job and fetch its video."""
        url, raw = job_id, None
        if job_id.startswith("/"):
            data = await self.finished(job_id)
            url = self.place_of(job_id.split("/")[1], "video", data)
            raw = without_media(data)
        content = await self.fetched(url, "video")
        return Video(content, meta=self.meta(source_url=url, raw=raw))

    def _job_of(self, provider: str, data: Any) -> str:
        return self.path_of(provider, "video", data) or self.place_of(provider, "video", data)
