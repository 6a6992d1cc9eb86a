"""A few knocks, two a second, their pitch and places drawn from the prompt.

Source: none; the sound is computed from the prompt and the options.
"""

from __future__ import annotations

from typing import Annotated

from omnibind.contracts import SFXBinding
from omnibind.contracts.errors import UnknownModel, suggest
from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range

RATE = 44_100
DECAY_S = {"knock": 0.06, "gong": 0.4}
WORD_S = 0.5
LONGEST_S = 30.0


class MockSFX(SFXBinding):
    """A few knocks: the same prompt and options give the same bytes."""

    def __init__(
        self, *, model_name: Annotated[str, "knock (short) or gong (long)"] = "knock"
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

    def generate_sound(
        self,
        prompt: str,
        *,
        duration_s: Annotated[
            float | None, Range(0.5, LONGEST_S), "seconds; None is half a second a word"
        ] = None,
        loop: Annotated[bool, "what dies away at the end goes on at the beginning"] = False,
        seed: Annotated[int, Range(0, 2**32 - 1), "the knocks; the same one sounds the same"] = 0,
    ) -> Audio:
        """Knock a few times: mono, 44.1 kHz, int16, exactly ``duration_s`` long."""
        import numpy as np

        if duration_s is None:
            duration_s = min(LONGEST_S, WORD_S * len(prompt.split()))
        chance = np.random.default_rng([seed, *prompt.encode()[:64]])
        frames = round(duration_s * RATE)
        samples = np.zeros(frames)
        decay_s = DECAY_S[self._model_name]
        count = round(2 * duration_s)
        for number in range(count):
            times = np.arange(min(frames, round(8 * decay_s * RATE))) / RATE
            body = np.sin(2 * np.pi * chance.uniform(80, 800) * times)
            body += chance.uniform(-1, 1, len(times))
            knock = body * np.exp(-times / decay_s) * np.minimum(1, times / 0.002)
            places = np.arange(len(knock)) + int((number + chance.uniform(0.5, 1)) / count * frames)
            if loop:
                places %= frames
            is_heard = places < frames
            samples[places[is_heard]] += knock[is_heard]
        return Audio.from_array((0.15 * samples * 32767).astype(np.int16), RATE)

    def list_models(self) -> list[str]:
        """Return the two models."""
        return list(DECAY_S)
