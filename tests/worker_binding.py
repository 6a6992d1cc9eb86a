"""A binding for the tests of workers: it does what the text that it is to speak says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from omnibind.contracts.binding import CURRENT_CALL, Progress
from omnibind.contracts.child import binding_class, facts_of
from omnibind.contracts.errors import Cancelled, DeadlineExceeded
from omnibind.contracts.methods import methods_of
from omnibind.contracts.options import Schema
from omnibind.running.engine import EngineKey
from omnibind.running.instance import Made
from omnibind.running.proxy import media_of, proxy_of

CODE = '''
"""Needs the standard library alone."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Generator
from typing import Annotated, Any

from omnibind import AudioChunk, AudioInput, Source, TTSBinding
from omnibind.contracts.shared import shared

LOADS: list[str] = []
MADE: list[str] = []


class Probe(TTSBinding):
    """Speaks what Python code says."""

    def __init__(self, *, model_name: str = "small", sample: AudioInput | None = None) -> None:
        self.name = model_name
        self.sample = sample
        self.engine: Any = None

    def load(self) -> None:
        LOADS.append(self.name)
        self.engine = shared(("probe", self.name), lambda: MADE.append(self.name) or object())

    def unload(self) -> None:
        self.engine = None

    def generate_audio(
        self, text: str, voice: str | None = None, *, given: dict[str, Any] | None = None,
        clone: AudioInput | None = None,
    ) -> bytes:
        names = {**globals(), "self": self, "given": given or {}, "clone": clone, "result": b""}
        exec(text, names)
        return names["result"]

    def generate_audio_batch(self, texts: list[str]) -> list[bytes]:
        return [self.generate_audio(text) for text in texts]

    def stream_audio(self, text: str) -> Generator[AudioChunk, None, bytes]:
        try:
            for index in range(int(text)):
                self.report(index / int(text), f"piece {index}")
                yield AudioChunk(None, 0, index, b"x", "audio/wav")
        finally:
            LOADS.append(f"stream closed after {index}")
        return b"the whole"

    def list_voices(self) -> list[str]:
        return [*self.catalogue(), *LOADS, *MADE]
'''


def write(write_binding: Callable[..., Path], name: str = "probe", **more: Any) -> Path:
    """Write the binding's folder."""
    return write_binding(name, code=more.pop("code", CODE), **more)


def made_of(folder: Path, **configuration: Any) -> Made:
    """Return what it takes to make the binding that lies in ``folder``."""
    root, modality, name = folder.parents[1], folder.parent.name, folder.name
    class_: Any = binding_class(root, modality, name, "Probe")
    facts = facts_of(class_, name)
    schemas = [Schema.from_data(facts[part]) for part in ("configuration", "verb")]
    return Made(
        root, modality, name, "Probe", configuration, methods_of(class_), media_of(*schemas)
    )


def proxy(folder: Path, configuration: Mapping[str, Any] | None = None, **more: Any) -> Any:
    """Return a proxy of the binding in ``folder``; each folder is an engine of its own."""
    made = made_of(folder, **(configuration or {}))
    for name in ("catalogue", "find_weights"):
        if name in more:
            made = made._replace(**{name: more.pop(name)})
    key = EngineKey(more.pop("engine", f"tts/{folder.name}"), folder.parents[1])
    lives = {name: more.pop(name) for name in ("concurrent", "idle_s") if name in more}
    return proxy_of(made, key._replace(**more), **lives)


def pid_of(binding: Any) -> int:
    """Return the process of the binding's worker, started if there is none."""
    told: bytes = binding.generate_audio("result = str(os.getpid()).encode()")
    return int(told)


class Caller:
    """A call that hears progress and can be ended from outside."""

    def __init__(self) -> None:
        self.heard: list[Progress] = []
        self.error: Cancelled | DeadlineExceeded | None = None
        self.on_report: Callable[[], None] = lambda: None

    def report(self, progress: Progress, /) -> None:
        self.heard.append(progress)
        self.on_report()
        self.check()

    def check(self) -> None:
        if self.error is not None:
            raise self.error

    def __enter__(self) -> Caller:
        self._token = CURRENT_CALL.set(self)
        return self

    def __exit__(self, *exc: object) -> None:
        CURRENT_CALL.reset(self._token)
