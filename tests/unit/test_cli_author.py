from __future__ import annotations

from pathlib import Path

import pytest

from omnibind import Audio
from omnibind.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_new_folder_is_used_at_once_and_passes_its_suite(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main(["new", "tts", "my_voice"]) == 0
    root = tmp_path / "bindings"
    assert f"export OMNIBIND_BINDINGS_PATH={root}" in capfd.readouterr().out
    monkeypatch.setenv("OMNIBIND_BINDINGS_PATH", str(root))
    assert main(["speak", "hello there", "-o", "a.wav", "--tts", "my_voice"]) == 0
    assert Audio.from_file("a.wav").duration_s > 0
    assert main(["check", str(root / "tts" / "my_voice")]) == 0


def test_check_of_a_broken_folder_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "tts", "my_voice", "--where", "mine"]) == 0
    code = Path("mine/tts/my_voice/binding.py")
    code.write_text(code.read_text().replace("def list_voices", "def list_voice"))
    assert main(["check", "mine/tts/my_voice"]) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["new", "tts", "My-Voice"], "can't name a binding"),
        (["new", "txt", "voice"], "Choose from"),
        (["new", "tts"], "NAME requires an argument"),
        (["check", "nowhere"], "isn't a folder"),
        (["check", "nowhere/tts/x", "--config", "a=1"], "isn't the folder of a tts binding"),
    ],
)
def test_wrong_use_is_one_line(words: list[str], told: str, capsys: Capture) -> None:
    assert main(words) == 2
    seen = capsys.readouterr().err
    assert seen.count("\n") == 1
    assert told in seen


def test_a_wrong_configuration_value_is_refused_by_the_schema(capsys: Capture) -> None:
    from omnibind import bindings

    folder = next(
        Path(root) / "tti" / "mock" for root in bindings.__path__ if (Path(root) / "tti").is_dir()
    )
    assert main(["check", str(folder), "--config", "text_size=900"]) == 2
    assert "option 'text_size' of tti/mock is '900': it is above 72" in capsys.readouterr().err


def test_a_folder_that_exists_is_not_written_over(capsys: Capture) -> None:
    assert main(["new", "tts", "my_voice"]) == 0
    assert main(["new", "tts", "my_voice"]) == 2
    assert "exists already" in capsys.readouterr().err
