"""``omnibind plan``: what it prints, and its exit code."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from tests.conftest import MANIFEST, MODELS, BindingWriter

from omnibind.cli import main

Capture = pytest.CaptureFixture[str]
FOX = Path(__file__).resolve().parents[1] / "fox.flac"


@pytest.fixture(autouse=True)
def root(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIBIND_BINDINGS_PATH", str(tmp_path / "root"))


def test_the_default_binding_is_planned_and_what_mends_it_is_told(capsys: Capture) -> None:
    assert main(["plan", "tts", "Hello."]) == 1
    seen = capsys.readouterr()
    line, note, free = seen.out.splitlines()
    assert line.split()[:4] == ["tts/piper/en_US-joe-medium", "needs-weights", "63", "MB"]
    assert free.startswith("memory free now: ")
    assert note.endswith("omnibind pull tts/piper/en_US-joe-medium")
    assert seen.err.startswith("omnibind: nobody would serve this call: ")
    assert seen.err.count("\n") == 1


def test_a_fallback_order_is_named_by_the_option_again(capsys: Capture) -> None:
    assert main(["plan", "tts", "Hello.", "--tts", "piper", "--tts", "mock"]) == 0
    piper, mock, note, _ = capsys.readouterr().out.splitlines()
    assert "tts/piper" in piper
    assert mock.split()[:3] == ["→", "tts/mock/alto", "ready"]
    assert note.startswith("tts/piper: ")


def test_json_says_which_candidate_is_chosen(capsys: Capture) -> None:
    assert main(["plan", "tti", "a fox", "--option", "n=3", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verb"], told["chosen"]) == ("generate_images", 0)
    assert told["candidates"][0]["cost"] == {"usd": 0.0, "basis": "free"}


def test_a_sound_file_is_planned_by_its_name(capsys: Capture) -> None:
    assert main(["plan", "stt", str(FOX), "--stt", "mock", "--model", "base"]) == 0
    assert main(["plan", "stt", "missing.wav", "--stt", "mock"]) == 1
    assert "there is no file" in capsys.readouterr().err


def test_options_are_read_by_the_schema_even_where_a_binding_is_not_ready(
    capsys: Capture,
) -> None:
    words = ["plan", "tts", "Hello.", "--tts", "piper", "--tts", "mock"]
    assert main([*words, "--option", "speed=1.5", "--option", "language=de"]) == 0
    assert main([*words, "--option", "speed=9"]) == 1
    assert "option 'speed' of tts/mock is 9: it is above 2" in capsys.readouterr().err
    assert main([*words, "--option", "noise_scale=0.1"]) == 1
    assert main([*words, "--option", "strict=true"]) == 1
    assert main([*words, "--option", "speed"]) == 2


def test_a_voice_is_named_as_speak_names_it(capsys: Capture) -> None:
    assert main(["plan", "tts", "Hi.", "--tts", "piper", "--voice", "en_GB-alba-medium"]) == 1
    assert "tts/piper/en_GB-alba-medium" in capsys.readouterr().out


def test_a_text_is_read_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b" \n"), "ascii"))
    assert main(["plan", "tts", "--tts", "mock", "-"]) == 1
    assert "give some words" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["tsx", "hi"], "tsx"),
        (["tts", "hi", "--tti", "mock"], "--tti goes with omnibind plan tti"),
        (["tts", "hi", "--tts", "moc"], "did you mean"),
        (["tts"], "SUBJECT"),
    ],
)
def test_wrong_use_is_told(words: list[str], told: str, capsys: Capture) -> None:
    assert main(["plan", *words]) == 2
    assert told in capsys.readouterr().err


def test_nothing_is_fetched_or_written(home: Path, write_binding: BindingWriter) -> None:
    write_binding(
        "far", manifest=MANIFEST + "default_model: small\nmodel_option: rate\n", models=MODELS
    )
    assert main(["plan", "tts", "hi", "--tts", "far"]) == 1
    assert main(["plan", "tts", "hi", "--tts", "mock"]) == 0
    assert not home.exists()
