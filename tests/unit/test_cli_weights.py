from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import MANIFEST, BindingWriter

from omnibind.cli import main
from omnibind.managers import TTSBindingManager
from omnibind.weights import trust

Capture = pytest.CaptureFixture[str]
Catalogue = Callable[..., Path]

CONTENT = b"weights " * 500


@pytest.fixture(autouse=True)
def source(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OMNIBIND_BINDINGS_PATH", str(tmp_path / "root"))
    monkeypatch.delenv("OMNIBIND_OFFLINE", raising=False)
    file = tmp_path / "source.onnx"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def binding(write_binding: BindingWriter, source: Path) -> Path:
    """A binding with two models, whose files come from this disk."""
    manifest = MANIFEST + "model_option: rate\ndefault_model: small\n"
    folder = write_binding(manifest=manifest)
    models = "".join(
        f"{name}:\n  license: {license_}\n  files:\n    - path: {name}.onnx\n"
        f"      bytes: {len(CONTENT)}\n      sha256: {hashlib.sha256(CONTENT).hexdigest()}\n"
        f"      sources: ['file:{source}']\n"
        for name, license_ in (("small", "MIT"), ("large", "CC-BY-4.0"))
    )
    (folder / "models.yaml").write_text(models)
    return folder


def state(capsys: Capture, model: str) -> str:
    capsys.readouterr()
    assert main(["models", "tts/probe", "--json"]) == 0
    states = {one["label"]: one["state"] for one in json.loads(capsys.readouterr().out)}
    return str(states[f"tts/probe/{model}"])


def test_pull_fetches_the_default_model_or_the_one_named(
    binding: Path, home: Path, capsys: Capture
) -> None:
    assert main(["pull", "tts/probe"]) == 0
    seen = capsys.readouterr()
    assert "tts/probe/small is here: " in seen.out
    assert "license of these weights: MIT" in seen.out
    assert "tts/probe/small: small.onnx: 4.0 kB of 4.0 kB\n" in seen.err
    assert "\r" not in seen.err
    assert "\x1b" not in seen.err
    assert (home / "models/tts/probe/small/small.onnx").read_bytes() == CONTENT
    assert state(capsys, "small") == "here"
    assert state(capsys, "large") == "absent"
    assert main(["pull", "tts/probe/large"]) == 0
    assert state(capsys, "large") == "here"


def test_pull_fetches_what_a_model_does_not_work_without(
    binding: Path, home: Path, capsys: Capture
) -> None:
    catalogue = binding / "models.yaml"
    text = catalogue.read_text()
    catalogue.write_text(text.replace("small:\n", "small:\n  companions: [large]\n"))
    assert main(["pull", "tts/probe/small"]) == 0
    seen = capsys.readouterr().out
    assert "license of these weights: MIT" in seen
    assert "license of these weights: CC-BY-4.0" in seen
    assert TTSBindingManager().diagnose("probe").state == "ready"
    assert main(["rm", "tts/probe/large"]) == 0
    problem = TTSBindingManager().diagnose("probe").problems[0]
    assert (problem.state, problem.command) == ("needs-weights", "omnibind pull tts/probe/large")
    catalogue.write_text(text.replace("small:\n", "small:\n  companions: [larg]\n"))
    assert main(["pull", "tts/probe/small"]) == 1
    assert "small has the companion 'larg'; did you mean 'large'?" in capsys.readouterr().err


def test_a_damaged_model_that_was_fetched_anew_is_not_said_to_have_been_here(
    binding: Path, home: Path, capsys: Capture
) -> None:
    assert main(["pull", "tts/probe"]) == 0
    file = home / "models/tts/probe/small/small.onnx"
    file.write_bytes(b"W" + CONTENT[1:])
    capsys.readouterr()
    assert main(["pull", "tts/probe"]) == 0
    assert "tts/probe/small is here: " in capsys.readouterr().out
    assert file.read_bytes() == CONTENT


def test_a_model_that_is_here_is_not_fetched_again(
    binding: Path, source: Path, capsys: Capture
) -> None:
    assert main(["pull", "tts/probe"]) == 0
    source.unlink()
    capsys.readouterr()
    assert main(["pull", "tts/probe/small"]) == 0
    assert "was here already" in capsys.readouterr().out


def test_a_source_that_fails_is_a_failure_in_one_line(
    binding: Path, source: Path, capsys: Capture
) -> None:
    source.unlink()
    assert main(["pull", "tts/probe"]) == 1
    seen = capsys.readouterr().err
    assert seen.count("\n") == 1
    assert "small.onnx of tts/probe/small couldn't be fetched" in seen
    assert "run: omnibind pull tts/probe/small" in seen


def test_offline_is_said_with_the_command(
    binding: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("OMNIBIND_OFFLINE", "1")
    assert main(["pull", "tts/probe"]) == 1
    assert "OMNIBIND_OFFLINE is set" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tts/probe/smal", "did you mean 'small'"),
        ("tts/prob", "did you mean 'probe'"),
        ("tts/mock", "tts/mock has no models to pull"),
        ("tts", "is not MODALITY/NAME[/MODEL]"),
        ("tts/probe/../../x", "can't name a folder of weights"),
    ],
)
def test_pull_of_a_wrong_name_is_wrong_use(
    name: str, told: str, binding: Path, capsys: Capture
) -> None:
    assert main(["pull", name]) == 2
    seen = capsys.readouterr().err
    assert seen.count("\n") == 1
    assert told in seen


