"""The rules of transcripts."""

from __future__ import annotations

import re
from typing import NamedTuple

from omnibind.calls.verification.rules import Case
from omnibind.contracts.errors import OmnibindError
from omnibind.contracts.media import Source, Transcript

TIMES = 12
"""How often a phrase must come in a row to be a loop; a song's chorus seldom does."""
CHARACTERS = 120
"""How many characters that must be: "no, no, no, no" is short."""
LONGEST_PHRASE = 200

SPEECH_S = 1.0
"""Seconds of speech that a detector must hear before an empty transcript is wrong."""
LISTENED_S = 300
VAD_RATE = 16_000

# What engines write for what isn't speech, as [Music], once every few seconds.
_NO_WORDS = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|[♪♫]")


class Loop(NamedTuple):
    """A phrase that comes again and again: the phrase, how often, its share of the text."""

    phrase: str
    times: int
    share: float


def judge_transcript(case: Case, transcript: Transcript) -> None:
    """Judge a transcript."""
    if not transcript.strip():
        _judge_empty(case)
        return
    found = loop(transcript) if case.judges("repeats") else None
    if found is None:
        return
    phrase = found.phrase.strip(" .,;:") or found.phrase
    told = f"{phrase[:40]!r} {found.times} times in a row"
    if found.share >= 0.5:
        case.refuse("repeats", told)
    else:
        case.warn("repeats", f"wrote {told}; the words around it may be missing")


def loop(text: str) -> Loop | None:
    """Return the longest loop in a text, or None; it works in every language."""
    letters = " ".join(_NO_WORDS.sub(" ", text).casefold().split()) + " "
    if len(letters) < CHARACTERS:
        return None
    import numpy as np

    codes = np.frombuffer(letters.encode("utf-32-le", "surrogatepass"), np.uint32)
    longest, phrase = 0, ""
    for period in range(1, min(LONGEST_PHRASE, len(codes) // TIMES) + 1):
        edges = np.flatnonzero(codes[period:] != codes[:-period])
        runs = np.diff(edges, prepend=-1, append=len(codes) - period) - 1 + period
        run = int(runs.max())
        # A multiple of the period is the same loop, and never longer.
        if run > longest and run >= max(CHARACTERS, TIMES * period):
            start = int(np.concatenate(([-1], edges))[runs.argmax()]) + 1
            longest, phrase = run, letters[start : start + period]
            if start and letters[start - 1] != " ":  # the word before ends as the phrase does
                head, space, tail = phrase.partition(" ")
                phrase = tail + head + space
    if not longest:
        return None
    return Loop(phrase, longest // len(phrase), longest / len(letters))


def _judge_empty(case: Case) -> None:
    if not case.judges("speech"):
        return
    sound = case.expected.sound
    seconds = speech_s(sound) if sound is not None else None
    if seconds is not None and seconds >= SPEECH_S:
        case.refuse("speech", f"no words, and {seconds:.1f} s of speech can be heard")
    case.warn("speech", "heard no speech")


def speech_s(sound: Source) -> float | None:
    """Return the seconds of speech that a detector hears in the first minutes of a sound.

    None where no detector is installed or the sound can't be read again.
    """
    from importlib.util import find_spec

    if find_spec("faster_whisper") is None or find_spec("onnxruntime") is None:
        return None
    try:
        samples = sound.array(VAD_RATE)[: LISTENED_S * VAD_RATE]
    except OmnibindError:
        return None
    from faster_whisper.vad import VadOptions, get_speech_timestamps  # type: ignore[import-untyped]

    options = VadOptions(min_speech_duration_ms=250, min_silence_duration_ms=200, speech_pad_ms=0)
    found = get_speech_timestamps(samples, options)
    return float(sum(stretch["end"] - stretch["start"] for stretch in found)) / VAD_RATE
