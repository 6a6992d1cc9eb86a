"""What pipelines that film want: how many frames, how fast, how large, and from what picture.

Source: diffusers 0.42, the pipelines' own attributes, and the frame rates of their examples.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from omnibind.contracts.errors import BadOption, CallFailed

from .pipeline_memory import place_hooks
from .pipelines import Pipeline
from .sounds import samples_of

if TYPE_CHECKING:
    import numpy as np

FPS: Mapping[str, float] = {
    "Allegro": 15,
    "AnimateDiff": 8,
    "CogVideoX": 8,
    "ConsisID": 8,
    "EasyAnimate": 8,
    "HunyuanVideoFramepack": 30,
    "Hunyuan": 24,
    "Kandinsky": 24,
    "Mochi": 30,
    "Motif": 24,
    "SkyReels": 24,
    "TextToVideo": 8,
}
"""By the beginning of a pipeline's class, what its model was trained on, where its call has no
word for it."""
USUAL_FPS = 16.0

COUNTS = ("num_frames", "frames", "video_length")
"""The pipelines' own words for the number of frames."""
RATES = ("frame_rate", "fps")
"""The pipelines' own words for frames a second."""

FROM_PICTURE = {
    "LTXPipeline": "LTXImageToVideoPipeline",
    "LTX2Pipeline": "LTX2ImageToVideoPipeline",
    "SkyReelsV2DiffusionForcingPipeline": "SkyReelsV2DiffusionForcingImageToVideoPipeline",
    "WanPipeline": "WanImageToVideoPipeline",
}
"""Pipelines that film from text, and those that film from a picture with the same weights."""

_TIMES = (
    "vae_scale_factor_temporal",
    "vae_temporal_compression_ratio",
    "vae_temporal_scale_factor",
)
_SPACES = (
    "vae_scale_factor_spatial",
    "vae_spatial_compression_ratio",
    "vae_spatial_scale_factor",
    "vae_scale_factor",
)


class Wants(NamedTuple):
    """What the films of one pipeline are like.

    Attributes:
        fps: Frames a second, unasked.
        frames: How many, unasked.
        group: Frames that the decoder makes at once; any number of groups will do.
        first: Frames beside them: 1 where the first one stands alone.
        step: Pixels that width and height are multiples of.
    """

    fps: float
    frames: int
    group: int
    first: int
    step: int

    def frames_for(self, name: str, duration_s: float, fps: float) -> int:
        """Return how many frames come nearest to a length.

        Raises:
            BadOption: The nearest number lasts less than half or more than twice as long.
        """
        wanted = duration_s * fps
        groups = max(math.floor((wanted - self.first) / self.group), 1 - self.first)
        fewer = groups * self.group + self.first
        more = fewer + self.group
        count = fewer if wanted * wanted < fewer * more else more
        if not wanted / 2 <= count <= wanted * 2:
            lengths = f"{fewer / fps:.3g} s or {more / fps:.3g} s"
            raise BadOption(
                f"duration_s is {duration_s:g}; {name} makes {self.frames_in_words}, at {fps:g} a "
                f"second {lengths}: give one of these"
            )
        return count

    @property
    def frames_in_words(self) -> str:
        """How many frames there can be, for a message."""
        if self.group == 1:
            return "whole frames"
        return f"{self.group}·n+{self.first} frames" if self.first else f"{self.group}·n frames"

    def check_size(self, name: str, **sizes: int | None) -> None:
        """Refuse a width or height that the pipeline can't film.

        Raises:
            BadOption: It isn't a multiple of ``step``.
        """
        for side, value in sizes.items():
            if value is not None and value % self.step:
                below = value // self.step * self.step
                nearest = f"{below} or {below + self.step}" if below else str(self.step)
                raise BadOption(
                    f"{side} is {value}; {name} films in multiples of {self.step} pixels: give "
                    f"{nearest}"
                )


def wants_of(loaded: Pipeline) -> Wants:
    """Return what a pipeline's films are like."""
    pipe, config = loaded.pipe, _config_of(loaded)
    own = {name: one.default for name, one in loaded.parameters().items()}
    group = _first(pipe, _TIMES, 1)
    if loaded.name.startswith("CogVideoX"):  # decodes frames in pairs, and 1.5 pairs of pairs
        group *= 2 * (config.get("patch_size_t") or 1)
    frames = next((own[name] for name in COUNTS if isinstance(own.get(name), int)), None)
    if frames is None:
        frames = config.get("num_frames") or config.get("sample_frames") or 121
        if loaded.name.startswith("Allegro"):  # counts those of the decoder's steps
            frames *= group
    patch = config.get("patch_size") or 1
    step = _first(pipe, _SPACES, 8) * (patch if isinstance(patch, int) else patch[-1])
    return Wants(_fps_of(loaded, own), frames, group, min(1, frames % group), step)


