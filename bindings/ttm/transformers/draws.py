"""The chance in MusicGen's composing: a stream of it for every prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


class Enough(Exception):
    """The last code is drawn; what ``generate`` would do with them is done elsewhere."""


class Draws:
    """A logits processor that draws the next codes itself and leaves ``generate`` one choice.

    ``generate`` draws for all prompts from one stream, so that a prompt would sound otherwise in
    company than alone. These are the same draws, but each prompt's come from its own seed.

    Attributes:
        guidance_scale: Classifier-free guidance; above 1 the scores come twice, the second time
            for no prompt at all.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        device: torch.device,
        *,
        codebooks: int,
        guidance_scale: float,
        temperature: float,
        top_k: int,
        top_p: float,
    ) -> None:
        import torch
        from transformers import generation

        self.guidance_scale = guidance_scale
        self._is_greedy = temperature == 0
        self._codebooks = codebooks
        self._chance = [torch.Generator(device).manual_seed(seed) for seed in seeds]
        self._shape: list[Any] = []
        if guidance_scale > 1:
            self._shape.append(generation.ClassifierFreeGuidanceLogitsProcessor(guidance_scale))
        if temperature not in (0, 1):
            self._shape.append(generation.TemperatureLogitsWarper(temperature))
        if top_k:
            self._shape.append(generation.TopKLogitsWarper(top_k))
        if top_p < 1:
            self._shape.append(generation.TopPLogitsWarper(top_p))
        self._drawn: list[torch.Tensor] = []
        self._steps = 0
        self._tell: Callable[[int], None] = lambda made: None

    def begin(self, steps: int, tell: Callable[[int], None]) -> None:
        """Begin a window of so many steps; ``tell`` hears before each how many there were."""
        self._drawn = []
        self._steps = steps
        self._tell = tell

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Return scores of which one code has them all.

        Raises:
            Enough: That was the last step of the window.
        """
        import torch

        self._tell(len(self._drawn))
        wanted = scores
        for shape in self._shape:
            wanted = shape(ids, wanted)
        if self._is_greedy:
            drawn = wanted.argmax(-1)
        else:
            rows = wanted.softmax(-1).view(len(self._chance), self._codebooks, -1)
            drawn = torch.cat(
                [
                    torch.multinomial(row, 1, generator=chance)[:, 0]
                    for row, chance in zip(rows, self._chance, strict=True)
                ]
            )
        self._drawn.append(drawn)
        if len(self._drawn) == self._steps:
            raise Enough
        certain = torch.zeros_like(wanted).scatter_(1, drawn[:, None], 1.0)
        return certain.repeat(len(scores) // len(certain), 1)

    def codes(self, frames: int, together: int) -> torch.Tensor:
        """Return what was drawn since :meth:`begin`, shape (prompts, codebooks, frames).

        Args:
            frames: How many were wanted.
            together: Codebooks that are drawn in one step, 2 where the sound is stereo; the next
                ones of a frame come a step later.
        """
        import torch

        steps = torch.stack(self._drawn, -1).view(len(self._chance), self._codebooks, -1)
        delays = [number // together for number in range(self._codebooks)]
        return torch.stack(
            [steps[:, number, late : late + frames] for number, late in enumerate(delays)], 1
        )
