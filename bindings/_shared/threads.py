"""Work in a thread of its own, for what changes the thread that it is done in."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def apart(work: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Return what ``work`` returns in a thread of its own.

    For libraries that set how many OpenMP threads the thread computes with that calls them: PyTorch
    would go by it, and add up in another order there than elsewhere.
    """
    with ThreadPoolExecutor(1) as other:
        return other.submit(work, *args, **options).result()
