"""Work that a service does on its own time and is paid for: submitted once, fetched when done.

::

    class RunwayTTV(PaidJobs, RemoteTTV):
        async def generate_video_flow(self, prompt: str, *, …) -> Video:
            begin = self.post("/v1/text_to_video", json={…})
            return await self.job(begin, lambda reply: picked(reply.json(), "id"), about=prompt)

        async def collect_flow(self, job_id: str) -> Video:
            done = await poll(self.get(f"/v1/tasks/{part(job_id)}"), until=…, failed=…)
            return Video(await self.download(picked(done, "output", 0), "video"))

        def cancel_job(self, job_id: str) -> Exchange:
            return self.delete(f"/v1/tasks/{part(job_id)}")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from omnibind.calls import wire
from omnibind.contracts.effects import Run
from omnibind.contracts.errors import (
    BadReply,
    CallFailed,
    Cancelled,
    ContentRefused,
    DeadlineExceeded,
    NotSupported,
    OmnibindError,
    ServiceError,
    Unavailable,
)
from omnibind.contracts.http import Reply
from omnibind.contracts.media import Audio, Image, Video
from omnibind.contracts.secret import Secret, is_secret
from omnibind.remote import replies
from omnibind.remote.binding import RemoteBinding
from omnibind.remote.journal import State, journal
from omnibind.remote.polling import cancelling, refused
from omnibind.remote.requests import Exchange
from omnibind.remote.uploads import ASIDE

M = TypeVar("M", bound=Audio | Image | Video)

_UNSURE = frozenset((500, 502, 504))
"""Statuses of a gateway that lost its service's answer; the others say that nothing was begun."""


class PaidJobs(RemoteBinding):
    """A binding whose service works on jobs; defines ``collect_flow``, perhaps ``cancel_job``."""

    async def collect_flow(self, job_id: str) -> Any:
        """Wait for a job and return its result; the place of polling and of the download."""
        raise NotImplementedError(f"{type(self).__name__} defines no collect_flow")

    def cancel_job(self, job_id: str) -> Exchange | None:
        """Return the request that calls a job off; None where the service has no way."""
        return None

    def failure(self, state: Any, words: Any) -> OmnibindError:
        """Return the error for a job that its service ended without a result.

        Args:
            state: What the service calls that: ``failed``.
            words: Why, in the service's words; what sounds of moderation is ``ContentRefused``.
        """
        told = replies.cut(str(words or "it doesn't say why"))
        meant = replies.error_of(Reply(400, {}, told.encode()), self.label)
        if isinstance(meant, ContentRefused):
            return self.hidden(refused(told))
        return self.hidden(CallFailed(f"{self.label}: the service's job {state}: {told}"))

    async def download(self, url: str, family: str) -> bytes:
        """Return what a job made; see :meth:`RemoteBinding.download`.

        From here on a job isn't called off any more: at some services that deletes its result.
        """
        try:
            return await super().download(url, family)
        except BaseException as error:
            error.is_made = True  # type: ignore[attr-defined]  # told to who would call it off
            raise

    async def job(
        self,
        begin: Exchange,
        id_of: Callable[[Reply], str],
        *,
        about: str = "",
        model: str | None = None,
        verb: str = "",
    ) -> Any:
        """Submit a job, wait for it and return its result with the job's id in its meta.

        It is written down before it is submitted; what goes wrong afterwards isn't tried again by
        itself, since it would be paid twice.

        Args:
            begin: The request that submits it.
            id_of: Gives the job's id, or the address it is asked about, from the reply.
            about: The prompt, to know it again by.
            model: The model.
            verb: The contract's method; the binding's own where it is empty.
        """
        plain = _plain(self._configuration)
        number = await Run(
            ASIDE,
            lambda: journal().begin(self.label, verb or self.verb, model, about, plain),
        )
        try:
            job_id = id_of(await begin)
        except BaseException as error:
            state = _fate(error)
            if state == "unknown":
                error = _unsure(error, number)
            await self._note(number, state, error)
            raise error from None
        await Run(ASIDE, lambda: journal().note(number, "running", job_id=job_id))
        return await self.collect(number, job_id)

    async def collect(self, number: int, job_id: str) -> Any:
        """Wait for a job that was submitted, by this process or another, and return its result."""
        cancel = self.cancel_job(job_id)
        try:
            async with cancelling(cancel):
                result = await self.collect_flow(job_id)
        except BaseException as error:
            await self._note(number, _state_after(error, cancel is not None), error)
            if isinstance(error, OmnibindError):
                error.may_be_charged = True
            raise
        await Run(ASIDE, lambda: journal().note(number, "done"))
        return result._with_meta(result.meta._replace(job_id=job_id))

    async def _note(self, number: int, state: State, error: BaseException) -> None:
        told = str(error) if isinstance(error, OmnibindError) else type(error).__name__
        await Run(ASIDE, lambda: journal().note(number, state, told=told))


def _plain(value: Any) -> Any:
    """Return a configuration as JSON data, without what is secret."""
    if isinstance(value, Mapping):
        return {
            str(name): _plain(inner)
            for name, inner in value.items()
            if not isinstance(inner, Secret) and not is_secret(str(name))
        }
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, (bool, int, float, type(None))) else str(value)


def _fate(error: BaseException) -> State:
    """Return what became of a job whose submission failed."""
    if isinstance(error, (BadReply, Cancelled, DeadlineExceeded)):
        return "unknown"
    if isinstance(error, Unavailable):
        was_sent = error.status is None and error.code != wire.NOT_SENT
        return "unknown" if was_sent or error.status in _UNSURE else "failed"
    return "failed" if isinstance(error, OmnibindError) else "unknown"


def _unsure(error: BaseException, number: int) -> BaseException:
    if not isinstance(error, CallFailed) or not error.args:
        return error
    told = (
        f"{error.message}; the service may have begun it all the same, so it isn't sent again by "
        f"itself: look there, or at job {number} of omnibind jobs"
    )
    error.args = (told, *error.args[1:])
    error.may_be_charged = True
    return error


def _state_after(error: BaseException, can_cancel: bool) -> State:
    is_made = getattr(error, "is_made", False)
    if isinstance(error, Cancelled) or not isinstance(error, Exception):
        return "cancelled" if can_cancel and not is_made else "running"
    is_final = isinstance(error, (ContentRefused, NotSupported)) or (
        isinstance(error, CallFailed) and type(error) is CallFailed
    )
    if isinstance(error, ServiceError) and error.status in (404, 410) and not is_made:
        return "failed"  # the service knows it no longer
    return "failed" if is_final else "running"
