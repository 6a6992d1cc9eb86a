"""What ``omnibind new`` writes: a working binding a modality, as ``string.Template`` text.

``$name`` is the folder's name, ``$entry`` the class, ``$modality`` the modality, ``$suite`` the
contract suite.
"""

from __future__ import annotations

MANIFEST = """\
schema: 1
summary: $name, not written yet; $result.
kind: local
entry: $entry
license: {code: Apache-2.0, weights: none}
# homepage: https://…             # the engine's own page
requires: []                      # pip requirements of the engine: ["engine>=1,<2"]
runs: in-process
"""

RESULTS = {
    "tts": "gives a tone as long as the text",
    "tti": "gives a gradient",
    "stt": "gives a word for every loud half second",
    "ttm": "gives a rising scale",
    "ttv": "gives a bar that moves",
    "sfx": "gives a blow that dies away",
}

README = """\
# $modality/$name

Written by `omnibind new $modality $name`. It works as it is: it $result.

1. In `binding.yaml`: say what it is, the licences of code and weights, and what pip must install.
2. In `binding.py`: import the engine and read its weights in `load()`, nowhere above; compute the
   result in the verb. Every keyword-only, annotated parameter of the verb is an option.
3. `omnibind check .` runs the contract suite on this folder.
4. To use it, put the folder that holds `$modality/` into `OMNIBIND_BINDINGS_PATH`; then
   `Client($modality="$name")` finds it. `Client($modality="/path/of/this/folder")` works at once.
"""

TEST = """\
from pathlib import Path

from omnibind.testing import $suite


class Test$entry($suite):
    folder = Path(__file__).parent
"""

_HEAD = '''\
"""$name: say here what it is.

Source: the page or module that this follows.
"""

from __future__ import annotations

'''

_TTS = '''\
from typing import Annotated

from omnibind.contracts import TTSBinding
from omnibind.contracts.errors import UnknownVoice, suggest
from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range

RATE = 22_050
PITCH_HZ = {"high": 440.0, "low": 220.0}


class $entry(TTSBinding):
    """$name: say here what it is."""

    def load(self) -> None:
        """Import the engine and read its weights here; a second call returns at once."""

    def generate_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        speed: Annotated[float, Range(0.5, 2.0), "tempo; 1.0 is natural"] = 1.0,
    ) -> Audio:
        """Speak the text: mono, 22.05 kHz, float32."""
        import numpy as np

        voice = "low" if voice is None else voice
        if voice not in PITCH_HZ:
            hint = suggest(voice, PITCH_HZ)
            raise UnknownVoice(f"voice {voice!r} is unknown to {self.binding_name}; {hint}")
        frames = round(0.07 * len(text) / speed * RATE)
        times = np.arange(frames) / RATE
        return Audio.from_array(0.3 * np.sin(2 * np.pi * PITCH_HZ[voice] * times), RATE)

    def list_voices(self) -> list[str]:
        """Return the voices, sorted."""
        return sorted(PITCH_HZ)
'''

_TTI = '''\
from typing import Annotated
from zlib import crc32

from omnibind.contracts import TTIBinding
from omnibind.contracts.media import Image
from omnibind.contracts.options import Range


class $entry(TTIBinding):
    """$name: say here what it is."""

    def load(self) -> None:
        """Import the engine and read its weights here; a second call returns at once."""

    def generate_image(
        self,
        prompt: str,
        *,
        width: Annotated[int, Range(64, 1024), "pixels"] = 512,
        height: Annotated[int, Range(64, 1024), "pixels"] = 512,
        seed: Annotated[int, Range(0, 2**32 - 1), "the same one gives the same picture"] = 0,
    ) -> Image:
        """Draw the prompt as PNG."""
        import numpy as np

        chance = np.random.default_rng([seed, crc32(prompt.encode())])
        one, other = chance.uniform(0, 1, (2, 3))
        place = np.linspace(0, 1, width)[None, :, None]
        return Image.from_array(np.repeat(one + place * (other - one), height, axis=0))
'''

