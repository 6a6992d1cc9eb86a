"""whisper.cpp's own ways: the executable and the library as they are alone, failures, models."""

from __future__ import annotations

import gc
import importlib
import json
import struct
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest

from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    CallFailed,
    Cancelled,
    ProgramMissing,
    UnknownModel,
    WeightsDamaged,
    WeightsMissing,
)
from omnibind.contracts.media import Audio, Source
from omnibind.contracts.roots import shipped_roots
from omnibind.managers import STTBindingManager
from omnibind.weights import places
from omnibind.weights.catalogue import read_models

RATE = 16_000
FOX = Path(__file__).parents[1] / "fox.flac"
WORDS = "the quick brown fox jumps over the lazy dog"
PROGRAM, LIBRARY = None, ""


def create(**config: Any) -> Any:
    # One thread: those of whisper.cpp wait for each other at full load.
    settings = {"model_path": "tiny", "default_language": "en", "n_threads": 1, **config}
    return STTBindingManager().create_binding("whispercpp", **settings)


@pytest.fixture(scope="module")
def library() -> Iterator[Any]:
    binding = create(whispercpp_exe_path=LIBRARY)
    yield binding
    binding.unload()


@pytest.fixture(scope="module")
def program() -> Any:
    return create(whispercpp_exe_path=PROGRAM)


@pytest.fixture(scope="module")
def tiny(library: Any) -> Path:
    folder: Path = library.weights("tiny")
    return folder


def part(name: str) -> Any:
    return importlib.import_module(f"omnibind.bindings.stt.whispercpp.{name}")


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def plain(text: str) -> str:
    return " ".join(text.lower().replace(".", " ").replace(",", " ").split())


@pytest.mark.parametrize("vad", [True, False])
def test_the_executable_by_hand_hears_the_same(
    program: Any, tiny: Path, tmp_path: Path, vad: bool
) -> None:
    path = program._engine("tiny")[2]._path
    samples = Source.of(FOX).array(RATE)
    pcm = np.rint(samples * 32767).astype(np.int16)
    Audio.from_array(pcm, RATE).save(tmp_path / "fox.wav")
    command = [path, "-m", tiny / "ggml-tiny.bin", "-f", tmp_path / "fox.wav", "-t", "1", "-oj"]
    command += ["--vad", "-vm", tiny / "ggml-silero-v6.2.0.bin"] if vad else []
    subprocess.run([*command, "-of", tmp_path / "fox"], capture_output=True, check=True)
    (alone,) = json.loads((tmp_path / "fox.json").read_text())["transcription"]
    heard = program.transcribe_audio(FOX, vad=vad)
    assert str(heard) == alone["text"].strip()
    assert heard.segments[0].start == alone["offsets"]["from"] / 1000
    assert heard.segments[0].end == min(alone["offsets"]["to"] / 1000, heard.duration_s)


@pytest.mark.parametrize("vad", [True, False])
def test_the_library_alone_hears_the_same(library: Any, tiny: Path, vad: bool) -> None:
    from pywhispercpp.model import Model

    model = Model(str(tiny / "ggml-tiny.bin"), n_threads=1, print_progress=False)
    samples = Source.of(FOX).array(RATE)
    silero = str(tiny / "ggml-silero-v6.2.0.bin")
    (alone,) = model.transcribe(samples, language="en", vad=vad, vad_model_path=silero)
    heard = library.transcribe_audio(FOX, vad=vad)
    assert str(heard) == alone.text
    assert heard.segments[0].start == alone.t0 / 100
    assert heard.segments[0].end == min(alone.t1 / 100, heard.duration_s)


@pytest.mark.parametrize("way", [PROGRAM, LIBRARY])
def test_the_language_is_detected_and_words_have_times(way: Any) -> None:
    binding = create(whispercpp_exe_path=way, default_language=None)
    told: list[Any] = []
    binding.report = lambda fraction, _step: told.append(fraction)
    heard = binding.transcribe_audio(FOX, word_times=True)
    assert heard.language == "en"
    assert 0.9 < heard.language_probability < 1
    assert [plain(word.text) for word in heard.words] == WORDS.split()
    assert all(a.end <= b.start for a, b in zip(heard.words, heard.words[1:], strict=False))
    assert told[-1] == 1.0


@pytest.mark.parametrize("way", [PROGRAM, LIBRARY])
def test_noise_has_no_words(way: Any) -> None:
    noise = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32) * 1e-2
    heard = create(whispercpp_exe_path=way, default_language=None).transcribe_audio((noise, RATE))
    assert (str(heard), heard.segments, heard.language) == ("", (), None)


