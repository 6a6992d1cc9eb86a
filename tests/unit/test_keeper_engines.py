"""The keeper with real engines and real memory, each in a program of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from omnibind.weights import places

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="doesn't apply: measured by Linux's /proc"
)

MB = 1_000_000
GIB = 1 << 30
MODELS = places.models_folders()[-1]

PROGRAM = """
import json, subprocess, sys
from omnibind.running import footprints
from omnibind.running.footprints import Key, need
from omnibind.running.keeper import keeper

class Place:
    keep_alive_s, is_pinned, is_busy, worker_pid, stay = 300.0, False, False, None, None

    def __init__(self, label, model=None):
        self.label, self.key = label, Key(label, model)

    def load(self, weights=None):
        with keeper().loading(self, need(self.key, self.label[:3], weights)) as stay:
            self.make(stay)
        self.stay = stay

    def evict(self):
        stay, self.stay = self.stay, None
        self.freed = keeper().release(stay, self.drop)
        return True

class Engine(Place):
    def __init__(self, label, model, manager, **configuration):
        super().__init__(label, model)
        self.binding = manager.create_binding(label.partition("/")[2], **configuration)
        self.make, self.drop = lambda stay: self.binding.load(), self.binding.unload

class Gibibyte(Place):
    def make(self, stay):
        self.own = bytearray(b"x") * (1 << 30)

    def drop(self):
        del self.own

class Small(Place):
    def make(self, stay):
        self.own = [b"x" * 100_000 for _ in range(2000)]

    def drop(self):
        del self.own

class Apart(Place):
    def make(self, stay):
        code = "own = bytearray(b'x') * (1 << 30); print('ready', flush=True); input()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            pass_fds=stay.lease.inherit(),
        )
        self.process.stdout.readline()
        self.worker_pid = self.process.pid

    def drop(self):
        self.process.kill()
        self.process.wait()
        self.worker_pid = None

told = {}

def tell(name, place):
    row = keeper().resident()[-1]
    told[name] = {"bytes": row.bytes, "is_measured": row.is_measured, "call": row.call_bytes,
                  "seconds": place.stay.load_seconds, "claims": len(keeper().ledger.claims())}

def tell_freed(name, place):
    told[name]["back"] = place.freed.came_back_bytes
    told[name]["left"] = len(keeper().ledger.claims())
"""


@pytest.fixture
def weights(home: Path) -> None:
    """A home of its own with the weights that are on this machine."""
    home.mkdir()
    (home / "models").symlink_to(MODELS)


def told_by(code: str) -> dict[str, Any]:
    """Run a program and return what it told."""
    code = f"{PROGRAM}\n{code}\nprint(json.dumps(told))"
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True, timeout=250
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_gibibyte_is_measured_and_comes_back_in_process_and_from_a_worker(home: Path) -> None:
    told = told_by("""
for place in (Gibibyte("tts/here"), Apart("tts/apart")):
    place.load()
    tell(place.label, place)
    place.evict()
    tell_freed(place.label, place)
""")
    for label in ("tts/here", "tts/apart"):
        one = told[label]
        assert one["bytes"] == pytest.approx(GIB, rel=0.02), label
        assert one["back"] == pytest.approx(one["bytes"], rel=0.01), label
        assert (one["is_measured"], one["claims"], one["left"]) == (True, 1, 0)


def test_memory_that_the_program_freed_before_is_counted_when_an_engine_takes_it(
    home: Path,
) -> None:
    told = told_by("""
junk = [b"x" * 100_000 for _ in range(2000)]
kept = junk[::100]
del junk
place = Small("tts/small")
place.load()
tell("small", place)
""")
    assert told["small"]["bytes"] == pytest.approx(200 * MB, rel=0.05)


def test_the_lease_of_a_worker_that_was_killed_ends_with_it(home: Path) -> None:
    told = told_by("""
place = Apart("tts/apart")
place.load()
told["pids"] = [keeper().ledger.claims()[0].worker_pid, place.process.pid]
place.process.kill()
place.process.wait()
told["claims"] = len(keeper().ledger.claims())
""")
    assert told["pids"][0] == told["pids"][1]
    assert told["claims"] == 0


def test_a_gibibyte_that_doesnt_fit_beside_another_evicts_it(home: Path) -> None:
    told = told_by("""
first, second = Apart("tts/first"), Gibibyte("tts/second")
first.load()
keeper().limit("2.5GB")
footprints.note_load(second.key, 1 << 30, 1)
second.load()
told["labels"] = [row.label for row in keeper().resident()]
second.evict()
told["freed"] = [one.freed.came_back_bytes for one in (first, second)]
""")
    assert told["labels"] == ["tts/second"]
    assert min(told["freed"]) > 0.99 * GIB


def test_piper_and_whisper_are_measured_and_what_comes_back_is_told(weights: None) -> None:
    told = told_by("""
from omnibind.managers import STTBindingManager, TTSBindingManager
piper = Engine("tts/piper", "en_US-joe-medium", TTSBindingManager())
whisper = Engine("stt/faster_whisper", "tiny.en", STTBindingManager(), model_name="tiny.en")
for number in range(2):
    piper.load(63_000_000)
    tell(f"piper {number}", piper)
    piper.stay.begin()
    speech = piper.binding.generate_audio("The quick brown fox jumps over the lazy dog.")
    piper.stay.end()
    told[f"piper {number}"]["call"] = keeper().resident()[-1].call_bytes
    whisper.load(77_000_000)
    tell(f"whisper {number}", whisper)
    whisper.stay.begin()
    heard = whisper.binding.transcribe_audio(speech)
    whisper.stay.end()
    told[f"whisper {number}"]["call"] = keeper().resident()[-1].call_bytes
    told["heard"] = heard
    for name, place in (("piper", piper), ("whisper", whisper)):
        place.evict()
        tell_freed(f"{name} {number}", place)
told["need"] = need(whisper.key, "stt").basis
""")
    assert "fox" in told["heard"]
    assert told["need"] == "measured"
    for name in ("piper", "whisper"):
        first, second = told[f"{name} 0"], told[f"{name} 1"]
        assert 50 * MB < first["bytes"] < 500 * MB
        assert first["is_measured"]
        assert second["is_measured"]
        # The libraries stay imported, so that the second load takes less; what is claimed doesn't.
        assert second["bytes"] >= 0.9 * first["bytes"]
        assert 0 < first["call"] < 500 * MB
        assert 0 < first["back"] < 1.5 * (first["bytes"] + first["call"])
