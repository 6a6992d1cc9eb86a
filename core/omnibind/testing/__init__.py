"""The contract suites that every binding passes, for its author to run on their own folder.

A test file of a few lines joins a binding to its suite::

    from omnibind.testing import TTSContract

    class TestMyVoice(TTSContract):
        folder = "bindings/tts/my_voice"

The suites need pytest (``pip install "omnibind[testing]"``); :func:`check_folder` runs one on a
folder without any file, :func:`new_binding` writes a folder that passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .check import check_folder
from .new import new_binding
from .specimen import Specimen

if TYPE_CHECKING:
    from .sfx import SFXContract
    from .stt import STTContract
    from .tti import TTIContract
    from .ttm import TTMContract
    from .tts import TTSContract
    from .ttv import TTVContract

__all__ = [
    "SFXContract",
    "STTContract",
    "Specimen",
    "TTIContract",
    "TTMContract",
    "TTSContract",
    "TTVContract",
    "check_folder",
    "new_binding",
]

_SUITES = {name: name[:3].lower() for name in __all__ if name.endswith("Contract")}
_WITH_ASSERTS = (
    "suite",
    "folder_tests",
    "life_tests",
    "option_tests",
    "stream_tests",
    "batch_tests",
    "sound_tests",
    "names",
    "usable",
)

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _SUITES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        from .check import need_pytest

        need_pytest()
        import pytest

        # Failing asserts of the suites then show their values, as those of a test file do.
        rewritten = (*_WITH_ASSERTS, *_SUITES.values())
        pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in rewritten))
        return getattr(import_module(f"{__name__}.{_SUITES[name]}"), name)
