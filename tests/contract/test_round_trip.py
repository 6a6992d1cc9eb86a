"""What a voice says is what Whisper reads: ten sentences with numbers and names, in one process."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

MOST_WRONG = 0.10
SCRIPT = Path(__file__).parents[2] / "scripts" / "word_error_rates.py"


@pytest.fixture(scope="module")
def rates() -> Any:
    spec = importlib.util.spec_from_file_location("word_error_rates", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("voice", ["piper/en_US-joe-medium", "kokoro/v1.0.int8"])
def test_ten_sentences_are_spoken_and_read_back(rates: ModuleType, voice: str) -> None:
    written = rates.SENTENCES.read_text(encoding="utf-8").splitlines()
    assert len(written) == 10
    read = rates.heard("faster_whisper/tiny.en", rates.spoken(voice, written))
    wrong = rates.word_error_rate(written, read)
    assert wrong <= MOST_WRONG, f"{wrong:.1%} of the words are wrong: {read}"


def test_words_that_are_wrong_are_counted(rates: ModuleType) -> None:
    written = ["Doctor Green sold 42 bicycles.", "It's the colour of the sea."]
    same = ["Dr. Green sold forty-two bicycles", "it is the color of the sea"]
    assert rates.word_error_rate(written, same) == 0
    other = ["Doctor Brown sold 42 bicycles.", "It's the colour of tea."]
    assert rates.word_error_rate(written, other) == pytest.approx(3 / 12)


def test_an_engine_that_is_not_ready_is_left_out_with_the_reason(
    rates: ModuleType, home: Path
) -> None:
    assert rates.why_not("tts", "mock") == ""
    assert rates.why_not("stt", "faster_whisper/tiny.en") == "needs-weights"
