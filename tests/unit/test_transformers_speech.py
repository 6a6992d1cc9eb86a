"""Speech models through transformers say what the library says, and refuse what they can't."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.impatient import cancelled_at
from tests.speaking import MOST, binding_of, copied, refusal, said_by_dia
from tests.tiny import tiny

from omnibind.contracts.errors import (
    BadConfig,
    BadInput,
    BadOption,
    NotSupported,
    PackagesMissing,
    UnknownModel,
    UnknownVoice,
    Untrusted,
    WeightsDamaged,
    WeightsMissing,
)

TEXT = "the quick brown fox jumps over the lazy dog."


@pytest.fixture(scope="module")
def vits() -> Iterator[Any]:
    binding = binding_of(tiny("vits"))
    yield binding
    binding.unload()


@pytest.fixture(scope="module")
def speecht5() -> Iterator[Any]:
    folder = tiny("speecht5")
    binding = binding_of(folder, vocoder=str(folder / "vocoder"), voices_dir=folder / "speakers")
    yield binding
    binding.unload()


@pytest.mark.parametrize(
    ("speaker", "speed"),
    [(None, 1.0), ("2", 1.0), ("1", 1.5)],
)
def test_the_samples_of_vits_are_the_librarys_own(
    vits: Any, speaker: str | None, speed: float
) -> None:
    import torch
    from transformers import VitsModel, VitsTokenizer

    tokenizer = VitsTokenizer.from_pretrained(tiny("vits"))
    model = VitsModel.from_pretrained(tiny("vits"))
    torch.manual_seed(7)
    with torch.no_grad():
        inputs = tokenizer(text=TEXT, return_tensors="pt")
        rate = {"speaking_rate": speed} if speed != 1.0 else {}
        expected = model(**inputs, speaker_id=int(speaker or 0), **rate).waveform[0].numpy()
    sound = vits.generate_audio(TEXT, speaker, speed=speed, seed=7)
    assert np.array_equal(sound.array()[:, 0], expected)
    assert sound.sample_rate == 16_000


def test_the_samples_of_speecht5_are_the_librarys_own(speecht5: Any) -> None:
    import torch
    from transformers import SpeechT5ForTextToSpeech, SpeechT5HifiGan, SpeechT5Processor

    folder = tiny("speecht5")
    processor = SpeechT5Processor.from_pretrained(folder)
    model = SpeechT5ForTextToSpeech.from_pretrained(folder)
    vocoder = SpeechT5HifiGan.from_pretrained(folder / "vocoder")
    speaker = torch.from_numpy(np.load(folder / "speakers" / "ben.npy"))[None]
    inputs = processor(text="the fox", return_tensors="pt")
    torch.manual_seed(7)
    with torch.no_grad():
        expected = model.generate_speech(inputs["input_ids"], speaker, vocoder=vocoder).numpy()
    sound = speecht5.generate_audio("the fox", "ben", seed=7)
    assert np.array_equal(sound.array()[:, 0], expected)
    by_path = speecht5.generate_audio("the fox", str(folder / "speakers" / "ben.npy"), seed=7)
    assert (by_path == sound) is True


def said_by_csm(text: str, seed: int, options: dict[str, Any]) -> Any:
    """What the library says, as its documentation shows."""
    import torch
    from transformers import AutoProcessor, CsmForConditionalGeneration

    folder = tiny("csm")
    processor = AutoProcessor.from_pretrained(folder)
    model = CsmForConditionalGeneration.from_pretrained(folder)
    inputs = processor(f"[0]{text}", add_special_tokens=True, return_tensors="pt")
    inner = {f"depth_decoder_{name}": options[name] for name in options if name != MOST}
    torch.manual_seed(seed)
    sound = model.generate(**inputs, output_audio=True, **options, **inner)[0]
    return sound.clamp(-1, 1).numpy()


SAID = {"csm": said_by_csm, "dia": said_by_dia}
RATES = {"csm": 24_000, "dia": 44_100}


@pytest.fixture(scope="module", params=SAID)
def drawing(request: pytest.FixtureRequest) -> Iterator[tuple[str, Any]]:
    """A model that draws tokens, its kind before it."""
    binding = binding_of(tiny(request.param))
    yield request.param, binding
    binding.unload()


@pytest.mark.parametrize(
    ("text", "seed", "options", "raw"),
    [
        ("the fox", 7, {}, {}),
        ("a lazy dog", 7, {}, {}),
        ("the fox", 8, {}, {}),
        ("the fox", 7, {"temperature": 1.5}, {"do_sample": True, "temperature": 1.5}),
        ("the fox", 7, {"top_k": 5}, {"do_sample": True, "top_k": 5}),
        ("the fox", 7, {"top_p": 0.3}, {"do_sample": True, "top_p": 0.3}),
        ("the fox", 7, {"temperature": 0}, {"do_sample": False}),
    ],
)
def test_the_samples_of_a_model_that_draws_are_the_librarys_own(
    drawing: tuple[str, Any], text: str, seed: int, options: dict[str, Any], raw: dict[str, Any]
) -> None:
    kind, binding = drawing
    expected = SAID[kind](text, seed, raw)
    sound = binding.generate_audio(text, seed=seed, **options)
    assert np.array_equal(sound.array()[:, 0], expected)
    assert sound.sample_rate == RATES[kind]
    if (text, seed, options) != ("the fox", 7, {}):
        plain = SAID[kind]("the fox", 7, {})
        assert not np.array_equal(expected, plain), "it would show nothing"
        assert np.array_equal(binding.generate_audio("the fox", seed=7).array()[:, 0], plain)


def test_a_model_that_draws_is_cancelled_between_two_tokens(drawing: tuple[str, Any]) -> None:
    kind, binding = drawing
    with cancelled_at(4) as told:
        binding.generate_audio("the fox", seed=7)
    assert [one.step for one in told] == ["speaking", "step 0", "step 1", "step 2"]
    sound = binding.generate_audio("the fox", seed=7)
    assert np.array_equal(sound.array()[:, 0], SAID[kind]("the fox", 7, {}))


@pytest.mark.parametrize(("kind", "most"), [("csm", 55), ("dia", 381)])
def test_a_model_that_never_ends_is_ended(tmp_path: Path, kind: str, most: int) -> None:
    folder = copied(tmp_path, kind)
    settings = json.loads((folder / "generation_config.json").read_text("utf-8"))
    for name in (MOST, "max_length"):
        settings.pop(name, None)
    (folder / "generation_config.json").write_text(json.dumps(settings))
    sound = binding_of(folder).generate_audio("fox", seed=7)
    expected = SAID[kind]("fox", 7, {MOST: most})
    assert np.array_equal(sound.array()[:, 0], expected)


def test_a_temperature_that_dia_would_take_for_another_is_refused() -> None:
    with pytest.raises(BadOption, match=r"0\.5"):
        binding_of(tiny("dia")).generate_audio("the fox", temperature=0.5)


def test_a_text_that_leaves_no_room_to_speak_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path, "csm")
    (folder / "generation_config.json").write_text(json.dumps({"do_sample": True}))
    with pytest.raises(BadInput, match="300 letters"):
        binding_of(folder).generate_audio("a" * 300)


@pytest.mark.parametrize("kind", ["fastspeech2", "fastspeech2-hifigan"])
def test_the_samples_of_fastspeech2_are_the_librarys_own(kind: str) -> None:
    import torch
    from transformers import AutoTokenizer, FastSpeech2ConformerWithHifiGan

    whole = tiny("fastspeech2-hifigan")
    tokenizer = AutoTokenizer.from_pretrained(whole)
    model = FastSpeech2ConformerWithHifiGan.from_pretrained(whole)
    folder = tiny(kind)
    parts = {"vocoder": str(folder / "vocoder")} if kind == "fastspeech2" else {}
    binding = binding_of(folder, **parts)
    assert binding.list_voices() == ["0", "1", "2"]
    heard = []
    for text, voice in (("the fox", "0"), ("the fox", "2"), ("a dog", "2")):
        inputs = tokenizer(text, return_tensors="pt")
        speaker = torch.tensor([[int(voice)]])
        with torch.no_grad():
            made = model(inputs["input_ids"], speaker_ids=speaker, return_dict=True)
        sound = binding.generate_audio(text, voice)
        assert np.array_equal(sound.array()[:, 0], made["waveform"][0].numpy())
        assert sound.sample_rate == 22_050
        heard.append(sound)
    assert (heard[0] == heard[1]) is False
    assert (heard[1] == heard[2]) is False


def test_without_a_seed_two_calls_differ_and_tell_theirs(vits: Any) -> None:
    one, two = (vits.generate_audio(TEXT) for _ in range(2))
    assert (one == two) is False
    assert (vits.generate_audio(TEXT, seed=two.meta.seed) == two) is True


def test_the_programs_own_chance_is_left_alone(vits: Any) -> None:
    import torch

    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    vits.generate_audio("fox")
    assert torch.equal(torch.rand(3), expected)


def test_the_voices_are_those_of_the_model(vits: Any, speecht5: Any) -> None:
    assert vits.list_voices() == ["0", "1", "2"]
    assert speecht5.list_voices() == ["ann", "ben"]


def test_the_default_voice_is_the_configured_one(vits: Any) -> None:
    binding = binding_of(tiny("vits"), default_voice="2")
    expected = vits.generate_audio("fox", "2", seed=7)
    assert (binding.generate_audio("fox", seed=7) == expected) is True


def test_it_is_cancelled_between_two_steps(speecht5: Any) -> None:
    with cancelled_at(3) as told:
        speecht5.generate_audio("the fox", "ann")
    assert len(told) == 3
    assert speecht5.generate_audio("fox", "ann", seed=1), "the next call isn't cancelled"


def test_the_second_call_loads_nothing(vits: Any) -> None:
    vits.generate_audio("fox")
    before = vits._speaker
    vits.generate_audio("dog")
    assert vits._speaker is before


@pytest.mark.usefixtures("no_network")
def test_nothing_goes_over_the_network() -> None:
    folder = tiny("speecht5")
    for binding in (
        binding_of(tiny("vits")),
        binding_of(folder, vocoder=str(folder / "vocoder"), default_voice=_npy(folder)),
        binding_of(tiny("pocket-tts")),
        binding_of(tiny("vibevoice")),
    ):
        assert binding.generate_audio("fox")
        binding.unload()


def _npy(folder: Path) -> str:
    return str(folder / "speakers" / "ann.npy")


def test_without_a_model_three_are_named_with_size_and_licence() -> None:
    told = refusal(BadConfig, None)
    for words in ("facebook/mms-tts-eng", "CC-BY-NC-4.0", "MIT", "Apache-2.0", "million"):
        assert words in told


def test_a_model_of_spectrograms_names_the_vocoder_that_it_needs() -> None:
    told = refusal(BadConfig, tiny("speecht5"))
    assert "microsoft/speecht5_hifigan" in told
    assert "isn't fetched unasked" in told


def test_a_vocoder_that_is_none_is_refused() -> None:
    told = refusal(WeightsDamaged, tiny("speecht5"), vocoder=str(tiny("vits")))
    assert "VitsModel" in told


def test_a_missing_folder_is_named() -> None:
    assert "/nowhere/model" in refusal(WeightsMissing, "/nowhere/model")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    assert "config.json" in refusal(UnknownModel, tmp_path)


@pytest.mark.parametrize(
    "kind",
    [
        "whisper",
        "musicgen",
        "qwen2_5_omni",
        "qwen3_omni_moe",
    ],
)
def test_a_model_that_doesnt_speak_a_plain_text_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    told = refusal(NotSupported, tmp_path)
    assert kind in told
    assert "vits" in told


@pytest.mark.parametrize("missing", ["model.safetensors", "vocab.json"])
def test_a_missing_part_is_refused(tmp_path: Path, missing: str) -> None:
    folder = copied(tmp_path)
    (folder / missing).unlink()
    assert str(folder) in refusal(WeightsDamaged, folder)


def test_weights_cut_short_are_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])
    assert str(folder) in refusal(WeightsDamaged, folder)


def test_a_pickle_that_nobody_trusts_is_refused(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    folder = copied(tmp_path)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert "pytorch_model.bin" in refusal(Untrusted, folder)


def test_text_that_needs_a_missing_package_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    settings["is_uroman"] = True
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    assert "pip install uroman" in refusal(PackagesMissing, folder)


def test_a_codec_that_needs_a_missing_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "higgs_audio_v2"}))
    assert "pip install torchaudio" in refusal(PackagesMissing, tmp_path)


def test_phonemes_that_need_a_missing_package_are_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path, "fastspeech2-hifigan")
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps({"<blank>": 0, "<sos/eos>": 1}))
    kind = {"tokenizer_class": "FastSpeech2ConformerTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(kind))
    assert "pip install g2p-en" in refusal(PackagesMissing, folder)


@pytest.mark.parametrize("voice", ["3", "-1", "bob"])
def test_a_speaker_out_of_range_is_refused(vits: Any, voice: str) -> None:
    with pytest.raises(UnknownVoice, match=voice):
        vits.generate_audio(TEXT, voice)


def test_a_missing_or_wrong_x_vector_is_refused(speecht5: Any, tmp_path: Path) -> None:
    wrong, pickled = tmp_path / "wrong.npy", tmp_path / "pickled.npy"
    np.save(wrong, np.zeros(3, np.float32))
    np.save(pickled, np.array([{}], object), allow_pickle=True)
    for voice in (None, "bob", str(wrong), str(pickled), str(tmp_path)):
        with pytest.raises(UnknownVoice, match="8 numbers"):
            speecht5.generate_audio("the fox", voice)


def test_too_long_a_text_is_refused_with_the_limit(speecht5: Any) -> None:
    with pytest.raises(BadInput, match="at most 60"):
        speecht5.generate_audio("the fox " * 10, "ann")


def test_a_text_of_unknown_signs_is_refused(vits: Any) -> None:
    with pytest.raises(BadInput, match="none of the signs"):
        vits.generate_audio("你好")


@pytest.mark.parametrize("option", ["temperature", "top_k", "top_p"])
def test_options_of_drawing_are_refused_where_nothing_is_drawn(vits: Any, option: str) -> None:
    with pytest.raises(BadOption, match=option):
        vits.generate_audio(TEXT, **{option: 1})


def test_speed_is_refused_by_a_model_without_it(speecht5: Any) -> None:
    with pytest.raises(BadOption, match="speed"):
        speecht5.generate_audio("the fox", "ann", speed=1.5)
