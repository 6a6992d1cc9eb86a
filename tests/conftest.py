"""Fixtures that every test may use."""

from __future__ import annotations

import os
import signal
import socket
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

MANIFEST = """\
schema: 1
summary: A binding of the tests.
kind: local
entry: Probe
license: {code: Apache-2.0, weights: none}
"""

MODELS = "small:\n  license: MIT\n  files: [{path: a.bin, bytes: 3, sources: ['file:/x']}]\n"

CODE = '''
"""A voice that says nothing but its options."""

from typing import Annotated, Literal

import numpy as np

from omnibind import Audio, Range, TTSBinding
from omnibind.contracts.errors import UnknownVoice, suggest


class Probe(TTSBinding):
    """Speaks a tone."""

    def __init__(
        self, *, rate: Annotated[int, Range(8000, 48000), "samples a second"] = 8000
    ) -> None:
        self.rate = rate

    def generate_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        speed: Annotated[float, Range(0.5, 2.0), "tempo; 1.0 is natural"] = 1.0,
        mood: Literal["calm", "wild"] = "calm",
        seed: int | None = None,
    ) -> Audio:
        if voice not in (None, "low", "high"):
            known = suggest(voice, self.list_voices())
            raise UnknownVoice(f"voice {voice!r} is unknown to {self.binding_name}; {known}")
        frames = int(self.rate * 0.05 * len(text) / speed)
        tone = np.sin(np.arange(frames) * (0.2 if voice == "high" else 0.1))
        return Audio.from_array((tone * 20000).astype(np.int16), self.rate)

    def list_voices(self) -> list[str]:
        return ["high", "low"]
'''

BindingWriter = Callable[..., Path]


@pytest.fixture(autouse=True, scope="session")
def interruptible() -> None:
    """A shell's run in the background ignores SIGINT, and so would every process of the tests."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def unrecorded(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """What tests use and measure stays out of the user's own records."""
    from omnibind.running import footprints
    from omnibind.weights import places, usage

    own = tmp_path_factory.getbasetemp() / "footprints.json"
    monkeypatch.setattr(
        footprints,
        "_path",
        lambda: places.home() / own.name if "OMNIBIND_HOME" in os.environ else own,
    )
    monkeypatch.setattr(usage, "EVERY_S", 86400.0)
    yield
    usage._state.recent.clear()


@pytest.fixture(autouse=True)
def unthreaded() -> Iterator[None]:
    """A library that is used alone may change how many threads PyTorch computes with here."""
    yield
    torch = sys.modules.get("torch")
    if torch is not None:
        with ThreadPoolExecutor(1) as untouched:
            torch.set_num_threads(untouched.submit(torch.get_num_threads).result())


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for an address or a connection is refused."""

    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder of omnibind, and no bindings from elsewhere."""
    folder = tmp_path / "home"
    monkeypatch.setenv("OMNIBIND_HOME", str(folder))
    monkeypatch.delenv("OMNIBIND_BINDINGS_PATH", raising=False)
    return folder


@pytest.fixture
def write_binding(tmp_path: Path) -> BindingWriter:
    """Write a binding's folder; gives its path."""

    def write(
        name: str = "probe",
        *,
        modality: str = "tts",
        root: Path | None = None,
        manifest: str | bytes | None = MANIFEST,
        code: str | bytes | None = CODE,
        models: str | None = None,
    ) -> Path:
        folder = (root or tmp_path / "root") / modality / name
        folder.mkdir(parents=True)
        files = {"binding.yaml": manifest, "binding.py": code, "models.yaml": models}
        for file, content in files.items():
            if isinstance(content, str):
                content = textwrap.dedent(content).encode()
            if content is not None:
                (folder / file).write_bytes(content)
        return folder

    return write
