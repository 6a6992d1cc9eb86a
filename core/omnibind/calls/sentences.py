"""A text cut into pieces that can be spoken one after another."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import category

MAX_CHARACTERS = 300

_CLAUSE_END = re.compile(r"\n|[,;:–—]\s+|[、，；：،؛]\s*")
_SPACE = re.compile(r"\s+")
_PARAGRAPH = re.compile(r"\n\s*\n\s*$")
_OPENING = "\"'([{«“‘„¿¡"
_JOINER = "\u200d"


def sentences(
    text: str, language: str | None = None, max_characters: int = MAX_CHARACTERS
) -> list[str]:
    """Return the sentences of ``text`` in order, without the white space around them.

    Nothing but white space is lost between them, and each has something that can be spoken, if the
    text has. A sentence that is too long is cut at its clauses, else at a space.

    Args:
        text: Free of lone surrogates.
        language: BCP 47 tag; what is known of abbreviations depends on it. None is English, whose
            rules end the sentences of other scripts too.
        max_characters: The longest piece, but for marks that can't be spoken.
    """
    from sentencex import segment  # type: ignore[import-untyped]

    spoken = (language or "en").replace("_", "-").partition("-")[0].lower()
    whole = _mended(segment(spoken, text))
    pieces = _speakable(part for piece in whole for part in _cut(piece, max_characters))
    return [piece.strip() for piece in pieces]


def _mended(parts: Iterable[str]) -> list[str]:
    """Undo the cuts after an abbreviation that the library doesn't know in this language.

    Two sentences in one piece are spoken as well as in two, but half a sentence isn't.
    """
    pieces: list[str] = []
    last = ""
    for part in parts:
        is_space = part.isspace()
        if pieces and (is_space or not _is_end(last, part)):
            pieces[-1] += part
        else:
            pieces.append(part)
        last = last + part if is_space else part
    return pieces


def _is_end(before: str, after: str) -> bool:
    told, following = before.rstrip(), after.lstrip()[:1]
    if _PARAGRAPH.search(before):
        return True
    if told == before and told.endswith((".", "!", "?")):
        return not following.isalnum()  # no space between them: a name such as Node.Js
    if not told.endswith("."):
        return True
    word = told.rsplit(maxsplit=1)[-1].lstrip(_OPENING)[:-1]
    if following.isdigit() and len(word) <= 6 and "\n" not in before:  # approx. 38
        return False
    if following.islower() and (len(word) <= 3 or "." in word):  # vol. two, d.w.z. dit
        return False
    # M. Dupont, Dr. House, der 1. FC
    return not (word.isalnum() and len(word) <= 2 and not word[0].islower())


def _cut(piece: str, most: int) -> list[str]:
    parts = []
    while len(piece) > most:
        place = _place(piece, most)
        parts.append(piece[:place])
        piece = piece[place:]
    return [*parts, piece]


def _place(piece: str, most: int) -> int:
    """Return where to cut a piece that is longer than ``most``."""
    window = piece[:most]
    for pattern, least in ((_CLAUSE_END, most // 2), (_SPACE, 0)):
        ends = [found.end() for found in pattern.finditer(window)]
        if ends and ends[-1] > least:
            return ends[-1]
    place = most
    while place > 1 and _is_attached(piece, place):
        place -= 1
    return place if place > 1 else most


def _is_attached(piece: str, place: int) -> bool:
    return category(piece[place]).startswith("M") or _JOINER in piece[place - 1 : place + 1]


def _speakable(parts: Iterable[str]) -> list[str]:
    """Join what has nothing to say to the piece before it, at the beginning to the one after it."""
    pieces: list[str] = []
    has_words = False
    for part in parts:
        says = _says_something(part)
        if pieces and not (says and has_words):
            pieces[-1] += part
        elif not part.isspace():
            pieces.append(part)
        has_words = has_words or says
    return pieces


def _says_something(part: str) -> bool:
    # Letters, numbers, and the symbols that have names: currencies and pictures.
    return any((kind := category(sign))[0] in "LN" or kind in ("Sc", "So") for sign in part)
