"""Paid jobs of services, as a client resumes and cancels them, from any process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omnibind.calls.call import Call
from omnibind.calls.choice import Choice as Chosen
from omnibind.calls.controls import Settings
from omnibind.calls.costs import told_by
from omnibind.calls.driver import arun, run
from omnibind.calls.produce import Made
from omnibind.calls.request import Request
from omnibind.calls.wrapping import wrapped
from omnibind.choices import Choice
from omnibind.contracts.effects import Run
from omnibind.contracts.errors import BadInput, NotSupported
from omnibind.contracts.media import Audio, Image, Video
from omnibind.modalities.handle import Handle
from omnibind.modalities.member import Member

if TYPE_CHECKING:
    from omnibind.calls.candidate import Candidate
    from omnibind.remote.journal import Job
    from omnibind.remote.paid import PaidJobs


class _AnyJobs:
    """What both clients' jobs share."""

    def __init__(self, handles: Mapping[str, Handle[Any, Any]], settings: Settings) -> None:
        self._handles = handles
        self._settings = settings

    def list(self) -> list[Job]:
        """Return all jobs that are written down on this machine, the newest first."""
        from omnibind.remote.journal import journal

        return journal().jobs()

    def forget(self, number: int) -> None:
        """Strike a job out of the journal; the service isn't told.

        Raises:
            BadInput: There is none of that number.
        """
        from omnibind.remote.journal import journal

        journal().forget(number)

    def _call(self, timeout_s: float | None) -> Call[Any]:
        call: Call[Any] = Call(timeout_s)
        self._settings.controls.hand_to(call)
        return call

    async def _resumed(self, number: int) -> Audio | Image | Video:
        job, handle, candidate, binding = await self._found(number)
        output = await binding.collect(number, job.job_id or "")
        chosen = Chosen(candidate, (job.about,), {}, job.model)
        request = Request(
            job.verb, lambda _: (job.about,), handle._names, controls=self._settings.controls
        )
        made: Made[Any] = await Run(
            handle._aside, lambda: Made.of(output, 0.0, chosen, handle._result, request)
        )
        cost = told_by(made.result.meta)
        result: Audio | Image | Video = wrapped(made, request, chosen, cost, (), None)
        return result

    async def _cancelled(self, number: int) -> None:
        job, handle, _, binding = await self._found(number)
        cancel = binding.cancel_job(job.job_id or "")
        if cancel is None:
            raise NotSupported(f"{job.binding} has no way to call a job off; it ends by itself")
        await cancel
        from omnibind.remote.journal import journal

        await Run(handle._aside, lambda: journal().note(number, "cancelled"))

    async def _found(self, number: int) -> tuple[Job, Handle[Any, Any], Candidate, PaidJobs]:
        """Return a job with what serves it: the client's own binding, or one as it was then.

        Raises:
            BadInput: There is no such job, or the service never said what it calls it.
        """
        from omnibind.remote.journal import journal
        from omnibind.remote.paid import PaidJobs

        job = journal().job(number)
        modality, _, name = job.binding.partition("/")
        handle = self._handles[modality]
        if job.job_id is None:
            raise BadInput(
                f"job {number} has no id: it was sent to {job.binding}, and no answer came; look "
                f"at the service, then strike it out: omnibind jobs forget {number}"
            )
        members = [one for one in handle._members if one.label == job.binding]
        if not members:
            choice = Choice(name, configuration=_configuration(job.configuration))
            members = [Member(handle._manager, choice)]
        candidate = await Run(handle._aside, members[0].prepare)
        binding = candidate.binding
        if not isinstance(binding, PaidJobs):
            raise NotSupported(f"{job.binding} doesn't work on jobs any more")
        return job, handle, candidate, binding


def _configuration(written: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in written.items() if value is not None}


class Jobs(_AnyJobs):
    """The paid jobs of this machine: ``client.jobs``."""

    def resume(self, number: int, *, timeout_s: float | None = None) -> Audio | Image | Video:
        """Wait for a job that was submitted, by whichever process, and return its result.

        Args:
            number: Its number in :meth:`list`.
            timeout_s: Seconds to wait at most; the job goes on after them.

        Raises:
            BadInput: There is none of that number, or it has no id.
            NotReady: Its binding can't be used now; the message ends with the command.
            CallFailed: The job failed.
        """
        return run(self._resumed(number), self._call(timeout_s))

    def cancel(self, number: int) -> None:
        """Call a job off at its service.

        Raises:
            BadInput: There is none of that number, or it has no id.
            NotSupported: The service has no way to do so.
        """
        run(self._cancelled(number), self._call(None))


class AsyncJobs(_AnyJobs):
    """The paid jobs of this machine, awaited; see :class:`Jobs`."""

    async def resume(self, number: int, *, timeout_s: float | None = None) -> Audio | Image | Video:
        """Wait for a job and return its result; see :meth:`Jobs.resume`."""
        return await arun(self._resumed(number), self._call(timeout_s))

    async def cancel(self, number: int) -> None:
        """Call a job off at its service; see :meth:`Jobs.cancel`."""
        await arun(self._cancelled(number), self._call(None))
