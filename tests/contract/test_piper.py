"""Piper keeps the contract of text to speech, on a real voice."""

from __future__ import annotations

from omnibind.contracts.roots import shipped_roots
from omnibind.testing import TTSContract


class TestPiper(TTSContract):
    folder = f"{shipped_roots()[-1]}/tts/piper"
    must_run = True
