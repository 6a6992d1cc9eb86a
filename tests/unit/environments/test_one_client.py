"""Engines that can't be installed together serve one client, each from its own environment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibind import Client
from omnibind.cli import main
from omnibind.contracts.errors import EnvironmentMissing, InstallFailed
from omnibind.discovery.places import Found, Root
from omnibind.running import environments
from omnibind.running.worker import end_all, workers

CONFLICTING = Path(__file__).parents[2] / "environments"
TEXT = "Two engines, two worlds."


@pytest.fixture
def home_with_both(
    home: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Path]:
    monkeypatch.setenv("OMNIBIND_BINDINGS_PATH", str(CONFLICTING))
    monkeypatch.setenv("UV_CACHE_DIR", str(cache))
    for name in ("tts/old_numpy", "tts/new_numpy"):
        assert main(["install", name]) == 0
    capsys.readouterr()
    yield home
    end_all()


def test_bindings_that_exclude_each_other_serve_one_client(home_with_both: Path) -> None:
    import numpy as ours

    with Client(tts=["old_numpy", "new_numpy"]) as client:
        first = client.tts.generate_audio(TEXT)
        assert client.tts.list_voices() == ["numpy-1.26.4"]
        (new,) = Client(tts="new_numpy").tts.list_voices()
        assert new.startswith("numpy-2.")
        second = client.tts.generate_audio(TEXT, new)
        third = client.tts.generate_audio(TEXT, "numpy-1.26.4")
        assert [sound.meta.binding for sound in (first, second, third)] == [
            "tts/old_numpy",
            "tts/new_numpy",
            "tts/old_numpy",
        ]
        assert bytes(first) == bytes(third)
        assert first.duration_s == second.duration_s
        assert len(workers()) == 2
    assert ours.__version__ != "1.26.4"
    assert not workers()


def test_an_environment_in_use_is_not_removed_and_one_that_is_gone_is_told(
    home_with_both: Path,
) -> None:
    found = Found("old_numpy", "tts", Root("", CONFLICTING))
    with Client(tts="old_numpy") as client:
        client.tts.load()
        with pytest.raises(InstallFailed, match="used by a program"):
            environments.uninstall(found)
        assert client.tts.generate_audio(TEXT)
    environments.uninstall(found)
    with pytest.raises(EnvironmentMissing, match="omnibind install tts/old_numpy"):
        Client(tts="old_numpy").tts.generate_audio(TEXT)


def test_another_program_finds_the_environment_ready(home_with_both: Path) -> None:
    code = (
        "from omnibind import Client\n"
        "with Client(tts='old_numpy') as client:\n"
        f"    print(client.tts.generate_audio({TEXT!r}).duration_s)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.stderr == ""
    assert float(done.stdout) == pytest.approx(0.06 * len(TEXT), abs=0.01)
