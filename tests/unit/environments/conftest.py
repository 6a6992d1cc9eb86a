"""A home of its own for every test, wheels made here, and bindings that ask for them."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from omnibind.discovery.places import Found, Root

CODE = '''
from omnibind import Audio, TTSBinding


class Tiny(TTSBinding):
    """Says nothing."""

    def generate_audio(self, text: str, voice: str | None = None, *, seed: int = 0) -> Audio:
        raise NotImplementedError

    def list_voices(self) -> list[str]:
        import tiny_engine

        return [tiny_engine.VERSION]
'''

Write = Callable[..., Found]


def wheel(folder: Path, name: str, version: str, *, requires: str = "", code: str = "") -> str:
    """Write a wheel of one module; gives the sha256."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    members = {
        f"{name}/__init__.py": f"VERSION = {version!r}\n{code}",
        f"{about}/METADATA": metadata,
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    members[f"{about}/RECORD"] = "".join(
        f"{member},,\n" for member in [*members, f"{about}/RECORD"]
    )
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in members.items():
            archive.writestr(member, content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """uv's cache, on the file system of the environments so that files can be shared."""
    return tmp_path_factory.mktemp("uv-cache")


@pytest.fixture
def wheels(home: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place for packages, known from pip's settings."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("OMNIBIND_OFFLINE", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(cache))
    wheel(folder, "tiny_dep", "1.0")
    wheel(folder, "tiny_engine", "1.0", requires="tiny-dep")
    wheel(folder, "tiny_engine", "2.0", requires="tiny-dep")
    return folder


@pytest.fixture
def write(tmp_path: Path, wheels: Path) -> Write:
    """Write the folder of a binding that has an environment of its own."""

    def write(
        name: str = "tiny", *, environment: str = 'requires: ["tiny-engine==1.0"]', code: str = CODE
    ) -> Found:
        folder = tmp_path / "root" / "tts" / name
        folder.mkdir(parents=True)
        (folder / "binding.yaml").write_text(
            "schema: 1\nsummary: A binding of the tests.\nkind: local\nentry: Tiny\n"
            "license: {code: Apache-2.0, weights: none}\nimports: [tiny_engine]\n"
            f"runs: own-environment\nenvironment:\n  {environment}\n"
        )
        (folder / "binding.py").write_text(code)
        return Found(name, "tts", Root("", tmp_path / "root"))

    return write
