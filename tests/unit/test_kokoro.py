"""Kokoro's own ways: what the library gives, sentences, languages, models by their path."""

from __future__ import annotations

import gc
import hashlib
import shutil
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import pytest
from whisper_normalizer.english import EnglishTextNormalizer  # type: ignore[import-untyped]

from omnibind import Client
from omnibind.contracts.errors import (
    BadConfig,
    BadInput,
    BadOption,
    Cancelled,
    UnknownModel,
    UnknownVoice,
    WeightsDamaged,
    WeightsMissing,
)
from omnibind.contracts.roots import shipped_roots
from omnibind.managers import TTSBindingManager
from omnibind.weights.catalogue import read_models

RATE = 24_000
MODEL, VOICES = "kokoro-v1.0.int8.onnx", "voices-v1.0.bin"
FOX = "The quick brown fox jumps."
WRITTEN = Path(__file__).parents[1] / "sentences.txt"


def create(**config: Any) -> Any:
    return TTSBindingManager().create_binding("kokoro", **config)


@pytest.fixture(scope="module")
def kokoro() -> Iterator[Any]:
    binding = create()
    yield binding
    binding.unload()


@pytest.fixture(scope="module")
def library(kokoro: Any) -> Any:
    """The library alone, as its documentation shows."""
    from kokoro_onnx import Kokoro

    folder = kokoro.weights("v1.0.int8")
    return Kokoro(str(folder / MODEL), str(folder / VOICES))


@pytest.fixture
def own(kokoro: Any, tmp_path: Path) -> Path:
    """A folder with a model of the user's own."""
    for name in (MODEL, VOICES):
        (tmp_path / name).symlink_to(kokoro.weights("v1.0.int8") / name)
    return tmp_path


def samples_of(audio: Any) -> Any:
    return audio.array()[:, 0]


def is_same(one: Any, other: Any) -> bool:
    return one.shape == other.shape and bool((one == other).all())


def test_a_sentence_sounds_as_the_library_alone_makes_it(kokoro: Any, library: Any) -> None:
    ours = kokoro.generate_audio(FOX, "bm_george", speed=1.25)
    theirs, rate = library.create(FOX, voice="bm_george", speed=1.25, lang="en-gb")
    assert (ours.sample_rate, ours.channels) == (rate, 1) == (RATE, 1)
    assert is_same(samples_of(ours), theirs)
    other = kokoro.generate_audio(FOX, "af_heart", speed=1.25)
    assert not is_same(samples_of(other), theirs), "another voice sounds the same"


