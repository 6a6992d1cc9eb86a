import gc
import io
import os
import re
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, get_args

import av
import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from omnibind.contracts.errors import BadInput, FetchFailed, Offline
from omnibind.contracts.media import (
    Audio,
    AudioInput,
    Image,
    ImageInput,
    MediaKind,
    Source,
    VideoInput,
    fetch,
)
from omnibind.contracts.media.save import encode

RATE = 22050
TIMES = np.arange(RATE // 2) / RATE
TONE = (0.5 * np.sin(2 * np.pi * 440 * TIMES)).astype(np.float32)
WAV = bytes(Audio.from_array((TONE * 32767).astype(np.int16), RATE))
FORMATS = ["wav", "flac", "ogg", "mp3", "opus", "m4a"]


def made(ending: str, samples: Any = TONE, rate: Any = RATE) -> Any:
    return bytes(encode(Audio.from_array(samples, rate), ending))


def adts() -> Any:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="adts") as output:
        stream = output.add_stream("aac", rate=RATE)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(TONE[None, :], format="fltp", layout="mono")
        frame.sample_rate = RATE
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def pitch(samples: Any, rate: Any) -> Any:
    return np.abs(np.fft.rfft(samples * np.hanning(len(samples)))).argmax() * rate / len(samples)


@pytest.mark.parametrize("ending", FORMATS)
def test_every_format_is_read_as_16_khz_mono_from_a_path_and_from_bytes(
    ending: str, tmp_path: Path
) -> None:
    content = made(ending)
    place = tmp_path / "wrong ending.txt"
    place.write_bytes(content)
    for given in (content, place, str(place)):
        samples = Source.of(given).array(16000)
        assert samples.dtype == np.float32
        assert samples.shape == (pytest.approx(8000, abs=20),)
        assert pitch(samples, 16000) == pytest.approx(440, abs=4)
        assert np.sqrt((samples**2).mean()) == pytest.approx(0.353, abs=0.02)
        assert Source.of(given).duration_s == pytest.approx(0.5, abs=0.003)


def test_raw_aac_is_read_too() -> None:
    source = Source.of(adts())
    assert source.media_type == "audio/aac"
    assert source.duration_s == pytest.approx(0.5, abs=0.1)
    assert pitch(source.array(16000), 16000) == pytest.approx(440, abs=4)


def test_every_spelling_of_an_input_gives_the_same_content(tmp_path: Path) -> None:
    place = tmp_path / "a.wav"
    place.write_bytes(WAV)
    text = b64encode(WAV).decode()
    with place.open("rb") as file:
        spellings: list[Any] = [
            place,
            str(place),
            WAV,
            bytearray(WAV),
            memoryview(WAV),
            Audio(WAV),
            text,
            f"data:audio/wav;base64,{text}",
            file,
            io.BytesIO(WAV),
            ((TONE * 32767).astype(np.int16), RATE),
            Source.file(place),
            Source.base64(text),
            Source.of(WAV),
        ]
        for given in spellings:
            assert Source.of(given, "audio").read() == WAV
    for given in (place, WAV, text, io.BytesIO(WAV), ((TONE * 32767).astype(np.int16), RATE)):
        found = Audio.of(given)
        assert type(found) is Audio
        assert found == WAV
    audio = Audio(WAV)
    assert Audio.of(audio) is audio


def test_nothing_is_opened_until_it_is_read(tmp_path: Path) -> None:
    place = tmp_path / "later.wav"
    source = Source.of(place)
    assert repr(source) == f"<Source {str(place)!r}>"
    place.write_bytes(WAV)
    assert source.read() == WAV

    class Untouchable:
        def read(self) -> None:
            raise AssertionError("it was read")

    untouchable: Any = Untouchable()
    Source.of(untouchable)


def test_a_path_that_is_given_is_the_path_that_comes_back(tmp_path: Path) -> None:
    place = tmp_path / "a.wav"
    place.write_bytes(WAV)
    with Source.of(str(place)) as source:
        assert source.path() == place
    assert place.exists()


