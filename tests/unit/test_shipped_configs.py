"""The configuration files that ship."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from omnibind import Client
from omnibind.choices import MODALITIES
from omnibind.config import config_path, read_config
from omnibind.discovery.manifest import Manifest, read_manifest
from omnibind.managers import MANAGERS

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
NAMES = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
SHIPPED = CONFIGS.parent / "bindings"


@pytest.fixture(autouse=True)
def without_keys(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the user's own keys, files and bindings."""
    for file in SHIPPED.glob("*/*/binding.yaml"):
        for name in (name for names in read_manifest(file.parent).keys for name in names):
            monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("OMNIBIND_ENV_FILE", raising=False)


def manifest_of(modality: str, name: str) -> Manifest:
    return read_manifest(SHIPPED / modality / name)


def test_each_is_looked_at_here() -> None:
    assert NAMES == ["default", "mock", "remote", "workstation"]


@pytest.mark.parametrize("name", NAMES)
def test_each_names_bindings_that_serve_and_models_that_they_list(name: str) -> None:
    for modality, choices in read_config(name).choices.items():
        for choice in choices:
            described = MANAGERS[modality]().describe(choice.binding)
            assert described.manifest is not None
            assert not described.manifest.state, f"{modality}/{choice.binding} is withdrawn"
            known = {*described.models, None}
            assert choice.model in known or described.manifest.repositories


def test_remote_names_a_service_for_everything_and_an_engine_behind_it_where_one_is() -> None:
    choices = read_config("remote").choices
    assert set(choices) == set(MODALITIES)
    for modality, chosen in choices.items():
        first, *behind = [manifest_of(modality, one.binding).kind for one in chosen]
        engines = [
            folder.name
            for folder in (SHIPPED / modality).iterdir()
            if folder.name != "mock"
            and (folder / "binding.yaml").is_file()
            and read_manifest(folder).kind == "local"
        ]
        assert first == "remote"
        assert ("local" in behind) is bool(engines), modality


def test_without_keys_the_services_say_so_and_the_engines_are_planned() -> None:
    with Client.from_config("remote") as client:
        for modality, text in (("tts", "Hello."), ("tti", "a red apple"), ("ttm", "a waltz")):
            first, second = client.plan(modality, text).candidates
            assert (first.state, second.state == "needs-key") == ("needs-key", False)
        assert client.sfx.state == "needs-key"


def test_a_key_may_stand_in_a_file_beside_ones_own_copy(tmp_path: Path) -> None:
    own = tmp_path / "mine" / "remote.yaml"
    own.parent.mkdir()
    shutil.copy(config_path("remote"), own)
    (own.parent / ".env").write_text("FREESOUND_API_KEY=of-the-tests\n", "utf-8")
    with Client.from_config(own) as client:
        first, second = client.plan("sfx", "rain").candidates
        assert (first.binding, first.state) == ("sfx/elevenlabs", "needs-key")
        assert (second.binding, second.state) == ("sfx/freesound", "ready")
