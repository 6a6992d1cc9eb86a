from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.conftest import CODE, MANIFEST, BindingWriter

from omnibind.choices import MODALITIES
from omnibind.cli import main
from omnibind.cli.parameters import Modality

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def root(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    monkeypatch.setenv("OMNIBIND_BINDINGS_PATH", str(folder))
    return folder


def told(capsys: Capture) -> Any:
    return json.loads(capsys.readouterr().out)


def test_the_modalities_of_the_command_line_are_all_there_are() -> None:
    assert get_args(Modality) == MODALITIES


def test_a_broken_folder_is_listed_and_hides_no_other(
    write_binding: BindingWriter, capsys: Capture
) -> None:
    write_binding("good")
    write_binding("bad", manifest="- a list\n")
    assert main(["bindings", "tts"]) == 0
    lines = {line.split()[0]: line.split()[1] for line in capsys.readouterr().out.splitlines()}
    assert lines["tts/good"] == lines["tts/mock"] == "ready"
    assert lines["tts/bad"] == "broken"


def test_piped_lines_are_never_wrapped_nor_coloured(
    write_binding: BindingWriter, capsys: Capture
) -> None:
    package = "a-package-with-" + "-".join(["quite"] * 30) + "-long-a-name"
    write_binding("far", manifest=MANIFEST + f"requires: [{package}]\n")
    assert main(["bindings", "tts"]) == 0
    seen = capsys.readouterr().out
    assert f'pip install "{package}"\n' in seen
    assert "\x1b" not in seen


def test_the_json_of_bindings_has_every_problem_with_its_command(
    write_binding: BindingWriter, capsys: Capture
) -> None:
    write_binding("far", manifest=MANIFEST + "requires: [no-such-package]\nkeys: [[NO_SUCH_KEY]]\n")
    assert main(["bindings", "--json"]) == 0
    seen = {one["binding"]: one for one in told(capsys)}
    assert {f"{modality}/mock" for modality in MODALITIES} < set(seen)
    far = seen["tts/far"]
    assert far["state"] == "needs-packages"
    assert [problem["state"] for problem in far["problems"]] == ["needs-packages", "needs-key"]
    assert far["problems"][0]["command"] == 'pip install "no-such-package"'


def test_describe_shows_options_with_type_range_default_and_help(
    write_binding: BindingWriter, capsys: Capture
) -> None:
    write_binding()
    assert main(["describe", "tts/probe"]) == 0
    seen = " ".join(capsys.readouterr().out.split())
    assert "A binding of the tests." in seen
    assert "speed float between 0.5 and 2 default 1.0 tempo; 1.0 is natural" in seen
    assert "rate int between 8000 and 48000 default 8000 samples a second" in seen
    assert "license of code Apache-2.0" in seen


def test_the_json_of_describe_is_a_schema_and_has_the_models(
    write_binding: BindingWriter, capsys: Capture
) -> None:
    folder = write_binding(manifest=MANIFEST + "model_option: rate\n")
    (folder / "models.yaml").write_text(
        "small:\n  license: MIT\n  files:\n    - path: a.onnx\n      bytes: 1000\n"
        f"      sha256: {'a' * 64}\n      sources: ['https://example.org/a.onnx']\n"
    )
    assert main(["describe", "tts/probe", "--json"]) == 0
    seen = told(capsys)
    assert seen["options"]["properties"]["speed"]["maximum"] == 2
    assert seen["configuration"]["properties"]["rate"]["default"] == 8000
    assert seen["subject"] == ["text", "voice"]
    (model,) = seen["models"]
    assert (model["name"], model["license"], model["bytes"], model["state"]) == (
        "small",
        "MIT",
        1000,
        "absent",
    )
    assert main(["describe", "tts/probe"]) == 0
    assert "small  1.0 kB  MIT  absent" in capsys.readouterr().out
    (folder / "models.yaml").write_text("far:\n  price: {character: 0.1}\n")
    assert main(["describe", "tts/probe"]) == 0
    assert "far  -  license unknown  no files" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tts/mok", "did you mean 'mock'"),
        ("tss/mock", "did you mean 'tts'"),
        ("tts", "'tts' is not MODALITY/NAME"),
        ("tts/mock/alto", "names a model; give MODALITY/NAME"),
        ("./no/where", "is no modality"),
    ],
)
def test_a_wrong_name_is_wrong_use(name: str, said: str, capsys: Capture) -> None:
    assert main(["describe", name]) == 2
    assert said in capsys.readouterr().err


def test_a_binding_is_described_by_its_path_and_by_its_origin(
    write_binding: BindingWriter, tmp_path: Path, capsys: Capture
) -> None:
    folder = write_binding("other", root=tmp_path / "elsewhere")
    assert main(["describe", str(folder)]) == 0
    assert capsys.readouterr().out.startswith("tts/other: ")
    assert main(["describe", "tts/shipped:mock"]) == 0
    assert capsys.readouterr().out.startswith("tts/mock: ")


def test_doctor_imports_the_code_and_finds_what_a_static_look_does_not(
    write_binding: BindingWriter, capsys: Capture
) -> None:
    write_binding("leaving", code="import sys\nsys.exit(3)\n" + CODE.replace('"""A voice', '# """'))
    assert main(["doctor"]) == 1
    seen = capsys.readouterr().out
    line = next(line for line in seen.splitlines() if "tts/leaving" in line)
    assert "broken" in line
    assert "tts/mock" in seen


def test_doctor_says_what_serves_where_nothing_is_named(home: Path, capsys: Capture) -> None:
    (home / "configs").mkdir(parents=True)
    own = home / "configs" / "default.yaml"
    own.write_text("tts: mock\nstt: mock\n")
    assert main(["doctor", "--json"]) in (0, 1)
    seen = told(capsys)
    assert seen["defaults"]["tts"]["choice"] == "mock"
    assert seen["defaults"]["tts"]["state"] == "ready"
    assert seen["machine"]["home"] == str(home)
    assert {one["depth"] for one in seen["bindings"] if one["name"] == "mock"} == {"probed"}
    own.write_text("tts: nowhere\n")
    assert main(["doctor", "--json"]) == 1
    problem = told(capsys)["defaults"]["tts"]["problems"][0]
    assert problem["state"] == "broken"
    assert "'nowhere' is unknown" in problem["message"]


def test_doctor_fails_where_a_name_is_taken_twice(
    write_binding: BindingWriter, capsys: Capture
) -> None:
    write_binding("mock")
    assert main(["doctor"]) == 1
    assert "tts/mock  " in (seen := capsys.readouterr().out)
    assert "is offered 2 times" in seen
