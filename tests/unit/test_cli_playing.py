"""Sound is played, or written to a pipe, while it is made. The sound device is our own fake."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from omnibind.cli.playing import play, write_stream
from omnibind.contracts.errors import BadInput, BadOutput, CallFailed, PackagesMissing
from omnibind.contracts.media import Audio, AudioChunk
from omnibind.managers import TTSBindingManager

RATE = 22_050
TONE = (8000 * np.sin(np.arange(3 * RATE) / 10)).astype(np.int16)


def pieces(samples: Any = TONE, count: int = 3) -> list[AudioChunk]:
    parts = np.array_split(samples, count)
    return [AudioChunk(part, RATE, index) for index, part in enumerate(parts)]


def encoded(form: str, size: int = 500) -> list[AudioChunk]:
    media_type = {"MP3": "audio/mpeg", "FLAC": "audio/flac", "OGG": "audio/ogg"}[form]
    buffer = io.BytesIO()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 8 * RATE)
    soundfile.write(buffer, noise, RATE, format=form)
    data = buffer.getvalue()
    starts = range(0, len(data), size)
    return [AudioChunk(None, 0, i // size, data[i : i + size], media_type) for i in starts]


class Device(ModuleType):
    """What of sounddevice is used, as its documentation describes it; keeps what it is given."""

    class PortAudioError(Exception):
        """As sounddevice's own."""

    def __init__(self, fault: str = "") -> None:
        super().__init__("sounddevice")
        self.fault = fault
        self.events: list[Any] = []
        self.heard: list[Any] = []

    def OutputStream(self, *, samplerate: int, channels: int, dtype: str) -> Device:  # noqa: N802
        if self.fault == "no device":
            raise self.PortAudioError("Error querying device -1")
        self.events.append((samplerate, channels, dtype))
        return self

    def start(self) -> None:
        self.events.append("start")

    def write(self, samples: Any) -> bool:
        if self.fault == "unplugged" and self.heard:
            raise self.PortAudioError("Device unavailable")
        assert samples.ndim == 2
        assert samples.flags.c_contiguous
        self.heard.append(samples.copy())
        return False

    def stop(self) -> None:
        self.events.append("stop")

    def close(self) -> None:
        self.events.append("close")


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    fake = Device()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_every_piece_is_heard_as_soon_as_it_is_made(device: Device) -> None:
    def made() -> Iterator[AudioChunk]:
        for chunk in pieces():
            assert len(device.heard) == chunk.index, "a piece waits for the next one"
            yield chunk

    play(made())
    assert (np.concatenate(device.heard)[:, 0] == TONE).all()
    assert device.events == [(RATE, 1, "int16"), "start", "stop", "close"]


def test_stereo_floats_are_played_as_such(device: Device) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, (RATE, 2)).astype(np.float32)
    play(pieces(samples.T.copy().T))
    assert (np.concatenate(device.heard) == samples).all()
    assert device.events[0] == (RATE, 2, "float32")


@pytest.mark.parametrize(("form", "wait_s"), [("MP3", 1.0), ("FLAC", 2.0), ("OGG", 1.5)])
def test_encoded_pieces_are_heard_long_before_the_last_came(
    device: Device, form: str, wait_s: float
) -> None:
    chunks = encoded(form)
    first_heard: list[int] = []

    def made() -> Iterator[AudioChunk]:
        for chunk in chunks:
            if device.heard and not first_heard:
                first_heard.append(chunk.index)
            yield chunk

    play(made())
    assert device.events[0] == (RATE, 1, "float32")
    assert sum(map(len, device.heard)) == pytest.approx(8 * RATE, rel=0.01)
    assert np.abs(np.concatenate(device.heard)).max() > 0.3
    assert 8 * first_heard[0] / len(chunks) < wait_s, "seconds of sound that came unheard"


def test_a_player_that_is_not_installed_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(PackagesMissing, match=r"run: pip install 'omnibind\[play\]'"):
        play(pieces())


def test_a_missing_portaudio_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # sounddevice says it in these words where its library isn't found.
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(CallFailed, match="PortAudio library not found; install PortAudio"):
        play(pieces())


@pytest.mark.parametrize("fault", ["no device", "unplugged"])
def test_a_device_that_fails_is_told_and_let_go(device: Device, fault: str) -> None:
    device.fault = fault
    with pytest.raises(CallFailed, match=r"can't be played: .*; connect a sound device, or give"):
        play(pieces())
    assert "stop" not in device.events
    assert device.events[-1:] == ([] if fault == "no device" else ["close"])


