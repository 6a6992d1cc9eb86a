"""What the tests of stt/transformers share."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tiny import tiny

from omnibind.contracts.errors import OmnibindError
from omnibind.contracts.media import Source
from omnibind.managers import STTBindingManager

RATE = 16_000
FOX = Path(__file__).parent / "fox.flac"
# What the library says of its own models: transducers, whose length the sound sets, and WavLM.
KNOWN_WARNINGS = [
    pytest.mark.filterwarnings("ignore:Using the model-agnostic default:UserWarning"),
    pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask:UserWarning"),
]
BESIDE_TORCHAUDIO = ("fun-asr-nano", "granite-speech", "granite-speech-plus", "granite-speech-5")
"""What listens through torchaudio: test_torchaudio.py runs their tests beside it."""


def binding_of(folder: Path | str | None, **config: Any) -> Any:
    named = {} if folder is None else {"model_name": str(folder)}
    return STTBindingManager().create_binding("transformers", **named, runs="in-process", **config)


def fox(times: int = 1) -> Any:
    """The sentence as 16 kHz samples, several times with a second of silence after each."""
    pause = np.zeros(RATE, np.float32)
    once = Source.of(FOX).array(RATE)
    return once if times == 1 else np.concatenate([once, pause] * times)


@cache
def kept(name: str) -> Any:
    """The binding with a tiny model that stays loaded."""
    return binding_of(tiny(name))


@cache
def loaded(name: str) -> tuple[Any, Any]:
    """The library's own processor and model."""
    import transformers

    folder = tiny(name)
    processor = transformers.AutoProcessor.from_pretrained(folder)
    named = json.loads((folder / "config.json").read_text("utf-8"))["architectures"][0]
    return processor, getattr(transformers, named).from_pretrained(folder)


def raw(folder: Path, samples: Any, **options: Any) -> Any:
    """What the library writes, as its documentation shows."""
    from transformers import pipeline

    recognise = pipeline("automatic-speech-recognition", model=str(folder))
    return recognise({"raw": samples, "sampling_rate": RATE}, **options)


def refusal(kind: type[OmnibindError], folder: Path | str | None, **config: Any) -> str:
    with pytest.raises(kind) as caught:
        binding_of(folder, **config).load()
    return str(caught.value)


def copied(tmp_path: Path, name: str = "whisper") -> Path:
    return Path(shutil.copytree(tiny(name), tmp_path / "model"))
