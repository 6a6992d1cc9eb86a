from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omnibind import AsyncClient, Client
from omnibind.cli.choosing import client_for
from omnibind.contracts.errors import (
    BadConfig,
    BadOutput,
    LicenceForbids,
)


def write(folder: Path, text: str, name: str = "own.yaml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def test_a_file_sets_what_holds_for_all_calls(home: Path, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "client:\n  timeout_s: 30\n  label: night\n  recipe: false\n  budget_usd: 0.5\n"
        "  verify: {length: false}\n  max_result_bytes: 100\ntts: mock\n",
    )
    for kind in (Client, AsyncClient):
        client: Any = kind.from_config(path)
        controls = client._settings.controls
        assert (controls.timeout_s, controls.label, controls.recipe) == (30.0, "night", False)
        assert controls.off == {"length"}
        assert client._settings.budget.limit_usd == 0.5
    with pytest.raises(BadOutput, match="at most 100"):
        Client.from_config(path).tts.generate_audio("hello")


def test_a_file_sets_the_policy(tmp_path: Path) -> None:
    path = write(tmp_path, "client: {policy: {commercial: true}}\ntts: piper\n")
    with pytest.raises(LicenceForbids):
        Client.from_config(path).tts.generate_audio("Hello.", "en_US-lessac-medium")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("client: {timeout_s: -1}\n", "client: timeout_s is -1"),
        ("client: {verify: {nothing: false}}\n", "client: .*'nothing'"),
        ("client: {policy: {comercial: true}}\n", "did you mean 'commercial'"),
        ("client: {budget_usd: -1}\n", "client: budget_usd"),
        ("client: {timeout: 3}\n", "timeout"),
        ("client: {consent: true}\n", "consent"),
        ("tts: {binding: mock, consent: 1}\n", "consent"),
        ("tts: {binding: mock/alto, model: bass}\n", "'alto'.*'bass'"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_the_file(
    home: Path, tmp_path: Path, text: str, words: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(BadConfig, match=words) as caught:
        Client.from_config(path)
    assert str(path) in str(caught.value)


def test_a_spelling_that_names_two_models_is_refused(home: Path) -> None:
    with pytest.raises(BadConfig, match=r"'alto'.*'bass'"):
        Client(tts={"binding": "mock/alto", "model": "bass"})


def test_the_command_line_obeys_the_users_own_default(home: Path) -> None:
    write(home / "configs", "client: {label: own, budget_usd: 0}\ntts: mock\n", "default.yaml")
    for named in (None, "mock"):
        client = client_for("tts", named)
        assert client.tts.binding_names == ["mock"]
        client.tts.generate_audio("hello")
        assert client.costs()[0].label == "own"
        assert client._settings.budget is not None
    assert client_for("tti", None).tti.binding_name == "diffusers", "the shipped default is left"


def test_a_list_in_the_default_is_an_order_for_the_command_line_too(home: Path) -> None:
    text = "tts: [piper, {binding: mock, config: {default_voice: bass}}]\n"
    write(home / "configs", text, "default.yaml")
    client = client_for("tts", None)
    assert client.tts.binding_names == ["piper", "mock"]
    speech = client.tts.generate_audio("hello")
    assert speech.meta.served_by == "tts/mock"
    assert "omnibind pull tts/piper" in speech.meta.warnings[0]
    assert client_for("tts", None, "en_US-joe-medium").tts.binding_names == ["piper"]


def test_a_wrong_default_is_told(home: Path) -> None:
    write(home / "configs", "client: {timeout_s: soon}\n", "default.yaml")
    with pytest.raises(BadConfig, match=r"default\.yaml"):
        client_for("tts", "mock")
