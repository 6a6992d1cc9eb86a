"""Services that are gone, never were, or give no public interface: manifests without code."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omnibind import AsyncClient, Client, available
from omnibind.cli import main
from omnibind.contracts import CONTRACTS
from omnibind.contracts.errors import NotOffered, OmnibindError, Retired, UnknownBinding
from omnibind.contracts.roots import shipped_roots
from omnibind.discovery.manifest import Manifest, read_manifest
from omnibind.managers import MANAGERS

Capture = pytest.CaptureFixture[str]

ERRORS = {"retired": Retired, "unavailable": NotOffered}


def manifests() -> Iterator[tuple[str, Path, Manifest]]:
    for root in shipped_roots():
        for file in sorted(Path(root).glob("*/*/binding.yaml")):
            yield "/".join(file.parts[-3:-1]), file.parent, read_manifest(file.parent)


WITHDRAWN = {label: (folder, one) for label, folder, one in manifests() if one.state}
LABELS = sorted(WITHDRAWN)


@pytest.fixture(autouse=True)
def own_home(home: Path) -> None:
    """Nothing of the user's own is read."""


def test_those_that_people_look_for_are_there() -> None:
    gone = {"ttv/stability", "ttv/openai", "tti/imagen"}
    never = {"ttm/suno", "ttm/soundraw", "tti/anthropic", "stt/lollms", "ttm/lollms", "ttv/lollms"}
    states = {label: one.state for label, (_, one) in WITHDRAWN.items()}
    assert states == dict.fromkeys(gone, "retired") | dict.fromkeys(never, "unavailable")


@pytest.mark.parametrize("label", LABELS)
def test_a_withdrawn_service_is_a_manifest_alone(label: str) -> None:
    folder, manifest = WITHDRAWN[label]
    assert [file.name for file in folder.iterdir() if file.name != "__pycache__"] == [
        "binding.yaml"
    ]
    assert not manifest.entry
    assert not manifest.keys, "nobody is to be asked for a key that opens nothing"


@pytest.mark.parametrize("label", LABELS)
def test_what_is_to_be_used_instead_can_be_used(label: str) -> None:
    named = re.findall(r"\b[a-z]{3}/[a-z_]+", WITHDRAWN[label][1].instead)
    assert named
    working = {one for one, _, manifest in manifests() if not manifest.state}
    assert set(named) <= working
    assert {one.partition("/")[0] for one in named} == {label.partition("/")[0]}


@pytest.mark.parametrize("label", LABELS)
def test_using_a_withdrawn_service_says_why_and_what_to_use_instead(
    label: str, no_network: None
) -> None:
    modality, _, name = label.partition("/")
    manifest = WITHDRAWN[label][1]
    told = re.escape(f"{manifest.reason}; use {manifest.instead}")
    with Client(**{modality: name}) as client:  # type: ignore[arg-type]  # the names vary
        handle = getattr(client, modality)
        assert not handle
        assert handle.state == manifest.state
        for use in (getattr(handle, CONTRACTS[modality].verb), lambda _: handle.load()):
            with pytest.raises(ERRORS[manifest.state], match=told):
                use("a cat")


def test_the_asyncio_client_says_the_same() -> None:
    async def use() -> None:
        async with AsyncClient(ttm="suno") as client:
            await client.ttm.generate_music("a song")

    with pytest.raises(NotOffered, match="no official public API"):
        asyncio.run(use())


@pytest.mark.parametrize(
    "spec", ["suno/chirp-v4", {"binding": "suno", "model": "v4"}, {"binding": "suno"}]
)
def test_a_model_of_a_withdrawn_service_changes_nothing(spec: Any) -> None:
    with pytest.raises(OmnibindError, match="no official public API"):
        Client(ttm=spec).ttm.generate_music("a song")


def test_in_a_list_the_next_binding_serves_and_the_result_says_why() -> None:
    with Client(ttm=["suno", "mock"]) as client:
        music = client.ttm.generate_music("a song", duration_s=1.0)
    assert music.meta.served_by == "ttm/mock"
    assert "Suno has no official public API" in music.meta.warnings[0]


