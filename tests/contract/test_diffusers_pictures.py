"""tti/diffusers keeps the contract of text to image, on a tiny real Stable Diffusion."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.tiny import tiny

from omnibind.contracts.roots import shipped_roots
from omnibind.testing import TTIContract


class Diffusers(TTIContract):
    folder = f"{shipped_roots()[-1]}/tti/diffusers"
    minimal_options: ClassVar[dict[str, Any]] = {"steps": 2}
    must_run = True
    # They need packages of their own, minutes or a part that this model hasn't got.
    untried: ClassVar[frozenset[str]] = frozenset({"quantization", "compile", "safety_checker"})

    @classmethod
    def setup_class(cls) -> None:
        cls.config = {"model_id_or_path": str(tiny("sd"))}
        super().setup_class()


class TestDiffusersInProcess(Diffusers):
    runs = "in-process"


class TestDiffusersInAWorker(Diffusers):
    runs = "worker"
