"""Sounds: samples of what engines give, and those as results.

Source: diffusers 0.42, the outputs of its audio pipelines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omnibind.contracts.media import Audio, Meta

if TYPE_CHECKING:
    import numpy as np


def samples_of(sound: Any) -> np.ndarray[Any, Any]:
    """Return what a pipeline gave, of shape (channels, frames) or (frames,), as samples.

    Returns:
        float32, shape (frames, channels) or (frames,).
    """
    import numpy as np

    if hasattr(sound, "cpu"):
        sound = sound.float().cpu()
    return np.asarray(sound, np.float32).T


def encoded(samples: np.ndarray[Any, Any], rate: int, ending: str, meta: Meta) -> Audio:
    """Return samples as a result.

    Args:
        samples: float32, shape (frames, channels), −1..1.
        rate: Frames a second.
        ending: ``wav``, ``flac``, ``mp3`` or ``opus``.
        meta: What is known of how it was made.
    """
    if ending == "wav":
        return Audio.from_array(samples, rate, meta=meta)
    from omnibind.contracts.media import codecs

    return Audio(codecs.encode_audio(samples, rate, ending), meta=meta)
