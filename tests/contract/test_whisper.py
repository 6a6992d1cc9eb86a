"""whisper keeps the contract of speech to text, on a real model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from omnibind.contracts.roots import shipped_roots
from omnibind.testing import STTContract


class TestWhisper(STTContract):
    folder = f"{shipped_roots()[-1]}/stt/whisper"
    config: ClassVar[dict[str, Any]] = {"model_name": "tiny.en"}
    sample_audio = Path(__file__).parents[1] / "fox.flac"
    sample_words = ("quick", "brown", "fox", "jumps", "lazy", "dog")
    untried = frozenset({"task"})  # tiny.en knows English alone
    must_run = True
