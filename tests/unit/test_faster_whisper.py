"""faster-whisper's own ways: batches, silence, folders of one's own, nothing from the network."""

from __future__ import annotations

import gc
import shutil
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omnibind import Client
from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    Cancelled,
    UnknownModel,
    WeightsDamaged,
    WeightsMissing,
)
from omnibind.contracts.media import Audio
from omnibind.contracts.roots import shipped_roots
from omnibind.managers import STTBindingManager
from omnibind.weights.catalogue import read_models

RATE = 16_000
FOX = Path(__file__).parents[1] / "fox.flac"
WORDS = "the quick brown fox jumps over the lazy dog"


def create(**config: Any) -> Any:
    return STTBindingManager().create_binding(
        "faster_whisper", **{"model_name": "tiny.en", **config}
    )


@pytest.fixture(scope="module")
def whisper() -> Iterator[Any]:
    binding = create()
    yield binding
    binding.unload()


@pytest.fixture(scope="module")
def fox() -> Any:
    samples: Any = Audio.from_file(FOX).array()[:, 0]
    return samples


@pytest.fixture(scope="module")
def long(fox: Any) -> Any:
    """A good 35 s: the sentence twelve times, with pauses."""
    return np.tile(np.concatenate([fox, np.zeros(RATE // 2, np.float32)]), 12)


def plain(text: str) -> str:
    return " ".join(text.lower().replace(".", " ").replace(",", " ").split())


def test_language_and_length_are_told(whisper: Any, fox: Any) -> None:
    heard = whisper.transcribe_audio(FOX)
    assert plain(heard) == WORDS
    assert (heard.language, heard.language_probability) == ("en", 1.0)
    assert heard.duration_s == pytest.approx(len(fox) / RATE)


def test_it_hears_what_the_library_alone_hears(whisper: Any, long: Any) -> None:
    from faster_whisper import WhisperModel  # type: ignore[import-untyped]

    folder = str(whisper.weights("tiny.en"))
    library = WhisperModel(folder, device="cpu", compute_type="int8", local_files_only=True)
    options: dict[str, Any] = {"beam_size": 2, "initial_prompt": "A fable.", "temperature": 0.0}
    ours = whisper.transcribe_audio((long, RATE), vad=False, batched=False, **options)
    theirs = list(library.transcribe(long, vad_filter=False, **options)[0])
    assert [one.text for one in ours.segments] == [one.text.strip() for one in theirs]
    assert [one.start for one in ours.segments] == [one.start for one in theirs]


def test_what_was_said_before_is_gone_on_with(whisper: Any) -> None:
    before = "hello there how are you i am fine thanks and you"
    assert str(whisper.transcribe_audio(FOX, initial_prompt=before)) == WORDS


@pytest.mark.parametrize("loudness", [0.0, 1e-3, 1e-2])
@pytest.mark.parametrize("batched", [True, False])
def test_silence_and_noise_have_no_words(whisper: Any, loudness: float, batched: bool) -> None:
    noise = np.random.default_rng(0).standard_normal(5 * RATE).astype(np.float32) * loudness
    heard = whisper.transcribe_audio((noise, RATE), batched=batched)
    assert (str(heard), heard.segments, heard.language) == ("", (), None)


def test_no_samples_at_all_have_no_words(whisper: Any) -> None:
    assert whisper.transcribe_audio((np.zeros(1, np.float32), RATE)) == ""


def test_long_sound_is_batched_and_sequential_by_option(whisper: Any, long: Any) -> None:
    batched = whisper.transcribe_audio((long, RATE))
    assert batched == whisper.transcribe_audio((long, RATE), batched=True)
    one_by_one = whisper.transcribe_audio((long, RATE), batched=False)
    assert plain(batched).count("fox") == plain(one_by_one).count("fox") == 12
    assert len(batched.segments) < len(one_by_one.segments)


def test_words_of_a_batch_make_sentences(whisper: Any, long: Any) -> None:
    heard = whisper.transcribe_audio((long, RATE), word_times=True)
    assert len(heard.segments) > 2 * len(whisper.transcribe_audio((long, RATE)).segments)
    assert all(segment.text.find(".") in (-1, len(segment.text) - 1) for segment in heard.segments)
    starts = [word.start for word in heard.words]
    assert starts == sorted(starts)
    assert all(type(word.start) is float for word in heard.words)


def test_a_batch_without_pauses_to_cut_at_is_refused(whisper: Any, long: Any) -> None:
    with pytest.raises(BadOption, match="batched=True with vad=False"):
        whisper.transcribe_audio((long, RATE), vad=False, batched=True)
    assert "fox" in whisper.transcribe_audio((long, RATE), vad=False)


@pytest.mark.parametrize(
    "options", [{"language": "fr"}, {"task": "translate"}, {"language": "klingon"}]
)
def test_what_an_english_model_cannot_is_refused(whisper: Any, options: Any) -> None:
    with pytest.raises(BadOption, match=r"'tiny\.en' knows English alone"):
        whisper.transcribe_audio(FOX, **options)


def test_a_language_is_found_out_and_translated() -> None:
    with Client(tts="kokoro/v1.0.int8") as client:
        spoken = client.tts.generate_audio("Buenos días, me llamo Carmen.", "ef_dora")
    binding = create(model_name="base")
    heard = binding.transcribe_audio(spoken)
    assert heard.language == "es"
    assert heard.language_probability > 0.8
    assert "me llamo carmen" in plain(heard)
    assert plain(binding.transcribe_audio(spoken, language="es-MX")) == plain(heard)
    translated = plain(binding.transcribe_audio(spoken, task="translate"))
    assert "my name is" in translated or "i m carmen" in translated.replace("'", " "), translated


def test_a_tag_with_a_region_is_a_language(whisper: Any) -> None:
    assert whisper.transcribe_audio(FOX, language="en-GB").language == "en"


def test_a_folder_of_ones_own_is_a_model(whisper: Any) -> None:
    folder = str(whisper.weights("tiny.en"))
    assert plain(create(model_name=folder).transcribe_audio(FOX)) == WORDS
    assert plain(whisper.transcribe_audio(FOX, folder)) == WORDS


@pytest.mark.parametrize("gone", ["tokenizer.json", "model.bin"])
def test_a_folder_that_is_not_whole_is_refused(whisper: Any, tmp_path: Path, gone: str) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(whisper.weights("tiny.en"), folder)
    (folder / gone).unlink()
    with pytest.raises(UnknownModel) as caught:
        whisper.transcribe_audio(FOX, str(folder))
    assert str(folder / gone) in str(caught.value)


def test_a_model_cut_short_is_refused_with_its_folder(whisper: Any, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(whisper.weights("tiny.en"), folder)
    with (folder / "model.bin").open("r+b") as file:
        file.truncate(1_000_000)
    with pytest.raises(WeightsDamaged, match="mine"):
        whisper.transcribe_audio(FOX, str(folder))


def test_a_model_that_is_not_here_tells_the_command(whisper: Any) -> None:
    with pytest.raises(WeightsMissing, match=r"omnibind pull stt/faster_whisper/large-v3$"):
        whisper.transcribe_audio(FOX, "large-v3")


@pytest.mark.usefixtures("no_network")
def test_nothing_comes_from_the_network() -> None:
    assert plain(create().transcribe_audio(FOX)) == WORDS


def test_a_precision_that_the_device_cannot_is_refused() -> None:
    with pytest.raises(BadConfig, match=r"precision is 'float16'; cpu computes in .*int8"):
        create(device="cpu", precision="float16").load()


def test_unloading_and_another_model_let_go_of_the_first(whisper: Any) -> None:
    binding = create()
    binding.load()
    first = weakref.ref(binding._loaded[1])
    binding.transcribe_audio(FOX, str(whisper.weights("tiny.en")))
    second = weakref.ref(binding._loaded[1])
    gc.collect()
    assert first() is None
    binding.unload()
    gc.collect()
    assert second() is None


def test_a_call_can_be_cancelled_between_segments(whisper: Any, long: Any) -> None:
    told = []

    def report(fraction: float, step: str) -> None:
        told.append(fraction)
        raise Cancelled("enough")

    whisper.report = report
    try:
        with pytest.raises(Cancelled):
            whisper.transcribe_audio((long, RATE))
    finally:
        del whisper.report
    assert 0 < told[0] < 1


def test_the_listed_models_are_those_of_the_catalogue(whisper: Any) -> None:
    from faster_whisper.utils import available_models  # type: ignore[import-untyped]

    models = read_models(Path(shipped_roots()[-1]) / "stt" / "faster_whisper")
    assert whisper.list_models() == list(models)
    assert set(models) == set(available_models())
    for name, model in models.items():
        needed = {"model.bin", "config.json", "tokenizer.json"}
        assert model.repository or needed <= {file.path for file in model.files}, name
