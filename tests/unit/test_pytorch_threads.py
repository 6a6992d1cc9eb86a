"""Engines leave PyTorch's threads as they are, so that a call gives the same in every thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.tiny import tiny

from omnibind import Client

FOX = Path(__file__).parents[1] / "fox.flac"

LISTEN = """
import json, sys
import torch
from omnibind import Client

name, sound = sys.argv[1:]
before = torch.get_num_threads()
choice = {"binding": name, "model_name": "tiny.en", "runs": "in-process"}
with Client(stt=choice) as client:
    client.stt.transcribe_audio(sound, word_times=True)
print(json.dumps([before, torch.get_num_threads()]))
"""


@pytest.mark.parametrize("name", ["faster_whisper", "whisper"])
def test_a_program_in_which_an_engine_worked_computes_as_before(name: str) -> None:
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "2"}
    command = [sys.executable, "-c", LISTEN, name, str(FOX)]
    done = subprocess.run(command, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    before, after = json.loads(done.stdout.splitlines()[-1])
    assert after == before


def test_the_number_that_the_program_set_is_left_as_it_is() -> None:
    import torch

    before = torch.get_num_threads()

    def asked() -> int:
        torch.set_num_threads(before + 2)
        client.tts.generate_audio("The quick brown fox.", seed=1, verify=False)
        return torch.get_num_threads()

    voice = {"binding": "transformers", "model_name": str(tiny("vits")), "runs": "in-process"}
    try:
        with Client(tts=voice) as client, ThreadPoolExecutor(1) as pool:
            assert pool.submit(asked).result() == before + 2
    finally:
        torch.set_num_threads(before)