def test_models_lists_size_license_and_state(binding: Path, home: Path, capsys: Capture) -> None:
    stray = home / "models/tts/gone/model"
    stray.mkdir(parents=True)
    (stray / "a.bin").write_bytes(b"1234")
    assert main(["models", "tts"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["tts/probe/small", "4.0", "kB", "MIT", "absent"] in lines
    assert ["tts/gone/model", "4", "B", "license", "unknown", "here"] in lines
    assert main(["models", "tts/probe"]) == 0
    assert "gone" not in capsys.readouterr().out


def test_a_broken_catalogue_hides_no_other(
    binding: Path, write_binding: BindingWriter, capsys: Capture
) -> None:
    (write_binding("bad") / "models.yaml").write_text("- a list\n")
    assert main(["models"]) == 0
    seen = capsys.readouterr()
    assert "tts/probe/small" in seen.out
    assert seen.err.count("omnibind: warning: ") == 1
    assert "bad/models.yaml" in seen.err


def test_rm_removes_a_model_and_says_what_is_free(binding: Path, capsys: Capture) -> None:
    assert main(["pull", "tts/probe"]) == 0
    capsys.readouterr()
    assert main(["rm", "tts/probe/small"]) == 0
    assert capsys.readouterr().out.startswith("tts/probe/small is removed; 4.")
    assert state(capsys, "small") == "absent"
    assert main(["rm", "tts/probe/small"]) == 0
    assert "wasn't here" in capsys.readouterr().out
    assert main(["rm", "tts/probe/smal"]) == 2
    assert main(["rm", "tts/probe"]) == 2


def test_weights_that_outlived_their_binding_can_be_removed(home: Path, capsys: Capture) -> None:
    stray = home / "models/tts/gone/model"
    stray.mkdir(parents=True)
    (stray / "a.bin").write_bytes(b"1234")
    assert main(["rm", "tts/gone/model"]) == 0
    assert not stray.exists()


def test_a_model_is_built_by_the_function_of_its_binding(binding: Path, home: Path) -> None:
    models = (binding / "models.yaml").read_text()
    (binding / "models.yaml").write_text(
        models.replace("  license: MIT", "  build: join\n  license: MIT")
    )
    with (binding / "binding.py").open("a") as file:
        file.write(
            "\n\ndef join(files, into):\n"
            "    (into / 'made.bin').write_bytes((files / 'small.onnx').read_bytes() * 2)\n"
        )
    assert main(["pull", "tts/probe/small"]) == 0
    assert (home / "models/tts/probe/small/made.bin").read_bytes() == CONTENT * 2


def test_trust_lets_a_file_be_loaded(tmp_path: Path, capsys: Capture) -> None:
    file = tmp_path / "model.pkl"
    file.write_bytes(b"\x80\x04N.")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert not trust.is_trusted(sha256)
    assert main(["trust", str(file)]) == 0
    assert sha256 in capsys.readouterr().out
    assert trust.is_trusted(sha256)
    assert main(["trust", str(tmp_path / "missing.pkl")]) == 2
