"""Bindings in workers keep the contracts that those in this process keep."""

from __future__ import annotations

from omnibind.contracts.roots import shipped_roots
from omnibind.testing import (
    SFXContract,
    STTContract,
    TTIContract,
    TTMContract,
    TTSContract,
    TTVContract,
)

BINDINGS = shipped_roots()[-1]


class TestMockTTS(TTSContract):
    folder = f"{BINDINGS}/tts/mock"
    runs = "worker"


class TestMockTTI(TTIContract):
    folder = f"{BINDINGS}/tti/mock"
    runs = "worker"


class TestMockSTT(STTContract):
    folder = f"{BINDINGS}/stt/mock"
    runs = "worker"
    sample_words = ("quick", "brown", "fox")
    shows_options = True
    # English is translated into English, and times aren't text.
    without_effect = frozenset(("task", "word_times"))


class TestMockTTM(TTMContract):
    folder = f"{BINDINGS}/ttm/mock"
    runs = "worker"


class TestMockTTV(TTVContract):
    folder = f"{BINDINGS}/ttv/mock"
    runs = "worker"


class TestMockSFX(SFXContract):
    folder = f"{BINDINGS}/sfx/mock"
    runs = "worker"


class TestPiper(TTSContract):
    folder = f"{BINDINGS}/tts/piper"
    runs = "worker"
    must_run = True
