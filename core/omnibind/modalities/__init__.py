"""Handles: two a modality, blocking and asyncio; between a program and its bindings."""

from __future__ import annotations

from omnibind.modalities.handle import AsyncHandle, BlockingHandle, Handle
from omnibind.modalities.jobs import AsyncJobs, Jobs
from omnibind.modalities.stt import AsyncSpeechToText, SpeechToText
from omnibind.modalities.tti import AsyncTextToImage, TextToImage
from omnibind.modalities.ttm import AsyncTextToMusic, TextToMusic
from omnibind.modalities.tts import AsyncTextToSpeech, TextToSpeech
from omnibind.modalities.ttv import AsyncTextToVideo, TextToVideo

__all__ = [
    "AsyncHandle",
    "AsyncJobs",
    "AsyncSpeechToText",
    "AsyncTextToImage",
    "AsyncTextToMusic",
    "AsyncTextToSpeech",
    "AsyncTextToVideo",
    "BlockingHandle",
    "Handle",
    "Jobs",
    "SpeechToText",
    "TextToImage",
    "TextToMusic",
    "TextToSpeech",
    "TextToVideo",
]