def test_sentences_are_those_of_the_library_with_a_pause_between(kokoro: Any, library: Any) -> None:
    ours = kokoro.generate_audio("He came. Why?", sentence_silence_s=0.5)
    came, why = (library.create(one, "af_heart")[0] for one in ("He came.", "Why?"))
    assert is_same(samples_of(ours), np.concatenate([came, np.zeros(RATE // 2, np.float32), why]))


def test_an_abbreviation_ends_no_sentence(kokoro: Any) -> None:
    pieces = list(kokoro.stream_audio("I saw Dr. Green. He is 3.5 feet tall! Why?", speed=2.0))
    assert len(pieces) == 3


def test_a_sentence_of_more_than_510_phonemes_loses_no_word(kokoro: Any) -> None:
    plain = EnglishTextNormalizer()
    written = WRITTEN.read_text("utf-8").splitlines()[:8]
    endless = " ".join(written).replace(".", "").replace(",", "")
    assert len(kokoro._engine().tokenizer.phonemize(endless)) > 510
    spoken = kokoro.generate_audio(endless, speed=1.25)
    with Client(stt="faster_whisper/tiny.en") as client:
        heard = client.stt.transcribe_audio(spoken)
    out = jiwer.process_words(plain(endless), plain(str(heard)))
    assert out.deletions <= 3, str(heard)
    assert out.wer < 0.2, str(heard)


def test_there_are_54_voices_with_language_and_gender(kokoro: Any) -> None:
    voices = {voice.name: voice for voice in kokoro.voices()}
    assert list(voices) == kokoro.list_voices() == sorted(kokoro._engine().get_voices())
    assert len(voices) == 54
    assert voices["af_heart"][1:3] == ("en-US", "female")
    assert voices["bm_lewis"][1:3] == ("en-GB", "male")
    assert voices["zf_xiaoni"][1:3] == ("zh", "female")
    own_language = sys.modules[type(kokoro).__module__]._language
    assert all(own_language(name, None)[0] == told.language for name, told in voices.items())


def test_the_voices_are_put_together_as_their_maker_publishes_them(
    kokoro: Any, tmp_path: Path
) -> None:
    published = read_models(Path(shipped_roots()[-1]) / "tts" / "kokoro")["v1.0"].files[1]
    fetched, made = tmp_path / "fetched", tmp_path / "made"
    for folder in (fetched, made):
        folder.mkdir()
    for name, style in kokoro._engine().voices.items():
        style.tofile(fetched / f"{name}.bin")
    (fetched / "some.onnx").write_bytes(b"model")
    sys.modules[type(kokoro).__module__].assemble(fetched, made)
    assert hashlib.sha256((made / VOICES).read_bytes()).hexdigest() == published.sha256
    assert (made / "some.onnx").read_bytes() == b"model"


@pytest.mark.parametrize(
    ("asked", "espeak"),
    [("en", "en-us"), ("en-GB", "en-gb"), ("en_au", "en-us"), ("pt", "pt-br"), ("zh-CN", "cmn")],
)
def test_a_language_is_found_by_its_tag(kokoro: Any, asked: str, espeak: str) -> None:
    assert sys.modules[type(kokoro).__module__]._language("af_heart", asked)[1] == espeak


def test_a_voice_speaks_another_language_when_asked(kokoro: Any, library: Any) -> None:
    spoken = kokoro.generate_audio("Hola, amigos.", "af_heart", language="es")
    assert is_same(samples_of(spoken), library.create("Hola, amigos.", "af_heart", lang="es")[0])
    assert spoken != kokoro.generate_audio("Hola, amigos.", "af_heart")


def test_a_language_that_no_voice_speaks_is_refused(kokoro: Any) -> None:
    with pytest.raises(BadOption, match=r"language 'sv' is unknown to kokoro; choose one of en-GB"):
        kokoro.generate_audio(FOX, language="sv")


def test_the_mark_of_a_foreign_word_is_not_spoken(kokoro: Any, library: Any) -> None:
    text = "Bon weekend."
    told = library.tokenizer.phonemize(text, "fr-fr")
    assert "(en)" in told, "espeak-ng no longer marks foreign words"
    clean = told.replace("(en)", "").replace("(fr)", "")
    theirs, _ = library.create(clean, "ff_siwis", is_phonemes=True)
    assert is_same(samples_of(kokoro.generate_audio(text, "ff_siwis")), theirs)


def test_japanese_is_spoken_from_kana_and_refused_in_kanji(kokoro: Any) -> None:
    assert kokoro.generate_audio("こんにちは。", "jf_alpha").duration_s > 0.3
    with pytest.raises(BadInput, match=r"'世'.* in kana"):
        kokoro.generate_audio("こんにちは、世界。", "jf_alpha")


@pytest.mark.parametrize("text", ["...", "—", "\u200b", "?!"])
def test_text_without_anything_to_speak_is_refused(kokoro: Any, text: str) -> None:
    with pytest.raises(BadInput, match="nothing to speak"):
        kokoro.generate_audio(text)


def test_a_sentence_of_marks_among_others_is_left_out(kokoro: Any) -> None:
    pieces = list(kokoro.stream_audio("Yes. ... No.", speed=2.0))
    assert len(pieces) == 2


def test_an_unknown_voice_is_refused_with_near_names(kokoro: Any) -> None:
    with pytest.raises(UnknownVoice, match=r"'af_hart' is unknown to kokoro; .*'af_heart'"):
        kokoro.generate_audio(FOX, "af_hart")
    with pytest.raises(UnknownVoice, match="'nobody'"):
        create(default_voice="nobody").load()


def test_a_call_can_be_cancelled_between_sentences(kokoro: Any) -> None:
    told = []

    def report(fraction: float, step: str) -> None:
        told.append((fraction, step))
        if len(told) == 2:
            raise Cancelled("enough")

    kokoro.report = report
    try:
        with pytest.raises(Cancelled):
            kokoro.generate_audio("One. Two. Three. Four.", speed=2.0)
    finally:
        del kokoro.report
    assert told == [(0.25, "sentence 1/4"), (0.5, "sentence 2/4")]


@pytest.mark.usefixtures("no_network")
def test_nothing_comes_from_the_network() -> None:
    assert create().generate_audio("Hello.").duration_s > 0.2


def test_unloading_lets_go_of_the_model() -> None:
    binding = create()
    binding.load()
    kept = weakref.ref(binding._loaded.sess)
    voices = binding._loaded.voices
    binding.unload()
    gc.collect()
    assert kept() is None
    assert voices.zip is None, "the file of voices is still open"


def test_it_speaks_beside_piper_which_has_an_espeak_of_its_own(kokoro: Any) -> None:
    before = kokoro.generate_audio("Hello.", "ff_siwis")
    with Client(tts="piper") as client:
        assert client.tts.generate_audio("Hello.").duration_s > 0.2
    assert kokoro.generate_audio("Hello.", "ff_siwis") == before


# ── models by name and by path ───────────────────────────────────────────────────────────────


def test_a_folder_and_a_file_of_ones_own_are_models(own: Path) -> None:
    expected = create().generate_audio("Hello.")
    assert create(model_name=str(own)).generate_audio("Hello.") == expected
    (own / "other.onnx").symlink_to(own / MODEL)
    assert create(model_name=str(own / "other.onnx")).generate_audio("Hello.") == expected
    with pytest.raises(UnknownModel, match=r"2 \.onnx and 1 files called voices\*"):
        create(model_name=str(own)).load()


def test_the_voices_of_ones_own_model_are_those_in_its_file(own: Path, library: Any) -> None:
    (own / VOICES).unlink()
    np.savez(own / "voices.npz", mine=library.voices["am_adam"], zoe=library.voices["af_sky"])
    binding = create(model_name=str(own), default_voice="mine")
    assert binding.list_voices() == ["mine", "zoe"]
    expected, _ = library.create("Hello.", "am_adam")
    assert is_same(samples_of(binding.generate_audio("Hello.")), expected)
    with pytest.raises(UnknownVoice, match="choose one of mine, zoe"):
        binding.generate_audio("Hello.", "af_heart")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("nothing")
    with pytest.raises(UnknownModel, match=r"0 \.onnx and 0 files called voices\*; give a folder"):
        create(model_name=str(tmp_path)).load()


@pytest.mark.parametrize("name", [MODEL, VOICES])
def test_a_damaged_file_is_refused_with_its_folder(own: Path, name: str) -> None:
    (own / name).unlink()
    (own / name).write_bytes(b"<!DOCTYPE html><title>404</title>")
    with pytest.raises(WeightsDamaged, match=f"{own} isn't a model of Kokoro"):
        create(model_name=str(own)).load()


def test_a_model_of_another_engine_is_refused(own: Path) -> None:
    piper = TTSBindingManager().create_binding("piper").weights("en_US-joe-medium")
    (own / MODEL).unlink()
    shutil.copy(piper / "en_US-joe-medium.onnx", own)
    with pytest.raises(WeightsDamaged, match=r"it takes input, input_lengths, scales"):
        create(model_name=str(own)).load()


def test_a_model_that_is_not_here_tells_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMNIBIND_HOME", str(tmp_path))
    with pytest.raises(WeightsMissing, match=r"omnibind pull tts/kokoro/v1\.0\.fp16$"):
        create(model_name="v1.0.fp16").load()


def test_a_gpu_that_onnxruntime_cannot_use_is_refused() -> None:
    with pytest.raises(BadConfig, match=r"device is 'cuda'.* install onnxruntime-gpu"):
        create(device="cuda").load()
