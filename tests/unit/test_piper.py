"""Piper's own ways: where a voice comes from, what is kept, what is refused."""

from __future__ import annotations

import gc
import json
import logging
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omnibind import Client
from omnibind.contracts import TTSBinding
from omnibind.contracts.errors import (
    BadConfig,
    BadInput,
    BadOption,
    Cancelled,
    NotSupported,
    UnknownVoice,
    WeightsDamaged,
)
from omnibind.contracts.media import Audio
from omnibind.contracts.roots import shipped_roots
from omnibind.contracts.tts import Voice
from omnibind.managers import TTSBindingManager
from omnibind.weights.catalogue import read_models

JOE = "en_US-joe-medium"
# A graph that plays a tone for every phoneme, higher by 110 Hz for the second speaker.
TWO_SPEAKERS = Path(__file__).parents[1] / "two_speakers.onnx"
TEXT = "The quick brown fox jumps over the lazy dog."


@pytest.fixture(scope="module")
def piper() -> Iterator[Any]:
    binding = TTSBindingManager().create_binding("piper")
    yield binding
    binding.unload()


@pytest.fixture
def own(piper: TTSBinding, tmp_path: Path) -> Path:
    """A folder with one voice of the user's own."""
    for ending in (".onnx", ".onnx.json"):
        (tmp_path / f"mine{ending}").symlink_to(piper.weights(JOE) / f"{JOE}{ending}")
    return tmp_path


@pytest.fixture
def two(own: Path) -> Path:
    """A folder with a voice of two speakers, beside one of a single speaker."""
    settings = json.loads((own / "mine.onnx.json").read_text())
    settings |= {"num_speakers": 2, "speaker_id_map": {"alice": 0, "bob": 1}}
    settings["language"]["code"] = "en_GB"
    (own / "two.onnx").symlink_to(TWO_SPEAKERS)
    (own / "two.onnx.json").write_text(json.dumps(settings))
    return own


def create(**config: Any) -> Any:
    return TTSBindingManager().create_binding("piper", **config)


def test_speech_is_int16_at_the_rate_of_the_voice(piper: Any) -> None:
    audio = piper.generate_audio(TEXT)
    assert type(audio) is Audio
    assert (audio.sample_rate, audio.channels) == (22_050, 1)
    assert audio[20:22] == b"\x01\x00", "the samples aren't integers"
    assert audio[34:36] == b"\x10\x00", "the samples haven't 16 bits"


def test_a_path_wins_over_a_name(own: Path) -> None:
    binding = create(default_voice="no-such-voice", default_voice_model_path=own / "mine.onnx")
    assert binding.generate_audio(TEXT).duration_s > 1


def test_a_voice_is_found_by_its_file_name_with_or_without_ending(own: Path) -> None:
    binding = create(piper_voices_dir=own, default_voice="mine")
    voices = [None, "mine", "mine.onnx", str(own / "mine.onnx")]
    assert all(binding.generate_audio("Hello.", voice).duration_s > 0.1 for voice in voices)
    assert len(binding._voices) == 1, "one file was loaded more than once"


def test_the_result_names_the_voice_that_spoke(own: Path) -> None:
    client = Client(tts={"binding": "piper", "piper_voices_dir": own})
    assert client.tts.generate_audio("Hello.").meta.model == JOE
    assert client.tts.generate_audio("Hello.", "mine").meta.model == "mine"


def test_own_voices_are_listed_beside_the_catalogue(own: Path) -> None:
    voices = create(piper_voices_dir=own).list_voices()
    assert {"mine", JOE} <= set(voices)
    assert voices == sorted(voices)


def test_the_listed_voices_are_those_of_the_catalogue(piper: Any) -> None:
    models = read_models(Path(shipped_roots()[-1]) / "tts" / "piper")
    assert piper.list_voices() == sorted(models)
    for name, model in models.items():
        assert [file.path for file in model.files] == [f"{name}.onnx", f"{name}.onnx.json"]