def test_other_inputs_get_a_temporary_file_that_goes_with_the_source() -> None:
    with Source.of(WAV) as source:
        place = source.path()
        assert place.read_bytes() == WAV
        assert place.suffix == ".wav"
        assert source.path() == place
    assert not place.exists()
    source = Source.of(made("mp3"))
    place = source.path()
    assert place.suffix == ".mp3"
    assert place.exists()
    del source
    gc.collect()
    assert not place.exists()


def test_a_forked_child_leaves_the_temporary_file_alone() -> None:
    from omnibind.contracts.media.source import _remove

    with Source.of(WAV) as source:
        place = source.path()
        _remove(str(place), os.getpid() + 1)
        assert place.exists()


def test_channels_are_mixed_by_the_mean() -> None:
    left, right = TONE, np.zeros_like(TONE)
    stereo = np.stack([left, right], axis=1)
    for ending in ("wav", "m4a"):
        mono = Source.of(made(ending, stereo)).array(RATE)
        assert np.sqrt((mono**2).mean()) == pytest.approx(0.353 / 2, rel=0.06)
    same = Source.of(made("wav", np.stack([left, left], axis=1))).array(RATE)
    assert np.allclose(same, left, atol=1e-4)


def test_more_channels_are_given_where_the_sound_has_them_or_is_mono() -> None:
    stereo = np.stack([TONE, -TONE], axis=1)
    both = Source.of(made("wav", stereo)).array(44100, channels=2)
    assert both.shape == (22050, 2)
    assert np.allclose(both[:, 0], -both[:, 1], atol=1e-4)
    assert Source.of(WAV).array(RATE, channels=2).shape == (len(TONE), 2)
    three = made("wav", np.stack([TONE] * 3, axis=1))
    with pytest.raises(BadInput, match="has 3 channels; expected 2 or 1"):
        Source.of(three).array(RATE, channels=2)


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"),
    [(48000, 8, 0.2), (192000, 2, 0.2), (8000, 1, 0.05), (44100, 1, 0.05)],
)
def test_odd_but_whole_sounds_are_served(rate: Any, channels: Any, seconds: Any) -> None:
    times = np.arange(round(rate * seconds)) / rate
    samples = np.repeat(0.5 * np.sin(2 * np.pi * 440 * times)[:, None], channels, axis=1)
    found = Source.of((samples, rate)).array(16000)
    assert found.shape == (pytest.approx(16000 * seconds, abs=2),)
    assert np.abs(found).max() == pytest.approx(0.5, abs=0.05)


def test_a_pipe_can_be_given_as_a_path(tmp_path: Path) -> None:
    place = tmp_path / "pipe"
    os.mkfifo(place)
    writer = threading.Thread(target=place.write_bytes, args=(WAV,))
    writer.start()
    source = Source.of(place)
    assert len(source.array(RATE)) == len(TONE)
    assert source.read() == WAV
    writer.join()


