"""Music by Mubert's service.

Source: Mubert AI Music API v3, ``/api/v3/public/tracks``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Unpack

from omnibind.contracts.errors import (
    BadOption,
    CallFailed,
    NotSupported,
    QuotaExceeded,
    RateLimited,
)
from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range
from omnibind.contracts.secret import Secret
from omnibind.remote import limits
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteTTM
from omnibind.remote.paid import PaidJobs
from omnibind.remote.polling import EVERY_S, poll
from omnibind.remote.replies import Codes, picked, without_media
from omnibind.remote.requests import given, part

if TYPE_CHECKING:
    from omnibind.contracts.http import Reply

CUSTOMER_ID = "MUBERT_CUSTOMER_ID"
MODEL = "mubert"
TRACKS = "/api/v3/public/tracks"

MusicalKey = Literal[
    "C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B",
    "Cm", "C#m", "Dm", "D#m", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "A#m", "Bm",
]  # fmt: skip

FAILURES = ("failed", "error")


class MubertTTM(PaidJobs, RemoteTTM):
    """Mubert's tracks, for a customer of the service's licensee."""

    host = "https://music-api.mubert.com"
    base_url_names = ("MUBERT_BASE_URL",)
    every_s: ClassVar[float] = EVERY_S

    # What 403 alone doesn't tell.
    codes: ClassVar[Codes] = {
        "LicenseLimitConcurrent": (RateLimited, "wait for the tracks that are being made"),
        "LicenseLimit": (QuotaExceeded, "extend the licence at the service"),
        "LicenseForbidden": (NotSupported, "choose what your licence has"),
    }

    def __init__(
        self,
        *,
        customer_id: Annotated[Secret | None, "the customer whose access token api_key is"] = None,
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._customer_id = customer_id

    def find_key(self, *names: str) -> Secret | None:
        """Return a key; the configured customer goes before the environment's."""
        if names == (CUSTOMER_ID,) and self._customer_id is not None:
            return Secret(self._customer_id)
        return super().find_key(*names)

    def authorization(self) -> Mapping[str, str | Secret]:
        """Return the headers that carry the customer and the access token."""
        return {"customer-id": self.key(CUSTOMER_ID), "access-token": self.key()}

    async def generate_music_flow(
        self,
        prompt: str,
        *,
        duration_s: Annotated[float, Range(5.0, None), "whole seconds"] = 60.0,
        intensity: Annotated[Literal["low", "medium", "high"] | None, "how much happens"] = None,
        mode: Annotated[
            Literal["track", "jingle", "loop", "mix"] | None, "what kind of piece it is"
        ] = None,
        playlist_index: Annotated[
            str | None, "a channel such as 1.0.0; goes in place of the prompt"
        ] = None,
        bpm: Annotated[int | None, Range(1, 500), "tempo; with playlist_index only"] = None,
        key_signature: Annotated[
            MusicalKey | None, "the key, as Am; with playlist_index only"
        ] = None,
        output_format: Annotated[Literal["mp3", "wav"] | None, "the encoding"] = None,
        bitrate_kbps: Annotated[Literal[32, 96, 128, 192, 256, 320] | None, "kbit/s"] = None,
        extra: Annotated[
            dict[str, Any] | None, "further fields of the request, passed on as they are"
        ] = None,
    ) -> Audio:
        """Compose a track."""
        chosen = given(bpm=bpm, key_signature=key_signature)
        if playlist_index is None and chosen:
            raise BadOption(
                f"{self.label} takes {' and '.join(chosen)} with playlist_index, not with a "
                "prompt; leave it out, or choose a playlist"
            )
        body = {
            "duration": limits.whole_seconds(duration_s, self.label),
            **({"prompt": prompt} if playlist_index is None else {}),
            **given(
                playlist_index=playlist_index,
                intensity=intensity,
                mode=mode,
                format=output_format,
                bitrate=bitrate_kbps,
            ),
            **given(bpm=bpm, key=key_signature),
            **(extra or {}),
        }
        begin = self.post(TRACKS, json=body)
        made: Audio = await self.job(begin, _track_of, about=prompt, model=MODEL)
        return made

    async def collect_flow(self, job_id: str) -> Audio:
        """Wait for a track and return it."""
        track = await poll(
            self.get(f"{TRACKS}/{part(job_id)}"),
            until=lambda data: _address(data) is not None,
            failed=self._failed,
            step=_status,
            every_s=self.every_s,
        )
        sound = await self.download(_address(track) or "", "audio")
        return Audio(sound, meta=self.meta(model=MODEL, raw=without_media(track)))

    def _failed(self, data: Any) -> CallFailed | None:
        status = _status(data)
        if status not in FAILURES:
            return None
        return CallFailed(f"{self.label}: the track is told to be {status}; try again")


def _track_of(reply: Reply) -> str:
    return str(picked(reply.json(), "data", "id"))


def _generations(data: Any) -> list[Mapping[str, Any]]:
    return picked(data, "data").get("generations") or []


def _address(data: Any) -> str | None:
    """Return where the track lies; None while it is being made."""
    return next((one["url"] for one in _generations(data) if one.get("url")), None)


def _status(data: Any) -> str | None:
    return next((str(one["status"]) for one in _generations(data) if one.get("status")), None)
