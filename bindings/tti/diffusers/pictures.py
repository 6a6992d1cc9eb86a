"""Pictures on their way into and out of a pipeline.

Source: diffusers 0.42, ``VaeImageProcessor``; Pillow.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

from omnibind.contracts.errors import BadInput, BadOption, BadOutput
from omnibind.contracts.media import Image, Meta, Source
from omnibind.contracts.media.codecs import decode_image

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_QUALITY: dict[str, dict[str, Any]] = {"png": {}, "jpeg": {"quality": 95}, "webp": {"quality": 95}}


def size_step(pipe: Any) -> int:
    """Return what width and height of a pipeline's pictures must be multiples of."""
    processor = getattr(pipe, "image_processor", None)
    step = processor.config.vae_scale_factor if processor is not None else 1
    patch = getattr(pipe, "patch_size", None)
    if isinstance(patch, int):
        step = math.lcm(step, patch * getattr(pipe, "vae_scale_factor", 1))
    return int(step)


def check_size(pipe: Any, **sides: int | None) -> None:
    """Refuse sizes that a pipeline would round in silence.

    Raises:
        BadOption: A side isn't a multiple of the pipeline's own step.
    """
    step = size_step(pipe)
    for name, side in sides.items():
        if side is not None and side % step:
            near = max(step, round(side / step) * step)
            raise BadOption(
                f"{name} is {side}; {type(pipe).__name__} makes multiples of {step} pixels: give "
                f"{near}"
            )


def whole_size(pipe: Any, arguments: dict[str, Any], default: Any) -> None:
    """Add the side that wasn't given to the one that was; alone, some pipelines ignore it.

    Args:
        pipe: The pipeline.
        arguments: Its own, changed in place.
        default: The pipeline's default by the name of a parameter; None where it computes it.

    Raises:
        BadOption: The pipeline doesn't tell its own size.
    """
    given = [side for side in ("width", "height") if side in arguments]
    if len(given) != 1:
        return
    other = "height" if given == ["width"] else "width"
    if default(other) is not None:
        return
    sample = getattr(pipe, "default_sample_size", None)
    if sample is None:
        sample = getattr(getattr(getattr(pipe, "unet", None), "config", None), "sample_size", None)
    if isinstance(sample, (list, tuple)):
        sample = sample[0 if other == "height" else 1]
    if not isinstance(sample, int):
        raise BadOption(
            f"{given[0]} is {arguments[given[0]]}, and {type(pipe).__name__} needs both sides; "
            f"give {other} too"
        )
    arguments[other] = sample * pipe.vae_scale_factor


def opened(given: Any, name: str, mode: str) -> PILImage:
    """Return a picture that was given, in ``RGB`` or ``L``.

    Raises:
        BadInput: It can't be read.
    """
    from PIL import Image as PILImages

    pixels = decode_image(Source.of(given).read(), name=f"the {name}")
    if pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    return PILImages.fromarray(pixels).convert(mode)


def fitting(
    pipe: Any, picture: PILImage, mask: PILImage | None, width: int | None, height: int | None
) -> tuple[PILImage, PILImage | None]:
    """Return a picture and its mask in the size that is to be drawn.

    Raises:
        BadInput: The picture's own size doesn't do, or the mask has another one.
        BadOption: The size asked for doesn't do.
    """
    if mask is not None and mask.size != picture.size:
        raise BadInput(
            f"the mask has {mask.width} x {mask.height} pixels, the picture {picture.width} x "
            f"{picture.height}; give a mask of the picture's size, white where it is drawn anew"
        )
    check_size(pipe, width=width, height=height)
    size = (width or picture.width, height or picture.height)
    step = size_step(pipe)
    if any(side % step for side in size):
        raise BadInput(
            f"the picture has {picture.width} x {picture.height} pixels; {type(pipe).__name__} "
            f"makes multiples of {step}: give width and height too, and it is resized to them"
        )
    if size == picture.size:
        return picture, mask
    return picture.resize(size), mask.resize(size) if mask is not None else None


def encoded(
    picture: PILImage, output_format: str, seed: int, warnings: tuple[str, ...] = ()
) -> Image:
    """Return a picture as a file."""
    buffer = io.BytesIO()
    if output_format == "jpeg":
        picture = picture.convert("RGB")
    picture.save(buffer, output_format, **_QUALITY[output_format])
    width, height = picture.size
    return Image(
        buffer.getvalue(), width=width, height=height, meta=Meta(seed=seed, warnings=warnings)
    )


def check_sizes_made(pictures: list[PILImage], width: int | None, height: int | None) -> None:
    """Refuse pictures of another size than asked for.

    Raises:
        BadOutput: The pipeline rounded it.
    """
    for picture in pictures:
        wanted = (width or picture.width, height or picture.height)
        if picture.size != wanted:
            raise BadOutput(
                f"{wanted[0]} x {wanted[1]} pixels were asked for, and the pipeline made "
                f"{picture.width} x {picture.height}; ask for that size",
                result=picture,
                rule="size",
            )
