"""Video as bytes with knowledge."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnibind.contracts.media.base import Media
from omnibind.contracts.media.meta import Meta

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, ClassVar

    import numpy as np
    from typing_extensions import Self

    from omnibind.contracts.media.inputs import AudioInput


class Video(Media):
    """A video (MP4, WebM) that knows its size, frame rate and length.

    Args:
        data: The content, as exact ``bytes``; anything is kept. Use ``Video.of`` for other inputs.
        media_type: Believed only where the content doesn't tell.
        width: Pixels, where the engine knows; read from the content otherwise.
        height: Pixels, where the engine knows.
        fps: Frames a second, where the engine knows.
        duration_s: Seconds, where the engine knows.
        meta: How it was made.

    Raises:
        BadInput: ``data`` isn't ``bytes``.
    """

    _family = "video"
    _noun = "a video"
    _endings: ClassVar[dict[str, str]] = {"mp4": "video/mp4"}
    _kept_endings: ClassVar[dict[str, str]] = {"webm": "video/webm", "mov": "video/quicktime"}

    def __new__(
        cls,
        data: bytes,
        *,
        media_type: str | None = None,
        width: int | None = None,
        height: int | None = None,
        fps: float | None = None,
        duration_s: float | None = None,
        meta: Meta | None = None,
    ) -> Self:
        """Keep the content and what is known of it."""
        facts = {
            "media_type": media_type,
            "width": width,
            "height": height,
            "fps": fps,
            "duration_s": duration_s,
        }
        return cls._make(data, meta, facts)

    @classmethod
    def from_frames(
        cls,
        frames: Iterable[np.ndarray[Any, Any]],
        fps: float,
        audio: AudioInput | None = None,
        *,
        meta: Meta | None = None,
    ) -> Self:
        """Return frames as an MP4 (H.264, yuv420p), with sound (AAC) where it is given.

        H.264 needs even sizes: an odd one gets one more row or column, a copy of the last, and
        ``meta.warnings`` says so.

        Args:
            frames: Each of shape (height, width, 3), all of one size; uint8 in 0..255, or float in
                0..1. An array of shape (frames, height, width, 3) will do.
            fps: Frames a second.
            audio: The sound that goes with it, from the first frame on.
            meta: What the engine knows of how it was made.

        Raises:
            BadInput: No frames, a wrong shape, type or rate, or a sound that can't be read.
        """
        from omnibind.contracts.media import codecs
        from omnibind.contracts.media.audio import Audio

        sound = None
        if audio is not None:
            sound = codecs.decode_audio(Audio.of(audio), name="the sound of the video")
        data, note = codecs.encode_video(frames, fps, sound)
        if note:
            told = meta or Meta()
            meta = told._replace(warnings=(*told.warnings, note))
        return cls._make(data, meta, {})

    @property
    def width(self) -> int:
        """Width in pixels.

        Raises:
            BadInput: The content can't be read as a video.
        """
        return int(self._fact("width"))

    @property
    def height(self) -> int:
        """Height in pixels.

        Raises:
            BadInput: The content can't be read as a video.
        """
        return int(self._fact("height"))

    @property
    def fps(self) -> float:
        """Frames a second, on average.

        Raises:
            BadInput: The content can't be read as a video.
        """
        return float(self._fact("fps"))

    @property
    def duration_s(self) -> float:
        """Length in seconds.

        Raises:
            BadInput: The content can't be read as a video.
        """
        return float(self._fact("duration_s"))

    def frames(self) -> Iterator[np.ndarray[Any, np.dtype[np.uint8]]]:
        """Yield the frames in order: uint8, shape (height, width, 3).

        Raises:
            BadInput: The content can't be decoded or is cut short.
        """
        from omnibind.contracts.media import codecs

        return codecs.decode_video(self, name="this video")

    def _probe(self) -> dict[str, Any]:
        from omnibind.contracts.media import codecs

        return codecs.probe_video(self, name="this video")._asdict()

    def _describe(self) -> list[str]:
        return [f"{self.width}x{self.height}", f"{self.fps:g} fps", f"{self.duration_s:.2f} s"]

    def _convert(self, ending: str) -> bytes:
        from omnibind.contracts.media import codecs

        return codecs.convert_video(self, name="this video")

    def _repr_html_(self) -> str:
        return f'<video controls src="{self.data_uri()}"></video>'
