"""The mock bindings keep their contracts; they are also what the suites are proven on."""

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


class TestMockTTI(TTIContract):
    folder = f"{BINDINGS}/tti/mock"


class TestMockSTT(STTContract):
    folder = f"{BINDINGS}/stt/mock"
    sample_words = ("quick", "brown", "fox")
    shows_options = True
    # English is translated into English, and times aren't text.
    without_effect = frozenset(("task", "word_times"))


class TestMockTTM(TTMContract):
    folder = f"{BINDINGS}/ttm/mock"


class TestMockTTV(TTVContract):
    folder = f"{BINDINGS}/ttv/mock"


class TestMockSFX(SFXContract):
    folder = f"{BINDINGS}/sfx/mock"
