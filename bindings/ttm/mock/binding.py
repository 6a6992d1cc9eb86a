"""A little tune on a five-tone scale, its notes drawn from the prompt.

Source: none; the sound is computed from the prompt and the options.
"""

from __future__ import annotations

from typing import Annotated

from omnibind.contracts import TTMBinding
from omnibind.contracts.errors import UnknownModel, suggest
from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range

RATE = 32_000
SCALE = (0, 2, 4, 7, 9, 12)
DECAY_S = {"tune": 0.4, "organ": 4.0}


class MockTTM(TTMBinding):
    """A little tune: the same prompt and options give the same bytes."""

    def __init__(
        self, *, model_name: Annotated[str, "tune (plucked) or organ (held)"] = "tune"
    ) -> None:
        self._model_name = model_name

    def load(self) -> None:
        """Check the configured model.

        Raises:
            UnknownModel: There is no such model.
        """
        if self._model_name not in DECAY_S:
            name, hint = self.binding_name, suggest(self._model_name, DECAY_S)
            raise UnknownModel(f"model {self._model_name!r} is unknown to {name}; {hint}")

    def generate_music(
        self,
        prompt: str,
        *,
        negative_prompt: Annotated[str, "leads the melody elsewhere"] = "",
        duration_s: Annotated[float, Range(0.5, 120.0), "length in seconds"] = 4.0,
        bpm: Annotated[float, Range(40.0, 240.0), "beats a minute, two notes each"] = 100.0,
        instrumental: Annotated[bool, "False adds a humming voice"] = True,
        temperature: Annotated[float, Range(0.0, 2.0), "how far the melody leaps"] = 1.0,
        seed: Annotated[int, Range(0, 2**32 - 1), "the melody; the same one sounds the same"] = 0,
    ) -> Audio:
        """Play plucked notes: stereo, 32 kHz, int16, exactly ``duration_s`` long."""
        import numpy as np

        chance = np.random.default_rng(
            [seed, *prompt.encode()[:64], *negative_prompt.encode()[:64]]
        )
        frames = round(duration_s * RATE)
        samples = np.zeros((frames, 2))
        step = 30 / bpm
        decay_s = DECAY_S[self._model_name]
        for number in range(int(np.ceil(duration_s / step))):
            first = round(number * step * RATE)
            times = np.arange(min(frames - first, round(step * RATE))) / RATE
            tone = SCALE[round(abs(chance.normal(0, 1.5 * temperature))) % len(SCALE)]
            phase = 2 * np.pi * 262 * 2 ** (tone / 12) * times
            note = np.sin(phase) * np.exp(-times / decay_s) * np.minimum(1, times / 0.004)
            left = chance.uniform(0.3, 0.7)
            samples[first : first + len(times)] += np.outer(note, (left, 1 - left))
        if not instrumental:
            samples += 0.2 * np.sin(2 * np.pi * 131 * np.arange(frames) / RATE)[:, None]
        return Audio.from_array((0.6 * samples * 32767).astype(np.int16), RATE)

    def list_models(self) -> list[str]:
        """Return the two models."""
        return list(DECAY_S)
