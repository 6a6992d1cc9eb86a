import io
import time
from typing import Any

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import Audio, Source
from omnibind.contracts.media.save import encode

FORMATS = ["wav", "flac", "ogg", "mp3", "opus", "m4a"]
TYPES = dict(
    zip(
        FORMATS,
        ["audio/wav", "audio/flac", "audio/ogg", "audio/mpeg", "audio/opus", "audio/mp4"],
        strict=True,
    )
)


def tone(rate: Any, seconds: Any, hertz: Any = 440.0, channels: Any = 1) -> Any:
    times = np.arange(round(rate * seconds)) / rate
    columns = [0.5 * np.sin(2 * np.pi * hertz * (n + 1) * times) for n in range(channels)]
    return np.stack(columns, axis=1).astype(np.float32)


def pitch(samples: Any, rate: Any) -> Any:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return spectrum.argmax() * rate / len(samples)


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize(("rate", "channels"), [(22050, 1), (48000, 2), (16000, 1), (44100, 2)])
def test_a_tone_survives_every_format(ending: str, rate: Any, channels: Any) -> None:
    made = Audio.from_array(tone(rate, 0.8, channels=channels), rate)
    coded = Audio(bytes(encode(made, ending)))
    assert coded.media_type == TYPES[ending]
    assert coded.channels == channels
    if ending != "opus":  # which knows few rates
        assert coded.sample_rate == rate
    assert coded.duration_s == pytest.approx(0.8, abs=0.002)
    samples = coded.array()
    assert samples.dtype == np.float32
    assert samples.shape[1] == channels
    assert len(samples) / coded.sample_rate == pytest.approx(0.8, abs=0.002)
    for channel in range(channels):
        found = pitch(samples[:, channel], coded.sample_rate)
        assert found == pytest.approx(440 * (channel + 1), abs=3)
        assert np.sqrt((samples[:, channel] ** 2).mean()) == pytest.approx(0.353, abs=0.02)


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("samples", [tone(22050, 0.05), np.zeros((22050, 1), np.float32)])
def test_a_very_short_and_a_silent_sound_survive_every_format(ending: str, samples: Any) -> None:
    coded = Audio(bytes(encode(Audio.from_array(samples, 22050), ending)))
    assert coded.duration_s == pytest.approx(len(samples) / 22050, abs=0.003)
    assert np.isfinite(coded.array()).all()


def test_int16_stays_int16_and_everything_else_becomes_float32() -> None:
    ints = (tone(8000, 0.1) * 32767).astype(np.int16)
    kept = Audio.from_array(ints[:, 0], 8000)
    assert soundfile.info(io.BytesIO(kept)).subtype == "PCM_16"
    assert np.array_equal(soundfile.read(io.BytesIO(kept), dtype="int16")[0], ints[:, 0])
    for other in (tone(8000, 0.1), tone(8000, 0.1).astype(np.float64), ints.astype(np.int32) << 16):
        made = Audio.from_array(other, 8000)
        assert soundfile.info(io.BytesIO(made)).subtype == "FLOAT"
        assert np.allclose(made.array(), tone(8000, 0.1), atol=1e-4)
        assert np.allclose(soundfile.read(io.BytesIO(made))[0], tone(8000, 0.1)[:, 0], atol=1e-4)


def test_flac_of_int16_and_back_is_exact() -> None:
    made = Audio.from_array((tone(22050, 0.3) * 32767).astype(np.int16), 22050)
    flac = Audio(bytes(encode(made, "flac")))
    assert encode(flac, "wav") == made


def test_the_same_samples_make_the_same_wav() -> None:
    assert Audio.from_array(tone(8000, 0.1), 8000) == Audio.from_array(tone(8000, 0.1), 8000)


@pytest.mark.parametrize(
    ("samples", "rate", "match"),
    [
        (np.zeros((2, 3, 4)), 8000, r"shape \(2, 3, 4\)"),
        (np.zeros((2, 44100)), 8000, r"array\.T"),
        (np.zeros((10, 0)), 8000, "shape"),
        (np.array(["a"]), 8000, "type"),
        (np.zeros(4, complex), 8000, "complex"),
        (np.zeros(4, bool), 8000, "bool"),
        (np.zeros(4, np.int64), 8000, "int64"),
        (np.zeros(4), 0, "sample rate 0"),
        (np.zeros(4), -8000, "sample rate"),
        (np.zeros(4), 8000.5, "sample rate"),
        (np.zeros(4), float("nan"), "sample rate"),
        (np.zeros(4), "8000", "sample rate"),
        (np.zeros(4), True, "sample rate"),
    ],
)
def test_samples_that_are_no_sound_are_refused(samples: Any, rate: Any, match: str) -> None:
    with pytest.raises(BadInput, match=match):
        Audio.from_array(samples, rate)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e300])
