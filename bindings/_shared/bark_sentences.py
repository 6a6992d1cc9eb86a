"""Long texts cut into what Bark can say at once."""

from __future__ import annotations

import re

MOST = 200
"""About 13 seconds of speech, all that Bark can say at once, in letters."""

_WIDE = re.compile(r"[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff]")
_CLAUSE = re.compile(r".*(?:[,;:–—]\s|[、，；：])", re.DOTALL)
_WORD = re.compile(r".*\s", re.DOTALL)


def sentences_of(text: str, language: str | None) -> list[str]:
    """Return the sentences of a text, each short enough for Bark; at least one.

    Args:
        text: What is to be said.
        language: What is known of abbreviations depends on it; None is English.
    """
    from sentencex import segment  # type: ignore[import-untyped]

    pieces: list[str] = []
    for sentence in segment(language or "en", text):
        if pieces and not any(map(str.isalnum, sentence)):
            pieces[-1] += sentence
        elif sentence.strip():
            pieces += _cut(sentence)
    return [piece.strip() for piece in pieces] or [text]


def _cut(piece: str) -> list[str]:
    parts = []
    while _weight(piece) > MOST:
        window = piece[:MOST]
        while _weight(window) > MOST:
            window = window[:-1]
        for end in (_CLAUSE, _WORD):
            found = end.match(window)
            if found and found.end() > len(window) // 3:
                window = found[0]
                break
        parts.append(window)
        piece = piece[len(window) :]
    return [*parts, piece] if piece.strip() else parts


def _weight(text: str) -> int:
    """Return how long a text takes, in letters; a sign that is a syllable takes three."""
    return len(text) + 2 * len(_WIDE.findall(text))
