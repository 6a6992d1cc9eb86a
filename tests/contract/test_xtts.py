"""xtts keeps the contract of text to speech, on a tiny model in its own environment."""

from __future__ import annotations

from typing import Any

import pytest
from tests.own_environments import own_home as own_home
from tests.own_environments import tiny

from omnibind.contracts.roots import shipped_roots
from omnibind.testing import TTSContract

pytestmark = pytest.mark.usefixtures("own_home")


class TestXtts(TTSContract):
    folder = f"{shipped_roots()[-1]}/tts/xtts"
    must_run = True
    # The tiny model speaks every piece of text for a second. Pieces are shortest in Korean, so that
    # twice this text is two of them.
    sample_text = "The quick brown fox jumps over the lazy dog, and is never seen again."

    @classmethod
    def setup_class(cls) -> None:
        """Take the tiny model."""
        cls.config = {"model_name": str(tiny("xtts:make", "tts/xtts")), "default_language": "ko"}
        super().setup_class()

    def assert_same(self, streamed: Any, wholes: list[Any], *, exactly: bool) -> None:
        """Assert that they are as long: streamed, the model fades its pieces over one another."""
        super().assert_same(streamed, wholes, exactly=False)
