"""A torchaudio whose compiled parts don't fit the installed torch doesn't take the engines down."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.own_environments import with_torchaudio
from tests.tiny import tiny

WORKS = {
    "tts/transformers": (
        "vits",
        """
from omnibind import TTSBindingManager
made = TTSBindingManager().create_binding("transformers", model_name=folder, runs="in-process")
assert made.generate_audio("a fox", seed=1).duration_s > 0
""",
    ),
    "tti/diffusers": (
        "sd",
        """
from omnibind import TTIBindingManager
chosen = {"model_id_or_path": folder, "runs": "in-process"}
made = TTIBindingManager().create_binding("diffusers", **chosen)
assert "negative_prompt" in made.options_for().names
assert made.generate_image("a fox", steps=1, width=32, height=32).width == 32
""",
    ),
}


@pytest.mark.parametrize("label", WORKS)
def test_an_engine_works_beside_it(label: str, tmp_path: Path) -> None:
    name, work = WORKS[label]
    beside = with_torchaudio(tmp_path)
    code = f"folder = {str(tiny(name))!r}\n{work}"
    done = subprocess.run(
        [sys.executable, "-c", code], env=beside, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


BESIDE = {
    "test_transformers_conversing.py": ("higgs", 3),
    "test_transformers_listeners.py": ("granite or fun-asr", 25),
    "test_transformers_recognisers.py": ("granite", 6),
}
"""Modules with tests of models that need it: which tests, and how many there are."""


@pytest.mark.parametrize("module", BESIDE)
def test_models_that_need_it_do_as_the_library_does(module: str, tmp_path: Path) -> None:
    beside = with_torchaudio(tmp_path)
    chosen, count = BESIDE[module]
    path = str(Path(__file__).with_name(module))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen, path],
        env=beside,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert f"{count} passed" in done.stdout