def bad_files(folder: Any) -> Any:
    def put(name: str, content: Any) -> Any:
        (folder / name).write_bytes(content)
        return folder / name

    wav24 = io.BytesIO()
    soundfile.write(wav24, TONE, RATE, format="WAV", subtype="PCM_24")
    nan = np.array(TONE)
    nan[5] = np.nan
    raw = io.BytesIO()
    soundfile.write(raw, nan, RATE, format="WAV", subtype="FLOAT")
    return {
        "missing": (folder / "none.wav", "there is no file"),
        "under a file": (put("file", b"x") / "a.wav", "there is no file"),
        "folder": (folder, "is a folder"),
        "empty": (put("empty.wav", b""), "is empty"),
        "text": (put("text.wav", b"hello, this is text"), "holds text"),
        "web page": (put("page.mp3", b"<!DOCTYPE html><p>404"), "holds an HTML page"),
        "json": (put("error.wav", b'{"detail": "no credit"}'), "holds JSON"),
        "picture": (put("p.wav", Image.from_array(np.zeros((4, 4), np.uint8))), "a PNG picture"),
        "junk": (put("junk.wav", bytes(range(256)) * 4), "binary data of an unknown kind"),
        "half wav": (put("half.wav", WAV[: len(WAV) // 2]), "cut short: it declares"),
        "wav without samples": (put("head.wav", WAV[:30]), "cut short: its header isn't whole"),
        "half 24-bit wav": (put("w24.wav", wav24.getvalue()[:-90]), "cut short"),
        "NaN": (put("nan.wav", raw.getvalue()), "NaN or infinite"),
    }


BAD_FILES = [
    *("missing", "under a file", "folder", "empty", "text", "web page", "json", "picture", "junk"),
    *("half wav", "wav without samples", "half 24-bit wav", "NaN"),
]


@pytest.mark.parametrize("which", BAD_FILES)
def test_a_bad_file_is_refused_with_its_path(which: Any, tmp_path: Path) -> None:
    place, words = bad_files(tmp_path)[which]
    with pytest.raises(BadInput, match=re.escape(words)) as caught:
        Source.of(place, "audio").array(16000)
    assert str(place) in str(caught.value)
    assert "expected" in str(caught.value)
    if which != "NaN":
        for read in (Source.of(place, "audio").path, Source.of(place, "audio").read):
            with pytest.raises(BadInput, match=re.escape(words)):
                read()
        with pytest.raises(BadInput, match=re.escape(words)):
            Audio.from_file(place)


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_sound_of_every_format_is_refused_with_its_path(
    ending: str, share: Any, tmp_path: Path
) -> None:
    noise = np.random.default_rng(1).normal(0, 0.2, 3 * RATE).astype(np.float32)
    whole = made(ending, noise)
    place = tmp_path / f"cut.{ending}"
    place.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BadInput, match=r"cut short|can't be decoded") as caught:
        Source.of(place).array(16000)
    assert str(place) in str(caught.value)
    with pytest.raises(BadInput):
        Audio(place.read_bytes()).array()


def test_a_frame_missing_at_the_end_of_a_wav_is_forgiven() -> None:
    assert len(Source.of(WAV[:-2]).array(RATE)) == len(TONE) - 1
    assert len(Source.of(WAV[:-1]).array(RATE)) == len(TONE) - 1
    with pytest.raises(BadInput, match="cut short"):
        Source.of(WAV[:-4]).array(RATE)


def test_a_sound_without_samples_is_refused() -> None:
    with pytest.raises(BadInput, match="no samples"):
        Source.of((np.zeros(0, np.float32), RATE)).array(16000)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (None, "None can't be an input"),
        (3, "type int"),
        ({}, "type dict"),
        ("", "isn't a path"),
        ("  ", "isn't a path"),
        ("a\0b", "isn't a path"),
        ("https://example.org/a.wav", r"Source\.url"),
        ((RATE, TONE), "swap them"),
        (TONE, r"give \(array, sample_rate\)"),
        ((TONE, 0), "sample rate"),
        ((TONE, "x"), "sample rate"),
        ("data:audio/wav,abc", "base64"),
    ],
)
def test_what_is_no_input_is_refused_at_once(given: Any, match: str) -> None:
    with pytest.raises(BadInput, match=match):
        Source.of(given)


@pytest.mark.parametrize(
    ("stream", "match"),
    [
        (io.StringIO("text"), "mode 'rb'"),
        (io.BytesIO(b""), r"seek\(0\)"),
    ],
)
def test_an_open_file_that_gives_no_content_is_refused(stream: Any, match: str) -> None:
    with pytest.raises(BadInput, match=match):
        Source.of(stream).read()


def test_a_closed_file_is_refused() -> None:
    stream = io.BytesIO(WAV)
    stream.close()
    with pytest.raises(BadInput, match="open it anew"):
        Source.of(stream).read()


