"""Managers: one a modality; they find, describe, diagnose and create bindings."""

from __future__ import annotations

from typing import Any

from omnibind.managers.manager import BindingManager, Description
from omnibind.managers.sfx import SFXBindingManager
from omnibind.managers.stt import STTBindingManager
from omnibind.managers.tti import TTIBindingManager
from omnibind.managers.ttm import TTMBindingManager
from omnibind.managers.tts import TTSBindingManager
from omnibind.managers.ttv import TTVBindingManager

MANAGERS: dict[str, type[BindingManager[Any]]] = {
    manager.modality: manager
    for manager in (
        TTSBindingManager,
        TTIBindingManager,
        STTBindingManager,
        TTMBindingManager,
        TTVBindingManager,
        SFXBindingManager,
    )
}
"""The managers by modality."""

__all__ = [
    "MANAGERS",
    "BindingManager",
    "Description",
    "SFXBindingManager",
    "STTBindingManager",
    "TTIBindingManager",
    "TTMBindingManager",
    "TTSBindingManager",
    "TTVBindingManager",
]
