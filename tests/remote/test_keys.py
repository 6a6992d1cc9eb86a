"""Where keys are found: environment, .env files, the keyring; and the commands for them."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import keyring.backend
import pytest
from tests.remote.asking import named
from tests.remote.real_media import media
from tests.remote.recorder import Recorder, as_json, as_media

from omnibind import Client
from omnibind.cli import main
from omnibind.contracts.errors import BadConfig, PackagesMissing
from omnibind.contracts.secret import Secret
from omnibind.discovery import keys

NAME = "OPENAI_API_KEY"


@pytest.fixture(autouse=True)
def nothing_set(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.endswith(("_API_KEY", "_TOKEN", "_KEY"))]:
        monkeypatch.delenv(name)
    monkeypatch.delenv(keys.ENV_FILE, raising=False)


class _InMemory(keyring.backend.KeyringBackend):
    """A keyring as a desktop has one."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the package has no types for it
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


@pytest.fixture
def ring() -> Iterator[_InMemory]:
    before, ring = keyring.get_keyring(), _InMemory()
    keyring.set_keyring(ring)
    yield ring
    keyring.set_keyring(before)


def found(*names: str, env_file: str | None = None) -> str | None:
    secret = keys.find(names, env_file)
    return None if secret is None else secret.reveal()


def test_the_environment_goes_before_files_and_files_before_the_keyring(
    home: Path, ring: _InMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(NAME) is None
    assert keys.place_of(NAME) is None
    keys.store(NAME, Secret("of-the-ring"))
    assert (found(NAME), keys.place_of(NAME)) == ("of-the-ring", "keyring")
    (home / "configs").mkdir(parents=True, exist_ok=True)
    (home / "configs" / ".env").write_text(f"{NAME}=of-the-home")
    assert found(NAME) == "of-the-home"
    (home / "beside.env").write_text(f"{NAME}=beside")
    assert found(NAME, env_file=str(home / "beside.env")) == "beside"
    (home / "named.env").write_text(f"{NAME}=named")
    monkeypatch.setenv(keys.ENV_FILE, str(home / "named.env"))
    assert found(NAME, env_file=str(home / "beside.env")) == "named"
    monkeypatch.setenv(NAME, " of-the-environment\n")
    assert (found(NAME), keys.place_of(NAME)) == ("of-the-environment", "environment")


def test_the_first_of_two_names_wins_within_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROK_API_KEY", "second")
    assert found("XAI_API_KEY", "GROK_API_KEY") == "second"
    monkeypatch.setenv("XAI_API_KEY", "first")
    assert found("XAI_API_KEY", "GROK_API_KEY") == "first"


def test_an_env_file_is_read_as_people_write_it() -> None:
    text = """\ufeff# keys
export A=1
B = "two words"   # said so
C='single # quoted'
D=plain # a remark
E=with=equals
F=
no line
"""
    assert keys.parsed(text.removeprefix("\ufeff")) == {
        "A": "1",
        "B": "two words",
        "C": "single # quoted",
        "D": "plain",
        "E": "with=equals",
        "F": "",
    }


def test_a_changed_env_file_is_read_anew(home: Path) -> None:
    path = home / ".env"
    home.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{NAME}=one")
    assert found(NAME, env_file=str(path)) == "one"
    path.write_text(f"{NAME}=another")
    assert found(NAME, env_file=str(path)) == "another"
    path.unlink()
    assert found(NAME, env_file=str(path)) is None


def test_a_key_that_cant_be_one_is_told_of_unshown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "sk-ключ")
    with pytest.raises(BadConfig, match="OPENAI_API_KEY can't be used") as caught:
        found(NAME)
    assert "sk-" not in str(caught.value)


def test_a_binding_takes_its_key_from_beside_its_configuration_file(
    recorder: Recorder, tmp_path: Path
) -> None:
    recorder.script = [as_media(media("mp3"), "audio/mpeg")]
    (tmp_path / ".env").write_text(f"{NAME}=sk-beside")
    config = tmp_path / "mine.yaml"
    config.write_text(
        f"tts: {{binding: openai, config: {{base_url: '{recorder.url}/v1'}}}}\nstt: openai\n"
    )
    with Client.from_config(config) as client:
        assert client.tts.state == "ready"
        client.tts.generate_audio("Hello.", verify=False)
    assert recorder.only.header("authorization") == "Bearer sk-beside"
    with Client(tts=named(recorder, "openai", "/v1", api_key=None)) as client:
        assert client.tts.state == "needs-key"


def test_the_keyrings_package_is_imported_only_where_a_key_is_in_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert found(NAME) is None
    with pytest.raises(PackagesMissing, match=r"omnibind\[keyring\]"):
        keys.store(NAME, Secret("x"))


def run(*words: str, stdin: str = "", monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
    return main(["keys", *words])


def test_keys_are_set_listed_and_removed(
    ring: _InMemory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("set", NAME, stdin="sk-typed\n", monkeypatch=monkeypatch) == 0
    assert ring.kept == {("omnibind", NAME): "sk-typed"}
    assert Client(tts="openai").tts.state == "ready"
    assert run("list", "--json", monkeypatch=monkeypatch) == 0
    printed = capsys.readouterr().out
    assert "sk-typed" not in printed
    told = json.loads(printed[printed.index("[") :])
    (mine,) = [one for one in told if one["name"] == NAME]
    assert mine["place"] == "keyring"
    assert "tts/openai" in mine["bindings"]
    assert run("rm", NAME, monkeypatch=monkeypatch) == 0
    assert ring.kept == {}
    assert Client(tts="openai").tts.state == "needs-key"
    assert run("rm", NAME, monkeypatch=monkeypatch) == 2
    assert "isn't in the keyring" in capsys.readouterr().err


def test_a_key_that_nobody_wants_is_refused_with_near_names(
    ring: _InMemory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("set", "OPENAI_KEY", stdin="x", monkeypatch=monkeypatch) == 2
    assert "OPENAI_API_KEY" in capsys.readouterr().err
    assert run("set", NAME, stdin="\n", monkeypatch=monkeypatch) == 2
    assert "is empty" in capsys.readouterr().err


def test_a_key_on_the_command_line_is_refused_unshown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = Path(__file__).parents[2] / "bindings" / "tts" / "openai"
    assert main(["check", str(folder), "--config", "api_key=sk-in-argv"]) == 2
    assert main(["speak", "Hi.", "--tts", "openai", "--option", "api_key=sk-in-argv"]) == 2
    printed = capsys.readouterr()
    assert "omnibind keys set" in printed.err
    assert "sk-in-argv" not in printed.out + printed.err


def test_own_fake_keys_are_tested_at_the_service(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{recorder.url}/v1")
    monkeypatch.setenv(NAME, "sk-tested")
    recorder.script = [as_json({"data": []}), as_json({"error": {"message": "No: sk-tested"}}, 401)]
    assert run("test", "tts/openai", monkeypatch=monkeypatch) == 0
    assert "accepted" in capsys.readouterr().out
    assert run("test", monkeypatch=monkeypatch) == 1
    printed = capsys.readouterr().out
    assert "refused" in printed
    assert "sk-tested" not in printed
    assert [request.path for request in recorder.requests] == ["/v1/models"] * 2
    answers: list[Any] = [request.header("authorization") for request in recorder.requests]
    assert answers == ["Bearer sk-tested"] * 2
    assert run("test", "tts/mock", monkeypatch=monkeypatch) == 0
    assert "needs no key" in capsys.readouterr().out
