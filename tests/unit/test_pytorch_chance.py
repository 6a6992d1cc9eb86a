"""A seed settles whatever an engine on PyTorch draws, and the program's own chance stays."""

from __future__ import annotations

import importlib
import random
from typing import Any


def test_a_seed_settles_chance_and_leaves_the_programs_own() -> None:
    import torch

    shared: Any = importlib.import_module("omnibind.bindings._shared.pytorch")

    def drawn(seed: int) -> tuple[float, float]:
        with shared.seeded(seed, torch.device("cpu")):
            return random.random(), float(torch.rand(()))

    before = random.getstate(), torch.get_rng_state()
    first = drawn(5)
    assert drawn(5) == first
    assert not set(drawn(6)) & set(first)
    assert random.getstate() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
