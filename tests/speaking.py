"""What the tests of tts/transformers share."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
from tests.tiny import tiny

from omnibind.contracts.errors import OmnibindError
from omnibind.managers import TTSBindingManager

MOST = "max_new_tokens"


def binding_of(folder: Path | str | None, **config: Any) -> Any:
    named = {} if folder is None else {"model_name": str(folder)}
    return TTSBindingManager().create_binding("transformers", **named, runs="in-process", **config)


def copied(tmp_path: Path, name: str = "vits") -> Path:
    return Path(shutil.copytree(tiny(name), tmp_path / "model"))


def refusal(kind: type[OmnibindError], folder: Path | str | None, **config: Any) -> str:
    with pytest.raises(kind) as caught:
        binding_of(folder, **config).load()
    return str(caught.value)


def said_by_dia(text: str, seed: int, options: dict[str, Any]) -> Any:
    """What the library says, as its documentation shows."""
    import torch
    from transformers import AutoProcessor, DiaForConditionalGeneration

    folder = tiny("dia")
    processor = AutoProcessor.from_pretrained(folder)
    model = DiaForConditionalGeneration.from_pretrained(folder)
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own settings
        inputs = processor(text=[f"[S1] {text}"], padding=True, return_tensors="pt")
        return processor.batch_decode(model.generate(**inputs, **options))[0].numpy()
