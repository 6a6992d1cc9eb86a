"""Sounds that people recorded, found at freesound.org.

Source: MTG/freesound, ``_docs/api``: ``/apiv2/search/`` and ``/apiv2/sounds/<sound_id>/download/``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import copy
from typing import Annotated, Any, Literal, Unpack

from omnibind.contracts.errors import BadOption, CallFailed, KeyMissing, OmnibindError
from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range
from omnibind.contracts.secret import Secret
from omnibind.remote.connection import Connection
from omnibind.remote.modalities import RemoteSFX
from omnibind.remote.pace import Rate
from omnibind.remote.replies import picked
from omnibind.remote.requests import Extra, given, part

FIELDS = "id,name,url,username,license,duration,type,tags,previews"
LICENCES = {
    "CC0": "Creative Commons 0",
    "CC-BY": "Attribution",
    "CC-BY-NC": "Attribution NonCommercial",
}
NEAR = 0.25
"""A sound is as long as asked for where it is at most this share longer or shorter."""

_CREATIVE_COMMONS = re.compile(r"creativecommons\.org/licenses/([a-z-]+)/([0-9.]+)")
_CC0 = re.compile(r"creativecommons\.org/publicdomain/zero/([0-9.]+)")

Sort = Literal[
    "score",
    "duration_desc",
    "duration_asc",
    "created_desc",
    "created_asc",
    "downloads_desc",
    "downloads_asc",
    "rating_desc",
    "rating_asc",
]


class FreesoundSFX(RemoteSFX):
    """Finds a sound by its description and fetches its preview, or the original."""

    host = "https://freesound.org/apiv2"
    test_path = "/search/?query=rain&page_size=1&fields=id"
    base_url_names = ("FREESOUND_BASE_URL",)
    rates = (Rate(60, 60.0), Rate(2000, 86_400.0))

    _is_user = False

    def __init__(
        self,
        *,
        oauth_token: Annotated[Secret | None, "a user's OAuth2 access token, for originals"] = None,
        **connection: Unpack[Connection],
    ) -> None:
        super().__init__(**connection)
        self._oauth_token = oauth_token

    def authorization(self) -> Mapping[str, str | Secret]:
        """Return the key's header, or the user's where only a user may ask."""
        if self._is_user and self._oauth_token is not None:
            return {"authorization": self._oauth_token.after("Bearer ")}
        return {"authorization": self.key().after("Token ")}

    def hidden(self, error: OmnibindError) -> OmnibindError:
        """Return an error whose words show neither the key nor the user's token."""
        error = super().hidden(error)
        if self._oauth_token is not None and error.args:
            error.args = (self._oauth_token.hidden_in(str(error.args[0])), *error.args[1:])
        return error

    async def generate_sound_flow(
        self,
        prompt: str,
        *,
        duration_s: Annotated[
            float | None, Range(0.1, 3600.0), "seconds; a quarter more or less is found too"
        ] = None,
        license: Annotated[  # noqa: A002  # the field's name
            Literal["CC0", "CC-BY", "CC-BY-NC"] | None, "not given, any; each tells its own"
        ] = None,
        sort: Annotated[Sort | None, "what comes first; not given, what fits best"] = None,
        pick: Annotated[int, Range(1, 150), "which one of those found; 1 is the first"] = 1,
        original: Annotated[bool, "the file as it was uploaded; needs oauth_token"] = False,
        output_format: Annotated[
            Literal["mp3", "ogg"] | None, "the preview's encoding; mp3 if not said"
        ] = None,
        extra: Extra = None,
    ) -> Audio:
        """Find a sound; its licence is in ``meta.license``, its author in ``meta.raw``."""
        if original:
            self._check_original(output_format)
        told = [] if license is None else [f'license:"{LICENCES[license]}"']
        if duration_s is not None:
            least, most = duration_s * (1 - NEAR), duration_s * (1 + NEAR)
            told.append(f"duration:[{least:g} TO {most:g}]")
        query = {
            **given(query=prompt, filter=" ".join(told) or None, sort=sort),
            "fields": FIELDS,
            "page_size": pick,
            **(extra or {}),
        }
        reply = await self.get("/search/", query=query)
        hit = self._hit(picked(reply.json(), "results"), prompt, pick, bool(told))
        content = await self._content(hit, original, output_format or "mp3")
        facts = {name: value for name, value in hit.items() if name != "previews"}
        return Audio(
            content,
            meta=self.meta(
                reply,
                license=_licence(str(picked(hit, "license"))),
                source_url=hit.get("url"),
                raw=facts,
            ),
        )

    def _check_original(self, output_format: str | None) -> None:
        if output_format is not None:
            raise BadOption(
                f"{self.label} gives an original as it was uploaded; leave output_format out"
            )
        if self._oauth_token is None:
            raise KeyMissing(
                f"{self.label} may fetch originals only for a user who signed in; give "
                "oauth_token, or leave original out and take the preview"
            )

    def _hit(self, found: Any, prompt: str, pick: int, is_filtered: bool) -> Mapping[str, Any]:
        if len(found) >= pick:
            hit: Mapping[str, Any] = found[pick - 1]
            return hit
        if found:
            raise CallFailed(f"{self.label} finds only {len(found)} for {prompt!r}; pick less")
        more = ", or leave duration_s and license out" if is_filtered else ""
        raise CallFailed(f"{self.label} finds no sound for {prompt!r}; use fewer words{more}")

    async def _content(self, hit: Mapping[str, Any], original: bool, encoding: str) -> bytes:
        if not original:
            return await self.download(picked(hit, "previews", f"preview-hq-{encoding}"), "audio")
        user = copy(self)
        user._is_user = True
        await self.pace()
        path = f"/sounds/{part(str(picked(hit, 'id')))}/download/"
        return await user.download(self.base_url + path, "audio")


def _licence(given: str) -> str:
    """Return the short name of a licence whose address is given, else what is given."""
    if found := _CC0.search(given):
        return f"CC0-{found[1]}"
    found = _CREATIVE_COMMONS.search(given)
    return f"CC-{found[1].upper()}-{found[2]}" if found else given
