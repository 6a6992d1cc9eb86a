"""Kokoro keeps the contract of text to speech, on real weights, in this process and in a worker."""

from __future__ import annotations

from omnibind.contracts.roots import shipped_roots
from omnibind.testing import TTSContract

SHORT = "The quick brown fox jumps."


class TestKokoro(TTSContract):
    folder = f"{shipped_roots()[-1]}/tts/kokoro"
    runs = "in-process"
    sample_text = SHORT
    without_effect = frozenset({"sentence_silence_s"})  # the sample is one sentence
    must_run = True


class TestKokoroInAWorker(TTSContract):
    folder = f"{shipped_roots()[-1]}/tts/kokoro"
    runs = "worker"
    sample_text = SHORT
    heavy = True
    must_run = True
