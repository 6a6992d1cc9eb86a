"""Pictures as bytes with knowledge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnibind.contracts.media.base import Media

if TYPE_CHECKING:
    from typing import Any, ClassVar

    import numpy as np
    from typing_extensions import Self

    from omnibind.contracts.media.meta import Meta


class Image(Media):
    """A picture (PNG, JPEG, WebP, …) that knows its size.

    Args:
        data: The content, as exact ``bytes``; anything is kept. Use ``Image.of`` for other inputs.
        media_type: Believed only where the content doesn't tell.
        width: Pixels, where the engine knows; read from the content otherwise.
        height: Pixels, where the engine knows.
        meta: How it was made.

    Raises:
        BadInput: ``data`` isn't ``bytes``.
    """

    _family = "image"
    _noun = "a picture"
    _endings: ClassVar[dict[str, str]] = {
        "png": "image/png",
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "webp": "image/webp",
    }
    _kept_endings: ClassVar[dict[str, str]] = {"gif": "image/gif", "bmp": "image/bmp"}

    def __new__(
        cls,
        data: bytes,
        *,
        media_type: str | None = None,
        width: int | None = None,
        height: int | None = None,
        meta: Meta | None = None,
    ) -> Self:
        """Keep the content and what is known of it."""
        return cls._make(data, meta, {"media_type": media_type, "width": width, "height": height})

    @classmethod
    def from_array(cls, pixels: np.ndarray[Any, Any], *, meta: Meta | None = None) -> Self:
        """Return pixels as a PNG.

        Args:
            pixels: Shape (height, width) or (height, width, channels) with 1, 3 or 4 channels;
                uint8 in 0..255, or float in 0..1.
            meta: What the engine knows of how it was made.

        Raises:
            BadInput: Wrong shape or type, or values out of range.
        """
        from omnibind.contracts.media import codecs

        data, width, height = codecs.png_of_array(pixels)
        return cls._make(data, meta, {"width": width, "height": height})

    @property
    def width(self) -> int:
        """Width in pixels, as shown.

        Raises:
            BadInput: The content can't be read as a picture.
        """
        return int(self._fact("width"))

    @property
    def height(self) -> int:
        """Height in pixels, as shown.

        Raises:
            BadInput: The content can't be read as a picture.
        """
        return int(self._fact("height"))

    def array(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Return the pixels: uint8, shape (height, width, channels), 1, 3 or 4 channels.

        A picture that carries an orientation is turned as it is meant to be shown.

        Raises:
            BadInput: The content can't be decoded or is cut short.
        """
        from omnibind.contracts.media import codecs

        return codecs.decode_image(self, name="this picture")

    def _probe(self) -> dict[str, Any]:
        # A PNG's first chunk; one with an orientation (eXIf) is left to the codec.
        if self[12:16] == b"IHDR" and len(self) >= 24 and b"eXIf" not in self[:4096]:
            return {
                "width": int.from_bytes(self[16:20], "big"),
                "height": int.from_bytes(self[20:24], "big"),
            }
        from omnibind.contracts.media import codecs

        width, height = codecs.probe_image(self, name="this picture")
        return {"width": width, "height": height}

    def _describe(self) -> list[str]:
        return [f"{self.width}x{self.height}"]

    def _convert(self, ending: str) -> bytes:
        from omnibind.contracts.media import codecs

        return codecs.convert_image(self, ending, name="this picture")

    def _repr_html_(self) -> str:
        return f'<img src="{self.data_uri()}">'
