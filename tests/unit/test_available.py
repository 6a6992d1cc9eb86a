"""``available()``: what could be used now, and what it can do."""

from __future__ import annotations

import copy
import datetime
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import MANIFEST, MODELS, BindingWriter

from omnibind import Audio, Client, TTSBinding, TTSBindingManager
from omnibind.choices import MODALITIES
from omnibind.cli import main
from omnibind.contracts.errors import BadInput, BadOption
from omnibind.managers.available import available
from omnibind.weights import lockfile

Capture = pytest.CaptureFixture[str]

CHOOSABLE = MANIFEST + "model_option: rate\ndefault_model: small\n"


@pytest.fixture
def root(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root folder of bindings that is looked in; no weights are here."""
    monkeypatch.setenv("OMNIBIND_BINDINGS_PATH", str(tmp_path / "root"))
    return tmp_path / "root"


def put_weights(home: Path, model: str, content: bytes = b"abc") -> Path:
    folder = home / "models" / "tts" / "probe" / model
    folder.mkdir(parents=True)
    (folder / "a.bin").write_bytes(content)
    return folder


def test_what_is_available_can_be_given_to_a_client() -> None:
    names = available("tts")
    assert {"mock", "piper/en_US-joe-medium"} <= set(names)
    assert names == sorted(names)
    for name in names:
        assert Client(tts=name).tts.state == "ready"
    for one in available():
        client = Client(**{one.modality: one})  # type: ignore[arg-type]  # the key is a modality
        assert getattr(client, one.modality).state == "ready"


def test_the_models_of_all_modalities_know_their_own(root: Path) -> None:
    seen = available()
    own = "tti/diffusers/starter-noto64"  # it comes with a checkout
    mocks = [f"{m}/mock" for m in MODALITIES]
    assert [one.label for one in seen] == [mocks[0], own, *mocks[1:]]
    (stt,) = available("stt")
    assert (stt, stt.modality, stt.binding, stt.model) == ("mock", "stt", "mock", None)
    assert stt.capabilities is not None
    assert stt.capabilities.timestamps


def test_only_models_whose_weights_are_here_and_whole_are_available(
    root: Path, home: Path, write_binding: BindingWriter
) -> None:
    write_binding(manifest=CHOOSABLE, models=MODELS + MODELS.replace("small", "large"))
    assert available("tts") == ["mock"]
    folder = put_weights(home, "large")  # which isn't the default
    assert available("tts") == ["mock", "probe/large"]
    put_weights(home, "small")
    assert available("tts") == ["mock", "probe/large", "probe/small"]
    (folder / "a.bin").write_bytes(b"half, or another")
    assert available("tts") == ["mock", "probe/small"]


def test_a_hub_model_that_was_pulled_by_its_name_is_available(
    root: Path, home: Path, write_binding: BindingWriter
) -> None:
    write_binding(manifest=CHOOSABLE + "repositories: true\n", models=MODELS)
    put_weights(home, "org/name")
    entry = lockfile.Entry({"a.bin": lockfile.LockedFile(3)}, "hf:org/name", "main")
    lockfile.put("tts/probe/org/name", entry)
    lockfile.put("tts/probe/org/gone", entry)
    assert available("tts") == ["mock", "probe/org/name"]
    assert Client(tts="probe/org/name").tts.state == "ready"


@pytest.mark.parametrize(
    "line",
    [
        'requires: ["no-such-dist>=2"]',
        "programs: [no-such-program]",
        "platforms: [windows]",
        "keys: [[NO_SUCH_KEY]]",
        "settings: [{name: place}]",
        "state: retired",
        "capabilities: {streming: true}",
    ],
)
def test_what_lacks_anything_or_is_withdrawn_is_not_available(
    line: str, root: Path, write_binding: BindingWriter
) -> None:
    write_binding(manifest=f"{MANIFEST}{line}\n")
    write_binding("sound")
    assert available("tts") == ["mock", "sound"]


def test_a_services_models_are_available_with_its_key_until_they_are_retired(
    root: Path, write_binding: BindingWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.date.today()
    models = f"""
        old: {{retired_on: {today}}}
        new: {{retired_on: {today + datetime.timedelta(1)}}}
        plain: {{}}
    """
    manifest = CHOOSABLE.replace("local", "remote") + "keys: [[PROBE_KEY]]\n"
    write_binding(manifest=manifest.replace("small", "plain"), models=models)
    monkeypatch.delenv("PROBE_KEY", raising=False)
    assert available("tts") == ["mock"]
    monkeypatch.setenv("PROBE_KEY", "x")
    assert available("tts") == ["mock", "probe/new", "probe/plain"]


def test_a_name_that_is_offered_twice_is_not_available_as_it_stands(
    root: Path, write_binding: BindingWriter
) -> None:
    write_binding("mock")
    assert available("tts") == []


def test_a_class_registered_in_code_is_available_and_its_capabilities_are_not_known(
    root: Path, registered: None
) -> None:
    humming = available("tts")[0]
    assert (humming, humming.capabilities) == ("humming", None)
    assert "humming" not in available("tts", {"max_characters": 1})


class Humming(TTSBinding):
    """Hums."""

    def generate_audio(self, text: str, voice: str | None = None) -> Audio:
        import numpy as np

        return Audio.from_array(np.full(800, 1000, np.int16), 8000)

    def list_voices(self) -> list[str]:
        return ["hum"]


@pytest.fixture
def registered() -> Iterator[None]:
    TTSBindingManager.register_binding("humming", Humming)
    yield
    TTSBindingManager.unregister_binding("humming")


ABLE = {
    "alpha": "streaming: true, languages: [de-DE], max_characters: 100, max_images: 2",
    "beta": "streaming: true, clone: true, languages: [en], sizes: [64x64, 8x8]",
    "gamma": "max_duration_s: 10, cost: {per: second, usd: 0.5}",
}


@pytest.mark.parametrize(
    ("capability", "names"),
    [
        ("streaming", "alpha beta"),
        (["streaming", "clone"], "beta"),
        ({"streaming": True, "clone": False}, "alpha"),
        ({"streaming": False}, "gamma mock"),
        ({"language": "de"}, "alpha mock"),
        ({"language": "de-AT"}, "mock"),
        ({"language": "en", "streaming": True}, "beta"),
        ({"size": "8x8"}, "alpha beta gamma mock"),
        ({"size": "9x9"}, "alpha gamma mock"),
        ({"max_characters": 100}, "alpha beta gamma mock"),
        ({"max_characters": 101}, "beta gamma mock"),
        ({"max_images": 3}, "beta gamma mock"),
        ({"max_duration_s": 10.5}, "alpha beta mock"),
        ({"cost": 0}, "alpha beta mock"),
        ({"cost": 0.5}, "alpha beta gamma mock"),
        ([], "alpha beta gamma mock"),
    ],
)
def test_models_are_chosen_by_what_they_can_do(
    capability: str | list[str] | dict[str, object],
    names: str,
    root: Path,
    write_binding: BindingWriter,
) -> None:
    for name, line in ABLE.items():
        write_binding(name, manifest=MANIFEST + f"capabilities: {{{line}}}\n")
    assert available("tts", capability) == names.split()


def test_a_cost_that_is_not_known_is_not_a_low_one(
    root: Path, write_binding: BindingWriter
) -> None:
    write_binding(manifest=MANIFEST.replace("local", "remote"))
    assert available("tts", {"cost": 1000}) == ["mock"]


@pytest.mark.parametrize(
    ("capability", "said"),
    [
        ("streeming", "did you mean 'streaming'?"),
        ({"languages": "de"}, "did you mean 'language'?"),
        ({"streaming": "yes"}, "'streaming' is 'yes'; give {'streaming': True or False}"),
        ("max_characters", "'max_characters' is True; give {'max_characters': an int}"),
        ({"language": None}, "give {'language': a BCP 47 tag}"),
        ({3: True}, "capability 3 is unknown"),
    ],
)
def test_a_wrong_capability_is_refused(capability: object, said: str, root: Path) -> None:
    with pytest.raises(BadOption) as caught:
        available("tts", capability)  # type: ignore[arg-type]  # that is the test
    assert said in str(caught.value)


def test_an_unknown_modality_is_refused_with_the_near_one() -> None:
    with pytest.raises(BadInput, match="did you mean 'tts'"):
        available("tss")


def test_an_item_survives_copying_and_pickling(root: Path) -> None:
    (one,) = available("tts")
    for again in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert (again, again.label, again.capabilities) == (one, "tts/mock", one.capabilities)


def test_looking_imports_no_engine_and_nothing_heavy() -> None:
    code = """
import sys
from omnibind.managers.available import available
assert "tts/mock" in [one.label for one in available()]
print(sorted({"numpy", "piper", "faster_whisper", "whisper", "asyncio", "rich"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_lists_what_is_available(
    root: Path, write_binding: BindingWriter, capsys: Capture
) -> None:
    write_binding(manifest=MANIFEST + "capabilities: {streaming: true, max_characters: 5}\n")
    assert main(["available", "tts"]) == 0
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    assert [[part.strip() for part in line if part] for line in lines] == [
        ["tts/mock", "en, de, fr", "voices"],
        ["tts/probe", "-", "streaming"],
    ]
    assert main(["available", "--capability", "streaming", "--json"]) == 0
    (probe,) = json.loads(capsys.readouterr().out)
    assert (probe["label"], probe["model"]) == ("tts/probe", None)
    assert probe["capabilities"]["max_characters"] == 5
    wanted = ["--capability", "language=de", "--capability", "streaming=false"]
    assert main(["available", "tts", *wanted, "--capability", "max_characters=6"]) == 0
    assert capsys.readouterr().out.startswith("tts/mock ")
    assert main(["available", "--capability", "cost=0.5", "ttm"]) == 0
    assert capsys.readouterr().out.startswith("ttm/mock ")
    assert main(["available", "--capability", "streming"]) == 2
    assert "did you mean 'streaming'" in capsys.readouterr().err
    assert main(["available", "tts", "--capability", "clone"]) == 0
    assert capsys.readouterr().out == ""
