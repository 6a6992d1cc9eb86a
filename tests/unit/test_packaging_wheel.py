"""The wheel, built from the sdist as an index would get it, installed outside the checkout."""

from __future__ import annotations

import email
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from omnibind.choices import MODALITIES

ROOT = Path(__file__).resolve().parents[2]

LOOK = """
import json
import omnibind
from omnibind import Client
from omnibind.managers import MANAGERS
from omnibind.weights.places import checkout

client = Client(tts="mock")
speech = client.tts.generate_audio("Outside the checkout.")
with Client.from_config("mock") as mocks:
    words = mocks.stt.transcribe_audio(speech)
print(json.dumps({
    "file": omnibind.__file__,
    "checkout": checkout() is not None,
    "bindings": {m: manager().get_available_bindings() for m, manager in MANAGERS.items()},
    "states": {m: manager().diagnose("mock").state for m, manager in MANAGERS.items()},
    "seconds": speech.duration_s,
    "words": len(words.split()),
}))
"""


def shipped() -> list[tuple[str, str]]:
    folders = [(m, path) for m in MODALITIES for path in (ROOT / "bindings" / m).iterdir()]
    return [(m, path.name) for m, path in folders if (path / "binding.yaml").is_file()]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    # Without --wheel or --sdist, build makes the wheel from the sdist that it has just made.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run(
        [*command, "--target", str(folder), str(wheel)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return folder


def test_the_wheel_fits_every_platform(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")


def test_the_wheel_holds_every_shipped_binding_inside_the_package(names: list[str]) -> None:
    assert shipped()
    for modality, name in shipped():
        for file in (ROOT / "bindings" / modality / name).iterdir():
            if file.is_file():
                assert f"omnibind/bindings/{modality}/{name}/{file.name}" in names


def test_the_wheel_holds_configurations_types_and_licence(names: list[str]) -> None:
    for config in (ROOT / "configs").glob("*.yaml"):
        assert f"omnibind/configs/{config.name}" in names
    assert "omnibind/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_holds_nothing_but_the_package(names: list[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert len(tops) == 2
    assert "omnibind" in tops
    inner = {name.split("/")[1] for name in names if name.startswith("omnibind/")}
    assert not inner & {"models", "tests", "scripts", "core", "docs"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".onnx"))]


def test_the_metadata_says_what_is_needed(wheel: Path, names: list[str]) -> None:
    (path,) = [name for name in names if name.endswith(".dist-info/METADATA")]
    with zipfile.ZipFile(wheel) as archive:
        metadata = email.message_from_bytes(archive.read(path))
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    extras = set(metadata.get_all("Provides-Extra", []))
    assert extras >= {"piper", "faster-whisper", "whisper", "huggingface", "testing", "demo", "dev"}
    plain = [text for text in metadata.get_all("Requires-Dist", []) if "extra ==" not in text]
    assert not [text for text in plain if "torch" in text or "piper" in text]


def test_the_sdist_holds_what_a_checkout_needs_and_no_weights(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        members = {name.partition("/")[2]: size for name, size in _files(archive)}
    for name in ("pyproject.toml", "LICENSE", "constraints.txt", "overrides.txt"):
        assert name in members
    for name in ("demo.py", "test.py", "bench.py"):
        assert f"scripts/{name}" in members
    assert {name for name in members if name.startswith("models/")} <= {"models/README.md"}
    assert max(members.values()) < 2_000_000


def _files(archive: tarfile.TarFile) -> list[tuple[str, int]]:
    return [(member.name, member.size) for member in archive if member.isfile()]


def test_installed_outside_the_checkout_it_finds_its_bindings_and_runs(
    site: Path, tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(site),
        "OMNIBIND_HOME": str(tmp_path / "home"),
    }
    environment.pop("OMNIBIND_BINDINGS_PATH", None)
    done = subprocess.run(
        [sys.executable, "-P", "-W", "error", "-c", LOOK],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert Path(seen["file"]).is_relative_to(site)
    assert not seen["checkout"]
    assert seen["bindings"] == {
        modality: sorted(name for kind, name in shipped() if kind == modality)
        for modality in seen["bindings"]
    }
    assert set(seen["states"].values()) == {"ready"}
    assert seen["seconds"] > 0
    assert seen["words"] > 0
