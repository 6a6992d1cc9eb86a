"""The manager of text to sound bindings."""

from __future__ import annotations

import os
from typing import ClassVar

from omnibind.contracts.sfx import SFXBinding
from omnibind.managers.manager import BindingManager


class SFXBindingManager(BindingManager[SFXBinding]):
    """Finds, describes, diagnoses and creates text to sound bindings.

    Args:
        sfx_bindings_dir: A root folder to look in beside the usual places; it holds
            ``sfx/<name>/`` folders.

    Raises:
        BadConfig: There is no such folder.
    """

    modality: ClassVar[str] = "sfx"

    def __init__(self, sfx_bindings_dir: str | os.PathLike[str] | None = None) -> None:
        super().__init__(sfx_bindings_dir)
