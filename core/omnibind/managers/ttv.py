"""The manager of text to video bindings."""

from __future__ import annotations

import os
from typing import ClassVar

from omnibind.contracts.ttv import TTVBinding
from omnibind.managers.manager import BindingManager


class TTVBindingManager(BindingManager[TTVBinding]):
    """Finds, describes, diagnoses and creates text to video bindings.

    Args:
        ttv_bindings_dir: A root folder to look in beside the usual places; it holds
            ``ttv/<name>/`` folders.

    Raises:
        BadConfig: There is no such folder.
    """

    modality: ClassVar[str] = "ttv"

    def __init__(self, ttv_bindings_dir: str | os.PathLike[str] | None = None) -> None:
        super().__init__(ttv_bindings_dir)
