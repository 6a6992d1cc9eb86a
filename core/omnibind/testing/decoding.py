"""Results decoded by the libraries themselves, so that the suites don't trust our own facts."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image as PILImage

    Array = np.ndarray[Any, Any]


class Sound(NamedTuple):
    """A decoded sound.

    Attributes:
        samples: float32, shape (frames, channels), −1..1.
        sample_rate: Frames a second.
    """

    samples: Array
    sample_rate: int

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return len(self.samples) / self.sample_rate


class Film(NamedTuple):
    """A decoded video.

    Attributes:
        frames: The pictures, uint8, shape (height, width, 3) each.
        fps: Pictures a second, as the container says.
    """

    frames: list[Array]
    fps: float


def sound_of(data: bytes) -> Sound:
    """Decode a sound with libsndfile, or with ffmpeg's libraries where that can't."""
    import numpy as np
    import soundfile  # type: ignore[import-untyped]

    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return _sound_by_av(data)
    return Sound(np.asarray(samples), int(rate))


def _sound_by_av(data: bytes) -> Sound:
    import av
    import numpy as np

    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", rate=stream.rate)
        parts = [
            piece.to_ndarray()
            for frame in [*container.decode(stream), None]
            for piece in resampler.resample(frame)
        ]
        return Sound(np.concatenate(parts, axis=1).T, int(stream.rate))


def picture_of(data: bytes) -> PILImage:
    """Decode a picture with Pillow, completely."""
    import PIL.Image

    picture = PIL.Image.open(io.BytesIO(data))
    picture.load()
    return picture


def film_of(data: bytes) -> Film:
    """Decode every picture of a video with ffmpeg's libraries."""
    import av

    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or 0)
        return Film([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)], fps)
