"""Runway's service, and what its bindings share.

Source: RunwayML API 2024-11-06, ``/v1/tasks``; https://docs.dev.runwayml.com/errors/task-failures/.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omnibind.contracts.errors import BadReply, CallFailed, OmnibindError
from omnibind.remote.paid import PaidJobs
from omnibind.remote.polling import poll
from omnibind.remote.replies import cut
from omnibind.remote.requests import part

if TYPE_CHECKING:
    from omnibind.contracts.http import Reply
    from omnibind.contracts.secret import Secret
    from omnibind.remote.requests import Exchange

VERSION = "2024-11-06"

CREDIT_USD = 0.01
"""What a credit costs; the service counts in credits alone."""


class Runway(PaidJobs):
    """Runway's own service, which works on tasks."""

    host = "https://api.dev.runwayml.com"
    test_path = "/v1/organization"
    base_url_names = ("RUNWAYML_BASE_URL",)

    every_s = 5.0
    """Seconds between two looks; the service tells nothing new sooner."""

    def authorization(self) -> Mapping[str, str | Secret]:
        """Return the key's header, and the version's, without which nothing is answered."""
        return {**super().authorization(), "x-runway-version": VERSION}

    def error(self, reply: Reply) -> OmnibindError:
        """Return the error that a reply means, with the fields that are wrong."""
        error = super().error(reply)
        with contextlib.suppress(BadReply, AttributeError, TypeError, KeyError):
            issues = reply.json().get("issues") or []
            wrong = (f"{'.'.join(map(str, one['path']))}: {one['message']}" for one in issues)
            if told := cut("; ".join(wrong)):
                error.args = (f"{error.message} ({told})", *error.args[1:])
        return self.hidden(error)

    async def finished(self, job_id: str) -> dict[str, Any]:
        """Return a task once it has its output.

        Raises:
            ContentRefused: Moderation stopped it.
            CallFailed: It failed, or was called off there.
        """
        task: dict[str, Any] = await poll(
            self.get(f"/v1/tasks/{part(job_id)}"),
            until=lambda task: task.get("status") == "SUCCEEDED",
            failed=self._failure,
            progress=lambda task: task.get("progress"),
            step=lambda task: str(task.get("status", "")).lower() or None,
            every_s=self.every_s,
        )
        return task

    def cancel_job(self, job_id: str) -> Exchange:
        """Return the request that calls a task off."""
        return self.delete(f"/v1/tasks/{part(job_id)}")

    def _failure(self, task: Mapping[str, Any]) -> OmnibindError | None:
        status = task.get("status")
        if status == "CANCELLED":
            return CallFailed(f"{self.label}: the task was called off at the service; ask again")
        if status != "FAILED":
            return None
        code = str(task.get("failureCode") or "")
        told = cut(str(task.get("failure") or "it gives no reason"))
        return self.failure("failed", f"{told} ({code})" if code else told)


def cost_of(task: Mapping[str, Any]) -> float | None:
    """Return what a task that has ended cost, in US dollars; None where it doesn't say."""
    credits_ = (task.get("cost") or {}).get("credits")
    return None if credits_ is None else credits_ * CREDIT_USD