@pytest.mark.parametrize("gone", ["mine.onnx", "mine.onnx.json"])
def test_a_missing_file_of_a_voice_is_named(own: Path, piper: Any, gone: str) -> None:
    (own / gone).unlink()
    with pytest.raises(UnknownVoice) as caught:
        piper.generate_audio(TEXT, str(own / "mine.onnx"))
    assert str(own / gone) in str(caught.value)


def test_an_unknown_voice_is_refused_with_near_names(piper: Any) -> None:
    with pytest.raises(UnknownVoice, match=f"'en_US-jo-medium'.*{JOE}"):
        piper.generate_audio(TEXT, "en_US-jo-medium")


@pytest.mark.parametrize("text", ["...", "—", "\u200b", "[[]]"])
def test_text_without_anything_to_speak_is_refused(piper: Any, text: str) -> None:
    with pytest.raises(BadInput, match="nothing to speak"):
        piper.generate_audio(text)


@pytest.mark.parametrize("text", ["🙂", "مرحبا", "7", "漢字"])
def test_emoji_digits_and_other_scripts_are_spoken(piper: Any, text: str) -> None:
    assert piper.generate_audio(text).duration_s > 0.2


def test_twice_the_speed_takes_little_more_than_half_the_time(piper: Any) -> None:
    natural, fast = (piper.generate_audio(TEXT, speed=speed).duration_s for speed in (1.0, 2.0))
    assert 0.45 < fast / natural < 0.75


def test_silence_between_sentences_is_as_long_as_asked_for(piper: Any) -> None:
    text = "One. Two. Three."
    without, quiet = (
        piper.generate_audio(text, noise_w_scale=0.0, sentence_silence_s=seconds)
        for seconds in (0.0, 1.5)
    )
    assert quiet.duration_s - without.duration_s == pytest.approx(3.0, abs=0.01)
    assert (quiet.array() == 0).sum() >= 2 * 1.5 * quiet.sample_rate


def test_a_speaker_that_the_voice_has_not_is_refused(piper: Any) -> None:
    with pytest.raises(BadOption, match="speaker is 1, and this voice has 1"):
        piper.generate_audio(TEXT, speaker=1)
    assert piper.generate_audio("Hello.", speaker=0).duration_s > 0.1


def test_speakers_are_voices_of_their_own(two: Path) -> None:
    binding = create(piper_voices_dir=two, default_voice="two#bob")
    assert {"mine", "two", "two#alice", "two#bob"} <= set(binding.list_voices())
    assert {"mine#alice", f"{JOE}#alice"}.isdisjoint(binding.list_voices())
    told = {voice.name: voice for voice in binding.voices()}
    assert told["two#bob"].language == "en-GB"
    assert told[JOE][1:3] == ("en-US", "male")
    bob, alice = (binding.generate_audio("Hi.", voice) for voice in ("two#bob", "two#alice"))
    assert bob == binding.generate_audio("Hi.") == binding.generate_audio("Hi.", "two", speaker=1)
    assert alice == binding.generate_audio("Hi.", str(two / "two.onnx#alice"))
    assert alice != bob


def test_a_speaker_that_is_not_there_or_given_twice_is_refused(two: Path) -> None:
    binding = create(piper_voices_dir=two, default_voice="two")
    with pytest.raises(UnknownVoice, match=r"voice 'two' has no speaker 'bo'; did you mean 'bob'"):
        binding.generate_audio("Hi.", "two#bo")
    with pytest.raises(BadOption, match=r"speaker is 0, and the voice names 'bob'"):
        binding.generate_audio("Hi.", "two#bob", speaker=0)
    with pytest.raises(BadOption, match="speaker is 2, and this voice has 2: give 0 to 1"):
        binding.generate_audio("Hi.", speaker=2)


