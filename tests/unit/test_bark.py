"""Bark on a tiny real model: what the library alone gives, in batches, streams and workers."""

from __future__ import annotations

import importlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.tiny import tiny

from omnibind import Client
from omnibind.contracts.binding import CURRENT_CALL, Progress
from omnibind.contracts.errors import (
    BadConfig,
    BadInput,
    Cancelled,
    DeadlineExceeded,
    NotSupported,
    OmnibindError,
    UnknownModel,
    UnknownVoice,
    Untrusted,
    WeightsDamaged,
    WeightsMissing,
)
from omnibind.managers import TTMBindingManager, TTSBindingManager
from omnibind.running.worker import end_all, workers
from omnibind.weights.trust import trust

TEXT = "Hello there, fox."
TEXTS = ("Hello there, fox.", "How are you today?", "Well.", "We were seven in the old boat.")
VOICE = "v2/en_speaker_6"


def speech(folder: Path | str, **configuration: Any) -> Any:
    """tts/bark on a folder, here."""
    return TTSBindingManager().create_binding(
        "bark", runs="in-process", model_name=str(folder), **configuration
    )


def effects(folder: Path | str, **configuration: Any) -> Any:
    """ttm/bark on a folder, here."""
    return TTMBindingManager().create_binding(
        "bark", runs="in-process", model_name=str(folder), **configuration
    )


@pytest.fixture(scope="module")
def bark() -> Iterator[Any]:
    binding = speech(tiny("bark"))
    binding.load()
    yield binding
    binding.unload()


@cache
def library(folder: Path) -> tuple[Any, Any]:
    import torch
    from transformers import AutoProcessor, BarkModel

    model = BarkModel.from_pretrained(folder, dtype=torch.float32)
    return model, AutoProcessor.from_pretrained(folder)


def raw(folder: Path, text: str, voice: str | None, seed: int, **options: Any) -> Any:
    """What the library says, as its documentation shows it."""
    import torch

    model, processor = library(folder)
    inputs = processor(text, voice_preset=voice)
    torch.manual_seed(seed)
    return model.generate(**inputs, **options).cpu().numpy().squeeze()


def samples(sound: Any) -> Any:
    return sound.array()[:, 0]


def same(one: Any, other: Any) -> bool:
    return one.shape == other.shape and bool((one == other).all())


@pytest.fixture
def copied(tmp_path: Path) -> Callable[..., Path]:
    """Copy the tiny model, with other semantic tokens at most or files left out."""

    def copy(without: str = "", tokens: int | None = None) -> Path:
        folder = tmp_path / "copy"
        shutil.copytree(tiny("bark"), folder)
        if tokens is not None:
            path = folder / "generation_config.json"
            settings = json.loads(path.read_text())
            settings["semantic_config"]["max_new_tokens"] = tokens
            path.write_text(json.dumps(settings))
        for path in folder.glob(without) if without else ():
            path.unlink()
        return folder

    return copy


@pytest.mark.parametrize("voice", [VOICE, "v2/de_speaker_3"])
def test_a_sentence_sounds_as_the_library_alone_makes_it(bark: Any, voice: str) -> None:
    for seed in (1, 2):
        sound = bark.generate_audio(TEXT, voice, seed=seed)
        assert same(samples(sound), raw(tiny("bark"), TEXT, voice, seed))
        assert (sound.sample_rate, sound.channels) == (24_000, 1)


def test_without_a_preset_it_sounds_as_the_library_alone_makes_it() -> None:
    binding = speech(tiny("bark"), default_voice=None)
    assert same(samples(binding.generate_audio(TEXT, seed=3)), raw(tiny("bark"), TEXT, None, 3))


@pytest.mark.parametrize(
    "options",
    [
        {"semantic_temperature": 0.4, "coarse_temperature": 1.3, "fine_temperature": 1.0},
        {"top_k": 0, "top_p": 0.8},
        {"min_eos_p": 0.001},
    ],
)
def test_options_mean_what_they_mean_to_the_library(bark: Any, options: dict[str, Any]) -> None:
    sound = samples(bark.generate_audio(TEXT, seed=3, **options))
    assert same(sound, raw(tiny("bark"), TEXT, VOICE, 3, **options))
    assert not same(sound, raw(tiny("bark"), TEXT, VOICE, 3))


