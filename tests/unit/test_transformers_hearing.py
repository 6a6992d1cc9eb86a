"""Whisper and wav2vec 2.0 through transformers, and what no listener takes."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.impatient import cancelled_at
from tests.listening import (
    FOX,
    KNOWN_WARNINGS,
    RATE,
    binding_of,
    copied,
    fox,
    kept,
    raw,
    refusal,
)
from tests.tiny import tiny

from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    NotSupported,
    PackagesMissing,
    UnknownModel,
    WeightsDamaged,
    WeightsMissing,
)
from omnibind.contracts.media import Audio
from omnibind.managers import STTBindingManager

pytestmark = KNOWN_WARNINGS

SAID = "The quick brown fox jumps over the lazy dog."


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OpenAI's own tiny.en, its checkpoint converted."""
    tiny("whisper")  # puts the makers of models on the path
    from tiny_models.whisper import convert

    openai = STTBindingManager().create_binding("whisper", model_name="tiny.en")
    folder = tmp_path_factory.mktemp("whisper-tiny.en")
    convert(openai.weights("tiny.en") / "tiny.en.pt", folder)
    return folder


@pytest.fixture(scope="module")
def whisper(real: Path) -> Iterator[Any]:
    binding = binding_of(real)
    yield binding
    binding.unload()


@pytest.fixture(scope="module")
def random_whisper() -> Iterator[Any]:
    binding = binding_of(tiny("whisper"))
    yield binding
    binding.unload()


@pytest.fixture(scope="module")
def wav2vec2() -> Iterator[Any]:
    binding = binding_of(tiny("wav2vec2"))
    yield binding
    binding.unload()


def test_whisper_understands_real_speech(whisper: Any) -> None:
    heard = whisper.transcribe_audio(FOX)
    assert heard == SAID
    assert heard.language == "en"
    assert heard.duration_s == pytest.approx(2.74, abs=0.01)
    assert [segment.text for segment in heard.segments] == [SAID]


def test_the_words_of_real_speech_have_the_librarys_times(whisper: Any, real: Path) -> None:
    expected = raw(real, fox(), return_timestamps="word")["chunks"]
    words = whisper.transcribe_audio(FOX, word_times=True).words
    assert [word.text for word in words] == [one["text"].strip() for one in expected]
    times = [(word.start, word.end) for word in words]
    assert times == [pytest.approx(one["timestamp"], abs=0.011) for one in expected]


def test_word_times_leave_the_model_as_it_was(whisper: Any) -> None:
    whisper.transcribe_audio(FOX, word_times=True)
    listener = whisper._loaded[1]
    assert listener._model.config._attn_implementation == "sdpa"


def test_long_speech_is_heard_to_its_end(whisper: Any) -> None:
    samples = fox(9)
    heard = whisper.transcribe_audio((samples, RATE), beam_size=1)
    assert heard.lower().count("lazy dog") == 9
    assert heard.segments[-1].end == pytest.approx(len(samples) / RATE, abs=1.5)


def test_a_prompt_is_heeded(whisper: Any) -> None:
    prompt = "the kwick brown fox, the kwick brown fox. " * 30
    heard = whisper.transcribe_audio(FOX, initial_prompt=prompt, beam_size=1)
    assert "kwick" in heard.lower()


@pytest.mark.parametrize(
    "options", [{"task": "transcribe"}, {"language": "de", "task": "translate"}]
)
def test_random_weights_write_what_the_library_writes(
    random_whisper: Any, options: dict[str, Any]
) -> None:
    samples = fox(9)
    expected = raw(tiny("whisper"), samples, return_timestamps=True, generate_kwargs=options)
    heard = random_whisper.transcribe_audio((samples, RATE), **options)
    assert "".join(heard.split()) == "".join(expected["text"].split())


def test_the_language_is_told(random_whisper: Any) -> None:
    guess = random_whisper.transcribe_audio(FOX)
    assert guess.language
    assert random_whisper.transcribe_audio(FOX, language=guess.language) == guess
    assert random_whisper.transcribe_audio(FOX, language="de-AT").language == "de"


def test_warm_listening_is_repeatable(random_whisper: Any) -> None:
    one, two = (random_whisper.transcribe_audio(FOX, temperature=1.0) for _ in range(2))
    assert one == two
    assert one != random_whisper.transcribe_audio(FOX)


@pytest.mark.parametrize(
    "name", ["wav2vec2", "hubert", "wavlm", "wav2vec2-conformer", "wav2vec2-bert"]
)
def test_frames_write_what_the_library_writes(name: str) -> None:
    expected = raw(tiny(name), fox(), return_timestamps="word")
    heard = kept(name).transcribe_audio(FOX, word_times=True)
    assert heard == expected["text"]
    assert [(word.start, word.end) for word in heard.words] == [
        pytest.approx(one["timestamp"]) for one in expected["chunks"]
    ]
    assert heard.language is None
    assert heard != kept(name).transcribe_audio((fox()[::-1], RATE))


def test_long_sound_is_cut_in_pauses(wav2vec2: Any) -> None:
    samples = fox(9)
    heard = wav2vec2.transcribe_audio((samples, RATE))
    assert len(heard.segments) == 2
    once = len(fox()) + RATE
    silent = [(n * once + len(fox())) / RATE for n in range(9)]
    cut = heard.segments[1].start
    assert 20 <= cut <= 30
    assert any(begin - 0.1 <= cut <= begin + 1.2 for begin in silent)


