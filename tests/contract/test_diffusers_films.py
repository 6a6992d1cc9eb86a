"""diffusers' films keep the contract of text to video, on a tiny Wan."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.tiny import tiny

from omnibind.contracts.roots import shipped_roots
from omnibind.testing import TTVContract


class OnWan(TTVContract):
    folder = f"{shipped_roots()[-1]}/ttv/diffusers"
    minimal_options: ClassVar[dict[str, Any]] = {
        "width": 32,
        "height": 32,
        "duration_s": 0.5625,  # nine frames, which Wan makes exactly
        "steps": 2,
    }
    untried = frozenset({"image"})  # Wan 2.1 films from text alone
    must_run = True

    @classmethod
    def setup_class(cls) -> None:
        cls.config = {"model_id_or_path": str(tiny("wan"))}
        super().setup_class()


class TestInProcess(OnWan):
    runs = "in-process"


class TestInAWorker(OnWan):
    runs = "worker"
    heavy = True
