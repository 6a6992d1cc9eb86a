"""Speech models that want a conversation say what the library says, with a given voice too."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.impatient import cancelled_at
from tests.speaking import MOST, binding_of, copied, refusal, said_by_dia
from tests.tiny import tiny

from omnibind import Client
from omnibind.contracts.errors import (
    BadConfig,
    BadInput,
    BadOption,
    BadOutput,
    ConsentMissing,
    NotSupported,
    UnknownVoice,
    WeightsMissing,
)
from omnibind.contracts.media import Audio


def words(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}]


def said_of_latents(kind: str, text: str, seed: int, voice: Any, options: dict[str, Any]) -> Any:
    """What the library says, as the docstrings of Pocket-TTS show."""
    import torch
    from transformers import AutoModelForTextToWaveform, AutoProcessor

    processor = AutoProcessor.from_pretrained(tiny(kind))
    model = AutoModelForTextToWaveform.from_pretrained(tiny(kind))
    heard = [] if voice is None else [{"type": "audio", "audio": voice}]
    torch.manual_seed(seed)
    parts = []
    for piece in processor.split_text(text):
        inputs = processor.apply_chat_template(
            [{"role": "user", "content": heard + words(piece)}],
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
        made = model.generate(**inputs, **options)
        parts += processor.decode(made.audio_latents, made.audio_latents_mask)
    return torch.cat(parts).numpy()


def said_by_vibevoice(kind: str, text: str, seed: int, voice: Any, options: dict[str, Any]) -> Any:
    """What the library says, as its documentation shows."""
    import torch
    from transformers import AutoModelForTextToWaveform, AutoProcessor

    processor = AutoProcessor.from_pretrained(tiny(kind))
    model = AutoModelForTextToWaveform.from_pretrained(tiny(kind))
    heard = [] if voice is None else [{"type": "audio", "audio": voice}]
    inputs = processor.apply_chat_template(
        [{"role": "0", "content": words(text) + heard}],
        return_dict=True,
        tokenize=True,
        return_tensors="pt",
    )
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its scheduler
        return model.generate(**inputs, **options)[0][0].numpy()


def said_by_higgs(kind: str, text: str, seed: int, voice: Any, options: dict[str, Any]) -> Any:
    """What the library says, as its documentation shows."""
    folder = tiny(kind)  # its maker lets torchaudio be imported
    import torch
    from transformers import AutoProcessor, HiggsAudioV2ForConditionalGeneration

    assert voice is None
    processor = AutoProcessor.from_pretrained(folder)
    model = HiggsAudioV2ForConditionalGeneration.from_pretrained(folder)
    inputs = processor.apply_chat_template(
        [
            {"role": "system", "content": words("Generate audio following instruction.")},
            {"role": "scene", "content": words("Audio is recorded from a quiet room.")},
            {"role": "user", "content": words(text)},
        ],
        add_generation_prompt=True,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
    )
    torch.manual_seed(seed)
    return processor.batch_decode(model.generate(**inputs, **options))[0].numpy()


TALKED = {
    "higgs-audio": said_by_higgs,
    "phonon": said_of_latents,
    "pocket-tts": said_of_latents,
    "vibevoice": said_by_vibevoice,
}
DRAWN = {
    "higgs-audio": ("temperature", "top_k", "top_p"),
    "phonon": ("temperature",),
    "pocket-tts": ("temperature",),
    "vibevoice": (),
}
CLONING = ("pocket-tts", "vibevoice")
TALKING = [kind for kind in TALKED if kind != "higgs-audio" or find_spec("torchaudio")]
"""Higgs Audio's codec wants torchaudio: test_torchaudio.py runs this module beside it."""
ENDLESS = {"higgs-audio": 149, "vibevoice": 120}
SPOKEN = ("the fox", 7)
SENTENCES = "the quick brown fox jumps over the lazy dog. it was never seen again."


