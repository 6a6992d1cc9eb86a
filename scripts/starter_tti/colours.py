"""The colours of a picture: what its own one is, and the same picture in another."""

from dataclasses import dataclass

import numpy as np
import PIL.Image
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""A picture, shape (height, width, 3)."""

_Plane = NDArray[np.floating]

HUES = {
    "red": 0.0,
    "orange": 28.0,
    "yellow": 50.0,
    "green": 120.0,
    "blue": 215.0,
    "purple": 275.0,
    "pink": 328.0,
}
"""The colours that things are painted in, as hues in degrees."""

WORDS = {*HUES, "black", "white", "brown", "grey", "gray", "violet", "golden", "gold"}


@dataclass(frozen=True)
class Paint:
    """The colour that most of a picture's coloured part has."""

    hue: float
    nearest: str
    is_bright: bool

    @property
    def name(self) -> str | None:
        """What people call it; None where it is so dark that they would call it brown or black."""
        return self.nearest if self.is_bright else None


def paint_of(pixels: Pixels) -> Paint | None:
    """Return a picture's own colour; None where it has none, or many of about equal weight."""
    hue, saturation, value = _planes(pixels)
    drawn = pixels.min(-1) < 245
    coloured = (saturation > 0.3) & (value > 0.25)
    if drawn.sum() < 200 or coloured.sum() < 0.3 * drawn.sum():
        return None
    weight = saturation * value * coloured
    histogram = np.histogram(hue, bins=36, range=(0, 360), weights=weight)[0]
    bands = np.sum([np.roll(histogram, shift) for shift in range(-3, 4)], axis=0)
    peak = int(bands.argmax())
    if bands[peak] < 0.5 * histogram.sum():
        return None
    rough = peak * 10.0 + 5
    near = coloured & (abs(_turn(hue, rough)) < 40)
    exact = (rough + float((_turn(hue, rough) * weight * near).sum() / (weight * near).sum())) % 360
    nearest = min(HUES, key=lambda name: apart(exact, HUES[name]))
    brightness = value[_painted(hue, saturation, exact)].mean()
    is_warm = nearest in ("orange", "yellow", "red")
    return Paint(exact, nearest, bool(brightness > 0.45 and not (is_warm and brightness < 0.6)))


def repaint(pixels: Pixels, paint: Paint, colour: str) -> Pixels:
    """Return the picture with its own colour turned into another; the rest stays."""
    hue, saturation, value = _planes(pixels)
    turned = (HUES[colour] + _turn(hue, paint.hue) * 0.7) % 360
    hue = np.where(_painted(hue, saturation, paint.hue), turned, hue)
    planes = np.stack([hue * 255 / 360, saturation * 255, value * 255], -1)
    picture = PIL.Image.fromarray(planes.round().clip(0, 255).astype(np.uint8), "HSV")
    return np.asarray(picture.convert("RGB"))


def painted(pixels: Pixels, paint: Paint) -> NDArray[np.bool_]:
    """Return where a picture has its own colour, shape (height, width)."""
    hue, saturation, _ = _planes(pixels)
    return _painted(hue, saturation, paint.hue)


def mean_hue(pixels: Pixels, where: NDArray[np.bool_]) -> float:
    """Return the mean hue of a part of a picture, in degrees; what is more coloured weighs more."""
    hue, saturation, value = _planes(pixels)
    directions = (saturation * value * np.exp(1j * np.radians(hue)))[where]
    return float(np.degrees(np.angle(directions.sum())) % 360)


def apart(one: float, other: float) -> float:
    """Return how far two hues are from each other, 0 to 180 degrees."""
    return abs((one - other + 180) % 360 - 180)


def _planes(pixels: Pixels) -> tuple[_Plane, _Plane, _Plane]:
    """Return hue in degrees, saturation and value in 0 to 1, each of shape (height, width)."""
    planes = np.asarray(PIL.Image.fromarray(pixels).convert("HSV")).astype(np.float32)
    return planes[..., 0] * 360 / 255, planes[..., 1] / 255, planes[..., 2] / 255


def _turn(hue: _Plane, around: float) -> _Plane:
    return (hue - np.float32(around) + 180) % 360 - 180


def _painted(hue: _Plane, saturation: _Plane, around: float) -> NDArray[np.bool_]:
    return (abs(_turn(hue, around)) < 45) & (saturation > 0.08)
