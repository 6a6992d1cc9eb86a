"""Long sound in pieces that end in pauses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, np.dtype[np.float32]]

LONGEST_S = 30.0
SHORTEST_S = 20.0
"""A piece is cut where it is quietest between these two."""
STEP_S = 0.1


def windows(samples: Samples, rate: int) -> Iterator[tuple[float, Samples]]:
    """Yield when each piece begins in seconds, and the piece.

    Args:
        samples: Shape (frames,).
        rate: Frames a second.
    """
    import numpy as np

    first, step = 0, round(STEP_S * rate)
    while len(samples) - first > LONGEST_S * rate:
        low = first + round(SHORTEST_S * rate)
        among = samples[low : first + round(LONGEST_S * rate)]
        loudness = np.square(among[: len(among) // step * step].reshape(-1, step)).sum(1)
        cut = low + int(loudness.argmin()) * step + step // 2
        yield first / rate, samples[first:cut]
        first = cut
    yield first / rate, samples[first:]
