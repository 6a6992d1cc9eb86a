"""The manager of text to music bindings."""

from __future__ import annotations

import os
from typing import ClassVar

from omnibind.contracts.ttm import TTMBinding
from omnibind.managers.manager import BindingManager


class TTMBindingManager(BindingManager[TTMBinding]):
    """Finds, describes, diagnoses and creates text to music bindings.

    Args:
        ttm_bindings_dir: A root folder to look in beside the usual places; it holds
            ``ttm/<name>/`` folders.

    Raises:
        BadConfig: There is no such folder.
    """

    modality: ClassVar[str] = "ttm"

    def __init__(self, ttm_bindings_dir: str | os.PathLike[str] | None = None) -> None:
        super().__init__(ttm_bindings_dir)
