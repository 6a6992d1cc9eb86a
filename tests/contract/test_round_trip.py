"""What Piper says is what Whisper hears: ten sentences with numbers and names, in one process."""

from __future__ import annotations

from pathlib import Path

import jiwer
from whisper_normalizer.english import EnglishTextNormalizer  # type: ignore[import-untyped]

from omnibind import Client

MOST_WRONG = 0.10


def test_ten_sentences_are_spoken_and_read_back() -> None:
    written = (Path(__file__).parents[1] / "sentences.txt").read_text(encoding="utf-8").splitlines()
    plain = EnglishTextNormalizer()
    with Client(tts="piper", stt="faster_whisper/tiny.en") as client:
        spoken = [client.tts.generate_audio(sentence) for sentence in written]
        heard = [client.stt.transcribe_audio(sound) for sound in spoken]
    assert len(written) == 10
    wrong = jiwer.wer([plain(s) for s in written], [plain(str(t)) for t in heard])
    assert wrong <= MOST_WRONG, f"{wrong:.1%} of the words are wrong: {[str(t) for t in heard]}"
