"""The rules of sounds."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any

from omnibind.calls.verification.content import is_judged_further
from omnibind.calls.verification.length import bounds, has_words
from omnibind.calls.verification.rules import Case
from omnibind.contracts.errors import BadInput
from omnibind.contracts.media import Audio

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, np.dtype[Any]]

SILENCE = 1e-4
"""Peak below which a sound is silent, of full scale 1.0: -80 dB."""
FULL_SCALE = 0.999
CLIPPED = 1 / 3
"""Share of samples at full scale from which a sound is clipped."""
PAUSE = 1e-3
"""Peak below which a stretch of speech is a pause, of full scale 1.0: -60 dB."""
BLOCK_S = 0.02
FACTOR = 2.0
"""How many times shorter or longer than asked for a sound or video may be."""

_SILENCE_ASKED = re.compile(r"\bsilen(?:ce|t)\b|\bno (?:sound|audio|music|noise)\b", re.IGNORECASE)


def judge_audio(case: Case, sound: Audio) -> None:
    """Judge a sound."""
    if not is_judged_further(case, sound, "a sound"):
        return
    from omnibind.contracts.media import codecs

    try:
        samples, rate = codecs.decode_audio(sound, name="it", native=True)
    except BadInput as error:
        case.refuse("decodes", f"bytes that aren't a sound: {error}")
        return
    if not samples.size:
        case.refuse("empty", "a sound of no length")
        return
    seconds = len(samples) / rate
    is_silent = _judge_levels(case, samples, seconds)
    judge_duration(case, seconds)
    if case.label.startswith("tts/") and not is_silent:
        _judge_length(case, samples, rate)


def judge_duration(case: Case, seconds: float) -> None:
    """Judge a length against the one that was asked for."""
    asked = case.expected.duration_s
    if asked and not asked / FACTOR <= seconds <= asked * FACTOR:
        case.refuse("duration", f"{seconds:.2f} s; {asked:g} s were asked for")


def _judge_levels(case: Case, samples: Samples, seconds: float) -> bool:
    """Judge the values of the samples; True where the sound is silent."""
    lowest, highest = float(samples.min()), float(samples.max())
    if not (isfinite(lowest) and isfinite(highest)):
        case.refuse("nan", "a sound with samples that are NaN or infinite")
        return False
    scale = 32768.0 if samples.dtype.kind == "i" else 1.0
    if max(-lowest, highest) < SILENCE * scale:
        if not _silence_asked(case):
            case.refuse("silent", f"{seconds:.2f} s of silence")
        return True
    if highest - lowest < SILENCE * scale:
        case.refuse("flat", f"{seconds:.2f} s of one value, {highest / scale:.3g} of full scale")
    limit = FULL_SCALE * scale
    if max(-lowest, highest) >= limit:
        import numpy as np

        full = np.count_nonzero(samples >= limit) + np.count_nonzero(samples <= -limit)
        if full >= CLIPPED * samples.size:
            share = full / samples.size
            case.refuse("clipped", f"a sound with {share:.0%} of its samples at full scale")
    return False


def _silence_asked(case: Case) -> bool:
    text = case.expected.text
    if text is None:
        return False
    if case.label.startswith("tts/"):
        return not has_words(text)
    return bool(_SILENCE_ASKED.search(text))


def _judge_length(case: Case, samples: Samples, rate: int) -> None:
    text, speed = case.expected.text, case.expected.speed
    if text is None or "<prosody" in text or not speed > 0:
        return
    seconds = len(samples) / rate
    shortest, longest = bounds(text, case.expected.language, speed)
    asked = f"the {len(text)} characters of the text take {shortest:.2f} to {longest:.1f} s"
    if seconds < shortest:
        case.refuse("length", f"{seconds:.2f} s of speech; {asked}")
    elif seconds > longest:
        spoken = seconds - _pauses_s(samples, rate, at_the_ends="<break" in text)
        if spoken > longest:
            case.refuse("length", f"{seconds:.2f} s of speech; {asked}")


def _pauses_s(samples: Samples, rate: int, *, at_the_ends: bool) -> float:
    """Return the seconds of pauses between words, which an option or the text may ask for."""
    import numpy as np

    block = max(1, round(BLOCK_S * rate))
    whole = samples[: len(samples) // block * block].reshape(-1, block * samples.shape[1])
    scale = 32768.0 if samples.dtype.kind == "i" else 1.0
    loud = (whole.max(axis=1) >= PAUSE * scale) | (whole.min(axis=1) <= -PAUSE * scale)
    if not at_the_ends:
        heard = np.flatnonzero(loud)
        loud = loud[heard[0] : heard[-1]] if len(heard) else loud[:0]
    return float(np.count_nonzero(~loud)) * block / rate