def test_a_name_that_looks_like_base64_is_still_a_name() -> None:
    name = "//server/share/recordings/meeting/september/one2"
    with pytest.raises(BadInput, match="there is no file"):
        Source.of(name).read()


@pytest.mark.parametrize("rate", [0, -1, 1.5, float("nan"), "16000", None])
def test_a_wrong_sample_rate_is_refused(rate: Any) -> None:
    with pytest.raises(BadInput, match="sample rate"):
        Source.of(WAV).array(rate)


def test_the_input_types_say_their_family() -> None:
    for alias, family in ((AudioInput, "audio"), (ImageInput, "image"), (VideoInput, "video")):
        marks = [mark for mark in get_args(alias) if isinstance(mark, MediaKind)]
        assert [mark.family for mark in marks] == [family]
    assert MediaKind("audio") == MediaKind("audio") != MediaKind("image")


# A server of this machine stands for the web.


class Pages(BaseHTTPRequestHandler):
    released = threading.Event()

    def do_GET(self) -> None:
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/a.wav" if self.path == "/moved" else "file:///etc/hosts")
            self.end_headers()
        elif self.path == "/slow":
            self.released.wait(5)
        elif self.path == "/broken":
            self.send_response(200)
            self.send_header("Content-Length", str(len(WAV)))
            self.end_headers()
            self.wfile.write(WAV[:1000])
        elif self.path.startswith("/a.wav"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(WAV)
        else:
            self.send_error(404)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    web = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{web.server_port}"
    Pages.released.set()
    web.shutdown()
    web.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMNIBIND_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("path", ["/a.wav", "/a.wav?token=secret", "/moved"])
def test_a_url_is_fetched_when_it_is_read(server: Any, path: Any) -> None:
    source = Source.url(server + path)
    assert source.media_type == "audio/wav"
    assert source.read() == WAV
    with source:
        assert source.path().read_bytes() == WAV
    assert Audio.of(source).sample_rate == RATE


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("/none?key=secret", "404"),
        ("/moved-to-a-file", "couldn't be fetched"),
        ("/broken", "broke off"),
    ],
)
def test_a_url_that_gives_nothing_whole_is_an_error_without_its_secrets(
    server: Any, path: Any, match: str
) -> None:
    with pytest.raises(FetchFailed, match=match) as caught:
        Source.url(server + path).read()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://me:secret@h/a.wav", "http://h/a b?secret", "http://h/a\nsecret"]
)
def test_an_address_with_a_password_or_spaces_is_refused_without_its_secrets(url: Any) -> None:
    with pytest.raises(BadInput, match="isn't a web address") as caught:
        Source.url(url)
    if "?" in url or "@" in url:
        assert "secret" not in str(caught.value)


def test_an_address_with_other_letters_is_fetched(server: Any) -> None:
    assert Source.url(server + "/a.wav?name=müller").read() == WAV


def test_a_url_has_a_time_limit(server: Any) -> None:
    with pytest.raises(FetchFailed, match="timed out"):
        Source.url(server + "/slow", timeout_s=0.1).read()


def test_a_url_has_a_size_limit(server: Any) -> None:
    with pytest.raises(BadInput, match="larger than"):
        fetch.fetch(server + "/a.wav", max_bytes=1000)


def test_no_url_is_fetched_offline(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIBIND_OFFLINE", "1")
    source = Source.url(server + "/a.wav")
    with pytest.raises(Offline, match="OMNIBIND_OFFLINE"):
        source.read()


def test_a_dead_host_is_an_error_that_keeps_its_cause() -> None:
    with pytest.raises(FetchFailed) as caught:
        Source.url("http://127.0.0.1:1/a.wav", timeout_s=2).read()
    assert caught.value.errors


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://h/a", "a.wav", "http://", "", None])
def test_only_web_addresses_are_urls(url: Any) -> None:
    with pytest.raises(BadInput, match="isn't a web address"):
        Source.url(url)
