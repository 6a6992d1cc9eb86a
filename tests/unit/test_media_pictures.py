"""Pictures and videos: real encodes and decodes."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image as PILImages

from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import Audio, Image, Source, Video
from omnibind.contracts.media.save import encode


def gradient(height: Any = 40, width: Any = 61) -> Any:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 5, columns * 4, rows + columns], axis=2).astype(np.uint8)


@pytest.mark.parametrize(("ending", "near"), [("png", 0), ("jpg", 12), ("jpeg", 12), ("webp", 25)])
def test_a_picture_survives_every_format(ending: str, near: Any) -> None:
    made = Image.from_array(gradient())
    assert (made.width, made.height, made.media_type) == (61, 40, "image/png")
    coded = Image(bytes(encode(made, ending)))
    assert (coded.width, coded.height) == (61, 40)
    pixels = coded.array()
    assert pixels.dtype == np.uint8
    assert pixels.shape == (40, 61, 3)
    assert np.abs(pixels.astype(int) - gradient()).max() <= near


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_other_pictures_are_read_and_converted(kind: Any) -> None:
    buffer = io.BytesIO()
    PILImages.fromarray(gradient()).save(buffer, kind)
    image = Image.from_bytes(buffer.getvalue())
    assert (image.width, image.height) == (61, 40)
    assert Image(bytes(encode(image, "png"))).array().shape == (40, 61, 3)


def test_floats_grey_and_transparent_pixels_are_accepted() -> None:
    floats = gradient() / 255
    assert np.array_equal(Image.from_array(floats).array(), gradient())
    grey = gradient()[:, :, 0]
    assert Image.from_array(grey).array().shape == (40, 61, 1)
    assert np.array_equal(Image.from_array(grey[:, :, None]).array()[:, :, 0], grey)
    clear = np.dstack([gradient(), np.zeros((40, 61), np.uint8)])
    assert Image.from_array(clear).array().shape == (40, 61, 4)
    white = Image(bytes(encode(Image.from_array(clear), "jpg"))).array()
    assert white.shape == (40, 61, 3)
    assert white.min() > 250


@pytest.mark.parametrize(
    ("pixels", "match"),
    [
        (np.zeros((4, 4, 2), np.uint8), "shape"),
        (np.zeros(4, np.uint8), "shape"),
        (np.zeros((0, 4, 3), np.uint8), "at least one"),
        (np.zeros((4, 4, 3), np.int32), "int32"),
        (np.full((4, 4, 3), np.nan), "0..1"),
        (np.full((4, 4, 3), 255.0), "scale"),
        (np.full((4, 4, 3), "x"), "type"),
    ],
)
def test_pixels_that_are_no_picture_are_refused(pixels: Any, match: str) -> None:
    with pytest.raises(BadInput, match=match):
        Image.from_array(pixels)


def test_a_turned_photo_is_shown_upright() -> None:
    buffer = io.BytesIO()
    exif = PILImages.Exif()
    exif[0x0112] = 6
    PILImages.fromarray(gradient()).save(buffer, "JPEG", exif=exif)
    image = Image.from_bytes(buffer.getvalue())
    assert (image.width, image.height) == (40, 61)
    assert image.array().shape == (61, 40, 3)
    assert Image(bytes(encode(image, "png"))).array().shape == (61, 40, 3)


def test_sixteen_bits_are_scaled_and_not_cut_off() -> None:
    buffer = io.BytesIO()
    ramp = (np.arange(256, dtype=np.uint16) << 8).reshape(16, 16)
    PILImages.fromarray(ramp).save(buffer, "PNG")
    assert np.array_equal(Image.from_bytes(buffer.getvalue()).array()[:, :, 0].ravel(), range(256))


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_a_cut_picture_is_refused_when_it_is_decoded(ending: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    whole = bytes(encode(Image.from_array(noise), ending))
    with pytest.raises(BadInput, match="can't be decoded as a picture"):
        Image.from_bytes(whole[: len(whole) // 2]).array()


def test_a_picture_is_made_of_a_pil_image_an_array_or_an_open_file(tmp_path: Path) -> None:
    picture = PILImages.fromarray(gradient())
    place = tmp_path / "a.bin"
    place.write_bytes(Image.from_array(gradient()))
    with place.open("rb") as file:
        for given in (picture, gradient(), place, str(place), file, Source.file(place)):
            assert np.array_equal(Image.of(given).array(), gradient())
    palette = picture.convert("P")
    assert Image.of(palette).array().shape == (40, 61, 3)


def frames(count: Any = 24, height: Any = 48, width: Any = 64) -> Iterator[Any]:
    for number in range(count):
        yield np.full((height, width, 3), (200, 30, number * 8), np.uint8)


def test_a_video_of_frames_comes_back_with_its_facts_and_colours() -> None:
    video = Video.from_frames(frames(), 12)
    assert (video.media_type, video.width, video.height) == ("video/mp4", 64, 48)
    assert video.fps == pytest.approx(12)
    assert video.duration_s == pytest.approx(2.0, abs=0.01)
    assert video.meta.warnings == ()
    shown = list(video.frames())
    assert len(shown) == 24
    for number, pixels in enumerate(shown):
        assert pixels.dtype == np.uint8
        assert pixels.shape == (48, 64, 3)
        assert np.abs(pixels[24, 32].astype(int) - (200, 30, number * 8)).max() <= 6
    with av.open(io.BytesIO(video)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert not container.streams.audio


def test_the_same_frames_make_the_same_video() -> None:
    assert Video.from_frames(frames(), 12) == Video.from_frames(frames(), 12)


def test_an_array_or_floats_make_a_video_too() -> None:
    stack = np.stack(list(frames(5)))
    assert Video.from_frames(stack, 5) == Video.from_frames(stack / 255, 5)


def test_an_odd_size_is_widened_and_said() -> None:
    video = Video.from_frames(frames(4, 41, 61), 10)
    assert (video.width, video.height) == (62, 42)
    assert "61x41" in video.meta.warnings[0]
    assert "62x42" in video.meta.warnings[0]


@pytest.mark.parametrize("fps", [29.97, 30000 / 1001, 24, 0.5])
def test_frame_rates_are_kept(fps: Any) -> None:
    assert Video.from_frames(frames(6), fps).fps == pytest.approx(fps, rel=1e-3)


def test_sound_goes_with_a_video_and_can_be_read_back() -> None:
    times = np.arange(44100) / 44100
    tone = (0.5 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
    video = Video.from_frames(frames(12), 12, audio=(tone, 44100))
    assert video.media_type == "video/mp4"
    assert video.duration_s == pytest.approx(1.0, abs=0.01)
    heard = Source.of(video, "audio").array(16000)
    assert len(heard) == pytest.approx(16000, abs=350)
    spectrum = np.abs(np.fft.rfft(heard[:15000]))
    assert spectrum.argmax() * 16000 / 15000 == pytest.approx(440, abs=3)
    assert np.sqrt((heard**2).mean()) == pytest.approx(0.353, abs=0.02)


@pytest.mark.parametrize(
    ("given", "fps", "match"),
    [
        ([], 12, "no frames"),
        ([np.zeros((8, 8), np.uint8)], 12, "shape"),
        ([np.zeros((8, 8, 3), np.int16)], 12, "int16"),
        ([np.zeros((8, 8, 3), np.uint8), np.zeros((8, 10, 3), np.uint8)], 12, "frame 1 has shape"),
        ([np.zeros((8, 8, 3), np.uint8)], 0, "frames a second"),
        ([np.zeros((8, 8, 3), np.uint8)], float("nan"), "frames a second"),
        ([np.zeros((8, 8, 3), np.uint8)], "12", "frames a second"),
    ],
)
def test_frames_that_are_no_video_are_refused(given: Any, fps: Any, match: str) -> None:
    with pytest.raises(BadInput, match=match):
        Video.from_frames(given, fps)


def test_a_cut_video_is_refused() -> None:
    whole = bytes(Video.from_frames(frames(), 12))
    with pytest.raises(BadInput, match="cut short"):
        list(Video(whole[: len(whole) * 2 // 3]).frames())
    with pytest.raises(BadInput, match="cut short"):
        Video.from_bytes(whole[: len(whole) * 2 // 3])


def test_a_webm_is_converted_to_mp4_with_its_sound() -> None:
    buffer = io.BytesIO()
    tone = (0.5 * np.sin(np.arange(48000) / 20)).astype(np.float32)
    with av.open(buffer, "w", format="webm") as output:
        stream = output.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        sound = output.add_stream("libopus", rate=48000)
        sound.layout = "mono"
        for pixels in frames(10):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))
        frame = av.AudioFrame.from_ndarray(tone[None, :], format="flt", layout="mono")
        frame.sample_rate = 48000
        output.mux(sound.encode(frame))
        output.mux(sound.encode(None))
    webm = Video.from_bytes(buffer.getvalue())
    assert webm.fps == pytest.approx(10)
    made = Video(bytes(encode(webm, "mp4")))
    assert made.media_type == "video/mp4"
    assert len(list(made.frames())) == 10
    assert np.sqrt((Source.of(made, "audio").array(48000) ** 2).mean()) == pytest.approx(
        0.353, abs=0.03
    )
    with pytest.raises(BadInput, match="cut short"):
        Source.of(buffer.getvalue()[:-2000]).read()


def test_a_video_without_sound_is_no_sound() -> None:
    video = Video.from_frames(frames(3), 3)
    with pytest.raises(BadInput, match="holds no sound"):
        Source.of(video, "audio").array(16000)
    with pytest.raises(BadInput, match="holds an MP4 video"):
        Audio.of(video)
