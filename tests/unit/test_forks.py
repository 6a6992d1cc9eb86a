"""A client that is used on both sides of a fork, with engines that have threads of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOX = ROOT / "tests" / "fox.flac"

CODE = """
import multiprocessing, sys
from omnibind import Client

client = Client(stt="faster_whisper/tiny.en", tts={"binding": "piper", "runs": "in-process"})
said = client.tts.generate_audio("Hello there.", noise_scale=0.0, noise_w_scale=0.0)
heard = client.stt.transcribe_audio(sys.argv[1])

def again(_):
    here = [row.worker_pid is None for row in client.resident()]
    same = client.tts.generate_audio("Hello there.", noise_scale=0.0, noise_w_scale=0.0) == said
    new = Client(stt="faster_whisper/tiny.en")
    texts = [client.stt.transcribe_audio(sys.argv[1]), new.stt.transcribe_audio(sys.argv[1])]
    apart = [row.worker_pid is not None for row in client.resident()]
    return here, same, [str(text) for text in texts], apart

with multiprocessing.get_context("fork").Pool(2) as pool:
    for here, same, texts, apart in pool.map(again, range(2), chunksize=1):
        assert here == [], here
        assert same
        assert texts == [str(heard)] * 2, texts
        assert apart == [True, True], apart
assert client.stt.transcribe_audio(sys.argv[1]) == heard
assert [row.worker_pid for row in client.resident()] == [None, None]
print(heard)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="doesn't apply: it can't fork")
def test_both_sides_of_a_fork_get_right_answers_from_engines_with_threads() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(FOX)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr[-2000:]) == (
        0,
        "The quick brown fox jumps over the lazy dog.",
        "",
    )
