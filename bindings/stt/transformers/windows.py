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
LEAST_S = 0.2
"""A shorter piece is followed by silence: the first layers need some frames."""


def windows(
    samples: Samples, rate: int, longest_s: float = LONGEST_S
) -> Iterator[tuple[float, Samples]]:
    """Yield when each piece begins in seconds, and the piece.

    Args:
        samples: Shape (frames,).
        rate: Frames a second.
        longest_s: Sound that isn't longer is one piece.
    """
    import numpy as np

    first, step = 0, round(STEP_S * rate)
    while len(samples) - first > longest_s * rate:
        low = first + round(SHORTEST_S * rate)
        among = samples[low : first + round(LONGEST_S * rate)]
        loudness = np.square(among[: len(among) // step * step].reshape(-1, step)).sum(1)
        cut = low + int(loudness.argmin()) * step + step // 2
        yield first / rate, samples[first:cut]
        first = cut
    missing = max(0, round(LEAST_S * rate) - (len(samples) - first))
    yield first / rate, np.pad(samples[first:], (0, missing))
