"""Host memory: what a process holds of it, how high that ever was, how much is free now.

What a process holds are its private bytes: its resident set also counts files that others map too,
and weights that are mapped into two processes would count twice.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal, NamedTuple

Basis = Literal["private", "rss"]

_PRIVATE = (b"Private_Clean:", b"Private_Dirty:", b"Private_Hugetlb:", b"Swap:")
_ROOT = Path("/")


class Held(NamedTuple):
    """What a process holds.

    Attributes:
        bytes: How much; 0 where there is no such process.
        basis: ``private``, or ``rss`` where this system tells no more than the resident set.
    """

    bytes: int
    basis: Basis = "private"


class Marks(NamedTuple):
    """Where the resident set of a process stands.

    Attributes:
        now: Bytes now.
        highest: Bytes at most so far.
    """

    now: int
    highest: int


def held(pid: int | None = None) -> Held | None:
    """Return what a process holds, this one by default; None where the system doesn't tell."""
    if not sys.platform.startswith("linux"):
        from omnibind.running import memory_elsewhere

        found = memory_elsewhere.held(os.getpid() if pid is None else pid)
        return None if found is None else Held(found)
    folder = f"/proc/{'self' if pid is None else pid}"
    try:
        with open(f"{folder}/smaps_rollup", "rb") as file:  # noqa: PTH123 - a few µs matter
            lines = file.readlines()
        return Held(sum(_kilobytes(line) for line in lines if line.startswith(_PRIVATE)))
    except (FileNotFoundError, ProcessLookupError):
        if not Path(folder).exists() or _is_zombie(folder):
            return Held(0)
    except OSError:
        pass  # another user's, or a kernel that was built without it
    marks = marks_of(pid)
    return None if marks is None else Held(marks.now, "rss")


def marks_of(pid: int | None = None, *, anew: bool = False) -> Marks | None:
    """Return where the resident set of a process stands; None where the system doesn't tell.

    Args:
        pid: The process; None is this one.
        anew: Count the highest from now on. Only done to other processes, which are ours: this
            one's may be watched by the program that uses omnibind.
    """
    folder = f"/proc/{'self' if pid is None else pid}"
    try:
        if anew and pid is not None:
            Path(folder, "clear_refs").write_bytes(b"5")
        with open(f"{folder}/status", "rb") as file:  # noqa: PTH123
            lines = file.readlines()
    except OSError:
        return None
    told = {line[:6]: _kilobytes(line) for line in lines if line.startswith((b"VmRSS", b"VmHWM"))}
    now = told.get(b"VmRSS:", 0)
    return Marks(now, max(now, told.get(b"VmHWM:", 0)))


def free_bytes(root: Path = _ROOT) -> int | None:
    """Return how much a program could take now without swapping; None if the system doesn't tell.

    Where a control group (a container's, say) limits this process, no more than is left of that.

    Args:
        root: Where ``proc`` and ``sys`` are mounted.
    """
    return _least(_meminfo(root, b"MemAvailable:"), [_left_of(group) for group in _groups(root)], 0)


def total_bytes(root: Path = _ROOT) -> int | None:
    """Return the whole memory, or the limit of this process's control group where that is less."""
    return _least(_meminfo(root, b"MemTotal:"), [_limit_of(group) for group in _groups(root)], 1)


def _least(machine: int | None, groups: list[int | None], place: int) -> int | None:
    if machine is None:
        from omnibind.running import memory_elsewhere

        found = memory_elsewhere.free_and_total()
        return None if found is None else found[place]
    return min([machine, *(one for one in groups if one is not None)])


def give_back() -> None:
    """Hand memory that this process freed back to the system, as far as its allocators do that."""
    if sys.platform.startswith("linux"):
        import ctypes

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; musl keeps little
        if trim is not None:
            trim(0)


def _kilobytes(line: bytes) -> int:
    return int(line.split()[1]) * 1024


def _is_zombie(folder: str) -> bool:
    try:
        state = Path(folder, "stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        return True
    return state in (b"Z", b"X")


def _meminfo(root: Path, name: bytes) -> int | None:
    try:
        lines = (root / "proc/meminfo").read_bytes().splitlines()
    except OSError:
        return None
    return next((_kilobytes(line) for line in lines if line.startswith(name)), None)


# ── control groups ──


def _groups(root: Path) -> list[Path]:
    """Return the folders of the control groups that limit this process's memory, inmost first."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            mount = root / "sys/fs/cgroup/memory"
        elif not controllers and (root / "sys/fs/cgroup/cgroup.controllers").exists():
            mount = root / "sys/fs/cgroup"
        else:
            continue
        # Inside a container the path may be the host's, and only the mount's root is there.
        inner = mount / path.lstrip("/")
        return [group for group in (inner, *inner.parents) if group.is_relative_to(mount)]
    return []


def _limit_of(group: Path) -> int | None:
    for name in ("memory.max", "memory.limit_in_bytes"):
        limit = _number(group / name)
        if limit is not None:
            return limit
    return None


def _left_of(group: Path) -> int | None:
    limit = _limit_of(group)
    if limit is None:
        return None
    used = _number(group / "memory.current") or _number(group / "memory.usage_in_bytes") or 0
    return max(0, limit - max(0, used - _cache_of(group)))


def _cache_of(group: Path) -> int:
    """Return the bytes of files that a group's memory caches; they make room when it is needed."""
    try:
        lines = (group / "memory.stat").read_text().splitlines()
    except OSError:
        return 0
    told = {name: int(count) for name, _, count in (line.partition(" ") for line in lines)}
    prefix = "total_" if "total_inactive_file" in told else ""
    return told.get(f"{prefix}inactive_file", 0) + told.get(f"{prefix}active_file", 0)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # there is none, or it is "max"
        return None
