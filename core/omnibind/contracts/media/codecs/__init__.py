"""Decoding and encoding: the only place of the light part that imports numpy and codec libraries.

They are imported inside the functions, so that importing this package costs nothing heavy. No
executable is started: soundfile serves WAV, MP3, FLAC and Ogg, PyAV the rest, Pillow pictures.
"""

from __future__ import annotations

from omnibind.contracts.media.codecs.pictures import (
    convert_image,
    decode_image,
    png_of_array,
    png_of_pil,
    probe_image,
)
from omnibind.contracts.media.codecs.sound import (
    SoundFacts,
    decode_audio,
    fit,
    probe_audio,
    resample,
    wav_of_array,
)
from omnibind.contracts.media.codecs.sound_out import encode_audio
from omnibind.contracts.media.codecs.video import (
    VideoFacts,
    convert_video,
    decode_video,
    encode_video,
    probe_video,
)

__all__ = [
    "SoundFacts",
    "VideoFacts",
    "convert_image",
    "convert_video",
    "decode_audio",
    "decode_image",
    "decode_video",
    "encode_audio",
    "encode_video",
    "fit",
    "png_of_array",
    "png_of_pil",
    "probe_audio",
    "probe_image",
    "probe_video",
    "resample",
    "wav_of_array",
]
