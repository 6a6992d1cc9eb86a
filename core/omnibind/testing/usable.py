"""When a result is usable: of the right kind, whole, decodable, not empty, its facts true."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import Audio, Image, Transcript, Video
from omnibind.contracts.media.base import Media

from . import decoding
from .decoding import Film, Sound

if TYPE_CHECKING:
    from .decoding import Array

SILENCE = 1e-3
"""Peak below which a sound counts as silent: −60 dB under full scale."""

BLANK = 1.0
"""Standard deviation of the 0..255 pixels below which a picture counts as blank."""

STILL = 0.05
"""Mean difference of the 0..255 pixels between frames that encoding alone can bring about."""


def assert_sound(result: object, told: str) -> Sound:
    """Assert that ``result`` is a usable sound; return it decoded."""
    import numpy as np

    audio = Audio(_bytes(result, Audio, told))
    try:
        sound = decoding.sound_of(audio)
        audio.array()
    except (BadInput, OSError, RuntimeError) as error:
        raise AssertionError(f"{told}: the sound can't be decoded: {error}") from error
    assert len(sound.samples), f"{told}: the sound has no samples"
    assert np.isfinite(sound.samples).all(), f"{told}: the sound has samples that aren't finite"
    peak = float(np.abs(sound.samples).max())
    assert peak > SILENCE, f"{told}: the sound is silent (peak {peak:g})"
    # MP3 and Opus overshoot a little where the sound was at full scale.
    assert peak <= 1.1, f"{told}: the samples go up to {peak:g}; they belong in −1..1"
    assert audio.sample_rate == sound.sample_rate, (
        f"{told}: sample_rate says {audio.sample_rate}, the content has {sound.sample_rate}"
    )
    channels = sound.samples.shape[1]
    assert audio.channels == channels, (
        f"{told}: channels says {audio.channels}, the content has {channels}"
    )
    # Lossy formats pad the first and last frame.
    assert abs(audio.duration_s - sound.duration_s) < 0.1, (
        f"{told}: duration_s says {audio.duration_s:.3f}, the content has {sound.duration_s:.3f}"
    )
    return sound


def assert_picture(result: object, told: str) -> tuple[int, int]:
    """Assert that ``result`` is a usable picture; return its width and height."""
    from PIL import ImageStat

    image = Image(_bytes(result, Image, told))
    try:
        picture = decoding.picture_of(image)
        image.array()
    except (BadInput, OSError, SyntaxError) as error:
        raise AssertionError(f"{told}: the picture can't be decoded: {error}") from error
    assert (image.width, image.height) == picture.size, (
        f"{told}: the facts say {image.width}x{image.height}, the content is "
        f"{picture.width}x{picture.height}"
    )
    spread = max(ImageStat.Stat(picture.convert("RGB")).stddev)
    assert spread > BLANK, f"{told}: the picture is blank"
    return picture.size


def assert_film(result: object, told: str) -> Film:
    """Assert that ``result`` is a usable video; return it decoded."""
    video = Video(_bytes(result, Video, told))
    try:
        film = decoding.film_of(video)
    except (BadInput, OSError, IndexError) as error:
        raise AssertionError(f"{told}: the video can't be decoded: {error}") from error
    assert film.frames, f"{told}: the video has no frames"
    height, width = film.frames[0].shape[:2]
    assert (video.width, video.height) == (width, height), (
        f"{told}: the facts say {video.width}x{video.height}, the content is {width}x{height}"
    )
    assert abs(video.fps - film.fps) < 0.01 * film.fps, (
        f"{told}: fps says {video.fps:g}, the content has {film.fps:g}"
    )
    length = len(film.frames) / film.fps
    assert abs(video.duration_s - length) <= 1.5 / film.fps, (
        f"{told}: duration_s says {video.duration_s:.3f}, {len(film.frames)} frames at "
        f"{film.fps:g} a second last {length:.3f}"
    )
    assert any(frame.std() > BLANK for frame in film.frames), f"{told}: every frame is blank"
    moved = max(_difference(frame, film.frames[0]) for frame in film.frames)
    assert len(film.frames) == 1 or moved > STILL, (
        f"{told}: nothing moves; all {len(film.frames)} frames are the same"
    )
    return film


def _difference(one: Array, other: Array) -> float:
    return float(abs(one.astype(float) - other).mean())


def assert_transcript(result: object, duration_s: float, told: str) -> Transcript:
    """Assert that ``result`` is a usable transcript of a sound that long; return it."""
    if type(result) is str:
        return Transcript(result)
    assert isinstance(result, Transcript), (
        f"{told}: the result is {type(result).__name__}; give Transcript or str"
    )
    end = 0.0
    for segment in result.segments:
        name = f"{told}: the segment {segment.text!r} ({segment.start:g}–{segment.end:g} s)"
        assert 0 <= segment.start <= segment.end, f"{name} ends before it starts"
        # Engines round times to their frames of 20 ms.
        assert segment.start >= end - 0.05, f"{name} starts before the one before it ended"
        assert segment.end <= duration_s + 0.05, f"{name} ends after the sound ({duration_s:g} s)"
        end = segment.end
        before = segment.start
        for word in segment.words:
            times = f"({word.start:g}–{word.end:g} s)"
            assert before - 0.05 <= word.start <= word.end <= segment.end + 0.05, (
                f"{name}: the word {word.text!r} {times} isn't in its place"
            )
            before = word.start
        if segment.words:
            words = "".join("".join(word.text for word in segment.words).split())
            assert words == "".join(segment.text.split()), f"{name}: its words join to {words!r}"
    if result.segments:
        text = "".join("".join(segment.text for segment in result.segments).split())
        assert text == "".join(str(result).split()), f"{told}: the segments say {text!r}"
    return result


def _bytes(result: object, media: type[Media], told: str) -> bytes:
    kind = type(result)
    assert kind in (media, bytes), (
        f"{told}: the result is {kind.__name__}; give {media.__name__} or exact bytes"
    )
    assert isinstance(result, bytes)
    assert result, f"{told}: the result is empty"
    name = media.__name__.lower()
    content = result if isinstance(result, media) else media.from_bytes(result)
    assert content.media_type.startswith(f"{name}/"), (
        f"{told}: the content is {content.media_type}, not {name}"
    )
    return content