def test_silence_needs_no_listening(program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    heard = program.transcribe_audio((np.zeros(2 * RATE, np.float32), RATE))
    assert (str(heard), heard.duration_s) == ("", 2)


@pytest.mark.parametrize("way", [PROGRAM, LIBRARY])
@pytest.mark.parametrize("size", [100_000, 30_000_000])
def test_a_model_cut_short_is_refused(tiny: Path, tmp_path: Path, way: Any, size: int) -> None:
    cut = tmp_path / "ggml-cut.bin"
    with (tiny / "ggml-tiny.bin").open("rb") as file:
        cut.write_bytes(file.read(size))
    with pytest.raises(WeightsDamaged, match=r"ggml-cut\.bin can't be loaded .*tensors"):
        create(whispercpp_exe_path=way).transcribe_audio(FOX, str(cut))


@pytest.mark.parametrize("file", ["ggml-silero-v6.2.0.bin", ".omnibind.json"])
def test_a_file_that_is_no_model_of_whisper_is_refused(tiny: Path, file: str) -> None:
    with pytest.raises(UnknownModel, match="is no model of Whisper in ggml's format"):
        create(model_path=str(tiny / file)).load()


def test_a_path_is_a_model_and_so_is_the_folder_of_one(tiny: Path, tmp_path: Path) -> None:
    create(model_path=str(tiny / "ggml-tiny.bin")).load()
    create(model_path=str(tiny)).load()
    with pytest.raises(UnknownModel, match="and there is none; give the path of the file"):
        create().transcribe_audio(FOX, str(tmp_path))
    with pytest.raises(WeightsMissing, match="there is no model at"):
        create().transcribe_audio(FOX, str(tmp_path / "missing.bin"))


def test_a_model_that_is_not_here_tells_the_command() -> None:
    with pytest.raises(WeightsMissing, match=r"omnibind pull stt/whispercpp/large-v3$"):
        create().transcribe_audio(FOX, "large-v3")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("exit 0", "exit code 0 and without a transcript; it said: nothing"),
        ("echo 'error: unknown argument: -pp' >&2", "error: unknown argument: -pp"),
        ('echo {} > "$(echo "$@" | sed "s/.*-of //;s/ .*//").json"', "without a transcript"),
        ("echo half >&2; exit 3", "exit code 3 and without a transcript; it said: half"),
    ],
)
def test_an_exit_code_is_not_believed(tmp_path: Path, text: str, told: str) -> None:
    fake = script(tmp_path / "whisper-cli", text)
    with pytest.raises(CallFailed) as caught:
        create(whispercpp_exe_path=fake).transcribe_audio(FOX)
    assert told in str(caught.value)


def test_what_is_no_executable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="whispercpp_exe_path is 'nowhere/whisper-cli'"):
        create(whispercpp_exe_path="nowhere/whisper-cli").load()
    wrong = tmp_path / "whisper-cli"
    wrong.write_bytes(b"\0\1\2")
    wrong.chmod(0o755)
    with pytest.raises(ProgramMissing, match="can't be started"):
        create(whispercpp_exe_path=str(wrong)).transcribe_audio(FOX)


def test_a_cancelled_call_ends_the_program_and_its_children(tmp_path: Path) -> None:
    fake = script(tmp_path / "whisper-cli", f"echo $$ > {tmp_path}/number\nsleep 60")
    binding = create(whispercpp_exe_path=fake)

    def report(_fraction: Any, _step: str) -> None:
        if (tmp_path / "number").exists():
            raise Cancelled("enough")

    binding.report = report
    started = monotonic()
    with pytest.raises(Cancelled):
        binding.transcribe_audio(FOX)
    assert monotonic() - started < 30
    number = (tmp_path / "number").read_text().strip()
    assert not Path(f"/proc/{number}").exists()


def test_a_cancelled_call_of_the_library_ends_and_the_next_is_whole(library: Any) -> None:
    told = []

    def report(fraction: Any, _step: str) -> None:
        told.append(fraction)
        raise Cancelled("enough")

    library.report = report
    try:
        with pytest.raises(Cancelled):
            library.transcribe_audio(FOX)
    finally:
        del library.report
    assert len(told) == 1
    assert plain(library.transcribe_audio(FOX)) == WORDS


@pytest.mark.usefixtures("no_network")
def test_nothing_comes_from_the_network() -> None:
    assert plain(create(whispercpp_exe_path=LIBRARY).transcribe_audio(FOX)) == WORDS


