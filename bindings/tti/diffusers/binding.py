"""Text to picture by any pipeline of diffusers.

Source: diffusers 0.42, ``DiffusionPipeline``, ``AutoPipelineForImage2Image.from_pipe``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from omnibind.contracts import TTIBinding
from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    ContentRefused,
    NotSupported,
)
from omnibind.contracts.media import Image, ImageInput
from omnibind.contracts.options import Range, schema_of
from omnibind.contracts.tti import ServiceInfo

from ..._shared.pipeline_choice import (
    Compile,
    Lora,
    ModelsDir,
    OnPipeline,
    TrustRemoteCode,
    lora_of,
)
from ..._shared.pipeline_memory import Offload, Quantization
from ..._shared.pipeline_options import options_of, own_names
from ..._shared.pytorch import Device, Precision, Seed
from ..._shared.schedulers import SchedulerName
from .batches import AT_ONCE, Part, check_strength, seeds_of
from .pictures import check_size, check_sizes_made, encoded, fitting, opened, whole_size

if TYPE_CHECKING:
    import inspect

    from omnibind.contracts.options import Schema

    from ..._shared.pipelines import Pipeline

SUBJECT = ("prompt",)

NegativePrompt = Annotated[str | None, "what the picture shouldn't show"]
Width = Annotated[int | None, Range(16), "pixels; None is the model's own"]
Height = Annotated[int | None, Range(16), "pixels; None is the model's own"]
Steps = Annotated[int | None, Range(1), "more are finer and slower; None is the model's own"]
GuidanceScale = Annotated[
    float | None, Range(0.0, 100.0), "how closely the prompt is followed; None is the model's own"
]
OutputFormat = Annotated[Literal["png", "jpeg", "webp"], "the encoding"]


class DiffusersTTI(OnPipeline, TTIBinding):
    """Any text-to-picture pipeline of diffusers, from files on this machine."""

    makes = "pictures"

    def __init__(
        self,
        *,
        model_id_or_path: Annotated[
            str, "a model of list_models, a pulled hub repository, a folder or a .safetensors file"
        ] = "starter-noto64",
        device: Device = "auto",
        precision: Precision = "auto",
        scheduler_name: SchedulerName = None,
        lora: Lora = None,
        offload: Offload = "auto",
        compile: Compile = False,  # noqa: A002 - a term of the field
        safety_checker: Annotated[bool, "keep the model's own, where it has one"] = False,
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
            safety_checker=safety_checker,
            trust_remote_code=trust_remote_code,
        )

    def generate_image(
        self,
        prompt: str,
        *,
        negative_prompt: NegativePrompt = None,
        width: Width = None,
        height: Height = None,
        steps: Steps = None,
        guidance_scale: GuidanceScale = None,
        seed: Seed = None,
        output_format: OutputFormat = "png",
        **options: Any,
    ) -> Image:
        """Draw what ``prompt`` describes.

        Args:
            prompt: The description.
            negative_prompt: What the picture shouldn't show.
            width: A multiple of the model's own step, mostly 8 or 16.
            height: As ``width``.
            steps: Of the scheduler.
            guidance_scale: 1 or less is no guidance for most models.
            seed: The same one gives the same on every device, as far as its arithmetic is exact.
            output_format: JPEG and WebP at quality 95.
            options: Further ones of the pipeline itself (:meth:`options_for`).

        Raises:
            UnknownOption: The model's pipeline hasn't got the option.
            BadOption: The pipeline refuses a value.
            ContentRefused: The model's safety checker was asked for, and objects.
        """
        return self.generate_image_batch(
            [prompt],
            negative_prompt=negative_prompt,
            width=width,
            height=height,
            steps=steps,
            guidance_scale=guidance_scale,
            seed=seed,
            output_format=output_format,
            **options,
        )[0]

    def generate_image_batch(
        self,
        prompts: Sequence[str],
        *,
        negative_prompt: NegativePrompt = None,
        width: Width = None,
        height: Height = None,
        steps: Steps = None,
        guidance_scale: GuidanceScale = None,
        seed: Seed = None,
        seeds: Annotated[list[int] | None, "one a picture, instead of seed"] = None,
        output_format: OutputFormat = "png",
        **options: Any,
    ) -> list[Image]:
        """Draw several prompts together; the options are those of :meth:`generate_image`.

        A picture may differ by one step of 255 here and there from the same one drawn alone:
        PyTorch adds up in another order. By more with CogView 4, which reads the padding of shorter
        prompts, too.

        Raises:
            BadOption: There aren't as many ``seeds`` as prompts.
        """
        each = seeds_of(seeds, seed, len(prompts))
        loaded = self._ready()
        arguments = self._arguments(
            loaded,
            {
                "negative_prompt": negative_prompt,
                "width": width,
                "height": height,
                "steps": steps,
                "guidance_scale": guidance_scale,
                **options,
            },
        )
        check_size(loaded.pipe, width=width, height=height)
        known = loaded.parameters()
        whole_size(loaded.pipe, arguments, lambda name: known[name].default)
        pictures = []
        for first in range(0, len(prompts), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            part = Part(self, first, len(prompts))
            made = self._made(part, loaded, prompts[some], each[some], arguments)
            check_sizes_made(made, width, height)
            pictures += [
                encoded(one, output_format, own, loaded.warnings)
                for one, own in zip(made, each[some], strict=True)
            ]
        return pictures

    def edit_image(
        self,
        prompt: str,
        image: ImageInput,
        *,
        mask: ImageInput | None = None,
        strength: Annotated[
            float | None, Range(0.0, 1.0), "how much is drawn anew; None is the model's own"
        ] = None,
        negative_prompt: NegativePrompt = None,
        width: Width = None,
        height: Height = None,
        steps: Steps = None,
        guidance_scale: GuidanceScale = None,
        seed: Seed = None,
        output_format: OutputFormat = "png",
        **options: Any,
    ) -> Image:
        """Draw a picture anew, or the white part of its mask alone, on the same weights.

        Args:
            prompt: What the picture should show afterwards.
            image: The picture to start from; its size is kept unless ``width`` or ``height`` is
                given.
            mask: White where it is drawn anew, of the picture's size; None is everywhere.
            strength: With fewer than ``1 / strength`` steps nothing would be drawn, and it is
                refused.
            negative_prompt: As for :meth:`generate_image`, like the rest.
            width: The picture is resized to it.
            height: As ``width``.
            steps: Of the scheduler; ``strength`` of them are taken.
            guidance_scale: As for :meth:`generate_image`.
            seed: As for :meth:`generate_image`.
            output_format: As for :meth:`generate_image`.
            options: Further ones of the pipeline itself.

        Raises:
            BadInput: A picture can't be read, or its size doesn't do.
            BadOption: The pipeline refuses a value.
            NotSupported: This kind of model can't do it.
        """
        picture = opened(image, "picture", "RGB")
        hidden = opened(mask, "mask", "L") if mask is not None else None
        given = {"negative_prompt": negative_prompt, "strength": strength, "steps": steps}
        given |= {"guidance_scale": guidance_scale, **options}
        with self._ready().editing(hidden is not None) as editor:
            picture, hidden = fitting(editor.pipe, picture, hidden, width, height)
            arguments = self._arguments(editor, given, without=("width", "height"))
            check_strength(editor, arguments)
            known = editor.parameters()
            arguments["image"] = picture
            if hidden is not None:
                arguments["mask_image"] = hidden
            size = {"width": picture.width, "height": picture.height}
            arguments |= {name: side for name, side in size.items() if name in known}
            own = seeds_of(None, seed, 1)
            try:
                made = self._made(Part(self, 0, 1), editor, [prompt], own, arguments)
            except BadOption as error:
                if "input channels" not in str(error):
                    raise
                raise NotSupported(f"this model can't redraw a part: {error}") from error
        check_sizes_made(made, picture.width, picture.height)
        return encoded(made[0], output_format, own[0], editor.warnings)

    def list_models(self) -> list[str]:
        """Return the models of the catalogue and those in ``models_dir``."""
        return [*self.catalogue(), *self._own_models()]

    def list_services(self, *args: Any, **options: Any) -> list[ServiceInfo]:
        """Return the models that it can draw with."""
        own = self._own_models()
        told = {name: f"from {path}" for name, path in own.items()}
        return [
            ServiceInfo(name=name, caption=name, help=told.get(name, "of the catalogue"))
            for name in self.list_models()
        ] or super().list_services()

    def set_settings(self, settings: Mapping[str, Any], *args: Any, **options: Any) -> bool:
        """Change the configuration; a scheduler or a LoRA changes without loading anew.

        Raises:
            BadConfig: A name is unknown or a value is wrong; nothing was changed.
        """
        loaded, before = self._loaded, dict(self._configuration)
        changes = self._changes(settings)
        light = changes <= {"scheduler_name", "lora", "models_dir"}
        if loaded is None or not light or self._placing["compile"]:
            return super().set_settings(settings)
        self._loaded = None  # out of the way of unload
        try:
            changed = super().set_settings(settings)
            try:
                self._adjust(loaded, changes)
            except Exception:
                self._configuration = before
                type(self).__init__(self, **before)
                self._adjust(loaded, changes)
                raise
        finally:
            self._loaded = loaded
        return changed

    def _changes(self, settings: Mapping[str, Any]) -> set[str]:
        """Return the names of the settings that would change, checked."""
        schema = schema_of(type(self).__init__, (), self.binding_name)
        present = {one.name: one.default for one in schema.options} | self._configuration
        checked = schema.check(dict(settings), f"tti/{self.binding_name}", BadConfig)
        return {name for name, value in checked.items() if present[name] != value}

    def _adjust(self, loaded: Pipeline, changes: set[str]) -> None:
        if "scheduler_name" in changes:
            loaded.use_scheduler(self._placing["scheduler_name"])
        if "lora" in changes:
            loaded.use_lora(lora_of(self, self._lora))

    def _schema(self, parameters: Mapping[str, inspect.Parameter]) -> Schema:
        declared, own = self._declared(), options_of(parameters, SUBJECT)
        named = [declared.option(one.name) or one for one in own.options]
        formats = declared.option("output_format")
        assert formats is not None
        return own._replace(options=(*named, formats))

    def _own_models(self) -> dict[str, Path]:
        own = super()._own_models()
        if self._models_dir is not None:
            folder = self._models_dir.expanduser().absolute()
            own |= {path.stem: path for path in sorted(folder.glob("*.safetensors"))}
        return own

    def _arguments(
        self, loaded: Pipeline, given: Mapping[str, Any], without: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        """Return the options that were given, checked, by the pipeline's own names."""
        parameters = loaded.parameters()
        schema = options_of(parameters, SUBJECT, without=without)
        wanted = {name: value for name, value in given.items() if value is not None}
        owner = f"tti/{self.binding_name} with {loaded.name}"
        return own_names(parameters, schema.check(wanted, owner))

    def _made(
        self,
        part: Part,
        loaded: Pipeline,
        prompts: Sequence[str],
        seeds: Sequence[int],
        arguments: Mapping[str, Any],
    ) -> list[Any]:
        """Return the pictures of some prompts."""
        chance = [loaded.generator(seed) for seed in seeds]
        arguments = dict(arguments)
        alone = len(prompts) == 1
        for name, value in arguments.items():
            if isinstance(value, str) and "prompt" in name and not alone:
                arguments[name] = [value] * len(prompts)
        width, height = arguments.get("width"), arguments.get("height")
        loaded.tile_when_large((width or height or 0) * (height or width or 0))
        result = loaded.run(
            part.report,
            arguments.get("num_inference_steps"),
            prompt=prompts[0] if alone else list(prompts),
            generator=chance[0] if alone else chance,
            **arguments,
        )
        if any(getattr(result, "nsfw_content_detected", None) or ()):
            raise ContentRefused(
                "the model's safety checker objects to the picture; change the prompt or the seed"
            )
        return list(result if isinstance(result, list) else result.images)
