"""audiocraft keeps the contract of text to music, on a tiny model in its own environment."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from tests.own_environments import own_home as own_home
from tests.own_environments import tiny

from omnibind.contracts.roots import shipped_roots
from omnibind.testing import TTMContract

pytestmark = pytest.mark.usefixtures("own_home")


class TestAudiocraft(TTMContract):
    folder = f"{shipped_roots()[-1]}/ttm/audiocraft"
    minimal_options: ClassVar[dict[str, Any]] = {"duration_s": 1.0}
    must_run = True

    @classmethod
    def setup_class(cls) -> None:
        """Take the tiny model."""
        cls.config = {"model_name": str(tiny("audiocraft:make", "ttm/audiocraft"))}
        super().setup_class()
