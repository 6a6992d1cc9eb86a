"""What a caller gives, as a service takes it: converted and within its limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omnibind.calls.turns import Turns
from omnibind.contracts.effects import Run
from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import Audio, Image, Source
from omnibind.contracts.media.base import size
from omnibind.remote.requests import Upload

ASIDE = Turns(16, "omnibind-remote")
"""Where files are read and converted: an event loop can't wait for that."""

PICTURES = ("image/png", "image/jpeg", "image/webp")
"""What most services take."""

ENDINGS = {
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/mp4": "m4a",
    "audio/aac": "aac",
    "audio/webm": "webm",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "video/quicktime": "mov",
}


async def uploaded(
    given: Any,
    family: str,
    *,
    formats: Sequence[str],
    max_bytes: int | None = None,
    name: str = "",
) -> Upload:
    """Return a sound, picture or video to be sent; read and converted beside the event loop.

    Args:
        given: A path, bytes, an ``Audio`` or ``Image``, a ``Source``, …
        family: ``audio``, ``image`` or ``video``.
        formats: Media types that the service takes; others are converted to the first one.
        max_bytes: The most that the service takes.
        name: What it is called in messages and in the form; the family where it is empty.

    Raises:
        BadInput: It can't be read, can't be converted, or is too large for the service.
    """
    return await Run(ASIDE, lambda: _prepared(given, family, formats, max_bytes, name or family))


async def data_uri(
    given: Any,
    family: str,
    *,
    formats: Sequence[str],
    max_bytes: int | None = None,
    name: str = "",
) -> str:
    """Return what :func:`uploaded` does as a ``data:`` URI."""
    upload = await uploaded(given, family, formats=formats, max_bytes=max_bytes, name=name)
    return await Run(ASIDE, upload.data_uri)


def _prepared(
    given: Any, family: str, formats: Sequence[str], max_bytes: int | None, name: str
) -> Upload:
    source = Source.of(given, family)
    content, media_type = source.read(), source.media_type
    if media_type not in formats:
        content, media_type = _converted(content, family, media_type, formats, name)
    if max_bytes is not None and len(content) > max_bytes:
        raise BadInput(
            f"the {name} has {size(len(content))}; the service takes at most {size(max_bytes)}: "
            "give a smaller one"
        )
    return Upload(bytes(content), media_type, f"{name}.{ENDINGS.get(media_type, 'bin')}")


def _converted(
    content: bytes, family: str, media_type: str, formats: Sequence[str], name: str
) -> tuple[bytes, str]:
    from omnibind.contracts.media.save import encode

    if family not in ("audio", "image"):
        wanted = ", ".join(formats)
        raise BadInput(f"the {name} is {media_type}; the service takes {wanted}: convert it first")
    kind: type[Audio] | type[Image] = Audio if family == "audio" else Image
    return encode(kind(bytes(content)), ENDINGS[formats[0]]), formats[0]
