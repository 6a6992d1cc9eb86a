"""A gradient with the prompt written on it.

Source: none; the picture is computed from the prompt and the options.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Annotated, Any, Literal

from omnibind.contracts import TTIBinding
from omnibind.contracts.media import Image, ImageInput, Source
from omnibind.contracts.options import Range

if TYPE_CHECKING:
    import numpy as np

    Pixels = np.ndarray[Any, np.dtype[np.float64]]

MARGIN = 8

NegativePrompt = Annotated[str, "shifts the colours away from the prompt's own"]
Width = Annotated[int, Range(64, 2048), "pixels"]
Height = Annotated[int, Range(64, 2048), "pixels"]
Steps = Annotated[int, Range(1, 100), "bands of the gradient, less one"]
GuidanceScale = Annotated[float, Range(0.0, 20.0), "contrast of the gradient"]
OutputFormat = Annotated[Literal["png", "jpeg", "webp"], "the encoding"]
Seed = Annotated[int, Range(0, 2**32 - 1), "the colours; the same one gives the same"]


class MockTTI(TTIBinding):
    """A gradient with the prompt on it: the same prompt and options give the same bytes."""

    def __init__(
        self,
        *,
        direction: Annotated[Literal["across", "down"], "where the gradient runs"] = "across",
        text_size: Annotated[int, Range(8, 72), "height of the letters in pixels"] = 20,
    ) -> None:
        self._direction = direction
        self._text_size = text_size

    def generate_image(
        self,
        prompt: str,
        *,
        negative_prompt: NegativePrompt = "",
        width: Width = 512,
        height: Height = 512,
        steps: Steps = 20,
        guidance_scale: GuidanceScale = 7.5,
        output_format: OutputFormat = "png",
        seed: Seed = 0,
    ) -> Image:
        """Draw the prompt, word-wrapped, on a gradient of two colours."""
        import numpy as np
        import PIL.Image

        chance = np.random.default_rng(
            [seed, *prompt.encode()[:64], *negative_prompt.encode()[:64]]
        )
        one, other = chance.uniform(40, 215, (2, 3))
        across = self._direction == "across"
        place = np.linspace(0, 1, width if across else height)
        band = np.round(place * steps) / steps - 0.5
        line = (one + other) / 2 + np.outer(band, one - other) * (0.5 + guidance_scale / 10)
        rows: Pixels = line[None, :, :] if across else line[:, None, :]
        pixels = np.broadcast_to(np.clip(rows, 0, 255), (height, width, 3)).astype(np.uint8)
        picture = PIL.Image.fromarray(pixels)
        self._write(picture, prompt)
        buffer = io.BytesIO()
        picture.save(buffer, output_format.upper())
        return Image(buffer.getvalue())

    def edit_image(
        self,
        prompt: str,
        image: ImageInput,
        *,
        mask: Annotated[ImageInput | None, "white where the picture changes; None is all"] = None,
        strength: Annotated[float, Range(0.0, 1.0), "share of the new picture"] = 0.5,
        steps: Steps = 20,
        guidance_scale: GuidanceScale = 7.5,
        output_format: OutputFormat = "png",
        seed: Seed = 0,
    ) -> Image:
        """Mix a gradient with the prompt on it into a picture, where the mask is white."""
        import PIL.Image

        given = PIL.Image.open(io.BytesIO(Source.of(image, "image").read())).convert("RGB")
        width, height = given.size
        drawn = self.generate_image(
            prompt,
            width=width,
            height=height,
            steps=steps,
            guidance_scale=guidance_scale,
            seed=seed,
        )
        mixed = PIL.Image.blend(given, PIL.Image.open(io.BytesIO(drawn)), strength)
        if mask is not None:
            shape = PIL.Image.open(io.BytesIO(Source.of(mask, "image").read())).convert("L")
            mixed = PIL.Image.composite(mixed, given, shape.resize(given.size))
        buffer = io.BytesIO()
        mixed.save(buffer, output_format.upper())
        return Image(buffer.getvalue())

    def generate_image_batch(
        self,
        prompts: list[str],
        *,
        negative_prompt: NegativePrompt = "",
        width: Width = 512,
        height: Height = 512,
        steps: Steps = 20,
        guidance_scale: GuidanceScale = 7.5,
        output_format: OutputFormat = "png",
        seed: Seed = 0,
        seeds: Annotated[list[int] | None, "one for each picture, in place of seed"] = None,
    ) -> list[Image]:
        """Draw several prompts with the same options."""
        each = [seed] * len(prompts) if seeds is None else seeds
        pictures = []
        for number, (prompt, own) in enumerate(zip(prompts, each, strict=True), 1):
            self.report((number - 1) / len(prompts), f"picture {number}/{len(prompts)}")
            picture = self.generate_image(
                prompt,
                negative_prompt=negative_prompt,
                width=width,
                height=height,
                steps=steps,
                guidance_scale=guidance_scale,
                output_format=output_format,
                seed=own,
            )
            pictures.append(picture)
        return pictures

    def _write(self, picture: Any, prompt: str) -> None:
        from PIL import ImageDraw, ImageFont

        font = ImageFont.load_default(self._text_size)
        draw = ImageDraw.Draw(picture)
        room = picture.width - 2 * MARGIN
        lines: list[str] = []
        for word in prompt.split():
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and draw.textlength(longer, font) <= room:
                lines[-1] = longer
            else:
                lines.append(word)
        draw.multiline_text(
            (MARGIN, MARGIN), "\n".join(lines), "white", font, stroke_width=2, stroke_fill="black"
        )