def test_in_a_batch_every_text_sounds_as_the_library_makes_it_alone(bark: Any) -> None:
    said = bark.generate_audio_batch(list(TEXTS), seed=3, min_eos_p=0.001)
    sounds = [samples(sound) for sound in said]
    assert len({len(sound) for sound in sounds}) > 1, "all are as long: the batch proves little"
    for text, sound in zip(TEXTS, sounds, strict=True):
        assert same(sound, raw(tiny("bark"), text, VOICE, 3, min_eos_p=0.001)), text


def test_sounds_longer_than_the_window_of_the_details_are_alike_too(
    copied: Callable[..., Path],
) -> None:
    folder = copied(tokens=120)
    said = speech(folder).generate_audio_batch(list(TEXTS[:3]), seed=2, min_eos_p=0.002)
    sounds = [samples(sound) for sound in said]
    frames = [len(sound) // 320 for sound in sounds]
    assert max(frames) > 128, "none is longer than the window"
    assert min(frames) < 128
    for text, sound in zip(TEXTS, sounds, strict=False):
        assert same(sound, raw(folder, text, VOICE, 2, min_eos_p=0.002)), text


def test_a_long_text_is_its_sentences_with_silence_between_them(bark: Any) -> None:
    import numpy as np

    text = " ".join(TEXTS * 3)
    alone = [samples(sound) for sound in bark.generate_audio_batch(list(TEXTS), seed=6)]
    parts = []
    for sound in alone * 3:
        parts += [sound, np.zeros(2400, np.float32)]
    whole = samples(bark.generate_audio(text, seed=6, sentence_silence_s=0.1))
    assert same(whole, np.concatenate(parts[:-1]))
    chunks = list(bark.stream_audio(text, seed=6, sentence_silence_s=0.1))
    assert len(chunks) == 12
    assert same(np.concatenate([chunk.samples for chunk in chunks]), whole)


def test_a_seed_that_nobody_gave_is_told_and_makes_the_same_again(bark: Any) -> None:
    one, other = bark.generate_audio_batch([TEXT, TEXT])
    assert one.meta.seed != other.meta.seed
    assert not same(samples(one), samples(other))
    assert same(samples(bark.generate_audio(TEXT, seed=one.meta.seed)), samples(one))


def test_the_programs_own_chance_stays_as_it_was(bark: Any) -> None:
    import torch

    for seed in (1, None):
        before = torch.get_rng_state()
        bark.generate_audio(TEXT, seed=seed)
        assert bool((torch.get_rng_state() == before).all())


def test_speech_and_effects_share_one_loaded_model(bark: Any) -> None:
    maker = effects(tiny("bark"))
    sound = maker.generate_music("[laughter]", voice=VOICE, seed=8)
    assert maker._bark is bark._bark
    assert same(samples(sound), samples(bark.generate_audio("[laughter]", seed=8)))
    assert same(samples(sound), raw(tiny("bark"), "[laughter]", VOICE, 8))
    assert sound.meta.seed == 8
    maker.unload()
    bark.generate_audio(TEXT)


def test_effects_are_made_with_the_preset_that_is_asked_for() -> None:
    prompt = "♪ la la ♪"
    plain = effects(tiny("bark")).generate_music(prompt, seed=9)
    fixed = effects(tiny("bark"), default_voice_preset="announcer")
    assert same(samples(plain), raw(tiny("bark"), prompt, None, 9))
    assert same(
        samples(fixed.generate_music(prompt, seed=9)), raw(tiny("bark"), prompt, "announcer", 9)
    )
    assert same(
        samples(fixed.generate_music(prompt, voice=VOICE, seed=9)),
        raw(tiny("bark"), prompt, VOICE, 9),
    )
    with pytest.raises(UnknownVoice, match="en_speaker_66"):
        fixed.generate_music(prompt, voice="v2/en_speaker_66")
    with pytest.raises(BadInput, match=r"has \d+ tokens, and bark takes 256"):
        fixed.generate_music("la " * 257)


def test_the_presets_of_a_folder_are_those_that_it_lists() -> None:
    own = ["announcer", "v2/de_speaker_3", VOICE]
    assert speech(tiny("bark")).list_voices() == own
    assert effects(tiny("bark")).list_voice_presets() == own
    told = {voice.name: voice.language for voice in speech(tiny("bark")).voices()}
    assert told == {"announcer": None, "v2/de_speaker_3": "de", VOICE: "en"}


def test_without_weights_the_published_presets_and_models_are_listed() -> None:
    class_: Any = importlib.import_module("omnibind.bindings.tts.bark.binding").BarkTTS
    published = class_().list_voices()
    assert len(published) == 261
    assert sum(name.startswith("v2/") for name in published) == 130
    assert published == sorted(published)
    listed = effects(tiny("bark")).list_models()
    assert listed == ["suno/bark-small", "suno/bark", str(tiny("bark"))]


def test_a_preset_that_isnt_there_is_named(bark: Any, tmp_path: Path) -> None:
    # The library would look for a file of that name.
    (tmp_path / "mine.npz").touch()
    for name in ("v2/en_speaker_7", str(tmp_path / "mine"), "repo_or_path"):
        with pytest.raises(UnknownVoice, match="is unknown to bark"):
            bark.generate_audio(TEXT, name)
    with pytest.raises(UnknownVoice, match="en_speaker_7"):
        speech(tiny("bark"), default_voice="v2/en_speaker_7").load()


def test_a_folder_without_presets_speaks_by_chance(copied: Callable[..., Path]) -> None:
    folder = copied(without="speaker_embeddings_path.json")
    with pytest.raises(UnknownVoice, match="there is none"):
        speech(folder).load()
    binding = speech(folder, default_voice=None)
    assert binding.list_voices() == []
    assert same(samples(binding.generate_audio(TEXT, seed=3)), raw(tiny("bark"), TEXT, None, 3))


@pytest.mark.parametrize(
    ("missing", "error", "words"),
    [
        ("config.json", UnknownModel, "no file"),
        ("model.safetensors", WeightsDamaged, "can't be loaded"),
        ("generation_config.json", WeightsDamaged, "generation_config.json"),
        ("tokenizer*", WeightsDamaged, "tokenizer"),
    ],
)
def test_a_missing_file_is_an_error_of_ours(
    copied: Callable[..., Path], missing: str, error: type[OmnibindError], words: str
) -> None:
    with pytest.raises(error, match=words):
        speech(copied(without=missing)).load()


def test_a_missing_array_of_a_preset_is_an_error_of_ours(copied: Callable[..., Path]) -> None:
    folder = copied(without="speaker_embeddings/v2/en_speaker_6_fine_prompt.npy")
    with pytest.raises(WeightsDamaged, match="en_speaker_6"):
        speech(folder).generate_audio(TEXT)


def test_weights_of_which_a_part_is_missing_are_refused(copied: Callable[..., Path]) -> None:
    from safetensors.torch import load_file, save_file

    folder = copied()
    weights = load_file(folder / "model.safetensors")
    del weights["semantic.lm_head.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsDamaged, match=r"semantic\.lm_head\.weight"):
        speech(folder).load()


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "whisper"}))
    with pytest.raises(NotSupported, match="whisper"):
        speech(tmp_path).load()
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UnknownModel, match=r"no file"):
        speech(empty).load()
    with pytest.raises(WeightsMissing, match="nowhere"):
        speech(tmp_path / "nowhere").load()


