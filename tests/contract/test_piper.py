"""Piper keeps the contract of text to speech, on a real voice."""

from __future__ import annotations

from typing import Any, ClassVar

from omnibind.contracts.roots import shipped_roots
from omnibind.testing import TTSContract


class TestPiper(TTSContract):
    folder = f"{shipped_roots()[-1]}/tts/piper"
    must_run = True
    steady_options: ClassVar[dict[str, Any]] = {"noise_scale": 0.0, "noise_w_scale": 0.0}
