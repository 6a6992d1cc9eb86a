"""The contract suite of text to sound."""

from __future__ import annotations

from typing import ClassVar

import pytest

from .folder_tests import FolderTests
from .life_tests import LifeTests
from .option_tests import OptionTests
from .sound_tests import SoundTests
from .specimen import Specimen


class SFXContract(SoundTests, OptionTests, LifeTests, FolderTests):
    """What every binding that makes sound effects must do."""

    modality: ClassVar[str] = "sfx"
    sample_prompt: ClassVar[str] = "a dog barks twice"
    other_prompt: ClassVar[str] = "heavy rain on a tin roof"

    def test_the_length_may_be_left_to_the_binding(self, folder_only: Specimen) -> None:
        """``duration_s`` is None where it isn't given, and may be given so."""
        option = folder_only.options.option("duration_s")
        if option is None:
            pytest.skip("doesn't apply: the verb declares no duration_s")
        assert option.type.nullable, "duration_s can't be None; declare float | None"
        assert option.default is None, f"duration_s is {option.default!r} by default; make it None"
