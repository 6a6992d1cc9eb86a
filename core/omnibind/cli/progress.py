"""How work is shown: downloads by a bar or lines, calls by a bar on a terminal."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from omnibind.contracts.media.base import size

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from omnibind.calls.callbacks import Event

Progress = Callable[[str, int, "int | None"], None]

SHOWN_AFTER_S = 1.0
"""What is done sooner shows nothing."""

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


@contextmanager
def at_work(label: str) -> Iterator[Callable[[Event], None]]:
    """Show a bar on a terminal once a call has taken a second; gives what hears its progress.

    Args:
        label: Who works.
    """
    if not sys.stderr.isatty():
        yield lambda event: None
        return
    bar = _Bar(label)
    timer = threading.Timer(SHOWN_AFTER_S, bar.show)
    timer.daemon = True
    timer.start()
    try:
        yield bar.hear
    finally:
        timer.cancel()
        bar.end()


class _Bar:
    """One bar on standard error, made only when it is to be shown."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._lock = threading.Lock()
        self._bars: Bars | None = None
        self._is_over = False
        self._done: float | None = None
        self._step = ""

    def show(self) -> None:
        from rich.console import Console
        from rich.markup import escape
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        with self._lock:
            if self._is_over:
                return
            columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
            console = Console(stderr=True)
            self._bars = Bars(*columns, TimeElapsedColumn(), console=console, transient=True)
            self._bars.add_task(escape(self._label), total=None)
            self._bars.start()
            self._refresh()

    def hear(self, event: Event) -> None:
        progress = event.progress
        if progress is None:
            return
        with self._lock:
            self._done, self._step = progress.fraction, progress.step or ""
            self._refresh()

    def end(self) -> None:
        with self._lock:
            self._is_over = True
            if self._bars is not None:
                self._bars.stop()

    def _refresh(self) -> None:
        if self._bars is None:
            return
        from rich.markup import escape

        told = f"{self._label}: {self._step}" if self._step else self._label
        task = self._bars.task_ids[0]
        total = None if self._done is None else 1.0
        self._bars.update(task, description=escape(told), completed=self._done or 0.0, total=total)
