"""Speak ten sentences by every voice and read them back: ``python scripts/word_error_rates.py``.

Prints how many of a hundred words come back wrong, as a table in Markdown: a row for each engine
that reads, a column for each that speaks. ``omnibind pull`` fetches the weights; where they or an
engine are missing, the row or column is left out with the reason.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import jiwer
from whisper_normalizer.english import EnglishTextNormalizer  # type: ignore[import-untyped]

from omnibind import Audio, Client

SENTENCES = Path(__file__).parents[1] / "tests" / "sentences.txt"
VOICES = ("piper/en_US-joe-medium", "kokoro/v1.0.int8")
READERS = ("faster_whisper/tiny.en", "faster_whisper/base", "whisper/tiny.en", "whispercpp/tiny")


def spoken(voice: str, sentences: Sequence[str]) -> list[Audio]:
    """Return each sentence as the default voice of an engine says it."""
    with Client(tts=voice) as client:
        return [client.tts.generate_audio(sentence) for sentence in sentences]


def heard(reader: str, sounds: Sequence[Audio]) -> list[str]:
    """Return what an engine reads out of each sound."""
    with Client(stt=reader) as client:
        return [str(client.stt.transcribe_audio(sound)) for sound in sounds]


def word_error_rate(written: Sequence[str], read: Sequence[str]) -> float:
    """Return the share of wrong words, 0 and up, after numbers and spelling are made alike."""
    plain = EnglishTextNormalizer()
    rate: float = jiwer.wer([plain(one) for one in written], [plain(one) for one in read])
    return rate


def why_not(modality: str, name: str) -> str:
    """Return why an engine isn't ready; nothing where it is."""
    client = Client(tts=name) if modality == "tts" else Client(stt=name)
    handle = client.tts if modality == "tts" else client.stt
    return "" if handle else str(handle.state)


def main() -> int:
    """Print the table; return 1 where nothing could be measured."""
    argparse.ArgumentParser(description="Count the words that come back wrong.").parse_args()
    written = SENTENCES.read_text(encoding="utf-8").splitlines()
    missing = {
        name: reason
        for modality, names in (("tts", VOICES), ("stt", READERS))
        for name in names
        if (reason := why_not(modality, name))
    }
    for name, reason in missing.items():
        print(f"{name} is left out: {reason}", file=sys.stderr)
    sounds = {voice: spoken(voice, written) for voice in VOICES if voice not in missing}
    readers = [reader for reader in READERS if reader not in missing]
    if not sounds or not readers:
        return 1
    print(f"| read by | {' | '.join(f'spoken by {voice}' for voice in sounds)} |")
    print(f"|---|{'---|' * len(sounds)}")
    for reader in readers:
        rates = [word_error_rate(written, heard(reader, those)) for those in sounds.values()]
        print(f"| {reader} | {' | '.join(f'{rate:.1%}' for rate in rates)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
