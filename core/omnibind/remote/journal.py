"""The journal of paid jobs: written down before they are submitted, with the id when it comes.

It lies in the home folder and outlives its processes, so that no kill loses what was paid for, and
nothing is paid twice without saying so. It holds no key and no media.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from time import time
from typing import Any, Literal, NamedTuple

from omnibind.contracts.errors import BadInput, SaveFailed
from omnibind.weights.places import home

State = Literal["submitting", "running", "done", "failed", "cancelled", "unknown"]

WAIT_S = 30.0
"""Seconds that a process waits for others who write."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    binding TEXT NOT NULL,
    verb TEXT NOT NULL,
    model TEXT,
    about TEXT NOT NULL,
    configuration TEXT NOT NULL,
    state TEXT NOT NULL,
    job_id TEXT,
    told TEXT NOT NULL DEFAULT '',
    pid INTEGER NOT NULL,
    begun REAL NOT NULL,
    changed REAL NOT NULL
)
"""


class Job(NamedTuple):
    """One paid job.

    Attributes:
        number: What ``omnibind jobs`` calls it.
        binding: ``modality/name``.
        verb: The contract's method.
        model: The model.
        about: The beginning of the prompt.
        configuration: The binding's configuration, without keys.
        state: ``submitting`` (its fate is known to a process that may be gone), ``running`` at the
            service, ``done``, ``failed``, ``cancelled``, or ``unknown``: it was sent, and no answer
            came.
        job_id: What the service calls it; None before it answered.
        told: What went wrong.
        pid: The process that submitted it.
        begun: When, in seconds since 1970.
        changed: When anything was last known of it.
    """

    number: int
    binding: str
    verb: str
    model: str | None
    about: str
    configuration: Mapping[str, Any]
    state: State
    job_id: str | None
    told: str
    pid: int
    begun: float
    changed: float


class Journal:
    """The jobs of one home folder; any number of threads and processes may write to it.

    Raises:
        SaveFailed: It can't be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._is_made = False

    def begin(
        self,
        binding: str,
        verb: str,
        model: str | None,
        about: str,
        configuration: Mapping[str, Any],
    ) -> int:
        """Write down that a job is about to be submitted; return its number."""
        now = time()
        with self._connected() as database, database:
            row = database.execute(
                "INSERT INTO jobs (binding, verb, model, about, configuration, state, pid, begun, "
                "changed) VALUES (?, ?, ?, ?, ?, 'submitting', ?, ?, ?)",
                (
                    *(binding, verb, model, about[:200]),
                    *(json.dumps(dict(configuration)), os.getpid(), now, now),
                ),
            )
            number = row.lastrowid
        assert number is not None
        return number

    def note(self, number: int, state: State, *, job_id: str | None = None, told: str = "") -> None:
        """Write down what became of a job."""
        with self._connected() as database, database:
            database.execute(
                "UPDATE jobs SET state = ?, job_id = coalesce(?, job_id), told = ?, changed = ? "
                "WHERE number = ?",
                (state, job_id, told[:500], time(), number),
            )

    def jobs(self) -> list[Job]:
        """Return all jobs, the newest first."""
        return self._read("SELECT * FROM jobs ORDER BY number DESC")

    def job(self, number: int) -> Job:
        """Return one job.

        Raises:
            BadInput: There is none of that number.
        """
        found = self._read("SELECT * FROM jobs WHERE number = ?", number)
        if not found:
            raise BadInput(f"there is no job {number}; omnibind jobs lists those there are")
        return found[0]

    def forget(self, number: int) -> None:
        """Strike a job out; the service isn't told."""
        self.job(number)
        with self._connected() as database, database:
            database.execute("DELETE FROM jobs WHERE number = ?", (number,))

    def _read(self, query: str, *values: int) -> list[Job]:
        if not self.path.is_file():
            return []
        with self._connected() as database:
            rows = database.execute(query, values).fetchall()
        return [_job(row) for row in rows]

    def _connected(self) -> closing[sqlite3.Connection]:
        try:
            with self._lock:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                database = sqlite3.connect(self.path, timeout=WAIT_S)
                if not self._is_made:
                    database.execute("PRAGMA journal_mode = WAL")
                    database.execute(_SCHEMA)
                    self._is_made = True
                # What was written is on the disk before the service is asked.
                database.execute("PRAGMA synchronous = FULL")
        except (OSError, sqlite3.Error) as error:
            raise SaveFailed(
                f"the journal of paid jobs {self.path} can't be written: {error}; nothing was "
                "submitted"
            ) from error
        return closing(database)


def _job(row: tuple[Any, ...]) -> Job:
    job = Job(*row)
    return job._replace(configuration=json.loads(str(job.configuration)))


_journals: dict[Path, Journal] = {}


def journal() -> Journal:
    """Return the journal of the home folder."""
    path = home() / "jobs.db"
    return _journals.setdefault(path, Journal(path))
