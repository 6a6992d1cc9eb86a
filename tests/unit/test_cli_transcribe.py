from __future__ import annotations

import json
from pathlib import Path

import pytest

from omnibind.cli import main

Capture = pytest.CaptureFixture[str]

WORDS = "The quick brown fox jumps over"


@pytest.fixture(autouse=True)
def _two_sounds(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in (
        ("one.wav", "a text that takes a while to be said out loud"),
        ("two.mp3", "hey"),
    ):
        assert main(["speak", text, "-o", name, "--tts", "mock"]) == 0


@pytest.fixture(autouse=True)
def _nothing_printed(_two_sounds: None, capsys: Capture) -> None:
    capsys.readouterr()


def transcribe(*words: str) -> int:
    return main(["transcribe", "--stt", "mock", *words])


def test_the_text_goes_to_standard_output(capsys: Capture) -> None:
    assert transcribe("one.wav") == 0
    seen = capsys.readouterr()
    assert seen.out.startswith(WORDS)
    assert seen.out.endswith("\n")
    assert seen.err == ""


def test_every_format_is_written_to_standard_output_and_to_a_file(capsys: Capture) -> None:
    for format_, begins in (("srt", "1\n00:00:00,000 --> "), ("vtt", "WEBVTT\n"), ("txt", WORDS)):
        assert transcribe("one.wav", "--format", format_) == 0
        printed = capsys.readouterr().out
        assert printed.startswith(begins)
        assert transcribe("one.wav", "-o", f"one.{format_}") == 0
        assert capsys.readouterr().out.startswith(f"one.{format_}: ")
        assert Path(f"one.{format_}").read_text() == printed


def test_json_has_the_segments_and_asked_for_words(capsys: Capture) -> None:
    assert transcribe("one.wav", "--format", "json", "--option", "word_times=true") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["text"].startswith(WORDS)
    assert told["language"] == "en"
    words = [word["text"] for segment in told["segments"] for word in segment["words"]]
    assert " ".join(words) == told["text"]


def test_a_model_is_named_by_itself_or_with_the_binding(capsys: Capture) -> None:
    assert transcribe("one.wav", "--model", "tiny") == 0
    by_itself = capsys.readouterr().out
    assert main(["transcribe", "one.wav", "--stt", "mock/tiny"]) == 0
    assert by_itself == capsys.readouterr().out
    assert by_itself.startswith(WORDS.lower())
    assert main(["transcribe", "one.wav", "--stt", "mock/base", "--model", "tiny"]) == 2
    assert "'base' and --model 'tiny'; give one" in capsys.readouterr().err


def test_one_failing_file_does_not_stop_the_others(capsys: Capture) -> None:
    Path("text.wav").write_text("no sound")
    assert transcribe("one.wav", "text.wav", "missing.wav", "two.mp3") == 1
    seen = capsys.readouterr()
    assert [line for line in seen.out.splitlines() if line.startswith("==>")] == [
        "==> one.wav <==",
        "==> two.mp3 <==",
    ]
    problems = seen.err.splitlines()
    assert len(problems) == 2
    assert problems[0].startswith("omnibind: text.wav: ")
    assert problems[1].startswith("omnibind: missing.wav: there is no file")


def test_several_files_as_json_are_one_line_each(capsys: Capture) -> None:
    assert transcribe("one.wav", "two.mp3", "--format", "json") == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["file"] for one in told] == ["one.wav", "two.mp3"]


def test_several_files_are_written_into_a_folder() -> None:
    Path("out").mkdir()
    assert transcribe("one.wav", "two.mp3", "-o", "out", "--format", "srt") == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["one.srt", "two.srt"]
    assert Path("out/one.srt").read_text().startswith("1\n")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["missing.wav"], 2, "there is no file 'missing.wav'"),
        (["one.wav", "two.mp3", "-o", "both.txt"], 1, "isn't a folder; 2 files need one"),
        (["one.wav", "two.mp3", "--format", "srt"], 2, "give -o FOLDER"),
        (["one.wav", "-o", "one.srt", "--format", "vtt"], 2, "give one of them"),
        (["one.wav", "-o", "one.pdf"], 2, "the ending .pdf is unknown for a transcript"),
        (["one.wav", "-o", "missing/one.txt"], 1, "'missing' isn't a folder"),
        (["one.wav", "sub/one.wav", "-o", "."], 2, "two files would be written to one.txt"),
        (["one.wav", "--format", "pdf"], 2, "Choose from"),
        (["one.wav", "--option", "temperature=3"], 2, "it is above 1"),
        (["one.wav", "--model", "huge"], 2, "model 'huge' is unknown"),
        ([], 2, "requires an argument"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    words: list[str], code: int, told: str, capsys: Capture
) -> None:
    assert transcribe(*words) == code
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.count("\n") == 1
    assert told in seen.err


def test_a_silent_sound_gives_an_empty_text_and_a_warning(capsys: Capture) -> None:
    import numpy as np

    from omnibind import Audio

    Audio.from_array(np.zeros(16_000, np.int16), 16_000).save("silent.wav")
    assert transcribe("silent.wav") == 0
    seen = capsys.readouterr()
    assert seen.out == "\n"
    assert seen.err.startswith("omnibind: warning: ")