def test_another_model_takes_the_place_of_the_last(random_whisper: Any, wav2vec2: Any) -> None:
    expected = wav2vec2.transcribe_audio(FOX)
    assert random_whisper.transcribe_audio(FOX, str(tiny("wav2vec2"))) == expected
    assert random_whisper._loaded[0] == str(tiny("wav2vec2"))


def test_the_second_call_loads_nothing(random_whisper: Any) -> None:
    random_whisper.transcribe_audio(FOX)
    before = random_whisper._loaded
    random_whisper.transcribe_audio(FOX)
    assert random_whisper._loaded is before


def test_it_is_cancelled_between_two_words(random_whisper: Any) -> None:
    with cancelled_at(5) as told:
        random_whisper.transcribe_audio((fox(9), RATE))
    assert len(told) == 5


@pytest.mark.usefixtures("no_network")
def test_nothing_goes_over_the_network() -> None:
    for name in ("whisper", "wav2vec2", "voxtral", "voxtral-realtime"):
        binding = binding_of(tiny(name))
        assert binding.transcribe_audio(FOX)
        binding.unload()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("language", "en"),
        ("task", "translate"),
        ("initial_prompt", "fox"),
        ("temperature", 0.5),
        ("beam_size", 2),
    ],
)
def test_options_of_whisper_are_refused_by_a_model_without_them(
    wav2vec2: Any, option: str, value: Any
) -> None:
    with pytest.raises(BadOption, match=option):
        wav2vec2.transcribe_audio(FOX, **{option: value})


def test_an_unknown_language_is_refused(random_whisper: Any, whisper: Any) -> None:
    with pytest.raises(BadOption, match="klingon"):
        random_whisper.transcribe_audio(FOX, language="klingon")
    with pytest.raises(BadOption, match="English alone"):
        whisper.transcribe_audio(FOX, language="de")


def test_without_a_model_three_are_named_with_size_and_licence() -> None:
    told = refusal(BadConfig, None)
    for words in ("openai/whisper-tiny", "Apache-2.0", "MIT", "CC-BY-4.0", "million"):
        assert words in told


def test_a_missing_folder_is_named() -> None:
    assert "/nowhere/model" in refusal(WeightsMissing, "/nowhere/model")


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    assert "config.json" in refusal(UnknownModel, tmp_path)


def test_a_model_that_doesnt_listen_is_refused() -> None:
    told = refusal(NotSupported, tiny("vits"))
    assert "vits" in told
    assert "whisper" in told


def test_without_torchaudio_the_command_that_installs_it_is_told(tmp_path: Path) -> None:
    import transformers

    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tiny("glm-asr") / file, tmp_path)
    transformers.GraniteSpeechConfig().save_pretrained(tmp_path)
    parts = {
        "processor_class": "GraniteSpeechProcessor",
        "audio_processor": {"feature_extractor_type": "GraniteSpeechFeatureExtractor"},
    }
    (tmp_path / "processor_config.json").write_text(json.dumps(parts))
    assert "run: pip install torchaudio" in refusal(PackagesMissing, tmp_path)


def test_without_peft_a_model_with_an_adapter_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied(tmp_path, "moonshine")
    (folder / "adapter_config.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "peft", None)
    assert "run: pip install peft" in refusal(PackagesMissing, folder)


def test_a_listener_that_is_never_asked_for_a_transcript_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path, "audio-flamingo-3")
    for file in ("config.json", "processor_config.json"):
        text = (folder / file).read_text("utf-8")
        named = text.replace("AudioFlamingo3Pro", "MusicFlamingoPro")
        (folder / file).write_text(named.replace('"audioflamingo3"', '"musicflamingo"'))
    (folder / "model.safetensors").unlink()
    told = refusal(NotSupported, folder)
    assert "musicflamingo" in told
    assert "cohere_asr" in told


def test_a_translator_that_doesnt_write_what_it_hears_is_refused() -> None:
    assert "translates speech into de, es" in refusal(NotSupported, tiny("speech2text-translating"))


def test_a_voice_of_the_same_kind_as_a_recogniser_is_refused() -> None:
    assert "weights are missing" in refusal(WeightsDamaged, tiny("speecht5"))


@pytest.mark.parametrize(
    "missing", ["model.safetensors", "tokenizer.json", "processor_config.json"]
)
def test_a_missing_part_is_refused(tmp_path: Path, missing: str) -> None:
    folder = copied(tmp_path)
    (folder / missing).unlink()
    assert str(folder) in refusal(WeightsDamaged, folder)


@pytest.mark.parametrize("name", ["voxtral", "voxtral-realtime"])
def test_a_model_that_needs_a_missing_package_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny(name)
    monkeypatch.setitem(sys.modules, "mistral_common", None)
    assert "pip install mistral-common" in refusal(PackagesMissing, folder)


@pytest.mark.parametrize("name", ["voxtral", "voxtral-realtime"])
def test_a_missing_file_of_words_is_named(tmp_path: Path, name: str) -> None:
    folder = copied(tmp_path, name)
    (folder / "tekken.json").unlink()
    assert "holds none of tekken.json" in refusal(WeightsDamaged, folder)


def test_word_times_without_alignment_heads_are_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    settings = json.loads((folder / "generation_config.json").read_text("utf-8"))
    del settings["alignment_heads"]
    (folder / "generation_config.json").write_text(json.dumps(settings))
    with pytest.raises(BadOption, match="alignment heads"):
        binding_of(folder).transcribe_audio(FOX, word_times=True)


def test_what_the_sound_is_given_as_makes_no_difference(wav2vec2: Any) -> None:
    expected = wav2vec2.transcribe_audio(FOX)
    assert wav2vec2.transcribe_audio(Audio.from_file(FOX)) == expected