def test_samples_that_are_not_finite_are_kept_but_neither_read_nor_converted(wrong: float) -> None:
    kept = Audio.from_array(np.array([0.0, wrong]), 8000)
    assert not np.isfinite(kept.array()).all()
    with pytest.raises(BadInput, match="NaN or infinite"):
        Source.of(kept).array(8000)
    with pytest.raises(BadInput, match=r"\.mp3 can't"):
        encode(kept, "mp3")


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "PCM_U8", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
def test_wavs_of_every_sample_type_are_served(container: Any, subtype: Any) -> None:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(44100, 0.3, channels=2), 44100, format=container, subtype=subtype)
    audio = Audio.from_bytes(buffer.getvalue())
    assert (audio.sample_rate, audio.channels) == (44100, 2)
    assert audio.duration_s == pytest.approx(0.3)
    assert np.allclose(audio.array(), tone(44100, 0.3, channels=2), atol=0.02)


def test_a_wav_with_other_chunks_before_its_samples_is_served() -> None:
    made = bytes(Audio.from_array(tone(8000, 0.1), 8000))
    odd = b"LIST\x05\x00\x00\x00hello\x00"
    changed = made[:12] + odd + made[12:]
    assert np.array_equal(Audio.from_bytes(changed).array(), tone(8000, 0.1))


@pytest.mark.parametrize("declared", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_written_to_a_pipe_is_read_to_its_end(declared: Any) -> None:
    made = bytearray(Audio.from_array((tone(8000, 0.1) * 32767).astype(np.int16), 8000))
    made[40:44] = declared.to_bytes(4, "little")
    audio = Source.of(bytes(made)).array(8000)
    assert len(audio) == 800


def test_saving_resamples_only_where_the_format_must() -> None:
    high = Audio.from_array(tone(192000, 0.2), 192000)
    assert Audio(bytes(encode(high, "flac"))).sample_rate == 192000
    assert Audio(bytes(encode(high, "mp3"))).sample_rate == 48000
    assert Audio(bytes(encode(high, "opus"))).sample_rate == 48000
    assert Audio(bytes(encode(high, "m4a"))).sample_rate == 96000
    low = Audio(bytes(encode(Audio.from_array(tone(22050, 0.5), 22050), "opus")))
    assert low.sample_rate == 24000
    assert pitch(low.array()[:, 0], 24000) == pytest.approx(440, abs=3)


def test_many_channels_are_refused_where_the_format_holds_few() -> None:
    many = Audio.from_array(tone(48000, 0.1, hertz=100, channels=8), 48000)
    assert Audio(bytes(encode(many, "flac"))).channels == 8
    for ending in ("mp3", "m4a"):
        with pytest.raises(BadInput, match=r"8 channels; \.\w+ holds at most 2; save as \.wav"):
            encode(many, ending)


def test_loud_samples_are_clipped_and_do_not_wrap() -> None:
    loud = Audio.from_array(tone(22050, 0.2) * 4, 22050)
    samples = Audio(bytes(encode(loud, "flac"))).array()
    assert np.abs(samples).max() <= 1.0
    assert (samples > 0.99).mean() > 0.3
    assert np.abs(np.diff(samples[:, 0])).max() < 0.6


def test_minutes_of_vorbis_are_written_without_harm() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, (8000 * 240, 1)).astype(np.float32)
    coded = Audio(bytes(encode(Audio.from_array(noise, 8000), "ogg")))
    assert coded.duration_s == pytest.approx(240, abs=0.01)


def test_decoding_five_seconds_of_wav_costs_far_below_a_millisecond() -> None:
    data = bytes(Audio.from_array((tone(22050, 5) * 32767).astype(np.int16), 22050))
    costs = []
    for _ in range(50):
        start = time.perf_counter()
        audio = Audio(data)
        assert (audio.sample_rate, audio.array().shape) == (22050, (110250, 1))
        costs.append(time.perf_counter() - start)
    assert min(costs) < 0.0005
