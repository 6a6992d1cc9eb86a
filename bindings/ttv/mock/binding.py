"""A video that counts: every frame shows its own number and the prompt.

Source: none; the frames are computed from the prompt and the options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from omnibind.contracts import TTVBinding
from omnibind.contracts.errors import BadOption, UnknownModel, suggest
from omnibind.contracts.media import Video
from omnibind.contracts.options import Range

if TYPE_CHECKING:
    import numpy as np

    Frame = np.ndarray[Any, np.dtype[np.uint8]]

FIRST = {"counter": 1, "countdown": -1}


class MockTTV(TTVBinding):
    """A counting video: the same prompt and options give the same bytes."""

    def __init__(
        self, *, model_name: Annotated[str, "counter (up) or countdown"] = "counter"
    ) -> None:
        self._model_name = model_name

    def load(self) -> None:
        """Check the configured model.

        Raises:
            UnknownModel: There is no such model.
        """
        if self._model_name not in FIRST:
            name, hint = self.binding_name, suggest(self._model_name, FIRST)
            raise UnknownModel(f"model {self._model_name!r} is unknown to {name}; {hint}")

    def generate_video(
        self,
        prompt: str,
        *,
        negative_prompt: Annotated[str, "shifts the background's colour"] = "",
        width: Annotated[int, Range(64, 1280), "pixels, an even number"] = 256,
        height: Annotated[int, Range(64, 720), "pixels, an even number"] = 144,
        duration_s: Annotated[float, Range(0.25, 10.0), "length, to the nearest frame"] = 1.0,
        fps: Annotated[int, Range(4, 60), "frames a second"] = 8,
        guidance_scale: Annotated[float, Range(0.0, 20.0), "brightness of the background"] = 7.5,
        seed: Annotated[int, Range(0, 2**32 - 1), "the colour; the same one gives the same"] = 0,
    ) -> Video:
        """Film the frames' numbers as MP4, without sound.

        Raises:
            BadOption: Width or height is odd, which H.264 can't encode.
        """
        import numpy as np

        for name, value in (("width", width), ("height", height)):
            if value % 2:
                raise BadOption(f"{name} is {value}; give an even number, as H.264 needs")
        chance = np.random.default_rng(
            [seed, *prompt.encode()[:64], *negative_prompt.encode()[:64]]
        )
        colour = chance.uniform(20, 120, 3) * (0.5 + guidance_scale / 15)
        count = max(1, round(duration_s * fps))
        numbers = range(1, count + 1)[:: FIRST[self._model_name]]
        frames = []
        for done, number in enumerate(numbers):
            self.report(done / count, f"frame {done + 1}/{count}")
            frames.append(_frame(str(number), prompt, tuple(map(int, colour)), (width, height)))
        return Video.from_frames(frames, fps)

    def list_models(self) -> list[str]:
        """Return the two models."""
        return list(FIRST)


def _frame(number: str, prompt: str, colour: tuple[int, ...], size: tuple[int, int]) -> Frame:
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", size, colour)
    draw = ImageDraw.Draw(picture)
    middle = (size[0] / 2, size[1] / 2)
    draw.text(middle, number, "white", ImageFont.load_default(size[1] // 2), anchor="mm")
    draw.text((4, 4), prompt, "white", ImageFont.load_default(max(8, size[1] // 12)))
    return np.asarray(picture)
