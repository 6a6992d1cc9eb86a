import io
from contextlib import suppress
from typing import Any

import av
import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image as PILImages

from omnibind.contracts.errors import OmnibindError
from omnibind.contracts.media import Audio, Image, Source, Video, sniff

RATE = 48000
TONE = (0.4 * np.sin(2 * np.pi * 440 * np.arange(RATE // 2) / RATE)).astype(np.float32)


def by_soundfile(container: Any, subtype: Any = None, samples: Any = TONE) -> Any:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format=container, subtype=subtype)
    return buffer.getvalue()


def by_pyav(container: Any, codec: Any) -> Any:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=RATE)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(TONE[None, :], format="fltp", layout="mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=RATE)
        for piece in resampler.resample(frame):
            output.mux(stream.encode(piece))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def film(container: Any, codec: Any, with_sound: Any = False) -> Any:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        sound: Any = output.add_stream("libopus", rate=RATE) if with_sound else None
        if sound is not None:
            sound.layout = "mono"
        for number in range(5):
            pixels = np.full((48, 64, 3), number * 40, np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))
        if sound is not None:
            frame = av.AudioFrame.from_ndarray(TONE[None, :], format="flt", layout="mono")
            frame.sample_rate = RATE
            output.mux(sound.encode(frame))
            output.mux(sound.encode(None))
    return buffer.getvalue()


def picture(kind: Any) -> Any:
    buffer = io.BytesIO()
    PILImages.new("RGB", (20, 10), (200, 10, 10)).save(buffer, kind)
    return buffer.getvalue()


def id3(content: Any) -> Any:
    return b"ID3\x04\x00\x00\x00\x00\x02\x00" + bytes(256) + content


MADE: dict[str, list[Any]] = {
    "audio/wav": [
        lambda: by_soundfile("WAV"),
        lambda: by_soundfile("WAVEX"),
        lambda: by_soundfile("RF64"),
    ],
    "audio/mpeg": [lambda: by_soundfile("MP3"), lambda: id3(by_soundfile("MP3"))],
    "audio/flac": [lambda: by_soundfile("FLAC"), lambda: id3(by_soundfile("FLAC"))],
    "audio/ogg": [lambda: by_soundfile("OGG", "VORBIS")],
    "audio/opus": [lambda: by_soundfile("OGG", "OPUS")],
    "audio/mp4": [lambda: by_pyav("ipod", "aac"), lambda: by_pyav("mp4", "aac")],
    "audio/aac": [lambda: by_pyav("adts", "aac")],
    "audio/webm": [lambda: by_pyav("webm", "libopus")],
    "audio/aiff": [lambda: by_soundfile("AIFF")],
    "image/png": [lambda: picture("PNG")],
    "image/jpeg": [lambda: picture("JPEG")],
    "image/webp": [lambda: picture("WEBP")],
    "image/gif": [lambda: picture("GIF")],
    "image/bmp": [lambda: picture("BMP")],
    "video/mp4": [lambda: film("mp4", "libx264"), lambda: film("mp4", "libx264", with_sound=True)],
    "video/quicktime": [lambda: film("mov", "libx264")],
    "video/webm": [lambda: film("webm", "libvpx"), lambda: film("webm", "libvpx", with_sound=True)],
    "video/x-matroska": [lambda: film("matroska", "libx264")],
    "text/html": [lambda: b"<!DOCTYPE html><html><body>404</body></html>", lambda: b"\n <html>"],
    "application/json": [lambda: b'{"error": "quota"}', lambda: b'[{"a": 1}]'],
    "text/plain": [
        lambda: b"hello there",
        lambda: "Grüße, 世界\n".encode() * 300,
        lambda: "hello there, this is UTF-16".encode("utf-16"),
    ],
    "application/octet-stream": [
        lambda: b"",
        lambda: b"\x00\x01\x02\x03" * 9,
        lambda: b"\xff\xfb\x90\x00",
    ],
}


@pytest.mark.parametrize(
    ("expected", "make"), [(kind, make) for kind, makers in MADE.items() for make in makers]
)
def test_content_decides_the_media_type(expected: Any, make: Any) -> None:
    assert sniff.media_type(make()) == expected


def test_an_mp4_without_pictures_is_a_sound_whatever_its_brand() -> None:
    data = bytearray(by_pyav("ipod", "aac"))
    assert data[8:12] == b"M4A "
    data[8:12] = b"isom"
    assert sniff.media_type(bytes(data)) == "audio/mp4"


def test_an_mp4_with_pictures_is_a_video_whatever_its_brand() -> None:
    data = bytearray(film("mp4", "libx264"))
    data[8:12] = b"M4A "
    assert sniff.media_type(bytes(data)) == "video/mp4"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello", "text"),
        (b"<html>", "an HTML page"),
        (b'{"a": 1}', "JSON"),
        (picture("PNG"), "a PNG picture"),
        (b"\x00\x01\x02", "binary data of an unknown kind"),
    ],
)
def test_what_content_looks_like_is_said_in_words(data: Any, words: str) -> None:
    assert sniff.looks_like(data) == words


MAGIC = [make()[:90] for makers in MADE.values() for make in makers]
JUNK = st.one_of(
    st.binary(max_size=400),
    st.tuples(st.sampled_from(MAGIC), st.integers(0, 90), st.binary(max_size=400)).map(
        lambda parts: parts[0][: parts[1]] + parts[2]
    ),
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(JUNK)
@example(b"ID3")
@example(b"RIFF\x00\x00\x00\x00WAVEfmt \xff\xff\xff\xff")
@example(b"\x00\x00\x00\x01moov")
def test_no_content_makes_sniffing_or_the_constructors_stumble(data: Any) -> None:
    assert "/" in sniff.media_type(data)
    for kind in (Audio, Image, Video):
        assert repr(kind(data)).startswith(f"<{kind.__name__} ")
        with suppress(OmnibindError):
            assert kind.from_bytes(data) == data


@settings(max_examples=150, deadline=None, derandomize=True)
@given(JUNK)
def test_no_content_makes_decoding_raise_anything_but_our_errors(data: Any) -> None:
    for decode in (
        lambda: Source.of(data).array(16000),
        lambda: Source.of(data).duration_s,
        lambda: Audio(data).array(),
        lambda: Image(data).array(),
        lambda: Image(data).width,
        lambda: list(Video(data).frames()),
        lambda: Video(data).fps,
    ):
        with suppress(OmnibindError):
            decode()