def _fps_of(loaded: Pipeline, own: Mapping[str, Any]) -> float:
    for name in RATES:
        if isinstance(own.get(name), (int, float)):
            return float(own[name])
    if loaded.name.startswith("Wan") and loaded.pipe.config.get("expand_timesteps"):
        return 24.0  # Wan 2.2 of 5 billion parameters; the others film 16
    if loaded.name.startswith("CogVideoX") and _config_of(loaded).get("patch_size_t"):
        return 16.0  # CogVideoX 1.5
    return float(
        next((fps for start, fps in FPS.items() if loaded.name.startswith(start)), USUAL_FPS)
    )


def _config_of(loaded: Pipeline) -> Mapping[str, Any]:
    network: Any = loaded.denoiser
    config: Mapping[str, Any] = network.config
    return config


def _first(pipe: Any, names: tuple[str, ...], otherwise: int) -> int:
    return next((int(getattr(pipe, name)) for name in names if hasattr(pipe, name)), otherwise)


@contextmanager
def for_picture(loaded: Pipeline, given: bool) -> Iterator[Pipeline]:
    """Give the pipeline that films from a picture, or from text alone, on the same weights.

    Raises:
        BadOption: A picture is given and the model can't start from one, or it must and none is.
    """
    takes = loaded.parameters().get("image")
    name = _sibling_of(loaded)
    if given and takes is None and name is None:
        raise BadOption(
            f"image is given, and {loaded.name} films from text alone; leave it out, or choose a "
            "model that films from a picture"
        )
    if given == (takes is not None):
        yield loaded
    elif name is not None:
        yield from _sibling(loaded, name)
    elif takes is not None and takes.default is inspect.Parameter.empty:
        raise BadOption(f"{loaded.name} films from a picture, and none is given; give image=…")
    else:
        yield loaded


def _sibling_of(loaded: Pipeline) -> str | None:
    # Of Wan's models only the one of 5 billion parameters films both with a picture and without.
    if loaded.name.startswith("Wan") and not loaded.pipe.config.get("expand_timesteps"):
        return None
    return {**FROM_PICTURE, **{other: text for text, other in FROM_PICTURE.items()}}.get(
        loaded.name
    )


def _sibling(loaded: Pipeline, name: str) -> Iterator[Pipeline]:
    import diffusers

    pipe, type_ = loaded.pipe, getattr(diffusers, name)
    known = {**pipe.config, **pipe.components}
    takes = inspect.signature(type_.__init__).parameters
    # Not by from_pipe, which would cast weights that their makers keep in 32 bits.
    other = type_(**{key: value for key, value in known.items() if key in takes})
    other.set_progress_bar_config(disable=True)
    try:
        place_hooks(other, loaded.device, loaded.offload)
        yield Pipeline(other, loaded.device, loaded.dtype, loaded.offload, loaded.makes)
    finally:
        place_hooks(pipe, loaded.device, loaded.offload)


def frames_in(made: Any, name: str) -> np.ndarray[Any, Any]:
    """Return the frames of what a pipeline gave: float in 0..1, (frames, height, width, 3).

    Raises:
        CallFailed: They aren't numbers.
    """
    import numpy as np

    if hasattr(made, "video"):  # Cosmos 3 makes one film only
        frames = np.asarray(made.video)
    else:
        frames = np.asarray(getattr(made, "frames", made)[0])  # a modular one gives them alone
    if np.isnan(frames.min(initial=0.0)):
        raise CallFailed(
            f"the frames that {name} made are no numbers; film longer, or set precision to float32"
        )
    return frames


def sound_in(made: Any, pipe: Any) -> tuple[np.ndarray[Any, Any], int] | None:
    """Return the sound that came with the frames, of shape (samples, channels), and its rate."""
    if getattr(made, "sound", None) is not None:
        return samples_of(made.sound), int(pipe.sound_tokenizer.config.sampling_rate)
    audio = getattr(made, "audio", None)
    if audio is None:
        return None
    rate = getattr(pipe, "audio_sample_rate", None) or pipe.vocoder.config.output_sampling_rate
    return samples_of(audio[0]), int(rate)
