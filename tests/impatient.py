"""A caller who loses patience while an engine works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from omnibind.contracts.binding import CURRENT_CALL, Progress
from omnibind.contracts.errors import Cancelled


class _Impatient:
    def __init__(self, times: int) -> None:
        self.told: list[Progress] = []
        self._times = times

    def report(self, progress: Progress) -> None:
        self.told.append(progress)
        if len(self.told) == self._times:
            raise Cancelled("enough")


@contextmanager
def cancelled_at(times: int) -> Iterator[list[Progress]]:
    """Cancel what is called within when it tells so often how far it is; give what it told."""
    listener = _Impatient(times)
    token = CURRENT_CALL.set(listener)
    try:
        with pytest.raises(Cancelled):
            yield listener.told
    finally:
        CURRENT_CALL.reset(token)
