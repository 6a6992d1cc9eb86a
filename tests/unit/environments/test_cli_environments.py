"""``omnibind install``, ``repair``, ``uninstall`` and ``envs``."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from tests.unit.environments.conftest import Write

from omnibind.cli import main
from omnibind.discovery.environment import place_of

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="doesn't apply: environments need Linux or macOS"
)

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def looked_for(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIBIND_BINDINGS_PATH", str(tmp_path / "root"))


def listed(capsys: Capture) -> list[dict[str, object]]:
    capsys.readouterr()
    assert main(["envs", "--json"]) == 0
    told: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return told


def test_install_tells_its_steps_and_where_the_environment_is(
    write: Write, capsys: Capture
) -> None:
    found = write()
    assert main(["install", "tts/tiny"]) == 0
    seen = capsys.readouterr()
    assert seen.out.startswith(f"the environment of tts/tiny is here: {place_of(found)}")
    steps = seen.err.splitlines()
    assert all(step.startswith("tts/tiny: ") for step in steps)
    assert steps[0].startswith("tts/tiny: Resolved 2 packages")
    assert "\x1b" not in seen.err
    assert main(["install", "tts/tiny"]) == 0
    seen = capsys.readouterr()
    assert "the environment of tts/tiny was here already: " in seen.out
    assert seen.err == ""


def test_a_failed_install_is_one_line_in_uvs_words(write: Write, capsys: Capture) -> None:
    write(environment='requires: ["tiny-engine==9"]')
    assert main(["install", "tts/tiny"]) == 1
    seen = capsys.readouterr()
    assert seen.out == ""
    assert seen.err.startswith("omnibind: tts/tiny can't be installed, and nothing was changed: ")
    assert "there is no version of tiny-engine==9" in seen.err
    assert seen.err.count("\n") == 1
    assert listed(capsys) == []


def test_envs_lists_python_packages_size_and_state(write: Write, capsys: Capture) -> None:
    write()
    main(["install", "tts/tiny"])
    (one,) = listed(capsys)
    assert one["binding"] == "tts/tiny"
    assert one["state"] == "ready"
    assert one["packages"] == {"tiny-dep": "1.0", "tiny-engine": "1.0"}
    assert one["python"] == ".".join(map(str, sys.version_info[:3]))
    assert os.access(str(one["interpreter"]), os.X_OK)
    assert isinstance(one["bytes"], int)
    assert main(["envs"]) == 0
    row = capsys.readouterr().out.split()
    assert row[:3] == ["tts/tiny", one["python"], "2"]
    assert row[-1] == "ready"


def test_envs_without_any_says_so(capsys: Capture) -> None:
    assert main(["envs"]) == 0
    assert capsys.readouterr().out == "no binding has an environment of its own on this machine\n"
    assert listed(capsys) == []


def test_repair_makes_a_broken_environment_anew(write: Write, capsys: Capture) -> None:
    found = write()
    main(["install", "tts/tiny"])
    (package,) = place_of(found).glob("*/venv/lib/python*/site-packages/tiny_engine")
    shutil.rmtree(package)
    (one,) = listed(capsys)
    assert one["state"] == "broken"
    assert one["problem"] == f"{package} is missing"
    assert main(["repair", "tts/tiny"]) == 0
    assert "is here: " in capsys.readouterr().out
    (one,) = listed(capsys)
    assert one["state"] == "ready"


def test_uninstall_removes_it_and_asks_nothing(write: Write, capsys: Capture, home: Path) -> None:
    write()
    main(["install", "tts/tiny"])
    capsys.readouterr()
    assert main(["uninstall", "tts/tiny"]) == 0
    assert capsys.readouterr().out.startswith("the environment of tts/tiny is removed; ")
    assert list(home.rglob("*")) == []
    assert main(["uninstall", "tts/tiny"]) == 0
    assert capsys.readouterr().out == "the environment of tts/tiny wasn't here\n"


def test_uninstall_removes_what_a_gone_binding_left(
    write: Write, capsys: Capture, home: Path
) -> None:
    found = write()
    main(["install", "tts/tiny"])
    shutil.rmtree(found.folder)
    (one,) = listed(capsys)
    assert one["state"] == "outdated"
    assert main(["uninstall", "tts/tiny"]) == 0
    assert list(home.rglob("*")) == []
    assert main(["uninstall", "tts/tiny"]) == 2


def test_install_says_when_a_binding_would_not_use_it(write: Write, capsys: Capture) -> None:
    found = write()
    path = found.folder / "binding.yaml"
    path.write_text(path.read_text().replace("runs: own-environment", "runs: in-process"))
    assert main(["install", "tts/tiny"]) == 0
    assert "tts/tiny runs in-process; configure runs: own-environment" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["install", "repair", "uninstall"])
@pytest.mark.parametrize("name", ["tts/nothing", "tts", "tiny", "tts/tiny/model"])
def test_a_wrong_name_is_wrong_use(write: Write, capsys: Capture, command: str, name: str) -> None:
    write()
    assert main([command, name]) == 2
    assert capsys.readouterr().err.count("\n") == 1
