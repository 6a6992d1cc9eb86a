"""How long a text may take to be spoken.

Two counts of a text are made. What is surely spoken, letters and digits, gives the shortest time
that is believed; what may be spoken, where digits, symbols and emoji become words and initials are
spelled, gives the longest. scripts/verification_rates.py measures both rates on real voices.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Rates(NamedTuple):
    """Bounds of a language at speed 1.

    Attributes:
        fastest: Letters and digits a second that no voice passes.
        slowest: Characters a second, of all that may be spoken, that no voice falls below.
    """

    fastest: float
    slowest: float


ENGLISH = Rates(25.0, 5.0)
ANY_LANGUAGE = Rates(50.0, 2.0)

SHORT_BY_S = 0.5
"""Seconds that a speech may lack: short texts are hurried, and ends are trimmed."""
LONG_BY_S = 3.0
"""Seconds that a speech may add: silence around it, and the breath before a short text."""

_TAG = re.compile(r"<[^<>]{1,500}>")
_PHONEMES = re.compile(r"\[\[.{1,1000}?\]\]", re.DOTALL)
_DIRECTION = re.compile(r"\[[^\[\]]{1,100}\]")
_RUN = re.compile(r"(.)\1{2,}", re.DOTALL)
_WORD = re.compile(r"[^\W_]+")
_SPELLED = re.compile(r"\w*\d\w*|[A-Z]+s?|[^\W\daeiouyAEIOUY]+")
_FOREIGN = re.compile(r"[^\W\d_a-zA-Z\u00c0-\u024f]")

# What takes longer to speak than a letter does, in letters.
_DIGIT = 10  # the 7 of 1,700,000 is "seven hundred thousand"
_SPELLED_LETTER = 6  # "W" is "double-u"
_FOREIGN_LETTER = 6  # a Chinese character is a word, and some voices name each foreign letter
_PAUSE = 7
_SYMBOL = 12  # "=" is "is equal to"
_PICTURE = 45  # an emoji may be spoken as its whole name
_PAUSES = frozenset(".,;:!?…'\"’‘“”()[]{}-–—\n")


def bounds(text: str, language: str | None, speed: float) -> tuple[float, float]:
    """Return the shortest and the longest time in seconds that ``text`` may take.

    Args:
        text: What was to be spoken; tags and ``[[phonemes]]`` may be in it.
        language: BCP 47 tag; English in Latin letters has bounds of its own.
        speed: Tempo that was asked for.
    """
    surely, at_most = counts(text)
    english = language is not None and language.replace("_", "-").partition("-")[0].lower() == "en"
    rates = ENGLISH if english and not _FOREIGN.search(text) else ANY_LANGUAGE
    shortest = surely / rates.fastest / speed - SHORT_BY_S
    return max(0.0, shortest), at_most / rates.slowest / speed + LONG_BY_S / min(speed, 1.0)


def has_words(text: str) -> bool:
    """Whether anything but pauses is to be spoken."""
    return any(map(str.isalnum, _TAG.sub(" ", text)))


def counts(text: str) -> tuple[int, int]:
    """Return how many letters and digits are surely spoken, and how many letters' time is the most.

    Tags, phonemes and directions as ``[laughs]`` may be spoken or not, and a stretched word may be
    spoken as its short form.
    """
    sure = _RUN.sub(r"\1\1", _DIRECTION.sub(" ", _PHONEMES.sub(" ", _TAG.sub(" ", text))))
    surely = sum(map(str.isalnum, sure))
    at_most = 0
    for word in _WORD.findall(text):
        if _SPELLED.fullmatch(word):
            digits = sum(map(str.isdigit, word))
            at_most += _DIGIT * digits + _SPELLED_LETTER * (len(word) - digits)
        else:
            at_most += len(word) + (_FOREIGN_LETTER - 1) * len(_FOREIGN.findall(word))
    for other in _WORD.sub("", text):
        if other in _PAUSES:
            at_most += _PAUSE
        elif other.isspace():
            at_most += 1
        else:
            at_most += _SYMBOL if other.isascii() else _PICTURE
    return surely, at_most
