"""Pictures by the routes ``/images/generations`` and ``/images/edits``.

Source: OpenAI's API specification, ``/images/generations``, ``/images/edits``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from omnibind.contracts.effects import Run
from omnibind.contracts.errors import BadReply
from omnibind.contracts.media import Image, ImageInput, Source
from omnibind.contracts.options import Range
from omnibind.remote import limits
from omnibind.remote.modalities import RemoteTTI
from omnibind.remote.pieces import events
from omnibind.remote.replies import picked, without_media
from omnibind.remote.requests import Extra, Upload, given
from omnibind.remote.uploads import ASIDE, PICTURES, uploaded

from .openai import tokens

if TYPE_CHECKING:
    from omnibind.contracts.http import Reply

MAX_PICTURE_BYTES = 50_000_000


class DrawsLikeOpenAI(RemoteTTI):
    """Draws by ``/images/generations`` and ``/images/edits``."""

    _model_name = ""
    _default_size = ""
    _default_quality = ""
    _default_style = ""
    _fixed: ClassVar[Mapping[str, Any]] = {}
    """What every request says beside what the caller gave."""

    async def generate_image_flow(
        self,
        prompt: str,
        *,
        model: Annotated[str | None, "instead of the configured model"] = None,
        width: Annotated[int | None, Range(1, 8192), "pixels; with height"] = None,
        height: Annotated[int | None, Range(1, 8192), "pixels; with width"] = None,
        quality: Annotated[str | None, "auto, low, medium or high, as the model has it"] = None,
        style: Annotated[str | None, "vivid or natural, where the model has it"] = None,
        background: Annotated[
            Literal["transparent", "opaque", "auto"] | None, "what is behind"
        ] = None,
        output_format: Annotated[Literal["png", "jpeg", "webp"] | None, "the encoding"] = None,
        output_compression: Annotated[int | None, Range(0, 100), "of jpeg and webp"] = None,
        moderation: Annotated[Literal["low", "auto"] | None, "how strict"] = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture."""
        body = self._drawn(
            *(prompt, model, width, height, quality, style, background, output_format),
            *(output_compression, moderation, extra),
        )
        reply = await self.post("/images/generations", json=body)
        return await self._picture(reply, body["model"])

    async def stream_image_flow(self, prompt: str, **options: Any) -> AsyncGenerator[Image, None]:
        """Draw a picture and show it while it becomes: up to three before the last."""
        body = {"stream": True, "partial_images": 3, **self._drawn(prompt, **options)}
        chosen, whole = body["model"], None
        async with self.post("/images/generations", json=body).opened() as pieces:
            async for event in events(pieces):
                data = event.json()
                kind = data.get("type", event.name)
                if kind == "image_generation.partial_image":
                    yield Image(self.decoded(picked(data, "b64_json"), "image"))
                elif kind == "image_generation.completed":
                    content = self.decoded(picked(data, "b64_json"), "image")
                    meta = self.meta(model=chosen, estimated_usd=self._usd(chosen, data))
                    whole = Image(content, meta=meta)
        if whole is None:
            raise BadReply(f"{self.label}: the stream ended before the picture was whole")
        yield whole

    async def edit_image_flow(
        self,
        prompt: str,
        image: ImageInput,
        *,
        mask: Annotated[ImageInput | None, "white where the picture is to change"] = None,
        model: Annotated[str | None, "instead of the configured model"] = None,
        width: Annotated[int | None, Range(1, 8192), "pixels; with height"] = None,
        height: Annotated[int | None, Range(1, 8192), "pixels; with width"] = None,
        quality: Annotated[str | None, "auto, low, medium or high, as the model has it"] = None,
        background: Annotated[
            Literal["transparent", "opaque", "auto"] | None, "what is behind"
        ] = None,
        input_fidelity: Annotated[Literal["low", "high"] | None, "how near to the original"] = None,
        output_format: Annotated[Literal["png", "jpeg", "webp"] | None, "the encoding"] = None,
        extra: Extra = None,
    ) -> Image:
        """Draw a picture anew, or the part of it that a mask shows."""
        form = self._drawn(
            *(prompt, model, width, height, quality, None, background, output_format),
            extra={**given(input_fidelity=input_fidelity), **(extra or {})},
        )
        files = {
            "image": await uploaded(
                image, "image", formats=PICTURES, max_bytes=MAX_PICTURE_BYTES, name="image"
            )
        }
        if mask is not None:
            shown = mask
            files["mask"] = await Run(ASIDE, lambda: _clear_where_white(shown))
        reply = await self.post("/images/edits", form=form, files=files)
        return await self._picture(reply, form["model"])

    def _drawn(
        self,
        prompt: str,
        model: str | None = None,
        width: int | None = None,
        height: int | None = None,
        quality: str | None = None,
        style: str | None = None,
        background: str | None = None,
        output_format: str | None = None,
        output_compression: int | None = None,
        moderation: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        chosen = self.model(model, self._model_name)
        facts, owner = self.facts(chosen), f"{chosen} of {self.label}"
        limits.refuse_lacking(facts, owner, style=style)
        quality = quality or self._default_quality or None
        if quality is not None:
            qualities = str(facts.limits.get("qualities", "")).split() if facts else []
            limits.chosen(quality, qualities, "quality", owner)
        return {
            "model": chosen,
            "prompt": prompt,
            "n": 1,
            **given(
                size=limits.size_of(width, height, facts, owner, self._default_size),
                quality=quality,
                style=style or self._default_style or None,
                background=background,
                output_format=output_format,
                output_compression=output_compression,
                moderation=moderation,
            ),
            **self._fixed,
            **(extra or {}),
        }

    async def _picture(self, reply: Reply, chosen: str) -> Image:
        data = reply.json()
        first = picked(data, "data", 0)
        if first.get("b64_json"):
            content = self.decoded(first["b64_json"], "image")
        else:
            content = await self.download(picked(first, "url"), "image")
        return Image(
            content,
            meta=self.meta(
                reply,
                model=chosen,
                revised_prompt=first.get("revised_prompt"),
                raw=without_media(data),
                estimated_usd=self._usd(chosen, data),
            ),
        )

    def _usd(self, chosen: str, data: Mapping[str, Any]) -> float | None:
        return limits.cost_of(self.facts(chosen), tokens(data.get("usage")))


def _clear_where_white(mask: ImageInput) -> Upload:
    """Return a mask as the service wants it: transparent where the picture is to change."""
    from io import BytesIO

    import PIL.Image

    with PIL.Image.open(BytesIO(Source.of(mask, "image").read())) as opened:
        white = opened.convert("L")
    picture = PIL.Image.new("RGBA", white.size, (0, 0, 0, 255))
    picture.putalpha(white.point(lambda level: 255 - level))
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return Upload(buffer.getvalue(), "image/png", "mask.png")
