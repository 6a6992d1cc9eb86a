"""An engine's place outside of this process: at most one worker at a time, started when needed."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from omnibind.contracts.errors import OutOfMemory, WorkerDied
from omnibind.contracts.secret import is_secret
from omnibind.running.patience import Patience
from omnibind.running.worker import Worker

IDLE_S = 300.0
"""A worker that served no call for so long ends."""

CRASHES = 3
WITHIN_S = 60.0
"""After so many crashes in a row within so many seconds, no worker is started for a while."""

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
"""What keeps the engines of local bindings from going online."""

_ALL: weakref.WeakSet[Engine] = weakref.WeakSet()


class EngineKey(NamedTuple):
    """What tells one engine from another: bindings with equal keys share a worker.

    Attributes:
        engine: The manifest's ``engine``, or ``modality/name``.
        root: The root folder of its bindings.
        model: The model that it loads; empty where there is none to choose.
        device: As the configuration says.
        precision: As the configuration says.
        python: The interpreter; None is this one.
        keys: Names of environment variables that hold keys and are passed on.
        is_local: Whether it is kept offline.
        is_own: Whether the interpreter is that of an own environment, which is held meanwhile.
    """

    engine: str
    root: Path
    model: str = ""
    device: str = ""
    precision: str = ""
    python: Path | None = None
    keys: tuple[str, ...] = ()
    is_local: bool = True
    is_own: bool = False


class Engine:
    """Starts the worker of an engine, again where it ended, and counts its crashes.

    Args:
        key: Which engine it is.
        concurrent: How many calls may run in it at once.
        idle_s: The worker ends after so long without a call; None never.

    Attributes:
        held: The bindings that somebody holds, by number; the worker that each is loaded in.
        present: The worker, the last one where none lives now; None before the first.
        inherit: Open files that the next worker holds, too, until its end.
    """

    def __init__(
        self, key: EngineKey, *, concurrent: int = 1, idle_s: float | None = IDLE_S
    ) -> None:
        self.key = key
        self.held: dict[int, Worker | None] = {}
        self.present: Worker | None = None
        self.inherit: tuple[int, ...] = ()
        self._concurrent = concurrent
        self._idle_s = idle_s
        self._crashes: deque[float] = deque(maxlen=CRASHES)
        self._begin()
        _ALL.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()

    def worker(self, patience: Patience) -> Worker:
        """Return the worker, started if there is none.

        Raises:
            WorkerDied: It can't be started, or crashed too often just now.
            EnvironmentMissing: Its interpreter can't be run.
        """
        worker = self.present
        if worker is not None and worker.is_usable:
            return worker
        with patience.holding(self._lock):
            worker = self.present
            if worker is not None and worker.is_usable:
                return worker
            if worker is not None:
                worker.join()  # the memory of two may be more than there is
                self._count(worker)
            with self._environment_held() as held:
                self.present = worker = Worker(
                    self.key.engine,
                    python=self.key.python,
                    environment=environment(self.key.keys, is_local=self.key.is_local),
                    inherit=(*self.inherit, *held),
                    concurrent=self._concurrent,
                    idle_s=self._idle_s,
                    is_wanted=_is_wanted(self.held),
                )
                worker.start(patience)
            return worker

    @contextmanager
    def _environment_held(self) -> Iterator[tuple[int, ...]]:
        """Keep the own environment that a worker starts in; the worker then keeps it itself."""
        if self.key.python is None or not self.key.is_own:
            yield ()
            return
        from omnibind.running.holding import hold

        descriptor = hold(self.key.python)
        try:
            yield (descriptor,)
        finally:
            os.close(descriptor)

    def succeeded(self) -> None:
        """Take note that it worked: crashes before no longer count."""
        self._crashes.clear()

    def _count(self, worker: Worker) -> None:
        death = worker.crash
        if death is None:
            return
        if worker.died_at not in self._crashes:
            self._crashes.append(worker.died_at)
        rest = self._crashes[0] + WITHIN_S - monotonic()
        if len(self._crashes) == CRASHES and rest > 0:
            last = death()
            kind = OutOfMemory if isinstance(last, OutOfMemory) else WorkerDied
            raise kind(
                f"the worker of {self.key.engine} crashed {CRASHES} times in a row within "
                f"{WITHIN_S:g} s and isn't started again for {rest:.0f} s; the last time: {last}"
            )


def environment(keys: Iterable[str] = (), *, is_local: bool = True) -> dict[str, str]:
    """Return a worker's environment variables: this process's, without keys and Python's own.

    Args:
        keys: Names of variables that hold keys and are passed on.
        is_local: Whether its engine is kept offline.
    """
    passed = set(keys)
    variables = {
        name: value
        for name, value in os.environ.items()
        if name in passed
        or not (name.startswith("PYTHON") or name == "VIRTUAL_ENV" or is_secret(name))
    }
    return {**variables, **OFFLINE} if is_local else variables


def _is_wanted(held: Mapping[int, Worker | None]) -> Callable[[], bool]:
    return lambda: bool(held)


def _after_fork() -> None:
    for engine in list(_ALL):
        engine._begin()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
