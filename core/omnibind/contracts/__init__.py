"""The light part: what a binding is written against.

Standard library only and Python 3.10 or newer, because it also lives in the foreign environments
that engines run in.
"""

from __future__ import annotations

from omnibind.contracts.binding import Binding
from omnibind.contracts.sfx import SFXBinding
from omnibind.contracts.stt import STTBinding
from omnibind.contracts.tti import TTIBinding
from omnibind.contracts.ttm import TTMBinding
from omnibind.contracts.tts import TTSBinding
from omnibind.contracts.ttv import TTVBinding

CONTRACTS: dict[str, type[Binding]] = {
    contract.modality: contract
    for contract in (TTSBinding, TTIBinding, STTBinding, TTMBinding, TTVBinding, SFXBinding)
}
"""The contracts by modality: this is the list of modalities, from which others are made."""

__all__ = [
    "CONTRACTS",
    "Binding",
    "SFXBinding",
    "STTBinding",
    "TTIBinding",
    "TTMBinding",
    "TTSBinding",
    "TTVBinding",
]
