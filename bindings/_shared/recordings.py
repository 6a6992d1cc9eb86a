"""The voice of a recording, as a call may name it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omnibind.contracts.errors import UnknownVoice, suggest

LONGEST_NAME = 255


def recording_of(voice: str, of: str, known: Sequence[str]) -> str:
    """Return a recording that was given as text: a path, base64 text or a ``data:`` URI.

    Args:
        voice: What was given, and is none of the voices' names.
        of: Whose voices they are, for the message.
        known: Their names, sorted.

    Raises:
        UnknownVoice: There is no such file.
    """
    if voice.startswith("data:") or len(voice) > LONGEST_NAME:
        return voice
    path = Path(voice).expanduser()
    if path.is_file():
        return str(path)
    raise UnknownVoice(
        f"voice {voice!r} is unknown to {of}, and there is no file of that name; "
        f"{suggest(voice, known)}, or give the path of a recording"
    )
