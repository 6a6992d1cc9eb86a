"""The sounds that pipelines of diffusers give, as samples.

Source: diffusers 0.42, the outputs of its audio pipelines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


def samples_of(sound: Any) -> np.ndarray[Any, Any]:
    """Return a tensor or array of shape (channels, frames) or (frames,) as samples.

    Returns:
        float32, shape (frames, channels) or (frames,).
    """
    import numpy as np

    if hasattr(sound, "cpu"):
        sound = sound.float().cpu()
    return np.asarray(sound, np.float32).T
