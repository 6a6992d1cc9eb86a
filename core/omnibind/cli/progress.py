"""How a download is shown: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from omnibind.contracts.media.base import size

if TYPE_CHECKING:
    from rich.progress import TaskID

Progress = Callable[[str, int, "int | None"], None]

STEPS = 4
"""Lines a file, where there is no terminal."""


@contextmanager
def showing(label: str) -> Iterator[Progress]:
    """Give what :func:`omnibind.weights.pull.pull` reports to; all goes to standard error.

    Args:
        label: What is fetched: ``tts/piper/en_US-joe-medium``.
    """
    if not sys.stderr.isatty():
        yield _lines(label)
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    bars = Bars(*columns, TransferSpeedColumn(), console=Console(stderr=True))
    tasks: dict[str, TaskID] = {}

    def report(file: str, done: int, total: int | None) -> None:
        if file not in tasks:
            tasks[file] = bars.add_task(escape(file), total=total)
        bars.update(tasks[file], completed=done, total=total)

    with bars:
        yield report


def _lines(label: str) -> Progress:
    told: dict[str, int] = {}

    def report(file: str, done: int, total: int | None) -> None:
        step = done * STEPS // total if total else 0
        if told.get(file, -1) >= step:
            return
        told[file] = step
        of = f" of {size(total)}" if total else ""
        print(f"{label}: {file}: {size(done)}{of}", file=sys.stderr, flush=True)

    return report