def test_a_plan_tells_it_before_anything_is_run() -> None:
    planned = Client(ttv=["openai", "mock"]).plan("ttv", "a race")
    first, second = planned.candidates
    assert (first.binding, first.state) == ("ttv/openai", "retired")
    assert "shut Sora down on 2026-09-24; use ttv/runway" in (first.problem or "")
    assert second.state == "ready"


def test_what_is_withdrawn_is_never_available() -> None:
    assert not {f"{one.modality}/{one.binding}" for one in available()} & set(LABELS)


def test_a_manager_creates_none_and_diagnoses_it() -> None:
    manager = MANAGERS["tti"]()
    assert "anthropic" in manager.get_available_bindings()
    assert manager.diagnose("anthropic").state == "unavailable"
    with pytest.raises(NotOffered, match=r"anthropic has no image generation.*use tti/openai"):
        manager.create_binding("anthropic")


@pytest.mark.parametrize(
    ("modality", "typed", "named"),
    [
        ("tti", "dalle", "openai"),
        ("tti", "DALLE", "openai"),
        ("tti", "claude", "anthropic"),
        ("tti", "grok", "xai"),
        ("tts", "grok", "xai"),
        ("ttv", "grok", "xai"),
        ("tti", "google", "gemini"),
        ("ttv", "sora", "openai"),
        ("ttm", "sunoai", "suno"),
    ],
)
def test_a_name_that_people_remember_leads_to_ours(modality: str, typed: str, named: str) -> None:
    with pytest.raises(UnknownBinding, match=f"{typed!r} is unknown; it is {named!r} here"):
        Client(**{modality: typed})  # type: ignore[arg-type]  # the names vary


# ── the command line ──


def test_the_lists_show_the_state_and_what_to_use(capsys: Capture) -> None:
    assert main(["bindings", "--json"]) == 0
    seen = {one["binding"]: one for one in json.loads(capsys.readouterr().out)}
    for label, (_, manifest) in WITHDRAWN.items():
        assert seen[label]["state"] == manifest.state
        (problem,) = seen[label]["problems"]
        assert problem["message"] == f"{manifest.reason}; use {manifest.instead}"
        assert problem["command"] == ""


def test_a_command_that_names_one_ends_with_the_reason(capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "song.wav"
    assert main(["compose", "a song", "--ttm", "suno", "-o", str(out)]) == 1
    assert "no official public API" in capsys.readouterr().err
    assert not out.exists()


def test_its_models_are_none_and_it_wants_no_key(capsys: Capture) -> None:
    assert main(["models", "--remote", "ttm/suno"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["keys", "list", "--json"]) == 0
    wanted = {name for key in json.loads(capsys.readouterr().out) for name in key["bindings"]}
    assert not wanted & set(LABELS)


@pytest.mark.parametrize("label", LABELS)
def test_describing_one_shows_its_state_and_the_reason(label: str, capsys: Capture) -> None:
    manifest = WITHDRAWN[label][1]
    assert main(["describe", label]) == 0
    seen = capsys.readouterr().out
    assert manifest.summary in seen
    assert f"{manifest.reason}; use {manifest.instead}" in seen
    assert main(["describe", label, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["state"] == manifest.state
    assert told["models"] == []


def test_a_configuration_of_one_is_told_the_same() -> None:
    with pytest.raises(NotOffered, match=r"no official public API.*use ttm/elevenlabs"):
        Client(ttm={"binding": "suno", "api_key": "of-the-tests"})


def test_checking_and_installing_one_say_that_there_is_no_code(capsys: Capture) -> None:
    assert main(["check", str(WITHDRAWN["ttm/suno"][0])]) == 0
    assert "there is no code, for it is unavailable" in capsys.readouterr().out
    assert main(["install", "ttm/suno"]) == 1
    assert "use ttm/elevenlabs" in capsys.readouterr().err
