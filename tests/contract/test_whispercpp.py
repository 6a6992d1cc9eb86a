"""whisper.cpp keeps the contract of speech to text, by its executable and by pywhispercpp."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from omnibind.contracts.roots import shipped_roots
from omnibind.testing import STTContract

# One thread: those of whisper.cpp wait for each other at full load, on a busy machine for long.
CONFIG = {"model_path": "tiny", "default_language": "en", "n_threads": 1}


class TestWhisperCli(STTContract):
    folder = f"{shipped_roots()[-1]}/stt/whispercpp"
    config: ClassVar[dict[str, Any]] = CONFIG
    sample_audio = Path(__file__).parents[1] / "fox.flac"
    sample_words = ("quick", "brown", "fox", "jumps", "lazy", "dog")
    must_run = True


class TestPywhispercpp(TestWhisperCli):
    config: ClassVar[dict[str, Any]] = {**CONFIG, "whispercpp_exe_path": ""}


class TestPywhispercppInAWorker(TestPywhispercpp):
    runs = "worker"
    heavy = True  # its options are tried in this process
