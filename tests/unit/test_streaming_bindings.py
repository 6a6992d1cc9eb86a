"""Bindings that stream or work in batches themselves: what comes, when, and what it adds up to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omnibind.contracts.errors import BadInput, BadOutput, CallFailed, Cancelled
from omnibind.contracts.media import Audio, AudioChunk, Meta, Segment, Transcript
from omnibind.contracts.media.chunk import drained, joined, uniform
from omnibind.managers import STTBindingManager, TTIBindingManager, TTSBindingManager

TEXT = "The quick brown fox jumps. It costs 3.14 dollars. Is that all?"
STEADY = {"noise_scale": 0.0, "noise_w_scale": 0.0}
RATE = 22_050


def chunk(index: int, frames: int = 100, **changes: Any) -> AudioChunk:
    samples = np.full(frames, index + 1, np.int16)
    return AudioChunk(samples, RATE, index)._replace(**changes)


# Pieces.


def test_a_chunk_knows_its_length_and_channels_and_keeps_its_content_to_itself() -> None:
    mono = chunk(2, RATE)
    assert (mono.duration_s, mono.channels) == (1.0, 1)
    assert repr(mono) == "<AudioChunk 2 22050 Hz 1 ch 1.00 s>"
    stereo = mono._replace(samples=np.zeros((50, 2), np.float32))
    assert (stereo.duration_s, stereo.channels) == (50 / RATE, 2)
    encoded = AudioChunk(None, 0, 0, b"secret", "audio/mpeg")
    assert (encoded.duration_s, encoded.channels) == (None, None)
    assert repr(encoded) == "<AudioChunk 0 audio/mpeg 6 B>"


def test_joined_samples_are_one_sound_with_its_meta() -> None:
    whole = joined(
        [chunk(0), chunk(1, samples=np.full((50, 1), 9, np.int16))], meta=Meta(model="m")
    )
    assert type(whole) is Audio
    samples = np.concatenate([np.full(100, 1), np.full(50, 9)]).astype(np.int16)
    assert whole == Audio.from_array(samples, RATE)
    assert whole.meta.model == "m"


def test_float_samples_stay_float_and_channels_stay_apart() -> None:
    stereo = np.linspace(-1, 1, 60, dtype=np.float32).reshape(30, 2)
    whole = joined([AudioChunk(stereo[:10], RATE, 0), AudioChunk(stereo[10:], RATE, 1)])
    assert (whole.array() == stereo).all()


def test_encoded_pieces_are_one_file(tmp_path: Path) -> None:
    tone = 0.3 * np.sin(np.arange(RATE) / 10)
    file = Audio.from_array(tone, RATE).save(tmp_path / "tone.mp3").read_bytes()
    pieces = [AudioChunk(None, 0, i, file[i : i + 1], "audio/mpeg") for i in range(len(file))]
    whole = joined(pieces)
    assert bytes(whole) == file
    assert whole.media_type == "audio/mpeg"
    assert whole.duration_s == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    "other",
    [
        chunk(1, sample_rate=16_000),
        chunk(1, samples=np.zeros((5, 2), np.int16)),
        chunk(1, samples=np.zeros(5, np.float32)),
        chunk(1, samples=None, data=b"ID3", media_type="audio/mpeg"),
    ],
    ids=["rate", "channels", "type", "encoding"],
)
def test_pieces_that_differ_are_no_sound(other: AudioChunk) -> None:
    passed = uniform([chunk(0), other])
    assert next(passed).index == 0
    with pytest.raises(BadOutput, match=r"piece 1 .* the first was int16, 22050 Hz") as caught:
        next(passed)
    assert caught.value.rule == "type"
    with pytest.raises(BadOutput):
        joined([chunk(0), other])


def test_no_piece_is_no_sound() -> None:
    with pytest.raises(BadOutput, match="without a piece") as caught:
        joined([])
    assert caught.value.rule == "empty"


# Piper.


@pytest.fixture(scope="module")
def piper() -> Iterator[Any]:
    binding = TTSBindingManager().create_binding("piper")
    yield binding
    binding.unload()


@pytest.mark.parametrize("options", [{}, {"sentence_silence_s": 0.25}, {"speed": 2.0}])
def test_piper_streams_a_sentence_a_chunk_and_they_are_the_whole(
    piper: Any, options: dict[str, Any]
) -> None:
    chunks = list(piper.stream_audio(TEXT, **STEADY, **options))
    assert [one.index for one in chunks] == [0, 1, 2]
    assert {(one.samples.dtype.name, one.sample_rate) for one in chunks} == {("int16", RATE)}
    whole = piper.generate_audio(TEXT, **STEADY, **options)
    assert joined(chunks) == whole
    assert whole.meta.model == "en_US-joe-medium"


def test_the_silence_between_two_sentences_begins_the_later_one(piper: Any) -> None:
    first, second, _ = piper.stream_audio(TEXT, **STEADY, sentence_silence_s=0.25)
    plain = next(piper.stream_audio(TEXT, **STEADY))
    assert (first.samples == plain.samples).all()
    assert not second.samples[: RATE // 4].any()
    assert second.samples[RATE // 4 :].any()


def test_the_end_of_pipers_stream_is_the_whole(piper: Any) -> None:
    heard = []

    def listened() -> Iterator[AudioChunk]:
        heard.append((yield from piper.stream_audio(TEXT)))

    chunks = list(listened())
    assert heard == [joined(chunks)]
    assert drained(piper.stream_audio("Hello.")).meta.model == "en_US-joe-medium"


def test_piper_speaks_no_further_than_it_is_listened_to(
    piper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    monkeypatch.setattr(piper, "report", lambda step: steps.append(step))
    stream = piper.stream_audio(TEXT)
    assert steps == []
    next(stream)
    assert steps == ["sentence 1"]
    stream.close()
    assert steps == ["sentence 1"]
    assert next(stream, None) is None
    assert piper.generate_audio(TEXT).duration_s > 2


def test_a_cancelled_stream_says_so(piper: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def cancel(step: str) -> None:
        raise Cancelled("enough")

    monkeypatch.setattr(piper, "report", cancel)
    with pytest.raises(Cancelled):
        next(piper.stream_audio(TEXT))


def test_what_cannot_be_spoken_is_told_by_the_stream_too(piper: Any) -> None:
    with pytest.raises(BadInput, match="nothing to speak"):
        next(piper.stream_audio("\u200b"))


def test_a_failure_in_the_middle_is_told_after_the_pieces_before_it(
    piper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = piper._voice(piper._path(piper._named(None)[0]))
    run, calls = voice.session.run, []

    class Session:
        def run(self, *args: Any, **more: Any) -> Any:
            calls.append(args)
            if len(calls) == 2:
                raise RuntimeError("broken graph")
            return run(*args, **more)

    monkeypatch.setattr(voice, "session", Session())
    stream = piper.stream_audio(TEXT)
    assert next(stream).index == 0
    with pytest.raises(CallFailed, match="can't speak this text: broken graph"):
        next(stream)


# faster-whisper.


@pytest.fixture(scope="module")
def listener() -> Iterator[Any]:
    binding = STTBindingManager().create_binding("faster_whisper", model_name="tiny.en")
    yield binding
    binding.unload()


@pytest.fixture(scope="module")
def speech(piper: Any) -> tuple[Any, int]:
    """Half a minute of ten sentences."""
    lines = (Path(__file__).parents[1] / "sentences.txt").read_text("utf-8").splitlines()
    audio = piper.generate_audio(" ".join(lines), **STEADY, sentence_silence_s=0.5)
    return audio.array(), audio.sample_rate


@pytest.mark.parametrize("options", [{}, {"batched": False}, {"word_times": True, "batch_size": 1}])
def test_faster_whispers_segments_come_one_by_one_and_are_the_transcript(
    listener: Any, speech: tuple[Any, int], options: dict[str, Any]
) -> None:
    segments = list(listener.stream_transcript(speech, **options))
    whole = listener.transcribe_audio(speech, **options)
    assert len(segments) > 1
    assert all(type(segment) is Segment for segment in segments)
    assert tuple(segments) == whole.segments
    assert " ".join(segment.text for segment in segments) == whole
    assert "Boston" in whole
    assert "Denver" in whole


def test_faster_whisper_listens_no_further_than_it_is_read(
    listener: Any, speech: tuple[Any, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    listener.load()
    engine = listener._loaded[1]
    windows: list[Any] = []
    encode = engine.encode

    def counted(sound: Any) -> Any:
        windows.append(sound)
        return encode(sound)

    monkeypatch.setattr(engine, "encode", counted)
    stream = listener.stream_transcript(speech, batched=False)
    assert windows == []
    assert next(stream).start < 5
    assert len(windows) == 1
    stream.close()
    assert len(windows) == 1
    assert "Denver" in listener.transcribe_audio(speech, batched=False)
    assert len(windows) > 2, "the sound has several windows"


def test_the_end_of_a_transcripts_stream_is_the_whole(listener: Any) -> None:
    whole = drained(listener.stream_transcript(Path(__file__).parents[1] / "fox.flac"))
    assert type(whole) is Transcript
    assert whole.language == "en"
    assert "fox" in whole


# A batch.


def test_a_batch_is_its_single_calls_and_tells_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    binding: Any = TTIBindingManager().create_binding("mock")
    told: list[tuple[float, str]] = []
    monkeypatch.setattr(binding, "report", lambda *progress: told.append(progress))
    options = {"width": 64, "height": 64, "seed": 3}
    prompts = ["a fox", "a ship", "a fox"]
    pictures = binding.generate_image_batch(prompts, **options)
    assert pictures == [binding.generate_image(prompt, **options) for prompt in prompts]
    assert pictures[0] != pictures[1]
    assert told == [(0, "picture 1/3"), (1 / 3, "picture 2/3"), (2 / 3, "picture 3/3")]
