"""The script that builds whisper-cli does nothing twice, and says what it lacks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from omnibind.weights import places

SCRIPT = Path(__file__).parents[2] / "scripts" / "build_whisper_cli.py"


def run(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMNIBIND_HOME": str(home), **variables}
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_what_was_built_is_not_built_again(tmp_path: Path) -> None:
    built = places.home() / "programs"
    shutil.copytree(built, tmp_path / "programs")
    done = run(tmp_path, PATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path / 'programs' / 'whisper-cli'}\n"


def test_another_way_of_building_is_another_program(tmp_path: Path) -> None:
    shutil.copytree(places.home() / "programs", tmp_path / "programs")
    done = run(tmp_path, "-DGGML_VULKAN=ON", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "there is no C++ compiler on PATH" in done.stderr
    assert (tmp_path / "programs" / "whisper-cli").is_file()


def test_offline_nothing_is_fetched(tmp_path: Path) -> None:
    done = run(tmp_path, OMNIBIND_OFFLINE="1")
    assert done.returncode == 1
    assert "OMNIBIND_OFFLINE is set" in done.stderr