def test_without_a_program_and_a_package_the_command_is_told(
    tiny: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    binding = create(model_path=str(tiny / "ggml-tiny.bin"))
    monkeypatch.setenv("PATH", str(home))
    monkeypatch.setitem(sys.modules, "_pywhispercpp", None)
    with pytest.raises(ProgramMissing, match=r'run: pip install "pywhispercpp>=1.5,<2"$'):
        binding.load()


def test_the_program_is_found_on_path_before_the_built_one(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = part("program")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program.find(None) is None
    (home / "programs").mkdir(parents=True)
    built = script(home / "programs" / "whisper-cli", "exit 0")
    assert program.built() == places.home() / "programs" / "whisper-cli"
    assert program.find(None) == built
    assert program.find(None) != script(tmp_path / "whisper-cli", "exit 0")
    assert program.find(None) == str(tmp_path / "whisper-cli")


def test_languages_are_refused_as_the_model_knows_them(library: Any) -> None:
    with pytest.raises(BadOption, match="language 'klingon' is unknown to 'tiny'"):
        library.transcribe_audio(FOX, language="klingon")
    with pytest.raises(BadOption, match="language 'yue' is unknown to 'tiny'"):
        library.transcribe_audio(FOX, language="yue")


def head(vocabulary: int, mels: int) -> bytes:
    return struct.pack("<4s11i", b"lmgg", vocabulary, 1500, 8, 1, 1, 448, 8, 1, 1, mels, 1)


def test_a_files_head_tells_its_languages(tmp_path: Path) -> None:
    ggml = part("ggml")
    pair = b"general.architecture" + struct.pack("<IQ", 8, 7)
    files = {
        head(51864, 80): ("en",),
        head(51865, 80): ggml.LANGUAGES[:99],
        head(51866, 128): ggml.LANGUAGES,
        b"GGUF" + bytes(20) + pair + b"whisper": ggml.LANGUAGES,
        b"GGUF" + bytes(20) + pair + b"llama..": None,
        head(51865, 7): None,
        b"": None,
    }
    for content, languages in files.items():
        (tmp_path / "file").write_bytes(content)
        assert ggml.languages_of(tmp_path / "file") == languages


def test_the_search_path_is_scanned_for_models(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "ggml-mine.bin").symlink_to(tiny / "ggml-tiny.bin")
    (tmp_path / "ggml-silero-v6.2.0.bin").symlink_to(tiny / "ggml-silero-v6.2.0.bin")
    (tmp_path / "ggml-words.bin").write_text("these are words")
    (tmp_path / "other.bin").symlink_to(tiny / "ggml-tiny.bin")
    (tmp_path / "ggml-english.bin").write_bytes(head(51864, 80))
    binding = create(models_search_path=str(tmp_path))
    assert binding.list_models() == [*create().list_models(), "english", "mine"]
    assert plain(binding.transcribe_audio(FOX, "mine", vad=True)) == WORDS
    with pytest.raises(BadOption, match="'english' knows English alone"):
        binding.transcribe_audio(FOX, "english", language="de")
    with pytest.raises(UnknownModel, match=r"whispercpp has no model 'mien'; .*mine"):
        binding.transcribe_audio(FOX, "mien")
    with pytest.raises(BadConfig, match="can't be searched for models"):
        create(models_search_path=str(tmp_path / "missing")).list_models()


def test_vad_without_its_model_is_refused(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "ggml-mine.bin").symlink_to(tiny / "ggml-tiny.bin")
    with pytest.raises(BadOption, match=r"put ggml-silero-v6\.2\.0\.bin of .* into"):
        create().transcribe_audio(FOX, str(tmp_path / "ggml-mine.bin"), vad=True)


def test_unloading_lets_go_of_the_model() -> None:
    binding = create(whispercpp_exe_path=LIBRARY)
    binding.load()
    kept = weakref.ref(binding._loaded[-1])
    binding.unload()
    gc.collect()
    assert kept() is None


def test_tokens_make_words_with_spaces_and_without() -> None:
    heard = part("heard")
    tokens = [
        heard.Token(0, 1, " qu", 0.5),
        heard.Token(1, 2, "ick", 0.7),
        heard.Token(2, 9, ".", 0.6),
    ]
    (word,) = heard._words(tokens, False, 0.5, 3.0)
    assert (word.start, word.end, word.text) == (0.5, 3.0, "quick.")
    assert word.probability == pytest.approx(0.6)
    tokens = [heard.Token(0, 1, "你", 1), heard.Token(1, 2, "好", 1), heard.Token(2, 2, "。", 1)]
    assert [word.text for word in heard._words(tokens, True, 0, 2)] == ["你", "好。"]


def test_the_listed_models_are_those_that_whisper_cpp_names() -> None:
    from pywhispercpp.constants import AVAILABLE_MODELS

    models = read_models(Path(shipped_roots()[-1]) / "stt" / "whispercpp")
    assert create().list_models() == list(models)
    assert set(models) == set(AVAILABLE_MODELS)
    for name, model in models.items():
        assert [file.path for file in model.files] == [f"ggml-{name}.bin", "ggml-silero-v6.2.0.bin"]
        assert all(file.pinned for file in model.files)
