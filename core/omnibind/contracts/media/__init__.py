"""Media: bytes and text with knowledge, and what may be given as input.

Importing this needs the standard library alone; numpy, soundfile, soxr, av and Pillow are
imported by ``codecs`` when something is decoded or converted.
"""

from __future__ import annotations

from omnibind.contracts.media.audio import Audio
from omnibind.contracts.media.chunk import AudioChunk
from omnibind.contracts.media.image import Image
from omnibind.contracts.media.inputs import AudioInput, ImageInput, MediaKind, VideoInput
from omnibind.contracts.media.meta import Meta
from omnibind.contracts.media.recipe import Recipe, recipe_of
from omnibind.contracts.media.source import Source
from omnibind.contracts.media.transcript import Segment, Transcript, Word
from omnibind.contracts.media.video import Video

__all__ = [
    "Audio",
    "AudioChunk",
    "AudioInput",
    "Image",
    "ImageInput",
    "MediaKind",
    "Meta",
    "Recipe",
    "Segment",
    "Source",
    "Transcript",
    "Video",
    "VideoInput",
    "Word",
    "recipe_of",
]
