"""The manager of speech to text bindings."""

from __future__ import annotations

import os
from typing import ClassVar

from omnibind.contracts.stt import STTBinding
from omnibind.managers.manager import BindingManager


class STTBindingManager(BindingManager[STTBinding]):
    """Finds, describes, diagnoses and creates speech to text bindings.

    Args:
        stt_bindings_dir: A root folder to look in beside the usual places; it holds
            ``stt/<name>/`` folders.

    Raises:
        BadConfig: There is no such folder.
    """

    modality: ClassVar[str] = "stt"

    def __init__(self, stt_bindings_dir: str | os.PathLike[str] | None = None) -> None:
        super().__init__(stt_bindings_dir)