@pytest.fixture(scope="module")
def talking() -> Iterator[Callable[[str], Any]]:
    """Gives the binding of a model that wants a conversation."""
    made = dict[str, Any]()

    def binding(kind: str) -> Any:
        if kind not in made:
            made[kind] = binding_of(tiny(kind))
        return made[kind]

    yield binding
    for one in made.values():
        one.unload()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tone = 0.4 * np.sin(np.arange(800, dtype=np.float32) / 20)
    return Audio.from_array(tone, 24_000).save(tmp_path_factory.mktemp("voices") / "ann.wav")


def is_said(sound: Audio, expected: Any) -> bool:
    assert sound.sample_rate == 24_000
    return np.array_equal(sound.array()[:, 0], expected)


@pytest.mark.parametrize("kind", TALKING)
def test_the_samples_of_a_model_that_converses_are_the_librarys_own(
    talking: Callable[[str], Any], kind: str
) -> None:
    heard = []
    for text, seed in (SPOKEN, ("a lazy dog", 7), ("the fox", 8), (SENTENCES, 7)):
        expected = TALKED[kind](kind, text, seed, None, {})
        assert is_said(talking(kind).generate_audio(text, seed=seed), expected)
        heard.append(expected.tobytes())
    assert len(set(heard)) == 4, "it would show nothing"
    given: list[tuple[str, float]] = [("temperature", 1.5), ("top_k", 5), ("top_p", 0.3)]
    for name, value in given:
        if name not in DRAWN[kind]:
            with pytest.raises(BadOption, match=name):
                talking(kind).generate_audio("the fox", **{name: value})
            continue
        raw = {"do_sample": True, name: value}
        expected = TALKED[kind](kind, *SPOKEN, None, raw)
        assert is_said(talking(kind).generate_audio("the fox", seed=7, **{name: value}), expected)
        assert expected.tobytes() not in heard
    if DRAWN[kind]:
        expected = TALKED[kind](kind, *SPOKEN, None, {"do_sample": False})
        assert is_said(talking(kind).generate_audio("the fox", seed=7, temperature=0), expected)


@pytest.mark.parametrize("kind", TALKING)
def test_a_model_that_converses_is_cancelled_between_two_steps(
    talking: Callable[[str], Any], kind: str
) -> None:
    expected = TALKED[kind](kind, *SPOKEN, None, {})
    assert is_said(talking(kind).generate_audio("the fox", seed=7), expected)
    with cancelled_at(3) as told:
        talking(kind).generate_audio("the fox", seed=7)
    assert [one.step for one in told] == ["speaking", "step 0", "step 1"]
    assert is_said(talking(kind).generate_audio("the fox", seed=7), expected)


@pytest.mark.parametrize("kind", CLONING)
def test_a_recordings_voice_is_taken_as_the_library_takes_it(
    talking: Callable[[str], Any], recording: Path, kind: str
) -> None:
    voice = Audio(recording.read_bytes()).array()[:, 0]
    expected = TALKED[kind](kind, *SPOKEN, voice, {})
    assert not np.array_equal(expected, TALKED[kind](kind, *SPOKEN, None, {}))
    assert is_said(talking(kind).generate_audio("the fox", str(recording), seed=7), expected)
    configured = binding_of(tiny(kind), default_speaker_wav=str(recording))
    assert is_said(configured.generate_audio("the fox", seed=7), expected)
    plain = TALKED[kind](kind, *SPOKEN, None, {})
    assert is_said(configured.generate_audio("the fox", "default", seed=7), plain)


