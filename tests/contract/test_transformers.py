"""The bindings on transformers keep their contracts, on tiny real models."""

from __future__ import annotations

from pathlib import Path

from tests.tiny import tiny

from omnibind.contracts.roots import shipped_roots
from omnibind.testing import STTContract, TTMContract, TTSContract

BINDINGS = shipped_roots()[-1]
FOX = Path(__file__).parents[1] / "fox.flac"


class TestMusic(TTMContract):
    folder = f"{BINDINGS}/ttm/transformers"
    runs = "in-process"
    must_run = True

    @classmethod
    def setup_class(cls) -> None:
        cls.config = {"model_name": str(tiny("musicgen"))}
        super().setup_class()


class TestMusicInAWorker(TestMusic):
    runs = "worker"


class TestSpeech(TTSContract):
    folder = f"{BINDINGS}/tts/transformers"
    runs = "in-process"
    untried = frozenset({"temperature", "top_k", "top_p"})  # VITS draws no tokens
    must_run = True

    @classmethod
    def setup_class(cls) -> None:
        cls.config = {"model_name": str(tiny("vits"))}
        super().setup_class()


class TestSpeechInAWorker(TestSpeech):
    runs = "worker"


class TestHearing(STTContract):
    folder = f"{BINDINGS}/stt/transformers"
    runs = "in-process"
    sample_audio = FOX
    must_run = True

    @classmethod
    def setup_class(cls) -> None:
        cls.config = {"model_name": str(tiny("whisper"))}
        super().setup_class()


class TestHearingInAWorker(TestHearing):
    runs = "worker"
