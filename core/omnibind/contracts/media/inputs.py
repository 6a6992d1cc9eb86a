"""The types that a caller may give where a sound, a picture or a video is asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, BinaryIO

from omnibind.contracts.media.source import Source

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from PIL.Image import Image as PILImage

    Array = np.ndarray[Any, Any]
else:
    Array = PILImage = object  # numpy and Pillow are heavy; checkers see the real ones


class MediaKind:
    """Marks an annotation as a media input; the option schema recognises it by this.

    Attributes:
        family: ``audio``, ``image`` or ``video``.
    """

    __slots__ = ("family",)

    def __init__(self, family: str) -> None:
        self.family = family

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MediaKind) and other.family == self.family

    def __hash__(self) -> int:
        return hash((MediaKind, self.family))

    def __repr__(self) -> str:
        return f"MediaKind({self.family!r})"


_Common = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Source

AudioInput = Annotated[_Common | tuple[Array, int], MediaKind("audio")]
"""A path, bytes, base64 text, a data URI, a file object, ``(array, sample_rate)`` or a Source."""

ImageInput = Annotated[_Common | Array | PILImage, MediaKind("image")]
"""A path, bytes, base64 text, a data URI, a file object, an array, a PIL image or a Source."""

VideoInput = Annotated[_Common, MediaKind("video")]
"""A path, bytes, base64 text, a data URI, a file object or a Source."""