def test_a_voice_whose_settings_cannot_be_read_is_listed_alone(two: Path) -> None:
    (two / "two.onnx.json").write_text("{")
    voices = create(piper_voices_dir=two).voices()
    assert [voice for voice in voices if voice.name.startswith("two")] == [Voice("two")]


def test_a_gpu_that_onnxruntime_cannot_use_is_refused() -> None:
    with pytest.raises(BadConfig, match=r"device is 'cuda'.* install onnxruntime-gpu"):
        create(device="cuda").load()
    assert create(device="auto").generate_audio("Hello.").duration_s > 0.1


def test_a_gpu_that_does_not_start_is_no_silent_cpu(
    piper: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime  # type: ignore[import-untyped]

    # Built for CUDA, on a machine without: onnxruntime then takes the CPU.
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: both)
    with pytest.warns(UserWarning, match="CUDAExecutionProvider"):  # noqa: SIM117
        with pytest.raises(BadConfig, match="its CUDA libraries don't load"):
            create(device="cuda").load()


def test_the_least_recently_used_voice_goes_first(own: Path) -> None:
    names = [f"voice{number}" for number in range(5)]
    for name in names:
        for ending in (".onnx", ".onnx.json"):
            (own / f"{name}{ending}").hardlink_to((own / f"mine{ending}").resolve())
    binding = create(piper_voices_dir=own, default_voice=names[0])
    for name in [*names[:4], names[0], names[4]]:
        binding.generate_audio("Hi.", name)
    assert [path.stem for path in binding._voices] == [names[2], names[3], names[0], names[4]]


def test_unloading_lets_go_of_every_voice(own: Path) -> None:
    binding = create(piper_voices_dir=own)
    binding.generate_audio("Hi.")
    binding.generate_audio("Hi.", "mine")
    kept = [weakref.ref(voice.session) for voice in binding._voices.values()]
    binding.unload()
    gc.collect()
    assert len(kept) == 2
    assert all(reference() is None for reference in kept)
    assert binding.generate_audio("Hi.").duration_s > 0.1


@pytest.mark.parametrize("ending", [".onnx", ".onnx.json"])
def test_a_damaged_voice_is_named(own: Path, piper: Any, ending: str) -> None:
    damaged = own / f"mine{ending}"
    damaged.unlink()
    damaged.write_bytes(b"<!DOCTYPE html><title>404</title>")
    with pytest.raises(WeightsDamaged, match=r"mine\.onnx"):
        piper.generate_audio(TEXT, str(own / "mine.onnx"))


def test_what_piper_would_download_is_refused(own: Path, piper: Any) -> None:
    settings = json.loads((own / "mine.onnx.json").read_text())
    (own / "mine.onnx.json").unlink()
    (own / "mine.onnx.json").write_text(json.dumps({**settings, "phoneme_type": "pinyin"}))
    with pytest.raises(NotSupported, match=r"g2pw\.onnx"):
        piper.generate_audio(TEXT, str(own / "mine.onnx"))


def test_a_call_can_be_cancelled_between_sentences(piper: Any) -> None:
    steps = []

    def report(fraction: Any = None, step: Any = None, message: Any = None) -> None:
        steps.append(step)
        if len(steps) == 2:
            raise Cancelled("enough")

    piper.report = report
    try:
        with pytest.raises(Cancelled):
            piper.generate_audio("One. Two. Three. Four.")
    finally:
        del piper.report
    assert steps == ["sentence 1", "sentence 2"]


def test_a_sound_that_the_voice_does_not_know_prints_nothing(
    own: Path, piper: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = json.loads((own / "mine.onnx.json").read_text())
    del settings["phoneme_id_map"]["ŋ"]
    shutil.copy((own / "mine.onnx").resolve(), own / "poor.onnx")
    (own / "poor.onnx.json").write_text(json.dumps(settings))
    # As in a program that doesn't configure logging.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    assert piper.generate_audio("Singing.", str(own / "poor.onnx")).duration_s > 0.2
    assert capfd.readouterr() == ("", "")
