"""What scripts/bench_work.py times of workers, their environments and their memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import Any

from bench_calls import Pairs, in_turn

from omnibind import Client, Source
from omnibind.contracts.errors import OmnibindError
from omnibind.running import memory
from omnibind.running.worker import Worker, end_all

CALLS = 300
SOUND_BYTES = 10_000_000

MANIFEST = """\
schema: 1
summary: Gives a sound at once.
kind: local
entry: SoundTTS
license: {code: Apache-2.0, weights: none}
"""
CODE = f'''
"""Gives a sound at once."""

from __future__ import annotations

from omnibind import Audio, TTSBinding
from omnibind.contracts.media import wav

SMALL = Audio(wav.write(bytes(800), 8000, 1))
LARGE = Audio(wav.write(bytes({SOUND_BYTES}), 48000, 1))


class SoundTTS(TTSBinding):
    """Gives a sound at once."""

    def generate_audio(self, text: str, voice: str | None = None) -> Audio:
        return LARGE if text == "large" else SMALL

    def list_voices(self) -> list[str]:
        return []
'''


def start(pairs: str) -> Pairs:
    """Time the start of a worker until it answers, and of the bare interpreter."""

    def ours() -> None:
        worker = Worker("bench")
        worker.start()
        spent.append(worker)

    def theirs() -> None:
        subprocess.run([sys.executable, "-I", "-c", ""], stdin=subprocess.DEVNULL, check=True)

    spent: list[Worker] = []
    times = in_turn(int(pairs), ours, theirs)
    end_all()
    return times


def call(pairs: str, text: str) -> Pairs:
    """Time calls of a binding in a worker and of the same in this process, by their handles."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "tts", "sound")
        folder.mkdir(parents=True)
        (folder / "binding.yaml").write_text(MANIFEST)
        (folder / "binding.py").write_text(CODE)
        apart = Client(tts={"binding": str(folder), "runs": "worker"})
        here = Client(tts={"binding": str(folder)})
        calls = 3 if text == "large" else CALLS

        def many(client: Client) -> Callable[[], None]:
            def work() -> None:
                for _ in range(calls):
                    client.tts.generate_audio(text, verify=False)

            return work

        times = in_turn(int(pairs), many(apart), many(here))
        apart.close()
    return [(a / calls, b / calls) for a, b in times]


def memory_back(pairs: str, binding: str, sound: str) -> Pairs:
    """Return the memory that isn't back after a call and ``unload()``, and what was free before."""
    modality, _, name = binding.partition("/")
    named: Any = {modality: {"binding": name, "runs": "worker"}}
    client = Client(**named)
    source = Source.of(sound).read() if modality == "stt" else b""
    times: Pairs = []
    for _ in range(int(pairs) + 1):
        before = _settled(0)
        if modality == "tts":
            client.tts.generate_audio("Give back what you took.")
        else:
            client.stt.transcribe_audio(source)
        client.unload()
        times.append((float(max(0, before - _settled(before))), float(before)))
    return times[1:]


def _settled(wanted: int) -> int:
    """Return the free memory once the kernel has it back, or after two seconds."""
    for _ in range(20):
        free = memory.free_bytes()
        if free is None:
            raise SystemExit("this system doesn't tell its free memory")
        if free >= wanted:
            return free
        sleep(0.1)
    return free or 0


def second_program(pairs: str) -> Pairs:
    """Time a program that finds its environment ready, and the engine's own import there."""
    bindings = Path(__file__).resolve().parents[1] / "tests" / "environments"
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(OMNIBIND_HOME=home, OMNIBIND_BINDINGS_PATH=str(bindings))
        from omnibind.discovery.places import Found, Root
        from omnibind.running.environments import install

        try:
            python = install(Found("old_numpy", "tts", Root("", bindings)), _manifest(bindings))
        except OmnibindError as error:
            raise SystemExit(str(error)) from None
        ours = [sys.executable, "-c", "from omnibind import Client\n" + SPEAK]
        theirs = [str(python), "-I", "-c", "import numpy"]
        return in_turn(int(pairs), _run(ours), _run(theirs))


SPEAK = "with Client(tts='old_numpy') as c: c.tts.generate_audio('Ready.', verify=False)"


def _manifest(root: Path) -> Any:
    from omnibind.discovery.manifest import read_manifest

    return read_manifest(root / "tts" / "old_numpy")


def _run(command: list[str]) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
