"""Tones instead of speech: one a word, as long as the word, at the voice's pitch.

Source: none; the sound is computed from text, voice and options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal
from zlib import crc32

from omnibind.contracts import TTSBinding
from omnibind.contracts.errors import UnknownVoice, suggest
from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range

if TYPE_CHECKING:
    import numpy as np

    Samples = np.ndarray[Any, np.dtype[np.float64]]

RATE = 22_050
SECONDS_A_CHARACTER = 0.06
GAP_S = 0.04
PITCH_HZ = {"alto": 330.0, "bass": 110.0, "soprano": 520.0, "tenor": 200.0}
OVERTONES = {"en": (1.0, 0.4, 0.1), "de": (1.0, 0.1, 0.5), "fr": (1.0, 0.3, 0.0, 0.3)}


class MockTTS(TTSBinding):
    """Tones instead of speech: the same text, voice and options give the same bytes."""

    def __init__(
        self, *, default_voice: Annotated[str, "the voice where a call names none"] = "alto"
    ) -> None:
        self._default_voice = default_voice

    def load(self) -> None:
        """Check the configured voice.

        Raises:
            UnknownVoice: There is no such voice.
        """
        self._pitch(self._default_voice)

    def generate_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        language: Annotated[Literal["en", "de", "fr"], "changes the tone's colour"] = "en",
        speed: Annotated[float, Range(0.5, 2.0), "tempo; 1.0 is natural"] = 1.0,
        instructions: Annotated[str, "how to speak; moves the pitch by a little"] = "",
        temperature: Annotated[float, Range(0.0, 2.0), "how far words stray from the pitch"] = 1.0,
        output_format: Annotated[Literal["wav", "flac", "mp3"], "the container"] = "wav",
        seed: Annotated[int, Range(0, 2**32 - 1), "the melody; the same one sounds the same"] = 0,
    ) -> Audio:
        """Play one tone a word: mono, 22.05 kHz, int16 before it is encoded."""
        import numpy as np

        voice = self._default_voice if voice is None else voice
        pitch = self._pitch(voice) * (1 + crc32(instructions.encode()) % 50 / 200)
        melody = np.random.default_rng([seed, crc32(text.encode())])
        parts = []
        for word in text.split():
            steps = temperature * melody.uniform(-4, 4)
            seconds = SECONDS_A_CHARACTER * len(word) / speed
            parts.append(_tone(pitch * 2 ** (steps / 12), seconds, OVERTONES[language]))
            parts.append(np.zeros(round(GAP_S * RATE / speed)))
        samples = (np.concatenate(parts) * 32767).astype(np.int16)
        return _encoded(samples, output_format)

    def list_voices(self) -> list[str]:
        """Return the four voices."""
        return sorted(PITCH_HZ)

    def _pitch(self, voice: str) -> float:
        if voice not in PITCH_HZ:
            hint = suggest(voice, PITCH_HZ)
            raise UnknownVoice(f"voice {voice!r} is unknown to {self.binding_name}; {hint}")
        return PITCH_HZ[voice]


def _tone(hertz: float, seconds: float, overtones: tuple[float, ...]) -> Samples:
    import numpy as np

    times = np.arange(max(1, round(seconds * RATE))) / RATE
    tone = sum(
        level * np.sin(2 * np.pi * hertz * number * times)
        for number, level in enumerate(overtones, 1)
    )
    # Rising and falling within 5 ms keeps the words from clicking.
    fade = np.clip(np.minimum(times, times[::-1]) / 0.005, 0.1, 1)
    return np.asarray(0.3 * tone * fade)


def _encoded(samples: np.ndarray[Any, np.dtype[np.int16]], output_format: str) -> Audio:
    if output_format == "wav":
        return Audio.from_array(samples, RATE)
    import io

    import soundfile  # type: ignore[import-untyped]

    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format=output_format.upper())
    return Audio(buffer.getvalue())