def test_a_broken_off_stream_lets_go_of_the_device(device: Device) -> None:
    def made() -> Iterator[AudioChunk]:
        yield pieces()[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(made())
    assert device.events[-2:] == ["start", "close"]


@pytest.mark.parametrize("samples", [TONE, TONE.reshape(-1, 2), (TONE / 32768).astype(np.float32)])
def test_a_wav_of_unknown_length_is_read_by_everybody(samples: Any, tmp_path: Path) -> None:
    file = io.BytesIO()
    write_stream(pieces(samples), file)
    data = file.getvalue()
    assert data[4:8] == b"\xff\xff\xff\xff"
    expected = samples.astype(np.float32) / (32768 if samples.dtype == np.int16 else 1)
    expected = expected.reshape(len(samples), -1)
    assert (Audio.from_bytes(data).array() == expected).all()
    read, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    assert (rate, read.shape) == (RATE, expected.shape)
    assert (read == expected).all()
    path = tmp_path / "pipe.wav"
    path.write_bytes(data)
    with av.open(path) as container:
        stream = container.streams.audio[0]
        assert sum(frame.samples for frame in container.decode(stream)) == len(samples)
        assert stream.rate == RATE


def test_the_reader_of_a_pipe_hears_the_first_piece_before_the_second_is_made() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "wb") as writer:
        # A piece that fits into the pipe is written without a reader.
        first, second = pieces(TONE[:2000], 2)

        def made() -> Iterator[AudioChunk]:
            yield first
            heard.append(os.read(reading, 100_000))
            yield second

        heard: list[bytes] = []
        write_stream(made(), writer)
        writer.close()
        rest = reader.read()
    assert heard[0].startswith(b"RIFF")
    assert first.samples is not None
    assert second.samples is not None
    assert heard[0].endswith(first.samples.tobytes())
    assert rest == second.samples.tobytes()


def test_what_piper_streams_is_what_it_speaks() -> None:
    binding: Any = TTSBindingManager().create_binding("piper")
    steady = {"noise_scale": 0.0, "noise_w_scale": 0.0}
    text = "The fox jumps. The dog sleeps."
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "wb") as writer:
        read: list[bytes] = []
        thread = threading.Thread(target=lambda: read.append(reader.read()))
        thread.start()
        try:
            write_stream(binding.stream_audio(text, **steady), writer)
        finally:
            writer.close()
            thread.join()
    whole = binding.generate_audio(text, **steady)
    binding.unload()
    assert read[0][44:] == whole[44:]


def test_encoded_pieces_are_passed_on_as_they_are() -> None:
    chunks = encoded("MP3")
    data = b"".join(chunk.data for chunk in chunks)
    for media_type in ("", "audio/mpeg"):
        file = io.BytesIO()
        write_stream(chunks, file, media_type)
        assert file.getvalue() == data


def test_encoded_pieces_become_a_wav_where_one_is_wanted() -> None:
    file = io.BytesIO()
    write_stream(encoded("FLAC"), file, "audio/wav")
    assert Audio.from_bytes(file.getvalue()).duration_s == pytest.approx(8, abs=0.1)


def test_a_form_that_must_be_encoded_is_refused_before_anything_is_written() -> None:
    file = io.BytesIO()
    with pytest.raises(BadInput, match=r"a stream of samples can't be written as audio/mpeg"):
        write_stream(pieces(), file, "audio/mpeg")
    with pytest.raises(BadInput, match=r"a stream of audio/ogg can't be written as audio/mpeg"):
        write_stream(encoded("OGG"), file, "audio/mpeg")
    assert file.getvalue() == b""


def test_what_is_no_sound_is_told(device: Device) -> None:
    with pytest.raises(BadOutput, match="without a piece"):
        write_stream([], io.BytesIO())
    with pytest.raises(BadOutput, match="without a piece"):
        play([])
    with pytest.raises(BadOutput, match="can't be decoded as a sound"):
        play([AudioChunk(None, 0, 0, b"{}" * 5000, "audio/mpeg")])
    first, second, _ = pieces()
    with pytest.raises(BadOutput, match="must be alike"):
        play([first, second._replace(sample_rate=16_000)])
    with pytest.raises(BadOutput, match="must be alike"):
        write_stream([first, second._replace(sample_rate=16_000)], io.BytesIO())


def test_a_reader_that_went_away_ends_the_writing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    writer = os.fdopen(writing, "wb", buffering=0)
    stream = (chunk for chunk in pieces())
    with writer, pytest.raises(BrokenPipeError):
        write_stream(stream, writer)
    assert next(stream).index == 1
