"""What is asked of whisper.cpp, what it answers, and what its log says of failures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from omnibind.contracts.errors import CallFailed, OmnibindError, OutOfMemory, WeightsDamaged
from omnibind.contracts.media import Segment, Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

Report = Callable[[float | None], None]
"""Told now and then how far a call is, 0..1 or None; raises if it is over."""

_DETECTED = re.compile(r"auto-detected language: (\w+) \(p = ([\d.]+)\)")
_FATAL = re.compile(r"^error: |failed to process audio|failed to load model|no tensors loaded")
_OF_THE_MODEL = re.compile(r"whisper context|failed to load model|no tensors loaded")
_REASON = re.compile(r"ERROR|invalid|bad magic|unknown|no tensors", re.IGNORECASE)
_MEMORY = re.compile(r"out of memory|failed to allocate|bad_alloc|bad allocation", re.IGNORECASE)

# In these a token stands for a word, because no space does.
_WITHOUT_SPACES = frozenset(("zh", "ja", "th", "lo", "my", "yue"))
_NOTHING = "[BLANK_AUDIO]"


class Order(NamedTuple):
    """What is to be done with a sound.

    Attributes:
        language: In Whisper's spelling, or ``auto``.
        translate: Whether English words are wanted.
        prompt: Text as if it had been said before.
        temperature: None goes up from 0 where that fails.
        word_times: Whether tokens are wanted.
        beam_size: Texts followed at once; None is the engine's own choice.
        vad_model: What leaves out all but speech; None keeps it all.
        n_threads: None is whisper.cpp's own choice.
    """

    language: str
    translate: bool
    prompt: str
    temperature: float | None
    word_times: bool
    beam_size: int | None
    vad_model: Path | None
    n_threads: int | None


class Token(NamedTuple):
    """A part of a word; times in seconds."""

    start: float
    end: float
    text: str
    probability: float


class Piece(NamedTuple):
    """A stretch of speech; times in seconds, tokens only where they are wanted."""

    start: float
    end: float
    text: str
    tokens: tuple[Token, ...] = ()


class Heard(NamedTuple):
    """The whole answer, and how sure a detected language is."""

    pieces: list[Piece]
    language: str
    probability: float | None


class Engine(Protocol):
    """Something that listens with one model."""

    def listen(self, samples: Samples, order: Order, report: Report) -> Heard:
        """Write down a sound of 16 kHz."""


def segments_of(heard: Heard, duration_s: float) -> list[Segment]:
    """Return what was said, with times inside the sound; a window may end after it."""
    segments = []
    for piece in heard.pieces:
        text = piece.text.strip()
        if text and text != _NOTHING:
            end = min(piece.end, duration_s)
            start = min(piece.start, end)
            words = _words(piece.tokens, heard.language in _WITHOUT_SPACES, start, end)
            segments.append(Segment(start, end, text, tuple(words)))
    return segments


def _words(tokens: Iterable[Token], alone: bool, start: float, end: float) -> list[Word]:
    groups: list[list[Token]] = []
    for token in tokens:
        begins = token.text.startswith(" ") or (alone and any(map(str.isalnum, token.text)))
        if begins or not groups:
            groups.append([])
        groups[-1].append(token)
    words = []
    for group in groups:
        text = "".join(token.text for token in group).strip()
        first, last = (min(max(time, start), end) for time in (group[0].start, group[-1].end))
        probability = sum(token.probability for token in group) / len(group)
        if text:
            words.append(Word(first, max(first, last), text, probability))
    return words


def probability_in(log: Iterable[str]) -> float | None:
    """Return how sure whisper.cpp is of the language that it detected; None if it did not."""
    for line in log:
        found = _DETECTED.search(line)
        if found:
            return float(found[2])
    return None


def fault_in(log: Sequence[str], model: Path) -> OmnibindError | None:
    """Return the error that a log tells of, or None.

    A model that was cut short can load as an empty one that hears nothing, which is only a warning
    to whisper.cpp.
    """
    fatal = [line for line in log if _FATAL.search(line)]
    if not fatal:
        return None
    told = "; ".join(dict.fromkeys(line.strip() for line in log if _REASON.search(line)))
    reason = told or fatal[-1].strip()
    if any(_MEMORY.search(line) for line in log):
        return OutOfMemory(f"memory ran out while whisper.cpp worked with {model}: {reason}")
    if any(_OF_THE_MODEL.search(line) for line in fatal):
        return WeightsDamaged(f"{model} can't be loaded by whisper.cpp: {reason}; get it again")
    return CallFailed(f"whisper.cpp failed: {reason}")
