"""Bindings without a default model: what they say, and what works before one is named."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import MANIFEST, MODELS, BindingWriter

from omnibind import AsyncClient, Client
from omnibind.cli import main
from omnibind.contracts.errors import SettingMissing, WeightsMissing
from omnibind.managers import MANAGERS
from omnibind.managers.available import available
from omnibind.weights import lockfile

Capture = pytest.CaptureFixture[str]

WANTING = {
    "tts": ("transformers", "model_name"),
    "stt": ("transformers", "model_name"),
    "ttm": ("diffusers", "model_id_or_path"),
    "ttv": ("diffusers", "model_id_or_path"),
}
FOX = Path(__file__).parents[1] / "fox.flac"
CHOOSING = MANIFEST + "model_option: rate\nsettings: [{name: rate}]\n"


def client_of(modality: str, choice: Any) -> Client:
    given: Any = {modality: choice}
    return Client(**given)


@pytest.mark.parametrize("modality", WANTING)
def test_the_setting_and_three_models_are_named(home: Path, modality: str) -> None:
    name, option = WANTING[modality]
    manager = MANAGERS[modality]()
    (problem,) = manager.diagnose(name).problems
    assert problem.state == "needs-setting"
    models = manager.describe(name).models
    first, second, third, fourth = list(models)[:4]
    assert f'Client({modality}="{name}/{first}")' in problem.message
    assert f"configure {option}" in problem.message
    for model in (first, second, third):
        assert f"{model} ({models[model].license})" in problem.message
    assert fourth not in problem.message


@pytest.mark.parametrize("modality", WANTING)
def test_a_model_that_is_named_is_all_that_was_missing(
    home: Path, tmp_path: Path, modality: str
) -> None:
    name, option = WANTING[modality]
    first = next(iter(MANAGERS[modality]().describe(name).models))
    for choice in (f"{name}/{first}", {"binding": name, option: first}):
        (problem,) = getattr(client_of(modality, choice), modality).diagnose().problems
        assert problem.state == "needs-weights"
        assert problem.command == f"omnibind pull {modality}/{name}/{first}"
    own = {"binding": name, option: str(tmp_path)}
    assert getattr(client_of(modality, own), modality).state == "ready"


@pytest.mark.parametrize("modality", WANTING)
def test_its_models_and_options_are_told_without_one(home: Path, modality: str) -> None:
    name, option = WANTING[modality]
    with client_of(modality, name) as client:
        handle = getattr(client, modality)
        assert not handle
        assert handle.schema.names
        if modality != "tts":
            models = MANAGERS[modality]().describe(name).models
            assert handle.list_models() == list(models)
        with pytest.raises(SettingMissing, match=option):
            handle.load()
        (planned,) = client.plan(modality, FOX if modality == "stt" else "hi").candidates
    assert (planned.state, planned.model) == ("needs-setting", None)
    assert (planned.download_bytes, planned.memory_bytes) == (None, None)
    assert option in str(planned.problem)


def test_a_call_says_what_to_configure_and_another_binding_serves(home: Path) -> None:
    with pytest.raises(SettingMissing, match="model_name"):
        Client(stt="transformers").stt.transcribe_audio(FOX)
    heard = Client(stt=["transformers", "mock"]).stt.transcribe_audio(FOX)
    assert heard.meta.served_by == "stt/mock"
    assert "stt/transformers has no default model" in heard.meta.warnings[0]
    assert (
        Client(stt=["transformers", "mock"]).stt.list_models()
        == Client(stt="mock").stt.list_models()
    ), "the first that is ready tells"


def test_an_asyncio_client_tells_the_models_too(home: Path) -> None:
    async def asked() -> list[str]:
        async with AsyncClient(ttm="diffusers") as client:
            with pytest.raises(SettingMissing, match="model_id_or_path"):
                await client.ttm.generate_music("a waltz")
            return await client.ttm.list_models()

    assert "cvssp/audioldm2" in asyncio.run(asked())


def test_models_that_are_here_are_available(home: Path, write_binding: BindingWriter) -> None:
    write_binding(root=home / "bindings", manifest=CHOOSING + "repositories: true\n", models=MODELS)
    write_binding("bare", root=home / "bindings", manifest=CHOOSING)
    assert available("tts") == ["mock"]
    for model in ("small", "org/name"):
        folder = home / "models" / "tts" / "probe" / model
        folder.mkdir(parents=True)
        (folder / "a.bin").write_bytes(b"abc")
    entry = lockfile.Entry({"a.bin": lockfile.LockedFile(3)}, "hf:org/name", "main")
    lockfile.put("tts/probe/org/name", entry)
    assert available("tts") == ["mock", "probe/org/name", "probe/small"]
    assert Client(tts="probe/small").tts.state == "ready"


def test_whatever_else_is_missing_is_told_when_models_are_asked_for(
    home: Path, write_binding: BindingWriter
) -> None:
    settings = CHOOSING.replace("[{name: rate}]", "[{name: rate}, {name: place, help: a region}]")
    write_binding(root=home / "bindings", manifest=settings)
    first, second = MANAGERS["tts"]().diagnose("probe").problems
    assert first.wants_model
    assert second.message == "probe needs place (a region) configured"
    with pytest.raises(SettingMissing):
        Client(tts="probe").tts.list_voices()
    with pytest.raises(SettingMissing):
        MANAGERS["tts"]().create_binding("probe")
    with pytest.raises(SettingMissing, match="place"):
        Client(tts="probe/8000").tts.list_voices()


def test_a_made_binding_lists_its_models_before_one_is_named(home: Path) -> None:
    binding: Any = MANAGERS["ttv"]().create_binding("diffusers", runs="in-process")
    assert "Lightricks/LTX-2" in binding.list_models()
    assert "steps" in binding.options_for().names


@pytest.mark.parametrize("modality", WANTING)
def test_the_command_line_lists_its_models(home: Path, modality: str, capsys: Capture) -> None:
    label = f"{modality}/{WANTING[modality][0]}"
    assert main(["bindings", modality]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith(label)] == ["needs-setting"]
    assert main(["models", label]) == 0
    assert "absent" in capsys.readouterr().out
    assert main(["pull", label]) != 0
    assert "has no default model; choose one of" in capsys.readouterr().err


def test_a_folder_of_voices_hides_no_model(home: Path, tmp_path: Path) -> None:
    voice = {"binding": "transformers", "model_name": "facebook/mms-tts-eng"}
    client = Client(tts={**voice, "voices_dir": str(tmp_path)})
    (planned,) = client.plan("tts", "hi").candidates
    assert (planned.state, planned.model) == ("needs-weights", "facebook/mms-tts-eng")
    assert planned.license == "CC-BY-NC-4.0"
    with pytest.raises(WeightsMissing, match="omnibind pull tts/transformers/facebook/mms-tts-eng"):
        client.tts.generate_audio("hi")
    alone = Client(tts={"binding": "transformers", "voices_dir": str(tmp_path)})
    assert alone.tts.state == "needs-setting"
