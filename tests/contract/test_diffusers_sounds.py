"""diffusers' sounds keep the contract of text to music, on a tiny AudioLDM2."""

from __future__ import annotations

from typing import Any, ClassVar

from tests.tiny import tiny

from omnibind.contracts.roots import shipped_roots
from omnibind.testing import TTMContract


class OnAudioLDM2(TTMContract):
    folder = f"{shipped_roots()[-1]}/ttm/diffusers"
    minimal_options: ClassVar[dict[str, Any]] = {"duration_s": 0.5, "steps": 2}
    untried = frozenset({"lyrics"})  # AudioLDM2 doesn't sing
    must_run = True

    @classmethod
    def setup_class(cls) -> None:
        cls.config = {"model_id_or_path": str(tiny("audioldm2"))}
        super().setup_class()


class TestInProcess(OnAudioLDM2):
    runs = "in-process"


class TestInAWorker(OnAudioLDM2):
    runs = "worker"
    heavy = True