def test_a_recording_needs_consent_however_it_is_given(recording: Path) -> None:
    choice = {"binding": "transformers", "model_name": str(tiny("pocket-tts"))}
    choice["runs"] = "in-process"
    with Client(tts=choice) as client:
        assert client.tts.generate_audio("the fox", "default", verify=False)
        with pytest.raises(ConsentMissing):
            client.tts.generate_audio("the fox", str(recording))
        assert client.tts.generate_audio("the fox", str(recording), consent=True, verify=False)
    with Client(tts={**choice, "default_speaker_wav": str(recording)}) as client:
        with pytest.raises(ConsentMissing):
            client.tts.generate_audio("the fox")
        assert client.tts.generate_audio("the fox", consent=True, verify=False)
    named = {**choice, "default_voice": str(recording)}
    with Client(tts=named) as client, pytest.raises(UnknownVoice):
        client.tts.generate_audio("the fox", consent=True)


def test_a_recording_is_refused_where_it_cant_be_heard(
    talking: Callable[[str], Any], recording: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnknownVoice, match="no file of that name"):
        talking("pocket-tts").generate_audio("the fox", "gone.wav")
    for binding in (talking("phonon"), binding_of(tiny("vits"))):
        with pytest.raises(UnknownVoice, match="ann"):
            binding.generate_audio("the fox", str(recording))
    assert "Pocket-TTS" in refusal(BadConfig, tiny("phonon"), default_speaker_wav=str(recording))
    folder = with_codec(tmp_path, "pocket-tts", str(tmp_path / "model" / "codec"))
    settings = json.loads((folder / "codec" / "config.json").read_text("utf-8"))
    (folder / "codec" / "config.json").write_text(json.dumps(settings | {"encoder_config": None}))
    deaf = binding_of(folder)
    with pytest.raises(NotSupported, match="without an encoder"):
        deaf.generate_audio("the fox", str(recording))
    expected = said_of_latents("pocket-tts", *SPOKEN, None, {})
    assert is_said(deaf.generate_audio("the fox", seed=7), expected)


@pytest.mark.parametrize("kind", [kind for kind in ENDLESS if kind in TALKING])
def test_a_model_that_converses_without_end_is_ended(tmp_path: Path, kind: str) -> None:
    most = ENDLESS[kind]
    folder = copied(tmp_path, kind)
    settings = json.loads((folder / "generation_config.json").read_text("utf-8"))
    del settings[MOST]
    settings["eos_token_id"] = 20
    (folder / "generation_config.json").write_text(json.dumps(settings))
    sound = binding_of(folder).generate_audio("fox", seed=7)
    assert is_said(sound, TALKED[kind](kind, "fox", 7, None, {MOST: most, "eos_token_id": 20}))
    with pytest.raises(BadInput, match="300 letters"):
        binding_of(folder).generate_audio("a" * 300)


def test_a_model_that_says_nothing_is_told_of(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = copied(tmp_path, "vibevoice")
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"].zero_()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadOutput, match="before it said"):
        binding_of(folder).generate_audio("the fox", seed=7)


def with_codec(tmp_path: Path, kind: str, named: str) -> Path:
    """Return a model that names its codec so."""
    folder = copied(tmp_path, kind)
    settings = json.loads((folder / "processor_config.json").read_text("utf-8"))
    settings["audio_tokenizer"]["audio_tokenizer_name_or_path"] = named
    (folder / "processor_config.json").write_text(json.dumps(settings))
    return folder


@pytest.mark.parametrize("kind", ["dia", "pocket-tts"])
def test_a_codec_is_found_where_models_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    shutil.copytree(tiny(kind) / "codec", tmp_path / "other")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    sound = binding_of(with_codec(tmp_path, kind, "~/other")).generate_audio("the fox", seed=7)
    expected = (
        said_by_dia("the fox", 7, {})
        if kind == "dia"
        else said_of_latents(kind, "the fox", 7, None, {})
    )
    assert np.array_equal(sound.array()[:, 0], expected)


@pytest.mark.parametrize("kind", ["dia", "pocket-tts"])
def test_a_missing_codec_comes_with_the_command_that_fetches_it(tmp_path: Path, kind: str) -> None:
    told = refusal(WeightsMissing, with_codec(tmp_path, kind, "descript/dac_44khz"))
    assert "omnibind pull tts/transformers/descript/dac_44khz" in told
