"""The manager of text to speech bindings."""

from __future__ import annotations

import os
from typing import ClassVar

from omnibind.contracts.tts import TTSBinding
from omnibind.managers.manager import BindingManager


class TTSBindingManager(BindingManager[TTSBinding]):
    """Finds, describes, diagnoses and creates text to speech bindings.

    Args:
        tts_bindings_dir: A root folder to look in beside the usual places; it holds
            ``tts/<name>/`` folders.

    Raises:
        BadConfig: There is no such folder.
    """

    modality: ClassVar[str] = "tts"

    def __init__(self, tts_bindings_dir: str | os.PathLike[str] | None = None) -> None:
        super().__init__(tts_bindings_dir)
