"""The contract suite of text to music."""

from __future__ import annotations

from typing import ClassVar

from .folder_tests import FolderTests
from .life_tests import LifeTests
from .option_tests import OptionTests
from .sound_tests import SoundTests


class TTMContract(SoundTests, OptionTests, LifeTests, FolderTests):
    """What every binding that composes must do."""

    modality: ClassVar[str] = "ttm"
    sample_prompt: ClassVar[str] = "a calm tune for a music box"
    other_prompt: ClassVar[str] = "loud drums and a trumpet"
