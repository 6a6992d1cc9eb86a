"""openai-whisper's own ways: checkpoints with known hashes, arrays, silence."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omnibind.contracts.errors import (
    BadOption,
    Cancelled,
    UnknownModel,
    Untrusted,
    WeightsDamaged,
    WeightsMissing,
)
from omnibind.contracts.media import Audio
from omnibind.contracts.roots import shipped_roots
from omnibind.managers import STTBindingManager
from omnibind.weights import trust
from omnibind.weights.catalogue import read_models

RATE = 16_000
FOX = Path(__file__).parents[1] / "fox.flac"
WORDS = "the quick brown fox jumps over the lazy dog"


def create(**config: Any) -> Any:
    return STTBindingManager().create_binding("whisper", **{"model_name": "tiny.en", **config})


@pytest.fixture(scope="module")
def whisper() -> Iterator[Any]:
    binding = create()
    yield binding
    binding.unload()


def plain(text: str) -> str:
    return " ".join(text.lower().replace(".", " ").replace(",", " ").split())


def test_sound_is_heard_without_any_program(whisper: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    heard = whisper.transcribe_audio(FOX)
    assert plain(heard) == WORDS
    assert (heard.language, heard.language_probability) == ("en", 1.0)


def test_long_sound_is_heard_as_the_library_alone_hears_it(whisper: Any) -> None:
    import whisper as library  # type: ignore[import-untyped]

    fox = Audio.from_file(FOX).array()[:, 0]
    long = np.concatenate([fox, np.zeros(28 * RATE, np.float32), fox])
    assert len(long) > 30 * RATE, "it fits into one window"
    ours = whisper.transcribe_audio((long, RATE), initial_prompt="A fable.", temperature=0.0)
    model = library.load_model(str(whisper.weights("tiny.en") / "tiny.en.pt"), "cpu")
    theirs = model.transcribe(long, initial_prompt="A fable.", temperature=0.0, fp16=False)
    assert str(ours) == theirs["text"].strip()
    assert [one.start for one in ours.segments] == [one["start"] for one in theirs["segments"]]
    assert plain(ours) == f"{WORDS} {WORDS}"


def test_a_call_can_be_cancelled_before_a_word(whisper: Any) -> None:
    told: list[str] = []

    def report(fraction: Any = None, step: str = "", message: Any = None) -> None:
        told.append(step)
        if len(told) == 3:
            raise Cancelled("enough")

    whisper.report = report
    try:
        with pytest.raises(Cancelled):
            whisper.transcribe_audio(FOX)
    finally:
        del whisper.report
    assert told == ["listening"] * 3
    assert not whisper._loaded[1].decoder._forward_pre_hooks, "the model still tells this call"


def test_what_was_said_before_is_gone_on_with(whisper: Any) -> None:
    before = "hello there how are you i am fine thanks and you"
    assert str(whisper.transcribe_audio(FOX, initial_prompt=before)) == WORDS


@pytest.mark.parametrize("loudness", [0.0, 1e-2])
def test_silence_and_noise_have_no_words(whisper: Any, loudness: float) -> None:
    noise = np.random.default_rng(0).standard_normal(5 * RATE).astype(np.float32) * loudness
    heard = whisper.transcribe_audio((noise, RATE), temperature=0.0)
    assert (str(heard), heard.segments, heard.language) == ("", (), None)
    assert heard.duration_s == 5


@pytest.mark.parametrize(
    "options", [{"language": "fr"}, {"task": "translate"}, {"language": "klingon"}]
)
def test_what_an_english_model_cannot_is_refused(whisper: Any, options: Any) -> None:
    with pytest.raises(BadOption, match=r"'tiny\.en' knows English alone"):
        whisper.transcribe_audio(FOX, **options)


def test_words_have_times_from_the_models_own_heads(whisper: Any) -> None:
    import whisper as library

    heard = whisper.transcribe_audio(FOX, word_times=True)
    assert [plain(word.text) for word in heard.words] == WORDS.split()
    assert all(a.end <= b.start + 0.02 for a, b in zip(heard.words, heard.words[1:], strict=False))
    path = str(whisper.weights("tiny.en") / "tiny.en.pt")
    heads = whisper._loaded[1].alignment_heads.to_dense()
    assert not (heads == library.load_model(path, "cpu").alignment_heads.to_dense()).all()


def test_segments_end_with_the_sound() -> None:
    module: Any = sys.modules[type(create()).__module__]
    word = {"start": 1.0, "end": 2.5, "word": " dog.", "probability": 0.5}
    found = {"start": 1.0, "end": 30.0, "text": " dog.", "words": [word]}
    assert module._segment(found, 2.0) == (1.0, 2.0, "dog.", ((1.0, 2.0, "dog.", 0.5),), None)


def test_a_model_of_several_languages_tells_which_one_it_heard_and_how_sure_it_is() -> None:
    import torch
    import whisper as library

    torch.manual_seed(0)
    sizes = library.ModelDimensions(80, 1500, 16, 2, 1, 51865, 448, 16, 2, 1)
    engine = library.Whisper(sizes).eval()
    torch.nn.init.normal_(engine.decoder.positional_embedding)
    binding = create()
    binding._loaded = ("tiny", engine)
    samples = Audio.from_file(FOX).array()[:, 0]
    heard = binding.transcribe_audio((samples, RATE), "tiny", temperature=0.0)
    expected = engine.transcribe(samples, fp16=False, temperature=0.0)
    assert expected["text"].strip(), "the model says nothing, so that it shows nothing"
    assert heard.language == expected["language"]
    assert 0 < heard.language_probability < 1


def test_a_file_that_is_not_the_published_one_is_never_read(
    whisper: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models" / "stt" / "whisper" / "tiny.en"
    folder.mkdir(parents=True)
    shutil.copy(whisper.weights("tiny.en") / "tiny.en.pt", folder)
    with (folder / "tiny.en.pt").open("r+b") as file:
        file.seek(70_000_000)
        byte = file.read(1)
        file.seek(70_000_000)
        file.write(bytes([byte[0] ^ 1]))
    monkeypatch.setenv("OMNIBIND_HOME", str(tmp_path))
    binding = create()
    monkeypatch.setattr("torch.load", lambda *_, **__: pytest.fail("the pickle was read"))
    with pytest.raises(WeightsDamaged, match="sha256"):
        binding.load()


def test_a_checkpoint_of_ones_own_is_read_once_it_is_trusted(
    whisper: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own" / "mine.pt"
    own.parent.mkdir()
    own.symlink_to(whisper.weights("tiny.en") / "tiny.en.pt")
    monkeypatch.setenv("OMNIBIND_HOME", str(tmp_path / "home"))
    with pytest.raises(Untrusted, match=r"omnibind trust .*mine\.pt"):
        create(model_name=str(own)).load()
    trust.trust(own)
    assert plain(create(model_name=str(own)).transcribe_audio(FOX)) == WORDS
    binding = create(model_name=str(own.parent))
    binding.load()
    assert binding._loaded[0] == str(own.parent)


def test_a_folder_without_a_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match=r"holds 0 files \*\.pt; give the path of one"):
        create(model_name=str(tmp_path)).load()


def test_a_model_that_is_not_here_tells_the_command(whisper: Any) -> None:
    with pytest.raises(WeightsMissing, match=r"omnibind pull stt/whisper/large-v3$"):
        whisper.transcribe_audio(FOX, "large-v3")


def test_an_unknown_model_is_refused_with_near_names(whisper: Any) -> None:
    with pytest.raises(UnknownModel, match=r"'tinyy'.*tiny"):
        whisper.transcribe_audio(FOX, "tinyy")


def test_unloading_lets_go_of_the_model() -> None:
    binding = create()
    binding.load()
    kept = weakref.ref(binding._loaded[1])
    binding.unload()
    gc.collect()
    assert kept() is None


def test_the_listed_models_are_the_standard_ones(whisper: Any) -> None:
    import whisper as library

    models = read_models(Path(shipped_roots()[-1]) / "stt" / "whisper")
    assert whisper.list_models() == list(models) == library.available_models()
    for name, model in models.items():
        (file,) = model.files
        assert file.sources[-1] == library._MODELS[name]
        assert file.sha256 == library._MODELS[name].split("/")[-2]
