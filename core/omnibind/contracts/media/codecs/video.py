"""Video in and out, by PyAV."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from omnibind.contracts.errors import BadInput, OmnibindError
from omnibind.contracts.media.codecs.opening import pyav, refuse_truncated, track
from omnibind.contracts.media.codecs.pictures import pixels_of
from omnibind.contracts.media.codecs.sound import SHORT_BY_S, decode_audio, resample
from omnibind.contracts.media.codecs.sound_out import add_aac, mux_aac

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    import numpy as np

    Pixels = np.ndarray[Any, np.dtype[Any]]
    Sound = tuple[np.ndarray[Any, np.dtype[Any]], int]

_BT709 = 1
_LIMITED = 1
MAX_FPS = 1000
AAC_RATE = 48_000


class VideoFacts(NamedTuple):
    """What a video says about itself: pixels, frames a second, seconds."""

    width: int
    height: int
    fps: float
    duration_s: float


def probe_video(content: bytes | str, *, name: str = "the video") -> VideoFacts:
    """Return size, rate and length of a video.

    Raises:
        BadInput: It can't be read as a video.
    """
    with pyav(content, name, "a video") as container:
        stream = track(container, "video", name)
        context, rate = stream.codec_context, stream.average_rate
        if stream.duration is not None and stream.time_base is not None:
            duration_s = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            duration_s = container.duration / 1_000_000
        else:
            count = sum(1 for _ in container.decode(stream))
            duration_s = count / float(rate) if rate else 0.0
        return VideoFacts(context.width, context.height, float(rate or 0), duration_s)


def decode_video(content: bytes | str, *, name: str = "the video") -> Iterator[Pixels]:
    """Yield the frames of a video: uint8, shape (height, width, 3).

    Raises:
        BadInput: It can't be decoded or is cut short.
    """
    refuse_truncated(content, name)
    with pyav(content, name, "a video") as container:
        stream = track(container, "video", name)
        stream.thread_type = "AUTO"
        count = 0
        for frame in container.decode(stream):
            count += 1
            yield frame.to_ndarray(format="rgb24")
        if stream.frames and stream.average_rate:
            missing = (stream.frames - count) / float(stream.average_rate)
            if missing > SHORT_BY_S:
                raise BadInput(
                    f"{name} is cut short: it declares {stream.frames} frames and {count} are "
                    f"there; expected a whole file; get it again"
                )


def encode_video(
    frames: Iterable[Pixels], fps: float, sound: Sound | None = None
) -> tuple[bytes, str | None]:
    """Encode frames as an MP4 (H.264, yuv420p, BT.709), with sound (AAC) where given.

    Args:
        frames: Shape (height, width, 3), all of one size; uint8, or float in 0..1.
        fps: Frames a second.
        sound: float32 samples of shape (frames, channels) and their rate.

    Returns:
        The file, and a note where a row or a column had to be added to make the size even.

    Raises:
        BadInput: No frames, a wrong shape, type or rate.
    """
    import av

    rate = _rate(fps)
    pictures = (_rgb(frame) for frame in frames)
    first = next(pictures, None)
    if first is None:
        raise BadInput("no frames were given; expected at least one")
    buffer = io.BytesIO()
    try:
        with av.open(buffer, "w", format="mp4") as container:
            video = _add_h264(container, first, rate)
            samples, audio = _add_sound(container, sound)
            _mux_frames(container, video, first, pictures)
            if audio is not None:
                mux_aac(container, audio, samples, AAC_RATE)
    except (av.error.FFmpegError, ValueError) as error:
        if isinstance(error, OmnibindError):
            raise
        raise BadInput(f"the frames can't be encoded as .mp4 ({error})") from error
    return buffer.getvalue(), _note(first)


def convert_video(content: bytes | str, *, name: str = "the video") -> bytes:
    """Return a video of any format as an MP4 with its sound, at its average frame rate.

    Raises:
        BadInput: It can't be decoded.
    """
    facts = probe_video(content, name=name)
    with pyav(content, name, "a video") as container:
        has_sound = bool(container.streams.audio)
    sound = decode_audio(content, name=name) if has_sound else None
    return encode_video(decode_video(content, name=name), facts.fps, sound)[0]


def _rate(fps: float) -> Fraction:
    try:
        rate = Fraction(float(fps)).limit_denominator(1001)
        good = 0 < rate <= MAX_FPS and not isinstance(fps, str)
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        raise BadInput(f"{fps!r} frames a second; expected a number above 0, at most {MAX_FPS}")
    return rate


def _rgb(frame: object) -> Pixels:
    pixels = pixels_of(frame)
    if pixels.ndim != 3 or pixels.shape[2] != 3:
        raise BadInput(f"a frame of shape {pixels.shape}; expected (height, width, 3); convert it")
    return pixels


def _even(pixels: Pixels) -> Pixels:
    import numpy as np

    height, width = pixels.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return pixels
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _note(first: Pixels) -> str | None:
    height, width = first.shape[:2]
    even = (width + width % 2, height + height % 2)
    if even == (width, height):
        return None
    return (
        f"frames of {width}x{height} pixels were widened to {even[0]}x{even[1]} with a copy of "
        f"their last column or row, because H.264 needs even sizes"
    )


def _add_h264(container: Any, first: Pixels, rate: Fraction) -> Any:
    height, width = _even(first).shape[:2]
    # With several threads the same frames now and then give other bytes.
    options = {"crf": "18", "preset": "veryfast", "threads": "1"}
    # Of small frames the lookahead's own assembler now and then gives other bytes, too.
    options["x264-params"] = "cpu-independent=1"
    stream = container.add_stream("libx264", rate=rate, options=options)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.time_base = stream.codec_context.time_base = 1 / rate
    context = stream.codec_context
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    return stream


def _add_sound(container: Any, sound: Sound | None) -> tuple[Any, Any]:
    if sound is None or not len(sound[0]):
        return None, None
    samples, rate = sound
    if samples.shape[1] > 2:
        samples = samples.mean(axis=1, keepdims=True)
    return resample(samples, rate, AAC_RATE), add_aac(container, AAC_RATE, samples.shape[1])


def _mux_frames(container: Any, stream: Any, first: Pixels, rest: Iterator[Pixels]) -> None:
    from itertools import chain

    import av

    for number, pixels in enumerate(chain((first,), rest)):
        if pixels.shape != first.shape:
            raise BadInput(
                f"frame {number} has shape {pixels.shape}; expected {first.shape} as the first; "
                f"give all frames in one size"
            )
        frame = av.VideoFrame.from_ndarray(_even(pixels), format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=_BT709)
        frame.pts, frame.time_base = number, stream.codec_context.time_base
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
