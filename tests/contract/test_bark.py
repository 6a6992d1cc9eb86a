"""bark keeps the contracts of speech and of music, with a tiny model, here and in a worker."""

from __future__ import annotations

from tests.tiny import tiny

from omnibind.contracts.roots import shipped_roots
from omnibind.testing import TTMContract, TTSContract

BINDINGS = shipped_roots()[-1]


class TestBarkTTS(TTSContract):
    folder = f"{BINDINGS}/tts/bark"
    runs = "in-process"
    must_run = True
    # Two sentences, so that they are worked on together and there is silence between them.
    sample_text = "Hello there, fox. How are you?"
    without_effect = frozenset({"min_eos_p"})  # the end of these two isn't probable before it comes

    @classmethod
    def setup_class(cls) -> None:
        cls.config = {"model_name": str(tiny("bark"))}
        super().setup_class()


class TestBarkTTSInAWorker(TestBarkTTS):
    runs = "worker"


class TestBarkTTM(TTMContract):
    folder = f"{BINDINGS}/ttm/bark"
    runs = "in-process"
    must_run = True
    sample_prompt = "[laughter] oh no!"

    @classmethod
    def setup_class(cls) -> None:
        cls.config = {"model_name": str(tiny("bark"))}
        super().setup_class()


class TestBarkTTMInAWorker(TestBarkTTM):
    runs = "worker"
