"""Subtitles as services send them, read into segments."""

from __future__ import annotations

import re

from omnibind.contracts.media import Segment

_TIMES = re.compile(r"((?:\d+:)?\d+:\d+[.,]\d+)\s*-->\s*((?:\d+:)?\d+:\d+[.,]\d+)")


def segments_of(text: str) -> list[Segment]:
    """Return the segments of SRT or WebVTT text."""
    segments: list[Segment] = []
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        found = _TIMES.search(block)
        if found is None:
            continue
        words = " ".join(block[found.end() :].partition("\n")[2].split())
        segments.append(Segment(_seconds(found[1]), _seconds(found[2]), words))
    return segments


def _seconds(clock: str) -> float:
    total = 0.0
    for piece in clock.replace(",", ".").split(":"):
        total = total * 60 + float(piece)
    return total
