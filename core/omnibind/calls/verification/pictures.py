"""The rules of pictures and videos."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from omnibind.calls.verification.content import is_judged_further
from omnibind.calls.verification.rules import Case
from omnibind.calls.verification.sounds import judge_duration
from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import Image, Video

if TYPE_CHECKING:
    import numpy as np

    Pixels = np.ndarray[Any, np.dtype[np.uint8]]

BLACK = 8
"""Brightest value of a black picture, of 255; encoders make 0 a little lighter."""
ONE_COLOUR = 2
"""How far the values of one colour may lie apart, of 255."""

# A prompt of these words alone asks for a plain picture; "a cat on a white background" doesn't.
_PLAIN_WORDS = """
    a an the of in with to and just only all one single nothing but no text draw paint make show
    fill filled completely entirely totally fully absolutely pure pitch plain solid uniform flat
    blank empty clear dark darkness light bright deep pale simple minimal monochrome minimalist
    color colour colored coloured
    black white grey gray red green blue yellow orange purple violet pink brown beige cyan magenta
    turquoise navy teal
    image picture photo video clip screen frame background backdrop canvas square rectangle surface
    wall wallpaper paper page sheet texture void night"""
_WORD = re.compile(r"[^\W\d_]+")


def judge_image(case: Case, picture: Image) -> None:
    """Judge a picture."""
    if not is_judged_further(case, picture, "a picture"):
        return
    try:
        pixels = picture.array()
    except BadInput as error:
        case.refuse("decodes", f"bytes that aren't a picture: {error}")
        return
    fault = _fault(pixels)
    if fault and not _plain_asked(case):
        case.refuse(fault, f"a picture that is {_told(fault, pixels)}")


def judge_video(case: Case, video: Video) -> None:
    """Judge a video: its frames up to the first that shows something."""
    if not is_judged_further(case, video, "a video"):
        return
    from omnibind.contracts.media import codecs

    faults: set[str | None] = set()
    count, pixels = 0, None
    try:
        for pixels in codecs.decode_video(video, name="it"):
            count += 1
            faults.add(_fault(pixels))
            if faults not in ({"black"}, {"flat"}):
                break
        seconds = codecs.probe_video(video, name="it").duration_s
    except BadInput as error:
        case.refuse("decodes", f"bytes that aren't a video: {error}")
        return
    if pixels is None:
        case.refuse("empty", "a video without a frame")
        return
    fault = faults.pop() if len(faults) == 1 else None
    if fault and not _plain_asked(case):
        case.refuse(fault, f"a video whose {count} frames are all {_told(fault, pixels)}")
    judge_duration(case, seconds)


def _fault(pixels: Pixels) -> str | None:
    """Return ``black`` or ``flat`` for a picture that shows nothing."""
    visible = pixels[:, :, :3]
    if pixels.shape[2] == 4:
        alpha = pixels[:, :, 3]
        if int(alpha.max()) - int(alpha.min()) > ONE_COLOUR:
            return None  # a shape that is cut out, whatever its colour
        if not alpha.max():
            return "flat"
    if int(visible.max()) <= BLACK:
        return "black"
    first = visible[0, 0].astype("int16")
    middle = visible[len(visible) // 2, visible.shape[1] // 2]
    if abs(first - middle).max() > ONE_COLOUR:
        return None
    spread = visible.max(axis=(0, 1)).astype("int16") - visible.min(axis=(0, 1))
    return "flat" if spread.max() <= ONE_COLOUR else None


def _told(fault: str, pixels: Pixels) -> str:
    if fault == "black":
        return "black"
    if pixels.shape[2] == 4 and not pixels[:, :, 3].max():
        return "wholly transparent"
    return f"of one colour, {tuple(int(value) for value in pixels[0, 0, :3])}"


def _plain_asked(case: Case) -> bool:
    words = _WORD.findall((case.expected.text or "").lower())
    return bool(words) and set(_PLAIN_WORDS.split()).issuperset(words)
