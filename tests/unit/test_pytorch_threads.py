"""Engines leave PyTorch's threads as they are, so that a call gives the same in every thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.tiny import tiny

from omnibind import Client

FOX = Path(__file__).parents[1] / "fox.flac"


@pytest.fixture
def voice() -> dict[str, str]:
    return {"binding": "transformers", "model_name": str(tiny("vits")), "runs": "in-process"}


def test_a_thread_in_which_ctranslate2_worked_gives_what_others_give(voice: dict[str, str]) -> None:
    import torch

    before = torch.get_num_threads()
    ears = {"binding": "faster_whisper", "model": "tiny.en", "n_threads": before + 1}
    with (
        Client(tts=voice, stt={**ears, "runs": "in-process"}) as client,
        ThreadPoolExecutor(1) as pool,
    ):
        speak = client.tts.generate_audio
        client.stt.transcribe_audio(FOX)
        assert torch.get_num_threads() == before
        here = speak("The quick brown fox.", seed=1, verify=False)
        there = pool.submit(speak, "The quick brown fox.", seed=1, verify=False).result()
    assert (here == there) is True


def test_the_number_that_the_program_set_is_left_as_it_is(voice: dict[str, str]) -> None:
    import torch

    before = torch.get_num_threads()

    def asked() -> int:
        torch.set_num_threads(before + 2)
        client.tts.generate_audio("The quick brown fox.", seed=1, verify=False)
        return torch.get_num_threads()

    try:
        with Client(tts=voice) as client, ThreadPoolExecutor(1) as pool:
            assert pool.submit(asked).result() == before + 2
    finally:
        torch.set_num_threads(before)
