"""Luma's two services: the Dream Machine, and the newer Luma Agents.

Source: Dream Machine API 1.1.0, ``/generations``; luma-agents 0.5.0, ``luma_agents.types``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from omnibind.contracts.errors import BadReply, OmnibindError
from omnibind.remote.paid import PaidJobs
from omnibind.remote.polling import poll
from omnibind.remote.replies import cut
from omnibind.remote.requests import part

if TYPE_CHECKING:
    from omnibind.contracts.secret import Secret
    from omnibind.remote.requests import Exchange

AGENTS = "https://agents.lumalabs.ai/v1"
DREAM_MACHINE_KEYS = ("LUMAAI_API_KEY", "LUMA_API_KEY")
AGENTS_KEY = "LUMA_AGENTS_API_KEY"


class Luma(PaidJobs):
    """Luma's services: ``base_url`` says which, else the configured model does."""

    host = "https://api.lumalabs.ai/dream-machine/v1"
    base_url_names = ("LUMAAI_BASE_URL", "LUMA_BASE_URL")

    every_s = 5.0
    """Seconds between two looks."""

    _model_name = ""

    @property
    def base_url(self) -> str:
        """The service's address: as given, else of the service that has the configured model."""
        url = super().base_url
        return AGENTS if url == self.host and self.service_of(self._model_name) == "agents" else url

    @property
    def service(self) -> str:
        """``dream-machine`` or ``agents``; the first one has its name in its address."""
        return "dream-machine" if "dream-machine" in urlsplit(self.base_url).path else "agents"

    def service_of(self, model: str) -> str | None:
        """Return which service has a model; None where the catalogue doesn't know."""
        facts = self.facts(model)
        return None if facts is None else str(facts.limits.get("service"))

    def authorization(self) -> Mapping[str, str | Secret]:
        """Return the header with the service's own key."""
        names = DREAM_MACHINE_KEYS if self.service == "dream-machine" else (AGENTS_KEY,)
        return {"authorization": self.key(*names).after("Bearer ")}

    async def test_flow(self) -> None:
        """Ask for the credits that are left, or for the files, where there are no credits."""
        await self.get("/credits" if self.service == "dream-machine" else "/files")

    async def finished(self, job_id: str) -> dict[str, Any]:
        """Return a generation once it has its result.

        Raises:
            ContentRefused: Moderation stopped it.
            CallFailed: It failed.
        """
        generation: dict[str, Any] = await poll(
            self.get(f"/generations/{part(job_id)}"),
            until=lambda told: told.get("state") == "completed",
            failed=self._failure,
            step=lambda told: told.get("state"),
            every_s=self.every_s,
        )
        return generation

    def cancel_job(self, job_id: str) -> Exchange | None:
        """Return the request that removes a generation; Luma Agents has none."""
        is_old = self.service == "dream-machine"
        return self.delete(f"/generations/{part(job_id)}") if is_old else None

    def _failure(self, told: Mapping[str, Any]) -> OmnibindError | None:
        if told.get("state") != "failed":
            return None
        code = str(told.get("failure_code") or "")
        reason = cut(str(told.get("failure_reason") or "it gives no reason"))
        return self.failure("failed", f"{reason} ({code})" if code else reason)


def address_in(generation: Mapping[str, Any]) -> str:
    """Return where a generation's video lies, in the words of either service.

    Raises:
        BadReply: It has none.
    """
    found = (generation.get("assets") or {}).get("video")
    for output in generation.get("output") or ():
        found = found or (output.get("url") if output.get("type") == "video" else None)
    if not isinstance(found, str):
        raise BadReply("the service completed a generation without a video; ask it again")
    return found
