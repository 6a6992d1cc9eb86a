"""Text or a picture to video by any pipeline of diffusers that films.

Source: diffusers 0.42, ``DiffusionPipeline`` and each pipeline's own ``__call__``.
"""

from __future__ import annotations

from random import SystemRandom
from typing import TYPE_CHECKING, Annotated, Any

from omnibind.contracts import TTVBinding
from omnibind.contracts.media import Image, ImageInput, Meta, Video
from omnibind.contracts.options import Option, Range, Schema

from ..._shared.films import COUNTS, RATES, Wants, for_picture, frames_in, sound_in, wants_of
from ..._shared.pipeline_choice import (
    Compile,
    Lora,
    ModelId,
    ModelsDir,
    OnPipeline,
    TrustRemoteCode,
)
from ..._shared.pipeline_memory import Offload, Quantization
from ..._shared.pipeline_options import options_of, own_names
from ..._shared.pytorch import Device, Precision, Seed
from ..._shared.schedulers import SchedulerName

if TYPE_CHECKING:
    import inspect
    from collections.abc import Mapping

    from ..._shared.pipelines import Pipeline

ADDED = ("duration_s", "fps", "image")
"""Options that are ours, whatever a pipeline's call takes."""

Size = Annotated[
    int | None, Range(16, 4096), "pixels, in the model's own steps; None is what it was trained on"
]


class DiffusersTTV(OnPipeline, TTVBinding):
    """Any pipeline of diffusers that films; the options are those of the pipeline's own call."""

    makes = "films"
    examples = (
        "Wan-AI/Wan2.1-T2V-1.3B-Diffusers (Apache-2.0, 1.3 billion parameters), "
        "Wan-AI/Wan2.2-TI2V-5B-Diffusers (Apache-2.0, 5 billion), "
        "Lightricks/LTX-2 (LTX-2 community licence, 19 billion, with sound)"
    )

    def __init__(
        self,
        *,
        model_id_or_path: ModelId = None,
        device: Device = "auto",
        precision: Precision = "auto",
        scheduler_name: SchedulerName = None,
        lora: Lora = None,
        offload: Offload = "auto",
        compile: Compile = False,  # noqa: A002 - the name that users know
        models_dir: ModelsDir = None,
        quantization: Quantization = "none",
        trust_remote_code: TrustRemoteCode = False,
    ) -> None:
        self._configure(
            model_id_or_path,
            models_dir,
            lora,
            device=device,
            precision=precision,
            scheduler_name=scheduler_name,
            offload=offload,
            quantization=quantization,
            compile=compile,
            trust_remote_code=trust_remote_code,
        )

    def generate_video(
        self,
        prompt: str,
        *,
        negative_prompt: Annotated[str | None, "what shouldn't be there"] = None,
        width: Size = None,
        height: Size = None,
        duration_s: Annotated[
            float | None, Range(0.1), "length, to the nearest number of frames that the model makes"
        ] = None,
        fps: Annotated[
            float | None, Range(1.0, 120.0), "frames a second; None is as trained"
        ] = None,
        steps: Annotated[int | None, Range(1), "more are finer and slower"] = None,
        guidance_scale: Annotated[
            float | None, Range(0.0, 100.0), "how closely the prompt is followed"
        ] = None,
        image: Annotated[
            ImageInput | None, "the picture to start from, stretched to width and height"
        ] = None,
        seed: Seed = None,
        **options: Any,
    ) -> Video:
        """Film what ``prompt`` describes, as MP4; the model's own sound goes with it.

        Args:
            prompt: The description. Stable Video Diffusion reads none; ``meta.warnings`` says so.
            negative_prompt: Only with a guidance scale above 1.
            width: A multiple of the pixels that the model works in.
            height: As ``width``.
            duration_s: Models make 4·n+1 or 8·n+1 frames; ``meta.warnings`` tells what came of it.
            fps: A model that isn't told of it films the same motion, shown faster or slower.
            steps: Steps of denoising.
            guidance_scale: 1 and less is unguided, and twice as fast.
            image: For models that film from a picture.
            seed: One is drawn where none is given; ``meta.seed`` tells it.
            options: The pipeline's own; ``options_for`` lists them.

        Raises:
            BadOption: A size, a picture or a value that the model can't.
            UnknownOption: The model has no such option.
        """
        known: dict[str, Any] = {"width": width, "height": height, "image": image}
        known |= {"duration_s": duration_s, "fps": fps, "steps": steps}
        known |= {"negative_prompt": negative_prompt, "guidance_scale": guidance_scale, **options}
        given = {name: value for name, value in known.items() if value is not None}
        seed = SystemRandom().randrange(2**32) if seed is None else seed
        with for_picture(self._ready(), image is not None) as loaded:
            label = f"{self._model} ({loaded.name})"
            given = self._schema(loaded.parameters()).check(given, label)
            wants = wants_of(loaded)
            wants.check_size(loaded.name, width=width, height=height)
            arguments = _arguments(loaded, wants, prompt, given)
            loaded.tile_when_large(_pixels(loaded, wants, arguments))
            arguments |= {"generator": loaded.generator(seed), "output_type": "np"}
            made = loaded.run(self.report, steps, **arguments)
            frames, sound = frames_in(made, loaded.name), sound_in(made, loaded.pipe)
            told = _warnings(loaded, wants, len(frames), given)
        rate = given.get("fps", wants.fps)
        return Video.from_frames(frames, rate, sound, meta=Meta(seed=seed, warnings=told))

    def _schema(self, parameters: Mapping[str, inspect.Parameter]) -> Schema:
        ours = self._declared()
        own = options_of(parameters, self.subject, without=(*COUNTS, *RATES))
        options: list[Option] = [one for one in ours.options if one.name in ADDED]
        for one in own.options:
            known = ours.option(one.name)
            options.append(one if known is None else one._replace(type=known.type, help=known.help))
        return Schema(self.subject, tuple(options))


