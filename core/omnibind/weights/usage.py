"""The record of use: when a model was last used, how often, and how fast it is on this machine.

Calls are counted in memory. A daemon thread, begun by the first of them, adds them to
``usage.json`` in omnibind's home some seconds later, so that no call waits for the disk, and the
interpreter's end adds the rest; a process that is killed loses its last seconds.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from pathlib import Path
from time import gmtime, strftime, time
from typing import TYPE_CHECKING, NamedTuple, TypedDict

if TYPE_CHECKING:
    import logging

EVERY_S = 10.0
KEPT_SPEEDS = 15
_LOCK_WAIT_S = 5.0
_FORM = "%Y-%m-%dT%H:%M:%SZ"


class Use(NamedTuple):
    """How a model was used on this machine.

    Attributes:
        last_used: When, in UTC: ``2026-01-31T12:00:00Z``.
        use_count: How many calls it served.
        units_per_s: The median speed of its last calls, in characters of text, seconds of sound or
            video, or pictures, each a second of work; None where none was measured.
    """

    last_used: str
    use_count: int
    units_per_s: float | None


class _Entry(TypedDict):
    last_used: str
    use_count: int
    speeds: list[float]


class _Recent:
    """The calls of one model that aren't written yet."""

    __slots__ = ("count", "last", "speeds")

    def __init__(self) -> None:
        self.count = 0
        self.last = 0.0
        self.speeds: deque[float] = deque(maxlen=KEPT_SPEEDS)

    def over(self, entry: _Entry | None) -> _Entry:
        """Return what is written with these calls added."""
        last = strftime(_FORM, gmtime(self.last))
        speeds = [float(f"{speed:.4g}") for speed in self.speeds]
        if entry is None:
            return {"last_used": last, "use_count": self.count, "speeds": speeds}
        return {
            "last_used": max(last, entry["last_used"]),
            "use_count": entry["use_count"] + self.count,
            "speeds": [*entry["speeds"], *speeds][-KEPT_SPEEDS:],
        }


_Key = tuple[str, str | None]


class _State:
    """What this process has counted and not written; a forked child starts anew."""

    def __init__(self) -> None:
        self.recent: dict[_Key, _Recent] = {}
        self.lock = threading.Lock()  # held for microseconds: around `recent`
        self.writing = threading.Lock()  # held while the file is read, changed and written
        self.due = threading.Event()
        self.is_due = False
        self.writer: threading.Thread | None = None
        self.read: tuple[Path, tuple[int, int, int], dict[str, _Entry]] | None = None


_state = _State()


def note(label: str, model: str | None, seconds: float, units: float | None) -> None:
    """Count one call that was served; costs about a microsecond.

    Args:
        label: ``tts/piper``.
        model: The model that served it, where the binding has several.
        seconds: How long the engine worked.
        units: How much was made or heard: characters of text, seconds of sound or video, pictures;
            None where that isn't known.
    """
    key = (label, model)
    with _state.lock:
        recent = _state.recent.get(key)
        if recent is None:
            recent = _state.recent[key] = _Recent()
        recent.count += 1
        recent.last = time()
        if units and seconds > 0:
            recent.speeds.append(units / seconds)
        if _state.is_due:
            return
        _state.is_due = True
    _wake()


def of(label: str, model: str | None) -> Use | None:
    """Return how a model was used, calls that aren't written yet included; None for never."""
    with _state.writing:
        entry = _read().get(_name(label, model))
        with _state.lock:
            recent = _state.recent.get((label, model))
            if recent is not None:
                entry = recent.over(entry)
    if entry is None:
        return None
    speeds = sorted(entry["speeds"])
    median = speeds[len(speeds) // 2] if speeds else None
    return Use(entry["last_used"], entry["use_count"], median)


def flush() -> None:
    """Write what was counted; nothing happens where nothing was, and nothing is raised."""
    with _state.writing:
        with _state.lock:
            taken, _state.recent = _state.recent, {}
            _state.is_due = False
        if not taken:
            return
        from omnibind.contracts.errors import FetchFailed
        from omnibind.weights import locks, records

        path = _path()
        try:
            with locks.exclusive(path.with_suffix(".lock"), wait_s=_LOCK_WAIT_S):
                entries = dict(_read())
                for (label, model), recent in taken.items():
                    name = _name(label, model)
                    entries[name] = recent.over(entries.get(name))
                records.write(path, dict(sorted(entries.items())))
        except (OSError, FetchFailed) as error:
            # Unasked, nobody needs to hear of it: a home that can't be written may be meant so.
            _logger().info("the use of models isn't recorded in %s: %s", path, error)


def _name(label: str, model: str | None) -> str:
    return label if model is None else f"{label}/{model}"


def _path() -> Path:
    from omnibind.weights.places import home

    return home() / "usage.json"


def _read() -> dict[str, _Entry]:
    """Return what is written; a file that can't be read counts from zero again."""
    import msgspec

    from omnibind.weights import records

    path = _path()
    try:
        found = path.stat()
    except OSError:
        return {}
    identity = (found.st_size, found.st_mtime_ns, found.st_ino)
    if _state.read is None or _state.read[:2] != (path, identity):
        try:
            entries = records.read(path, dict[str, _Entry]) or {}
        except (OSError, msgspec.MsgspecError) as error:
            _logger().warning("%s can't be read; use counts from zero again: %s", path, error)
            entries = {}
        _state.read = (path, identity, entries)
    return _state.read[2]


def _logger() -> logging.Logger:
    import logging

    return logging.getLogger("omnibind.usage")


def _wake() -> None:
    if _state.writer is None:
        import atexit

        writer = threading.Thread(target=_write_by_and_by, name="omnibind-usage", daemon=True)
        try:
            writer.start()
        except RuntimeError:  # the interpreter is ending: nobody is left to write it down
            return
        _state.writer = writer
        atexit.register(flush)
    _state.due.set()


def _write_by_and_by() -> None:
    state = _state
    rest = threading.Event()
    while state.due.wait():
        rest.wait(EVERY_S)
        state.due.clear()
        flush()


def _start_anew() -> None:
    global _state
    _state = _State()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
