"""A fixed sentence with times, as many words as the sound is long.

Source: none; of the sound only its length and whether it is silent are looked at.
"""

from __future__ import annotations

from itertools import cycle, islice
from typing import Annotated, Literal

from omnibind.contracts import STTBinding
from omnibind.contracts.errors import UnknownModel, suggest
from omnibind.contracts.media import AudioInput, Segment, Source, Transcript, Word
from omnibind.contracts.options import Range

RATE = 16_000
SILENCE = 1e-3
SECONDS_A_WORD = 0.4
WORDS_A_SEGMENT = 9
SENTENCES = {
    "en": "The quick brown fox jumps over the lazy dog.",
    "de": "Der schnelle braune Fuchs springt über den faulen Hund.",
    "fr": "Le vif renard brun saute par-dessus le chien paresseux.",
}
MODELS = ("base", "tiny")


class MockSTT(STTBinding):
    """A fixed sentence: the same sound and options give the same transcript."""

    def __init__(
        self, *, model_name: Annotated[str, "the model where a call names none"] = "base"
    ) -> None:
        self._model_name = model_name

    def load(self) -> None:
        """Check the configured model.

        Raises:
            UnknownModel: There is no such model.
        """
        self._known(self._model_name)

    def transcribe_audio(
        self,
        audio_path: AudioInput,
        model: str | None = None,
        *,
        language: Annotated[
            Literal["en", "de", "fr"] | None, "spoken language; None takes it for English"
        ] = None,
        task: Annotated[
            Literal["transcribe", "translate"], "translate gives English words"
        ] = "transcribe",
        word_times: Annotated[bool, "give every word its times"] = False,
        temperature: Annotated[float, Range(0.0, 1.0), "at 1 the words run backwards"] = 0.0,
    ) -> Transcript:
        """Give one word every 0.4 seconds of sound; model ``tiny`` leaves out the punctuation."""
        model = self._known(self._model_name if model is None else model)
        language = language or "en"
        samples = Source.of(audio_path).array(RATE)
        duration_s = len(samples) / RATE
        is_silent = not len(samples) or float(abs(samples).max()) < SILENCE
        sentence = SENTENCES["en" if task == "translate" else language]
        words = sentence.split()
        if temperature > 0.5:
            words.reverse()
        if model == "tiny":
            words = [word.strip(".").lower() for word in words]
        count = 0 if is_silent else max(1, int(duration_s / SECONDS_A_WORD))
        segments = _segments(list(islice(cycle(words), count)), duration_s, word_times)
        return Transcript(
            " ".join(segment.text for segment in segments),
            segments,
            language=language,
            language_probability=1.0,
            duration_s=duration_s,
        )

    def list_models(self) -> list[str]:
        """Return the two models."""
        return list(MODELS)

    def _known(self, model: str) -> str:
        if model not in MODELS:
            hint = suggest(model, MODELS)
            raise UnknownModel(f"model {model!r} is unknown to {self.binding_name}; {hint}")
        return model


def _segments(words: list[str], duration_s: float, word_times: bool) -> list[Segment]:
    step = min(SECONDS_A_WORD, duration_s)
    timed = [Word(i * step, (i + 1) * step, word, 1.0) for i, word in enumerate(words)]
    segments = []
    for first in range(0, len(timed), WORDS_A_SEGMENT):
        group = tuple(timed[first : first + WORDS_A_SEGMENT])
        text = " ".join(word.text for word in group)
        segments.append(Segment(group[0].start, group[-1].end, text, group if word_times else ()))
    return segments