def test_a_pickle_loads_once_it_is_trusted(copied: Callable[..., Path], home: Path) -> None:
    import torch
    from safetensors.torch import load_file

    folder = copied()
    weights = load_file(folder / "model.safetensors")
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    binding = speech(folder)
    with pytest.raises(Untrusted, match="omnibind trust"):
        binding.load()
    trust(folder / "pytorch_model.bin")
    sound = binding.generate_audio(TEXT, seed=1)
    assert same(samples(sound), raw(tiny("bark"), TEXT, VOICE, 1))


def test_a_device_that_isnt_there_is_refused() -> None:
    with pytest.raises(BadConfig, match="cuda:99"):
        speech(tiny("bark"), device="cuda:99").load()


@pytest.mark.usefixtures("no_network")
def test_loading_and_speaking_stay_offline() -> None:
    binding = speech(tiny("bark"), precision="float32", default_voice="announcer")
    binding.load()
    assert binding.generate_audio(TEXT)
    assert effects(tiny("bark")).generate_music("[applause]", voice=VOICE)


class Listener:
    """Hears progress, and cancels when it has heard of a step that begins so."""

    def __init__(self, until: str = "never") -> None:
        self.heard: list[Progress] = []
        self._until = until

    def report(self, progress: Progress) -> None:
        self.heard.append(progress)
        if self._until in (progress.step or ""):
            raise Cancelled("enough")


