"""Kling's service, and what its bindings share.

Source: Kling API, ``/v1/videos``, error codes of "General Information".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from omnibind.contracts.binding import CURRENT_CALL
from omnibind.contracts.errors import (
    ContentRefused,
    KeyRefused,
    OmnibindError,
    QuotaExceeded,
    RateLimited,
    Unavailable,
)
from omnibind.contracts.secret import Secret
from omnibind.remote.paid import PaidJobs
from omnibind.remote.polling import poll, refused
from omnibind.remote.replies import Codes, cut, picked
from omnibind.remote.requests import part

if TYPE_CHECKING:
    from omnibind.contracts.effects import Effect
    from omnibind.contracts.http import Reply
    from omnibind.remote.requests import Exchange

VALID_S = 1800
EARLY_S = 5
"""A token is valid for so long, and from so early on, since clocks differ."""

_DECLINED = re.compile(r"risk control|content policy|sensitive", re.IGNORECASE)


class Kling(PaidJobs):
    """Kling's own service; every reply is an envelope with a code, 0 where all is well."""

    host = "https://api-singapore.klingai.com"
    base_url_names = ("KLING_BASE_URL",)

    # What the status says otherwise, or not at all: it may be 200.
    codes: ClassVar[Codes] = {
        **dict.fromkeys(("1000", "1001", "1002", "1003", "1004", "1103"), (KeyRefused, "")),
        **dict.fromkeys(("1101", "1102"), (QuotaExceeded, "")),
        **dict.fromkeys(("1300", "1301"), (ContentRefused, "")),
        **dict.fromkeys(("1302", "1303"), (RateLimited, "")),
        "5": (Unavailable, ""),
    }

    every_s = 5.0
    """Seconds between two looks."""

    _pair: tuple[Secret | None, Secret | None] = (None, None)

    def authorization(self) -> Mapping[str, str | Secret]:
        """Return the header with the key, or with a token that access and secret key make."""
        access, secret = self._pair
        is_given = self._api_key or getattr(CURRENT_CALL.get(), "api_key", None)
        if access is None or is_given:
            key = self.find_key("KLING_API_KEY")
            if key is not None:
                return {"authorization": key.after("Bearer ")}
            access = self.key("KLING_API_KEY", "KLING_ACCESS_KEY")
        token = token_of(access, secret or self.key("KLING_SECRET_KEY"))
        return {"authorization": token.after("Bearer ")}

    def hidden(self, error: OmnibindError) -> OmnibindError:
        """Return an error whose words show none of the keys, a configured pair's neither."""
        error = super().hidden(error)
        for key in self._pair:
            if key is not None and error.args:
                error.args = (key.hidden_in(str(error.args[0])), *error.args[1:])
        return error

    async def test_flow(self) -> None:
        """Ask for a task of the list of tasks; an envelope may refuse what the status doesn't."""
        tasks = self.get("/v1/videos/text2video", query={"pageNum": 1, "pageSize": 1})
        self.opened(await tasks)

    def opened(self, reply: Reply) -> Any:
        """Return what is in a reply's envelope.

        Raises:
            ServiceError: The envelope tells of an error, whatever the HTTP status.
        """
        told = reply.json()
        if picked(told, "code") != 0:
            raise self.error(reply)
        return picked(told, "data")

    async def submitted(
        self, route: str, body: Mapping[str, Any], *, about: str, model: str | None, verb: str = ""
    ) -> Any:
        """Submit a task and return its result; the job's id is ``ROUTE/TASK``."""
        return await self.job(
            self.post(f"/v1/videos/{route}", json=dict(body)),
            lambda reply: f"{route}/{picked(self.opened(reply), 'task_id')}",
            about=about,
            model=model,
            verb=verb,
        )

    async def finished(self, job_id: str) -> dict[str, Any]:
        """Return a task's envelope once it has its result.

        Raises:
            ContentRefused: Moderation stopped it.
            CallFailed: It failed.
        """
        route, _, task = job_id.partition("/")
        path = f"/v1/videos/{part(route)}/{part(task)}"
        told: dict[str, Any] = await poll(
            _Look(self, lambda: self.get(path)),
            until=lambda told: told["data"].get("task_status") == "succeed",
            failed=self._failure,
            step=lambda told: told["data"].get("task_status"),
            every_s=self.every_s,
        )
        return told

    def _failure(self, told: Mapping[str, Any]) -> OmnibindError | None:
        if told["data"].get("task_status") != "failed":
            return None
        reason = cut(str(told["data"].get("task_status_msg") or "it gives no reason"))
        if _DECLINED.search(reason):
            return self.hidden(refused(reason))
        return self.failure("failed", reason)


class _Look:
    """A look at a task: each one is a request of its own, since a token is soon out of date."""

    def __init__(self, binding: Kling, make: Callable[[], Exchange]) -> None:
        self._binding = binding
        self._make = make

    def __await__(self) -> Generator[Effect[Any], Any, Reply]:
        return self._looked().__await__()

    async def _looked(self) -> Reply:
        reply = await self._make()
        self._binding.opened(reply)
        return reply


def token_of(access: Secret, secret: Secret, now: float | None = None) -> Secret:
    """Return a JSON web token (HS256) of a pair of keys.

    Args:
        access: Who asks.
        secret: What it is signed with.
        now: Seconds since 1970; None is the clock's.
    """
    import hashlib
    import hmac
    import json
    from time import time

    moment = int(time() if now is None else now)
    claims = {"iss": access.reveal(), "exp": moment + VALID_S, "nbf": moment - EARLY_S}
    head = {"alg": "HS256", "typ": "JWT"}
    text = ".".join(
        _base64(json.dumps(one, separators=(",", ":")).encode()) for one in (head, claims)
    )
    signature = hmac.new(secret.reveal().encode(), text.encode(), hashlib.sha256).digest()
    return Secret(f"{text}.{_base64(signature)}")


def _base64(content: bytes) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(content).decode().rstrip("=")
