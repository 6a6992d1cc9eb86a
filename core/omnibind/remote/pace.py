"""Documented rates, kept by all calls of this process together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from time import monotonic
from typing import NamedTuple


class Rate(NamedTuple):
    """So many requests in so many seconds."""

    requests: int
    seconds: float


_lock = threading.Lock()
_begun: dict[Hashable, deque[float]] = {}


def wait_s(rates: Sequence[Rate], key: Hashable, clock: Callable[[], float] = monotonic) -> float:
    """Return how long a request has to wait, and count it as made then.

    Args:
        rates: What is allowed.
        key: Whose requests count together: a service and its key.
        clock: Gives seconds.
    """
    most = max(rate.requests for rate in rates)
    with _lock:
        begun = _begun.setdefault(key, deque(maxlen=most))
        now = at = clock()
        for rate in rates:
            if len(begun) >= rate.requests:
                at = max(at, begun[-rate.requests] + rate.seconds)
        begun.append(at)
    return at - now
