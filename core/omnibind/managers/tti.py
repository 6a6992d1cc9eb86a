"""The manager of text to image bindings."""

from __future__ import annotations

import os
from typing import ClassVar

from omnibind.contracts.tti import TTIBinding
from omnibind.managers.manager import BindingManager


class TTIBindingManager(BindingManager[TTIBinding]):
    """Finds, describes, diagnoses and creates text to image bindings.

    Args:
        tti_bindings_dir: A root folder to look in beside the usual places; it holds
            ``tti/<name>/`` folders.

    Raises:
        BadConfig: There is no such folder.
    """

    modality: ClassVar[str] = "tti"

    def __init__(self, tti_bindings_dir: str | os.PathLike[str] | None = None) -> None:
        super().__init__(tti_bindings_dir)