def _arguments(
    loaded: Pipeline, wants: Wants, prompt: str, given: dict[str, Any]
) -> dict[str, Any]:
    """Return the pipeline's own arguments; what wasn't given stays its own default."""
    own = loaded.parameters()
    plain = {k: value for k, value in given.items() if k not in (*ADDED, "seed")}
    arguments = own_names(own, plain)
    if "prompt" in own:
        arguments["prompt"] = prompt
    fps = given.get("fps", wants.fps)
    if "fps" in given or "duration_s" in given:
        count = next(name for name in COUNTS if name in own)
        arguments[count] = wants.frames_for(
            loaded.name, given.get("duration_s", wants.frames / wants.fps), fps
        )
    for name in RATES:
        if name in own and "fps" in given:
            arguments[name] = int(fps) if fps == int(fps) else fps
    if "image" in given:
        import PIL.Image

        arguments["image"] = PIL.Image.fromarray(Image.of(given["image"]).array()).convert("RGB")
    return arguments


def _pixels(loaded: Pipeline, wants: Wants, arguments: dict[str, Any]) -> int:
    """Return how much there is to decode: frames share memory, sixteen weigh as one picture."""
    sides = []
    for name in ("width", "height"):
        default = own.default if (own := loaded.parameters().get(name)) else None
        sides.append(arguments.get(name) or default or 0)
    count = next((arguments[name] for name in COUNTS if name in arguments), wants.frames)
    return int(sides[0] * sides[1] * max(1, count // 16))


def _warnings(loaded: Pipeline, wants: Wants, count: int, given: dict[str, Any]) -> tuple[str, ...]:
    told = []
    duration_s, fps = given.get("duration_s"), given.get("fps", wants.fps)
    if duration_s is not None and abs(count - duration_s * fps) > 1e-6:
        told.append(
            f"duration_s is {duration_s:g}; {loaded.name} makes {wants.frames_in_words}: {count} "
            f"of them last {count / fps:.3g} s at {fps:g} a second"
        )
    if "prompt" not in loaded.parameters():
        told.append(f"{loaded.name} films from the picture alone; the prompt changed nothing")
    return (*told, *loaded.warnings)
