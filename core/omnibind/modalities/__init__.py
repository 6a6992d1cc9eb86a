"""Handles: one a modality; between a program and a binding."""

from __future__ import annotations

from omnibind.modalities.handle import Handle
from omnibind.modalities.stt import SpeechToText
from omnibind.modalities.tti import TextToImage
from omnibind.modalities.ttm import TextToMusic
from omnibind.modalities.tts import TextToSpeech
from omnibind.modalities.ttv import TextToVideo

__all__ = [
    "Handle",
    "SpeechToText",
    "TextToImage",
    "TextToMusic",
    "TextToSpeech",
    "TextToVideo",
]
