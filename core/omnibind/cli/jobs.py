"""The commands for the paid jobs of services: list, resume, cancel, forget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from omnibind.cli.parameters import AsJson

if TYPE_CHECKING:
    from omnibind.remote.journal import Job

jobs = App(
    name="jobs", help="The paid jobs of services: what was submitted, and what became of it."
)


@jobs.default
def list_(*, as_json: AsJson = False) -> None:
    """List the jobs that were submitted on this machine, the newest first.

    Args:
        as_json: Print JSON.
    """
    from omnibind.cli.output import print_json, print_table
    from omnibind.remote.journal import journal

    seen = journal().jobs()
    if as_json:
        print_json([job._asdict() for job in seen])
    elif seen:
        print_table(("job", "binding", "model", "state", "begun", "about"), map(_row, seen))
    else:
        print("no job was submitted on this machine")


@jobs.command
def resume(number: int, /, *, output: Annotated[Path, Parameter(name=["--output", "-o"])]) -> None:
    """Wait for a job and write its result to a file.

    Args:
        number: Its number in the list.
        output: The file.
    """
    from omnibind import Client

    with Client() as client:
        result = client.jobs.resume(number)
        print(result.save(output))


@jobs.command
def cancel(number: int, /) -> None:
    """Call a job off at its service.

    Args:
        number: Its number in the list.
    """
    from omnibind import Client

    with Client() as client:
        client.jobs.cancel(number)
    print(f"job {number} is called off")


@jobs.command
def forget(number: int, /) -> None:
    """Strike a job out of the list; the service isn't told.

    Args:
        number: Its number in the list.
    """
    from omnibind.remote.journal import journal

    journal().forget(number)
    print(f"job {number} is struck out")


def _row(job: Job) -> tuple[str, ...]:
    from datetime import datetime

    begun = datetime.fromtimestamp(job.begun).astimezone().strftime("%Y-%m-%d %H:%M")
    state = f"{job.state}: {job.told}" if job.told else job.state
    return str(job.number), job.binding, job.model or "-", state, begun, job.about[:40]
