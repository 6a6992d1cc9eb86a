"""Whether a picture is the right one: nearest of all references, and in the right colour."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from starter_tti import colours
from starter_tti.captions import article
from starter_tti.colours import Pixels
from starter_tti.emoji import SIZE, Collection, Recoloured, Thing

STEPS, GUIDANCE_SCALE = 10, 3.0
"""What the model draws well with."""

NEAR_ENOUGH = 20.0
"""Degrees of hue; no two of the seven colours are nearer than 22."""

_COARSE = 16


@dataclass(frozen=True)
class Verdict:
    """What a drawing was taken for."""

    wanted: str
    nearest: str
    hue_off: float | None
    """Degrees between the drawing's colour and the reference's; None where that has none."""

    @property
    def is_right(self) -> bool:
        """Whether it is the picture that was wanted, in its colour."""
        return self.wanted == self.nearest and (self.hue_off is None or self.hue_off <= NEAR_ENOUGH)


class Judge:
    """Knows every picture of a collection, the recoloured ones too."""

    def __init__(self, collection: Collection) -> None:
        self._references: tuple[Thing | Recoloured, ...] = (
            *collection.things,
            *collection.recoloured,
        )
        self._coarse = np.stack([_coarse(one.pixels) for one in self._references])

    def judge(self, wanted: Thing | Recoloured, drawing: Pixels) -> Verdict:
        """Compare a drawing, 64 × 64, with all references: by mean squared error on 16 × 16."""
        errors = np.square(self._coarse - _coarse(drawing)).mean(1)
        nearest = self._references[int(errors.argmin())]
        off = None
        if wanted.paint is not None:
            where = colours.painted(wanted.pixels, wanted.paint)
            hues = [colours.mean_hue(one, where) for one in (wanted.pixels, drawing)]
            off = colours.apart(*hues)
        return Verdict(wanted.name, nearest.name, off)


def prompt(wanted: Thing | Recoloured) -> str:
    """Return what asks for it: the name with its article."""
    return article(wanted.name)


def _coarse(pixels: Pixels) -> NDArray[np.float32]:
    side = SIZE // _COARSE
    cut = pixels.astype(np.float32).reshape(_COARSE, side, _COARSE, side, 3) / 255
    means: NDArray[np.float32] = cut.mean((1, 3)).ravel()
    return means
