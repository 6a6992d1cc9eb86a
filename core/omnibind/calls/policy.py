"""What the user allows: commercial use by licences as data, and cloned voices by consent."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    ConsentMissing,
    LicenceForbids,
    UsageError,
    suggest,
)
from omnibind.contracts.options import Schema, shown

_ALLOWS = "allows commercial use"
_USES = "allows commercial use but for the harmful uses it lists"
_FORBIDS = "forbids commercial use"
_DEPENDS = "allows commercial use only to some, by their size or place"
_ELSEWHERE = "isn't a licence: each of these has its own"
_TERMS = "stands for a service's own terms, which aren't in omnibind's list"
_SILENT = "doesn't say whether commercial use is allowed"
UNLISTED = "isn't in omnibind's list of licences"

_Verdict = tuple[bool | None, str]

LICENCES: Mapping[str, _Verdict] = {
    "none": (True, "means that there are no weights"),
    "public-domain": (True, _ALLOWS),
    **dict.fromkeys(
        (
            *("CC0", "CC-PDDC", "PDDL", "Unlicense", "0BSD", "MIT", "MIT-0", "ISC", "Zlib"),
            *("BSD", "BSD-2-Clause", "BSD-3-Clause", "BSD-4-Clause", "Apache", "BSL-1.0", "WTFPL"),
            *("NCSA", "PostgreSQL", "Artistic", "AFL", "ECL", "MPL", "EPL", "EUPL"),
            *("GPL", "LGPL", "AGPL", "CC-BY", "CC-BY-SA", "CC-BY-ND", "ODbL", "ODC-By"),
            *("OGL-UK", "CDLA-Permissive", "CDLA-Sharing"),
        ),
        (True, _ALLOWS),
    ),
    **dict.fromkeys(
        (
            *("OpenRAIL", "OpenRAIL-M", "OpenRAIL++", "OpenRAIL++-M"),
            *("CreativeML-OpenRAIL-M", "CreativeML-OpenRAIL++-M"),
            *("BigScience-OpenRAIL-M", "BigScience-BLOOM-RAIL", "BigCode-OpenRAIL-M", "Gemma"),
        ),
        (True, _USES),
    ),
    **dict.fromkeys(
        (
            *("CC-BY-NC", "CC-BY-NC-SA", "CC-BY-NC-ND", "CPML", "Coqui-Public-Model"),
            *("Fish-Audio-Research", "BUSL", "Stable-Video-Diffusion-NC-Community"),
        ),
        (False, _FORBIDS),
    ),
    **dict.fromkeys(
        (
            *("Stability-AI-Community", "Stability-Community", "Llama", "LTX-2-Community"),
            *("LTXV-Open-Weights", "Tencent-Hunyuan-Community"),
        ),
        (None, _DEPENDS),
    ),
    **dict.fromkeys(("per-voice", "per-model"), (None, _ELSEWHERE)),
    **dict.fromkeys(("proprietary", "service-terms"), (None, _TERMS)),
    **dict.fromkeys(("other", "unknown"), (None, _SILENT)),
}
"""May weights under a licence be used commercially, and why: True, False or None (can't be told).

Names are families: versions (``-4.0``, ``-or-later``) and the word licence are left away. ``BSL``
is no family: 1.0 is Boost's, 1.1 is the Business Source License.
"""

_FAMILIES = {name.casefold(): verdict for name, verdict in LICENCES.items()}
_FORBIDDING = re.compile(r"non-?commercial|research(-use|-purposes)?-only|(personal|academic)-use")
_VERSION = re.compile(
    r"-?v?\d+(\.\d+)*(-only|-or-later|\+)?(-(at|au|de|fr|igo|jp|nl|uk|us))?$"  # ports of CC
)
_SEPARATORS = re.compile(r"[\s_]+")
_ENDING = re.compile(r"-(licen[cs]e|agreement)\b")
_OPERATOR = r"(?<![^\s()])(?:AND|OR|WITH)(?![^\s()])"
_TOKENS = re.compile(rf"[()]|{_OPERATOR}|(?:(?!{_OPERATOR})[^()])+", re.IGNORECASE)


class Licence(NamedTuple):
    """What the licence of weights says.

    Attributes:
        name: The licence as it was given; empty where none was.
        commercial: Whether commercial use is allowed; None where that can't be told.
        why: The reason, to be read after the name.
    """

    name: str
    commercial: bool | None
    why: str


def licence_of(text: str | None) -> Licence:
    """Return what a manifest's or a catalogue's licence says about commercial use.

    Args:
        text: SPDX identifiers, also joined by AND, OR, WITH and parentheses, or plain words. Plain
            words can forbid; only what is in :data:`LICENCES` allows.
    """
    name = " ".join((text or "").split())
    if not name:
        return Licence("", None, "isn't told")
    verdict = _listed(name) or _Expression(name).verdict() or _in_words(name)
    return Licence(name, *verdict)


def _slug(name: str) -> str:
    slug = _ENDING.sub("", _SEPARATORS.sub("-", name.casefold()))
    return slug.removeprefix("licenseref-").replace("open-rail", "openrail")


def _listed(name: str) -> _Verdict | None:
    slug = _slug(name)
    return _FAMILIES.get(slug) or _FAMILIES.get(_VERSION.sub("", slug))


def _in_words(name: str) -> _Verdict:
    return (False, _FORBIDS) if _FORBIDDING.search(_slug(name)) else (None, UNLISTED)


class _Expression:
    """An SPDX expression, read by the grammar: OR binds weakest, then AND, then WITH."""

    def __init__(self, text: str) -> None:
        self._tokens = [token.strip() for token in _TOKENS.findall(text) if token.strip()]

    def verdict(self) -> _Verdict | None:
        """Return the whole expression's verdict; None where it isn't one."""
        if len(self._tokens) < 2:
            return None
        try:
            verdict = self._either()
        except (IndexError, ValueError, RecursionError):
            return None
        return None if self._tokens else verdict

    def _either(self) -> _Verdict:
        parts = [self._both()]
        while self._takes("OR"):
            parts.append(self._both())
        return _first(parts, (True, None, False))

    def _both(self) -> _Verdict:
        parts = [self._one()]
        while self._takes("AND"):
            parts.append(self._one())
        return _first(parts, (False, None, True))

    def _one(self) -> _Verdict:
        token = self._tokens.pop(0)
        if token == "(":  # noqa: S105 - a parenthesis is no password
            verdict = self._either()
            if self._tokens.pop(0) != ")":
                raise ValueError("a parenthesis isn't closed")
            return verdict
        if token.upper() in (")", "AND", "OR", "WITH"):
            raise ValueError("a licence is missing")
        found = _listed(token)
        if found is None:
            if " " in token:
                raise ValueError("these are plain words")
            found = _in_words(token)
        # An exception only adds permissions; anything else after WITH may take some away.
        if self._takes("WITH") and "exception" not in self._tokens.pop(0).casefold():
            return None, UNLISTED
        return found

    def _takes(self, word: str) -> bool:
        if self._tokens and self._tokens[0].upper() == word:
            del self._tokens[0]
            return True
        return False


def _first(parts: list[_Verdict], order: tuple[bool | None, ...]) -> _Verdict:
    return min(parts, key=lambda part: order.index(part[0]))


class Policy(NamedTuple):
    """What the user's use demands of weights.

    Attributes:
        commercial: The use is commercial: weights that forbid it, or don't say, are refused.
    """

    commercial: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any] | Policy | None) -> Policy:
        """Return a policy as it is configured: ``{"commercial": True}``.

        Raises:
            BadConfig: A key is unknown or a value isn't a bool.
        """
        if given is None or isinstance(given, Policy):
            return given or cls()
        if not isinstance(given, Mapping):
            raise BadConfig(f"policy is {shown(given)}; give a mapping: {{'commercial': True}}")
        for key, value in given.items():
            if key not in cls._fields:
                raise BadConfig(f"policy has no {key!r}; {suggest(str(key), cls._fields)}")
            if not isinstance(value, bool):
                raise BadConfig(f"policy {key!r} is {shown(value)}; give True or False")
        return cls(**given)

    def allows(self, licence: str | None) -> bool:
        """Tell whether weights of this licence may be used."""
        return not self.commercial or licence_of(licence).commercial is True

    def check(
        self, label: str, model: str | None, licence: str | None, instead: Collection[str] = ()
    ) -> None:
        """Refuse weights that the policy doesn't allow.

        Args:
            label: The binding, as ``modality/name``.
            model: Its model, or None where it has none.
            licence: The licence of the model's weights; where its catalogue tells none, that of
                the binding's weights.
            instead: Models that the policy allows, for the message.

        Raises:
            LicenceForbids: It forbids commercial use or doesn't say.
        """
        if self.allows(licence):
            return
        name, commercial, why = licence_of(licence)
        who = f"the model {model!r} of {label}" if model else label
        said = f"its licence {name!r} {why}" if name else "the licence of its weights isn't told"
        doubt = "" if commercial is False else ", and what isn't sure is refused"
        named = f" ({', '.join(sorted(instead)[:5])})" if instead else ""
        raise LicenceForbids(
            f"{who} can't be used under the policy commercial=True: {said}{doubt}; choose another "
            f"model{named}, or leave the policy out if the use isn't commercial"
        )


# ── consent ──────────────────────────────────────────────────────────────────────────────────

SOUND_ENDINGS = (
    *(".wav", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".webm", ".aiff", ".aif"),
    *(".mp4", ".mov", ".pcm"),
)
_LONGEST_NAME = 256


def recording_options(schema: Schema) -> tuple[str, ...]:
    """Return the options that take a sound; of a binding that clones voices, they take a voice."""
    return tuple(
        option.name
        for option in schema.options
        if "audio" in (option.type.kind, option.type.item.kind if option.type.item else "")
    )


def consent_needed(
    clones: bool,
    voice: object,
    known_voices: Collection[str] = (),
    recordings: Iterable[object] = (),
) -> bool:
    """Tell whether a call would clone the voice of a person from a recording.

    Args:
        clones: Whether the binding can clone voices.
        voice: The voice as it was given. A name is none of: a path that exists, a file name of a
            sound, a ``data:`` URI, base64 text.
        known_voices: The binding's own voices, which never need consent.
        recordings: What was given for :func:`recording_options`.
    """
    if not clones:
        return False
    if any(recording is not None for recording in recordings):
        return True
    if voice is None:
        return False
    if not isinstance(voice, str):
        return True
    return voice not in known_voices and _is_recording(voice)


def _is_recording(voice: str) -> bool:
    # Base64 text of a recording has thousands of characters; no voice has so long a name.
    if len(voice) > _LONGEST_NAME:
        return True
    text = voice.strip().casefold()
    if text.startswith(("data:", "http://", "https://")) or text.endswith(SOUND_ENDINGS):
        return True
    return os.path.exists(os.path.expanduser(voice))  # noqa: PTH110, PTH111


def consent_of(given: object, error: type[UsageError] = BadOption) -> bool | None:
    """Return ``consent`` as the call or the configuration gave it; None where it isn't given.

    Raises:
        BadOption: It isn't a bool (another error where ``error`` says so). Consent is said in so
            many words: 1 and ``"yes"`` aren't consent.
    """
    if given is None or isinstance(given, bool):
        return given
    raise error(f"consent is {shown(given)}; give True, and only with the speaker's permission")


def check_consent(label: str, call: object, configuration: object = None) -> None:
    """Refuse to clone a voice without consent; the call's word goes before the configuration's.

    Raises:
        ConsentMissing: Neither says True, or the call says False.
        BadOption: The call's isn't a bool.
        BadConfig: The configuration's isn't a bool.
    """
    configured = consent_of(configuration, BadConfig)
    said = consent_of(call)
    if configured if said is None else said:
        return
    raise ConsentMissing(
        f"{label} would clone a voice from a recording; give consent=True in the call, or "
        "consent: true in the binding's configuration, if the person whose voice it is has given "
        "you permission"
    )
