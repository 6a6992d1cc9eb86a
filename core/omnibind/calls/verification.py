"""What every result must be: it decodes, it isn't empty, it isn't silent."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from omnibind.contracts.errors import BadInput, BadOutput
from omnibind.contracts.media import Audio, Image, Transcript, Video

SILENCE = 1e-4
"""Peak below which a sound is silent, of full scale 1.0: -80 dB."""


def verify(result: Any, label: str) -> tuple[str, ...]:
    """Check a result by the rules of its type.

    Returns:
        Warnings about a result that is usable all the same.

    Raises:
        BadOutput: It isn't usable; ``.rule`` names the rule, ``.result`` is the result.
    """
    for type_, check in _CHECKS.items():
        if isinstance(result, type_):
            return check(result, label)
    raise TypeError(f"{type(result).__name__} has no rules")


def _refuse(result: Any, label: str, rule: str, found: str) -> BadOutput:
    return BadOutput(f"{label} returned {found}", result=result, rule=rule)


def _check_audio(result: Audio, label: str) -> tuple[str, ...]:
    if not result:
        raise _refuse(result, label, "empty", "no bytes; a sound was expected")
    from omnibind.contracts.media import codecs

    try:
        samples, _ = codecs.decode_audio(result, name="it", native=True)
    except BadInput as error:
        raise _refuse(result, label, "decodes", f"bytes that aren't a sound: {error}") from error
    if not samples.size:
        raise _refuse(result, label, "empty", "a sound of no length")
    lowest, highest = float(samples.min()), float(samples.max())
    if not (isfinite(lowest) and isfinite(highest)):
        raise _refuse(result, label, "nan", "a sound with samples that are NaN or infinite")
    full_scale = 32768.0 if samples.dtype.kind == "i" else 1.0
    if max(-lowest, highest) < SILENCE * full_scale:
        raise _refuse(result, label, "silent", f"{result.duration_s:.2f} s of silence")
    return ()


def _check_image(result: Image, label: str) -> tuple[str, ...]:
    if not result:
        raise _refuse(result, label, "empty", "no bytes; a picture was expected")
    try:
        result.array()
    except BadInput as error:
        raise _refuse(result, label, "decodes", f"bytes that aren't a picture: {error}") from error
    return ()


def _check_video(result: Video, label: str) -> tuple[str, ...]:
    if not result:
        raise _refuse(result, label, "empty", "no bytes; a video was expected")
    try:
        first = next(iter(result.frames()), None)
    except BadInput as error:
        raise _refuse(result, label, "decodes", f"bytes that aren't a video: {error}") from error
    if first is None:
        raise _refuse(result, label, "empty", "a video without a frame")
    return ()


def _check_transcript(result: Transcript, label: str) -> tuple[str, ...]:
    if result.strip():
        return ()
    import logging

    warning = f"{label} heard no speech"
    logging.getLogger("omnibind.verification").warning(warning)
    return (warning,)


_CHECKS: dict[type, Callable[[Any, str], tuple[str, ...]]] = {
    Audio: _check_audio,
    Image: _check_image,
    Video: _check_video,
    Transcript: _check_transcript,
}
