"""What the end of a worker's process means."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from omnibind.contracts.errors import CallFailed, OutOfMemory, WorkerDied
from omnibind.running.output import FATAL

_VMSTAT = Path("/proc/vmstat")
_OUT_OF_MEMORY = re.compile(r"bad_alloc|out of memory|cannot allocate memory|MemoryError", re.I)
_LAST_WORDS = 600


def oom_kills() -> int:
    """Return how many processes this machine's kernel has ended for memory; 0 if it doesn't say."""
    try:
        found = re.search(r"^oom_kill (\d+)$", _VMSTAT.read_text(), re.M)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def epitaph(label: str, code: int, cause: str, tail: str, kernel_killed: bool) -> CallFailed:
    """Return the error for the calls of a worker that ended.

    Args:
        label: Whose worker it was.
        code: Its exit code; the negative number of the signal that ended it.
        cause: Why it was ended here, where it was.
        tail: The last that it printed.
        kernel_killed: Whether the kernel ended processes for memory while it lived.
    """
    told = f"the worker of {label} {cause or how(code)}"
    ending = f"; it printed last:\n{tail}" if tail else "; it printed nothing"
    if not cause:
        is_killed = code == -signal.SIGKILL and kernel_killed
        if is_killed or _OUT_OF_MEMORY.search(_last_words(tail)):
            return OutOfMemory(f"{told} because memory ran out{ending}")
    return WorkerDied(f"{told}{ending}")


def _last_words(tail: str) -> str:
    # Of a stack that Python shows after them, no line is a reason.
    before, fatal, _ = tail.rpartition(FATAL)
    return (before if fatal else tail)[-_LAST_WORDS:]


def how(code: int) -> str:
    """Return in words how a process ended."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was ended by {name}"
