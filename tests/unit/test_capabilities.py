"""What bindings and models can do, told without loading them; voices with what is known of them."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import CODE, MANIFEST, BindingWriter

from omnibind import TTSBindingManager
from omnibind.cli import main
from omnibind.contracts.errors import BindingBroken
from omnibind.contracts.tts import Voice
from omnibind.discovery.manifest import Capabilities, read_manifest
from omnibind.managers import MANAGERS
from omnibind.weights.capabilities import FREE, Cost
from omnibind.weights.catalogue import read_models

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = """
many:
  languages: [mul, yue]
one:
  languages: [en]
silent: {}
other:
  sizes: [64x64]
  voices: {ann: {language: en-GB, gender: female}, bob: {}}
  price: {per: minute, usd: 0.5}
  capabilities: {streaming: false, max_characters: 5}
"""
ABLE = """
capabilities:
  streaming: true
  language_detection: true
  languages: [de, en]
  sizes: [512x512]
  max_characters: 100
"""


def able(folder: Path, model: str | None) -> Capabilities:
    return read_manifest(folder).capabilities_of(read_models(folder), model)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("streming: true", "'streming' in capabilities is unknown; did you mean 'streaming' "),
        ("languages: [english, de]", "capabilities.languages"),
        ("sizes: [512]", "capabilities.sizes"),
        ("sizes: [512x]", "capabilities.sizes"),
        ("max_images: 0", "capabilities.max_images"),
        ("voices: 3", "capabilities.voices"),
        ("cost: {per: word, usd: 1}", "capabilities.cost.per"),
        ("cost: {per: image, usd: -1}", "capabilities.cost.usd"),
    ],
)
def test_a_wrong_capability_is_refused_in_the_manifest(
    line: str, said: str, write_binding: BindingWriter
) -> None:
    folder = write_binding(manifest=MANIFEST + f"capabilities: {{{line}}}\n")
    with pytest.raises(BindingBroken) as caught:
        read_manifest(folder)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("capabilities: {streming: true}", "'streming' is unknown; did you mean 'streaming'?"),
        ("capabilities: {max_images: many}", "max_images"),
        ("gender: robot", "gender"),
        ("languages: [english]", "languages"),
        (
            "voices: {ann: {gendr: male}}",
            "'gendr' in [...].voices[...] is unknown; did you mean 'gender'?",
        ),
    ],
)
def test_a_wrong_capability_is_refused_in_the_catalogue(
    line: str, said: str, write_binding: BindingWriter
) -> None:
    folder = write_binding(models=f"small:\n  {line}\n")
    with pytest.raises(BindingBroken) as caught:
        read_models(folder)
    assert said in str(caught.value)


def test_a_models_own_facts_go_before_its_bindings(write_binding: BindingWriter) -> None:
    folder = write_binding(manifest=MANIFEST + ABLE, models=CATALOGUE)
    assert able(folder, "other") == Capabilities(
        streaming=False,
        voices=True,
        language_detection=True,
        languages=["de", "en"],
        sizes=["64x64"],
        max_characters=5,
        cost=Cost("minute", 0.5),
    )
    silent = able(folder, "silent")
    assert silent.streaming
    assert not silent.voices
    assert (silent.sizes, silent.max_characters) == (["512x512"], 100)
    assert able(folder, "unlisted") == able(folder, "silent")


def test_mul_stands_for_the_bindings_languages_and_one_language_needs_no_detection(
    write_binding: BindingWriter,
) -> None:
    folder = write_binding(manifest=MANIFEST + ABLE, models=CATALOGUE)
    many, one = able(folder, "many"), able(folder, "one")
    assert many.languages == ["yue", "de", "en"]
    assert many.language_detection
    assert one.languages == ["en"]
    assert not one.language_detection


def test_a_binding_that_lists_no_languages_knows_those_of_its_models(
    write_binding: BindingWriter,
) -> None:
    assert able(write_binding(models=CATALOGUE), None).languages == ["en", "yue"]


def test_a_local_engine_is_free_and_the_cost_of_a_service_is_unknown_until_it_is_told(
    write_binding: BindingWriter,
) -> None:
    remote = MANIFEST.replace("local", "remote")
    assert able(write_binding("local"), None).cost == FREE
    assert able(write_binding("remote", manifest=remote), None).cost is None
    models = "a: {price: {usd: 0.015, per: 1000 characters}}\nb: {price: {character: 1}}\n"
    listed = write_binding("listed", manifest=remote, models=models)
    assert able(listed, "a").cost == Cost("1000 characters", 0.015)
    assert able(listed, "b").cost is None
    priced = remote + "capabilities: {cost: {per: image, usd: 0.04}}\n"
    assert able(write_binding("priced", manifest=priced), None).cost == Cost("image", 0.04)


@pytest.mark.parametrize(
    ("languages", "wanted", "fits"),
    [
        (["de-AT"], "de", True),
        (["de"], "de-AT", True),
        (["de-DE"], "de-AT", False),
        (["en-US", "de-DE"], "DE_de", True),
        (["de"], "d", False),
        (["haw"], "ha", False),
        ([], "de", False),
    ],
)
def test_a_language_is_found_by_its_tag(languages: list[str], wanted: str, fits: bool) -> None:
    assert Capabilities(languages=languages).speaks(wanted) is fits


@pytest.mark.parametrize(
    ("name", "module", "table"),
    [
        ("faster_whisper", "faster_whisper.tokenizer", "_LANGUAGE_CODES"),
        ("whisper", "whisper.tokenizer", "LANGUAGES"),
    ],
)
def test_the_languages_of_whisper_are_those_of_the_engine(
    name: str, module: str, table: str
) -> None:
    engines_own = set(getattr(importlib.import_module(module), table))
    folder = ROOT / "bindings" / "stt" / name
    assert set(able(folder, "large-v3").languages) == engines_own
    assert set(able(folder, "base").languages) == engines_own - {"yue"}
    assert able(folder, "base").language_detection
    assert not able(folder, "base.en").language_detection


@pytest.mark.parametrize("modality", MANAGERS)
def test_every_shipped_binding_tells_what_it_can_do(modality: str) -> None:
    manager = MANAGERS[modality]()
    for name in manager.get_available_bindings():
        if manager.diagnose(f"shipped:{name}").state in ("retired", "unavailable"):
            continue
        description = manager.describe(f"shipped:{name}")
        assert description.capabilities is not None
        assert description.manifest is not None
        is_local = description.manifest.kind == "local"
        assert (description.capabilities.cost == FREE) is is_local
        is_ready = manager.diagnose(f"shipped:{name}").is_ready
        if modality == "tts" and description.manifest.default_model and is_ready:
            listed = manager.create_binding(f"shipped:{name}").list_voices()
            assert description.capabilities.voices is (len(listed) > 1)


def test_pipers_voices_have_language_and_gender_from_its_catalogue(tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").touch()
    piper = TTSBindingManager().create_binding("piper", piper_voices_dir=tmp_path)
    voices = piper.voices()
    assert [voice.name for voice in voices] == piper.list_voices()
    assert Voice("en_US-joe-medium", "en-US", "male") in voices
    assert Voice("fr_FR-siwis-medium", "fr-FR", "female") in voices
    assert Voice("mine") in voices


def test_voices_of_one_model_take_its_language_where_they_have_none(
    home: Path, write_binding: BindingWriter
) -> None:
    models = """
        pair:
          languages: [fr]
          voices: {low: {gender: male}, high: {language: en-GB}}
    """
    folder = write_binding(models=models)
    assert TTSBindingManager().create_binding(str(folder)).voices() == [
        Voice("high", "en-GB"),
        Voice("low", "fr", "male"),
    ]
    (folder / "models.yaml").write_text("pair:\n  languages: [fr, de]\n  voices: [low]\n")
    assert TTSBindingManager().create_binding(str(folder)).voices() == [
        Voice("high"),
        Voice("low"),
    ]


def test_a_binding_that_knows_more_of_its_voices_tells_it_itself(
    home: Path, write_binding: BindingWriter
) -> None:
    code = CODE.replace("TTSBinding\n", "TTSBinding\nfrom omnibind.contracts.tts import Voice\n", 1)
    code += "\n    def voices(self):\n        return [Voice('low', 'nl', 'neutral')]\n"
    folder = write_binding(code=code)
    (voice,) = TTSBindingManager().create_binding(str(folder)).voices()
    assert voice == Voice("low", "nl", "neutral")


def test_describe_shows_capabilities_and_voices(capsys: pytest.CaptureFixture[str]) -> None:
    def described(name: str) -> tuple[str, Any]:
        assert main(["describe", name]) == 0
        text = " ".join(capsys.readouterr().out.split())
        assert main(["describe", name, "--json"]) == 0
        return text, json.loads(capsys.readouterr().out)

    text, data = described("tts/piper")
    assert "can streaming, voices" in text
    assert "languages de-DE, en-GB, en-US, fr-FR max_characters 20000 cost free" in text
    assert "voices de_DE-thorsten-medium de-DE male en_GB-alba-medium en-GB female" in text
    assert data["capabilities"]["max_characters"] == 20000
    assert data["voices"][0] == {
        "name": "de_DE-thorsten-medium",
        "language": "de-DE",
        "gender": "male",
        "label": None,
    }
    text, data = described("stt/faster_whisper")
    assert "can streaming, timestamps, language_detection" in text
    assert "languages af, am, ar, as, az, ba, … (93 more)" in text
    assert data["voices"] == []
