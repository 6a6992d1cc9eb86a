"""PyTorch gives the same in every thread, whatever the engines beside it do to theirs."""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.tiny import tiny

from omnibind import Client
from omnibind.contracts.roots import import_binding, shipped_roots

FOX = Path(__file__).parents[1] / "fox.flac"


def test_a_thread_in_which_ctranslate2_worked_gives_what_others_give() -> None:
    voice = {"binding": "transformers", "model_name": str(tiny("vits")), "runs": "in-process"}
    with (
        Client(tts=voice, stt={"binding": "faster_whisper", "model": "tiny.en"}) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        speak = client.tts.generate_audio
        client.stt.transcribe_audio(FOX)
        here = speak("The quick brown fox.", seed=1, verify=False)
        there = pool.submit(speak, "The quick brown fox.", seed=1, verify=False).result()
    assert (here == there) is True


def test_the_number_of_threads_is_that_of_a_thread_nobody_has_touched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch

    import_binding(Path(shipped_roots()[-1]), "tts", "bark")
    pytorch = importlib.import_module("omnibind.bindings._shared.pytorch")
    usual = pytorch._threads()
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    with pytorch.computing("nothing"):
        assert asked == [usual]
