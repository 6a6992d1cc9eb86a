"""A voice that is a tone, made by whichever numpy there is."""

from __future__ import annotations

from typing import Annotated

from omnibind import Audio, Range, TTSBinding
from omnibind.contracts.errors import UnknownVoice

RATE = 8000


class ToneTTS(TTSBinding):
    """Speaks a tone as long as the text, and tells its numpy as its one voice."""

    def __init__(self, *, pitch: Annotated[float, Range(50, 2000), "hertz"] = 440.0) -> None:
        self.pitch = pitch

    def generate_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        speed: Annotated[float, Range(0.5, 2.0), "tempo; 1.0 is natural"] = 1.0,
    ) -> Audio:
        """Speak ``text``."""
        import numpy as np

        if voice not in (None, *self.list_voices()):
            raise UnknownVoice(f"voice {voice!r} is unknown; choose {self.list_voices()[0]}")
        times = np.arange(int(RATE * 0.06 * len(text) / speed)) / RATE
        tone = np.sin(2 * np.pi * self.pitch * times)
        return Audio.from_array((tone * 20000).astype(np.int16), RATE)

    def list_voices(self) -> list[str]:
        """Return the version of numpy."""
        import numpy as np

        return [f"numpy-{np.__version__}"]
