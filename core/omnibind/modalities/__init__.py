"""Handles: two a modality, blocking and asyncio; between a program and its bindings."""

from __future__ import annotations

from typing import Any

from omnibind.modalities.handle import AsyncHandle, BlockingHandle, Handle
from omnibind.modalities.jobs import AsyncJobs, Jobs
from omnibind.modalities.sfx import AsyncTextToSound, TextToSound
from omnibind.modalities.stt import AsyncSpeechToText, SpeechToText
from omnibind.modalities.tti import AsyncTextToImage, TextToImage
from omnibind.modalities.ttm import AsyncTextToMusic, TextToMusic
from omnibind.modalities.tts import AsyncTextToSpeech, TextToSpeech
from omnibind.modalities.ttv import AsyncTextToVideo, TextToVideo

HANDLES: dict[str, type[BlockingHandle[Any, Any]]] = {
    handle.modality: handle
    for handle in (TextToSpeech, TextToImage, SpeechToText, TextToMusic, TextToVideo, TextToSound)
}
"""The blocking handles by modality."""

ASYNC_HANDLES: dict[str, type[AsyncHandle[Any, Any]]] = {
    handle.modality: handle
    for handle in (
        AsyncTextToSpeech,
        AsyncTextToImage,
        AsyncSpeechToText,
        AsyncTextToMusic,
        AsyncTextToVideo,
        AsyncTextToSound,
    )
}
"""The asyncio handles by modality."""

__all__ = [
    "ASYNC_HANDLES",
    "HANDLES",
    "AsyncHandle",
    "AsyncJobs",
    "AsyncSpeechToText",
    "AsyncTextToImage",
    "AsyncTextToMusic",
    "AsyncTextToSound",
    "AsyncTextToSpeech",
    "AsyncTextToVideo",
    "BlockingHandle",
    "Handle",
    "Jobs",
    "SpeechToText",
    "TextToImage",
    "TextToMusic",
    "TextToSound",
    "TextToSpeech",
    "TextToVideo",
]