@pytest.mark.parametrize("stage", ["words 3", "sound 3/", "details 2"])
def test_a_call_is_cancelled_between_two_tokens(bark: Any, stage: str) -> None:
    listener = Listener(stage)
    token = CURRENT_CALL.set(listener)
    try:
        with pytest.raises(Cancelled, match="enough"):
            bark.generate_audio_batch(list(TEXTS), seed=1)
    finally:
        CURRENT_CALL.reset(token)
    assert stage in (listener.heard[-1].step or "")


def test_progress_goes_on_to_the_end(bark: Any) -> None:
    listener = Listener()
    token = CURRENT_CALL.set(listener)
    try:
        bark.generate_audio(" ".join(TEXTS * 3), seed=1)
    finally:
        CURRENT_CALL.reset(token)
    fractions = [progress.fraction or 0.0 for progress in listener.heard]
    assert fractions == sorted(fractions)
    assert 0 < fractions[0] < 0.1
    assert 0.9 < fractions[-1] <= 1
    assert "sentences 1–8" in (listener.heard[0].step or "")


def test_one_worker_serves_speech_and_effects_and_heeds_a_deadline(
    copied: Callable[..., Path],
) -> None:
    folder = copied(tokens=700)
    named: Any = {"binding": "bark", "model_name": str(folder)}
    with Client(tts=named, ttm=named) as client:
        sound = client.ttm.generate_music("[laughter]", seed=8, min_eos_p=0.001)
        assert sound.meta.seed == 8
        pid = [worker.pid for worker in workers()]
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            client.tts.generate_audio(" ".join(TEXTS * 8), timeout_s=0.5)
        assert time.monotonic() - started < 5
        again = client.tts.generate_audio("[laughter]", VOICE, min_eos_p=0.001, verify=False)
        assert again.sample_rate == 24_000
        assert [worker.pid for worker in workers()] == pid
        assert len(pid) == 1
    end_all()


def test_long_texts_are_cut_where_bark_can_say_the_parts() -> None:
    code: Any = importlib.import_module("omnibind.bindings._shared.bark_sentences")
    sentences_of, most = code.sentences_of, code.MOST
    assert sentences_of("Dr. Fox ran. He won! (Why?)", "en") == [
        "Dr. Fox ran.",
        "He won!",
        "(Why?)",
    ]
    assert sentences_of("Well… [laughs] ...", None) == ["Well… [laughs] ..."]
    assert sentences_of("...!", None) == ["...!"]
    clauses = sentences_of("a long clause of words, " * 20 + "and the end.", "en")
    assert len(clauses) == 3
    assert all(clause.endswith((",", ".")) and len(clause) <= most for clause in clauses)
    solid = "x" * 450
    assert "".join(sentences_of(solid, None)) == solid
    chinese = "天地玄黄" * 40 + "。"
    parts = sentences_of(chinese, "zh")
    assert "".join(parts) == chinese
    assert max(map(len, parts)) * 3 <= most
