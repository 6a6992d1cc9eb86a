"""Pictures in and out, by Pillow."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import sniff

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from PIL import Image as PILImages

    Pixels = np.ndarray[Any, np.dtype[Any]]

_QUALITY: dict[str, dict[str, Any]] = {
    "png": {"format": "PNG"},
    "jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    "jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    "webp": {"format": "WEBP", "quality": 95},
}
_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
_ORIENTATION = 0x0112


def png_of_array(pixels: Pixels) -> tuple[bytes, int, int]:
    """Return pixels as a PNG, with its width and height.

    Args:
        pixels: Shape (height, width) or (height, width, channels) with 1, 3 or 4 channels; uint8,
            or float in 0..1.

    Raises:
        BadInput: Wrong shape or type, or values out of range.
    """
    from PIL import Image as PILImages

    return png_of_pil(PILImages.fromarray(pixels_of(pixels)))


def pixels_of(pixels: object) -> Pixels:
    """Return pixels as uint8, shape (height, width) or (height, width, 3 or 4).

    Raises:
        BadInput: Wrong shape or type, or values out of range.
    """
    import numpy as np

    try:
        array = np.asarray(pixels)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadInput(f"these pixels are no array ({error}); expected numbers") from error
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise BadInput(
            f"pixels of shape {array.shape}; expected (height, width) or (height, width, 3 or 4); "
            f"reshape them"
        )
    if not array.size:
        raise BadInput(f"pixels of shape {array.shape}; expected at least one; check the size")
    if array.dtype.kind == "f":
        # Not (a ≤ x ≤ b) also catches NaN. A little over is rounding of a model's last step.
        if not ((array >= -0.001) & (array <= 1.001)).all():
            raise BadInput(
                f"pixels from {array.min():g} to {array.max():g}; expected floats in 0..1, or "
                f"uint8; scale them"
            )
        array = (np.clip(array, 0.0, 1.0) * 255.0).round().astype(np.uint8)
    if array.dtype != np.uint8:
        raise BadInput(f"pixels of type {array.dtype}; expected uint8, or floats in 0..1")
    return np.ascontiguousarray(array)


def png_of_pil(picture: PILImages.Image) -> tuple[bytes, int, int]:
    """Return a PIL image as a PNG, with its width and height.

    Raises:
        BadInput: It isn't a PIL image or can't be encoded.
    """
    from PIL import Image as PILImages

    if not isinstance(picture, PILImages.Image):
        raise BadInput(f"an object of type {type(picture).__name__}; expected a PIL image")
    try:
        shown = _as_shown(picture)
        buffer = io.BytesIO()
        shown.save(buffer, **_QUALITY["png"])
    except (OSError, ValueError) as error:
        raise BadInput(f"this PIL image can't be encoded ({error}); check it") from error
    return buffer.getvalue(), shown.width, shown.height


def decode_image(content: bytes, *, name: str = "the picture") -> Pixels:
    """Return a picture as uint8 pixels, shape (height, width, channels), turned as it is shown.

    Raises:
        BadInput: It can't be decoded or is cut short.
    """
    import numpy as np

    array = np.array(_decoded(content, name))
    return array[:, :, None] if array.ndim == 2 else array


def probe_image(content: bytes, *, name: str = "the picture") -> tuple[int, int]:
    """Return width and height of a picture as it is shown, without decoding it.

    Raises:
        BadInput: It can't be read as a picture.
    """
    from PIL import Image as PILImages

    try:
        with PILImages.open(io.BytesIO(content)) as picture:
            width, height = picture.size
            turned = picture.getexif().get(_ORIENTATION) in _TURNED
    except Exception as error:
        raise _unreadable(name, content, error) from error
    return (height, width) if turned else (width, height)


def convert_image(content: bytes, ending: str, *, name: str = "the picture") -> bytes:
    """Return a picture in another format.

    JPEG holds no transparency: the picture is laid on white.

    Args:
        content: The picture.
        ending: ``png``, ``jpg``, ``jpeg`` or ``webp``.
        name: What to call it in a message.

    Raises:
        BadInput: It can't be decoded or encoded.
    """
    from PIL import Image as PILImages

    picture = _decoded(content, name)
    if ending in ("jpg", "jpeg") and picture.mode == "RGBA":
        white = PILImages.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = PILImages.alpha_composite(white, picture).convert("RGB")
    buffer = io.BytesIO()
    try:
        picture.save(buffer, **_QUALITY[ending])
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{picture.width}x{picture.height} pixels can't be encoded as .{ending} ({error}); "
            f"save as .png"
        ) from error
    return buffer.getvalue()


def _decoded(content: bytes, name: str) -> PILImages.Image:
    from PIL import Image as PILImages

    try:
        with PILImages.open(io.BytesIO(content)) as picture:
            picture.load()
            return _as_shown(picture)
    # Pillow's readers raise whatever a broken file makes them stumble on.
    except Exception as error:
        raise _unreadable(name, content, error) from error


def _as_shown(picture: PILImages.Image) -> PILImages.Image:
    """Return a picture turned upright, as L, RGB or RGBA."""
    from PIL import ImageOps

    upright = ImageOps.exif_transpose(picture)
    if upright.mode in ("L", "RGB", "RGBA"):
        return upright
    if upright.mode in ("1", "I;16", "I;16B", "I;16L", "I;16N"):
        return _sixteen_bit(upright) if upright.mode.startswith("I") else upright.convert("L")
    clear = upright.mode in ("LA", "La", "PA", "RGBa") or "transparency" in upright.info
    return upright.convert("RGBA" if clear else "RGB")


def _sixteen_bit(picture: PILImages.Image) -> PILImages.Image:
    # Pillow's own conversion clips 16 bits at 255 instead of scaling them.
    import numpy as np
    from PIL import Image as PILImages

    return PILImages.fromarray((np.asarray(picture) >> 8).astype(np.uint8))


def _unreadable(name: str, content: bytes, error: BaseException) -> BadInput:
    return BadInput(
        f"{name} looks like {sniff.looks_like(content)} and can't be decoded as a picture "
        f"({error}); expected {sniff.ACCEPTED['image']}; check where it came from"
    )
