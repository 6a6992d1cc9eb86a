"""The scripts of a checkout, as far as they can be seen without installing anything."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("demo.py", "test.py")
OLD = "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0); runpy.run_path({path!r})"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_older_python_is_told_so_in_one_line(name: str) -> None:
    code = OLD.format(path=str(ROOT / "scripts" / name))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "Python 3.9.2" in done.stderr
    assert "3.11 or newer" in done.stderr


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_older_python_can_read_the_script_as_far_as_that_line(name: str) -> None:
    source = (ROOT / "scripts" / name).read_bytes()
    tree = ast.parse(source, name, feature_version=(3, 7))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert "__future__" not in {node.module for node in imports}


@pytest.fixture
def pip_file(tmp_path: Path) -> Path:
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\n"
        "find-links = /wheels/global\n"
        "index-url = https://mirror.invalid/simple\n"
        "extra-index-url = https://part.invalid/simple\n"
        "[install]\nfind-links = /wheels/one /wheels/two\n"
    )
    return file


@pytest.fixture
def handed(pip_file: Path) -> Callable[..., dict[str, str]]:
    """Say what uv's environment would be with these variables set."""

    def handed_to_uv(**variables: str) -> dict[str, str]:
        plain = {n: t for n, t in os.environ.items() if not n.startswith(("PIP_", "UV_"))}
        _, environment = script("uv_install").installation(
            Path(sys.executable), "dev", {**plain, "PIP_CONFIG_FILE": str(pip_file), **variables}
        )
        return dict(environment)

    return handed_to_uv


def test_pips_own_places_are_handed_to_uv(handed: Callable[..., dict[str, str]]) -> None:
    environment = handed()
    assert environment["UV_FIND_LINKS"] == "/wheels/one,/wheels/two"
    assert environment["UV_DEFAULT_INDEX"] == "https://mirror.invalid/simple"


def test_an_index_that_may_hold_part_of_a_release_is_not_handed_to_uv(
    handed: Callable[..., dict[str, str]],
) -> None:
    assert "https://part.invalid/simple" not in handed().values()


def test_pips_environment_goes_before_its_files(handed: Callable[..., dict[str, str]]) -> None:
    assert handed(PIP_FIND_LINKS="/mine")["UV_FIND_LINKS"] == "/mine"


def test_what_was_set_for_uv_itself_stands(handed: Callable[..., dict[str, str]]) -> None:
    assert handed(UV_FIND_LINKS="/for/uv")["UV_FIND_LINKS"] == "/for/uv"


def test_cpu_builds_are_asked_for_where_no_folder_has_one(
    handed: Callable[..., dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert handed()["UV_TORCH_BACKEND"] == "cpu"
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl").touch()
    assert "UV_TORCH_BACKEND" not in handed(PIP_FIND_LINKS=str(wheels))


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The demo, with an environment of its own and what it would run only noted."""
    module = script("demo")
    monkeypatch.setattr(module, "ran", [], raising=False)
    for name in ("VENV", "STAMP", "STAMP_OF_PICTURES"):
        monkeypatch.setattr(module, name, tmp_path / name.lower())
    monkeypatch.setattr(module, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(module, "run", lambda command, **how: module.ran.append((command, how)))
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return module


def test_the_demo_of_speech_installs_no_torch(demo: ModuleType) -> None:
    demo.set_up()
    installed = [command for command, _ in demo.ran if "install" in command]
    assert [command[-1] for command in installed] == [f"{ROOT}[demo]"]
    assert demo.STAMP.exists()
    assert not demo.STAMP_OF_PICTURES.exists()


def test_the_demo_of_pictures_installs_diffusers_once_and_as_the_tests_do(
    demo: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    demo.set_up_pictures()
    command, how = demo.ran[-1]
    assert command[-1] == ".[diffusers]"
    assert {"constraints.txt", "overrides.txt"} <= set(command)
    assert how["environment"]["UV_TORCH_BACKEND"] == "cpu"
    assert how["environment"]["UV_FIND_LINKS"] == str(tmp_path)
    demo.ran.clear()
    demo.set_up_pictures()
    assert demo.ran == []


def test_the_demo_draws_a_picture_and_says_where_it_is(
    demo: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from omnibind import Image

    monkeypatch.setattr(demo, "PICTURE", tmp_path / "out" / "demo.png")
    demo.draw("a blue apple")
    assert Image(demo.PICTURE.read_bytes()).width == 64
    printed = capsys.readouterr().out
    assert str(demo.PICTURE) in printed
    assert " s to draw" in printed