_STT = '''\
from typing import Annotated, Literal

from omnibind.contracts import STTBinding
from omnibind.contracts.errors import UnknownModel, suggest
from omnibind.contracts.media import AudioInput, Segment, Source, Transcript

RATE = 16_000
LOUD = 0.01
MODELS = ("beep",)


class $entry(STTBinding):
    """$name: say here what it is."""

    def load(self) -> None:
        """Import the engine and read its weights here; a second call returns at once."""

    def transcribe_audio(
        self,
        audio_path: AudioInput,
        model: str | None = None,
        *,
        language: Annotated[Literal["en", "fr"], "the language of the words"] = "en",
    ) -> Transcript:
        """Write a word for every half second that is loud."""
        model = MODELS[0] if model is None else model
        if model not in MODELS:
            hint = suggest(model, MODELS)
            raise UnknownModel(f"model {model!r} is unknown to {self.binding_name}; {hint}")
        samples = Source.of(audio_path).array(RATE)
        word = {"en": "beep", "fr": "bip"}[language]
        segments = []
        for first in range(0, len(samples), RATE // 2):
            part = samples[first : first + RATE // 2]
            if abs(part).max() > LOUD:
                segments.append(Segment(first / RATE, (first + len(part)) / RATE, word))
        text = " ".join(segment.text for segment in segments)
        return Transcript(text, segments, language=language, duration_s=len(samples) / RATE)

    def list_models(self) -> list[str]:
        """Return the models."""
        return list(MODELS)
'''

_TTM = '''\
from typing import Annotated
from zlib import crc32

from omnibind.contracts import TTMBinding
from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range

RATE = 32_000


class $entry(TTMBinding):
    """$name: say here what it is."""

    def load(self) -> None:
        """Import the engine and read its weights here; a second call returns at once."""

    def generate_music(
        self,
        prompt: str,
        *,
        duration_s: Annotated[float, Range(1.0, 30.0), "length in seconds"] = 5.0,
    ) -> Audio:
        """Play a rising scale: mono, 32 kHz, float32."""
        import numpy as np

        times = np.arange(round(duration_s * RATE)) / RATE
        tonic_hz = 220 + crc32(prompt.encode()) % 220
        hertz = tonic_hz * 2 ** (np.floor(2 * times) % 12 / 12)
        return Audio.from_array(0.3 * np.sin(2 * np.pi * hertz * times), RATE)

    def list_models(self) -> list[str]:
        """Return the models."""
        return ["scale"]
'''

_TTV = '''\
from typing import Annotated
from zlib import crc32

from omnibind.contracts import TTVBinding
from omnibind.contracts.media import Video
from omnibind.contracts.options import Range

WIDTH, HEIGHT, BAR = 256, 144, 16


class $entry(TTVBinding):
    """$name: say here what it is."""

    def load(self) -> None:
        """Import the engine and read its weights here; a second call returns at once."""

    def generate_video(
        self,
        prompt: str,
        *,
        duration_s: Annotated[float, Range(0.5, 10.0), "length in seconds"] = 2.0,
        fps: Annotated[int, Range(4, 30), "frames a second"] = 8,
    ) -> Video:
        """Film a bar that moves to the right, as MP4."""
        import numpy as np

        count = round(duration_s * fps)
        frames = np.full((count, HEIGHT, WIDTH, 3), crc32(prompt.encode()) % 128, np.uint8)
        for number in range(count):
            self.report(number / count, f"frame {number + 1}/{count}")
            left = (WIDTH - BAR) * number // count
            frames[number, :, left : left + BAR] = 255
        return Video.from_frames(frames, fps)

    def list_models(self) -> list[str]:
        """Return the models."""
        return ["bar"]
'''

_SFX = '''\
from typing import Annotated
from zlib import crc32

from omnibind.contracts import SFXBinding
from omnibind.contracts.media import Audio
from omnibind.contracts.options import Range

RATE = 44_100


class $entry(SFXBinding):
    """$name: say here what it is."""

    def load(self) -> None:
        """Import the engine and read its weights here; a second call returns at once."""

    def generate_sound(
        self,
        prompt: str,
        *,
        duration_s: Annotated[float | None, Range(0.5, 30.0), "seconds; None is one"] = None,
    ) -> Audio:
        """Strike something that dies away: mono, 44.1 kHz, float32."""
        import numpy as np

        seconds = 1.0 if duration_s is None else duration_s
        times = np.arange(round(seconds * RATE)) / RATE
        hertz = 100 + crc32(prompt.encode()) % 400
        return Audio.from_array(0.3 * np.sin(2 * np.pi * hertz * times) * np.exp(-4 * times), RATE)

    def list_models(self) -> list[str]:
        """Return the models."""
        return ["blow"]
'''

CODE = {
    "tts": _HEAD + _TTS,
    "tti": _HEAD + _TTI,
    "stt": _HEAD + _STT,
    "ttm": _HEAD + _TTM,
    "ttv": _HEAD + _TTV,
    "sfx": _HEAD + _SFX,
}
