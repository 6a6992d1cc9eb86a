"""Pipelines of diffusers: found in a folder, loaded onto a device, run with progress.

Source: diffusers 0.42, ``DiffusionPipeline.from_pretrained``, ``ModularPipeline.load_components``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from omnibind.contracts.errors import (
    BadConfig,
    NotSupported,
    OmnibindError,
    WeightsDamaged,
)

from .failures import failure, package_missing
from .library_noise import listening, loading
from .loras import add_lora
from .pipeline_failures import check_whole, load_failure, run_failure
from .pipeline_folders import (
    Layout,
    Makes,
    brings_its_guard,
    layout_of,
    makes_of,
    missing_component,
    missing_package,
    variant_of,
)
from .pipeline_memory import check_quantization, place, place_hooks, quantization_config
from .pipeline_options import unheeded
from .pipeline_signatures import is_modular, parameters_of
from .pytorch import device_of, dtype_of, let_go
from .schedulers import use_scheduler
from .torchaudio_stand_in import make_importable

if TYPE_CHECKING:
    import torch

LARGE = 1536 * 1536
"""Pixels of a picture or a frame above which the decoder works on tiles, to save memory."""

TILES_ALONE = ("AutoencoderKLAllegro",)
"""Decoders that can't decode a frame in one piece, however small."""

CORE = ("unet", "transformer", "vae", "text_encoder", "tokenizer", "scheduler")
"""Components that a modular pipeline isn't whole without; its blocks list others beside."""

_OUTPUTS = {"pictures": "images", "films": "videos", "sounds": "audio"}


class Report(Protocol):
    """Who hears how far a call is: a binding's ``report``."""

    def __call__(self, fraction: float | None = None, step: str | None = None, /) -> None:
        """Take note, or raise where the call is over."""


class Pipeline:
    """A loaded pipeline.

    Attributes:
        pipe: The ``DiffusionPipeline`` or ``ModularPipeline``.
        device: Where it computes.
        dtype: The number format of its weights.
        offload: What was chosen: ``none``, ``model``, ``group`` or ``sequential``.
        makes: ``pictures``, ``films`` or ``sounds``.
        warnings: What the caller should know of the last run: a prompt was too long, say.
    """

    def __init__(
        self, pipe: Any, device: torch.device, dtype: torch.dtype, offload: str, makes: Makes
    ) -> None:
        self.pipe = pipe
        self.device = device
        self.dtype = dtype
        self.offload = offload
        self.makes = makes
        self.warnings: tuple[str, ...] = ()
        self._own_scheduler = getattr(pipe, "scheduler", None)

    @property
    def name(self) -> str:
        """The class of the pipeline, for messages."""
        return type(self.pipe).__name__

    @property
    def denoiser(self) -> torch.nn.Module:
        """The network that runs once a step; the first one where two share the steps."""
        return self.denoisers()[0]

    def denoisers(self) -> list[torch.nn.Module]:
        """Return the networks that run once a step."""
        names = ("transformer", "unet", "prior", "transformer_2")
        found = (getattr(self.pipe, name, None) for name in names)
        return [network for network in found if network is not None]

    def parameters(self) -> dict[str, inspect.Parameter]:
        """Return what a call of the pipeline takes, by name."""
        return parameters_of(self.pipe)

    def generator(self, seed: int) -> torch.Generator:
        """Return a source of chance; on the CPU, so that a seed means the same on every device."""
        import torch

        return torch.Generator("cpu").manual_seed(seed)

    def use_scheduler(self, name: str | None) -> None:
        """Change the scheduler; None is the model's own.

        Raises:
            BadConfig: There is no such scheduler, or it doesn't fit the model.
        """
        use_scheduler(self.pipe, self._own_scheduler, name)

    def use_lora(self, path: Path | None) -> None:
        """Change the LoRA; None takes it away.

        Raises:
            BadConfig: It isn't one, or isn't made for this model.
        """
        if getattr(self.pipe, "get_list_adapters", dict)():
            self.pipe.unload_lora_weights()
        if path is not None:
            add_lora(self.pipe, path)

    def run(self, report: Report, steps: int | None, /, **arguments: Any) -> Any:
        """Call the pipeline, and tell progress after each step.

        Args:
            report: Hears it, and may raise to end the call.
            steps: How many were asked for, for pipelines that don't tell; None where that is the
                pipeline's own.
            arguments: The pipeline's own, by its own names.

        Raises:
            BadOption: The pipeline itself refuses the arguments.
            OutOfMemory: Memory ran out.
            CallFailed: Anything else went wrong.
        """
        report(0.0, "preparing")
        modular = {"output": _OUTPUTS[self.makes]} if is_modular(self.pipe) else {}
        try:
            with self._stepping(report, steps) as more, listening() as heard:
                result = self.pipe(**arguments, **more, **modular)
        except OmnibindError:
            raise
        except Exception as error:
            raise run_failure(self.name, error) from error
        self.warnings = unheeded(self.parameters(), arguments, heard)
        return result

    def tile_when_large(self, pixels: int) -> None:
        """Decode in tiles where a picture or frame has more than :data:`LARGE` pixels, or must."""
        vae = getattr(self.pipe, "vae", None)
        try:
            if pixels > LARGE or type(vae).__name__ in TILES_ALONE:
                vae.enable_tiling()  # type: ignore[union-attr]
            elif getattr(vae, "use_tiling", False):
                vae.disable_tiling()  # type: ignore[union-attr]
        except (AttributeError, NotImplementedError):
            return  # decoded at once; not every decoder can do it in tiles

    @contextmanager
    def editing(self, with_mask: bool) -> Iterator[Pipeline]:
        """Give a pipeline that starts from a picture, on the same weights.

        Raises:
            NotSupported: There is none for this kind of model.
        """
        with loading():
            from diffusers import AutoPipelineForImage2Image, AutoPipelineForInpainting

        door = AutoPipelineForInpainting if with_mask else AutoPipelineForImage2Image
        try:
            # In its own number format: it would otherwise be that of the weights in use, too.
            pipe = door.from_pipe(self.pipe, dtype=self.dtype)
        except (ValueError, AttributeError) as error:
            what = "redraw a part of a picture" if with_mask else "start from a picture"
            raise NotSupported(f"{self.name} can't {what}: {error}") from error
        pipe.set_progress_bar_config(disable=True)
        try:
            place_hooks(pipe, self.device, self.offload)
            yield Pipeline(pipe, self.device, self.dtype, self.offload, self.makes)
        finally:
            place_hooks(self.pipe, self.device, self.offload)

    def close(self) -> None:
        """Let go of the weights."""
        if self.offload in ("model", "sequential"):
            self.pipe.remove_all_hooks()
        self.pipe = self._own_scheduler = None
        let_go()

    @contextmanager
    def _stepping(self, report: Report, steps: int | None) -> Iterator[dict[str, Any]]:
        """Give the arguments with which the pipeline tells its steps; else count them ourselves."""
        if "callback_on_step_end" in self.parameters():
            yield {"callback_on_step_end": step_callback(report, steps)}
            return
        scheduler = getattr(self.pipe, "scheduler", None)
        if scheduler is None:
            yield {}
            return
        step, tell = scheduler.step, step_callback(report, steps)
        done = 0

        @functools.wraps(step)  # pipelines look at its signature for eta and generator
        def counted(*args: Any, **options: Any) -> Any:
            nonlocal done
            result = step(*args, **options)
            tell(self.pipe, done, None, {})
            done += 1
            return result

        scheduler.step = counted
        try:
            yield {}
        finally:
            del scheduler.step


def step_callback(report: Report, steps: int | None) -> Callable[..., dict[str, Any]]:
    """Return a ``callback_on_step_end`` that reports, and thereby cancels between steps.

    Args:
        report: A binding's ``report``.
        steps: How many there will be, for pipelines that don't tell.
    """

    def tell(pipe: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        # A picture to start from leaves out steps, and some schedulers take two for one.
        total = getattr(pipe, "num_timesteps", None) or steps
        done = index + 1
        if total is None:
            report(None, f"step {done}")
        else:
            report(min(1.0, done / total), f"step {done}/{total}")
        return tensors

    return tell


def load_pipeline(
    path: Path,
    *,
    makes: Makes,
    device: str = "auto",
    precision: str = "auto",
    offload: str = "auto",
    quantization: str = "none",
    scheduler_name: str | None = None,
    lora: Path | None = None,
    compile: bool = False,  # noqa: A002 - the configuration's own name
    safety_checker: bool = False,
    trust_remote_code: bool = False,
    free_bytes: int | None = None,
    find: Callable[[str], Path] | None = None,
) -> Pipeline:
    """Load a pipeline from files on this machine; never goes online.

    Args:
        path: A folder with ``model_index.json`` or ``modular_model_index.json``, or a checkpoint in
            one ``.safetensors`` file.
        makes: What the caller wants made: ``pictures``, ``films`` or ``sounds``.
        device: A :data:`~.pytorch.Device`.
        precision: A :data:`~.pytorch.Precision`.
        offload: An :data:`~.pipeline_memory.Offload`.
        quantization: A :data:`~.pipeline_memory.Quantization`.
        scheduler_name: A name from :mod:`.schedulers`; None is the model's own.
        lora: A LoRA's file or folder.
        compile: Compile the network that runs once a step; the first call then takes long.
        safety_checker: Keep the model's own.
        trust_remote_code: Run Python code that lies in the model's folder.
        free_bytes: Free memory of the device, for ``offload="auto"``; None measures it.
        find: A binding's ``weights``, to find the configuration files of a lone checkpoint.

    Raises:
        BadConfig: ``path`` holds something else than such a pipeline, or a value doesn't fit it.
        WeightsDamaged: A component is missing or can't be read.
        PackagesMissing: The model or the quantisation needs a package that isn't installed.
        OutOfMemory: Memory ran out, or the device has too little.
    """
    make_importable()
    layout = layout_of(path, trust_remote_code)
    there = device_of(device)
    has_unet = "unet" in layout.components or layout.form == "file"
    dtype = dtype_of(precision, there, "float16" if has_unet else "bfloat16")
    made = makes_of(layout)
    if made not in (None, makes):
        raise BadConfig(
            f"{layout.path} is a {layout.class_name}, which makes {made}; give a model that makes "
            f"{makes}"
        )
    check_quantization(quantization, layout, there)
    if package := missing_package(layout):
        raise package_missing(str(layout.path), package)
    missing = missing_component(layout, safety_checker)
    if missing:
        raise WeightsDamaged(f"{layout.path} is not whole: {missing}; fetch the model again")
    try:
        with loading() as heard:
            pipe = _read(layout, dtype, quantization, safety_checker, trust_remote_code, find)
    except OmnibindError:
        raise
    except Exception as error:
        raise load_failure(layout, error) from error
    check_whole(pipe, layout, heard)
    pipe.set_progress_bar_config(disable=True)
    if lora is not None:
        add_lora(pipe, lora)
    try:
        chosen = place(pipe, there, offload, quantization, free_bytes, str(layout.path))
    except OmnibindError:
        raise
    except Exception as error:
        raise failure(f"loading {layout.path} onto {there}", error) from error
    loaded = Pipeline(pipe, there, dtype, chosen, makes)
    loaded.use_scheduler(scheduler_name)
    if compile:
        with loading():
            for network in loaded.denoisers():
                _compile(network)
    return loaded


def _compile(network: torch.nn.Module) -> None:
    """Compile the blocks that repeat, once for all of them, or the whole where none do."""
    kinds = getattr(network, "_repeated_blocks", None) or ()
    repeated = [module for module in network.modules() if type(module).__name__ in kinds]
    for module in repeated or [network]:
        module.compile()


def _read(
    layout: Layout,
    dtype: torch.dtype,
    quantization: str,
    safety_checker: bool,
    trust_remote_code: bool,
    find: Callable[[str], Path] | None,
) -> Any:
    if layout.form == "modular":
        return _read_modular(layout, dtype, quantization, trust_remote_code)
    import diffusers

    if layout.form == "file":
        from .single_files import read_checkpoint

        return read_checkpoint(layout.path, dtype, safety_checker, find)
    type_: Any = diffusers.DiffusionPipeline
    options: dict[str, Any] = {"dtype": dtype, "local_files_only": True}
    options["trust_remote_code"] = trust_remote_code
    variant = variant_of(layout)
    if variant is not None:
        options["variant"] = variant
    if "safety_checker" in layout.components:
        if not safety_checker and not brings_its_guard(layout):
            options |= {"safety_checker": None, "requires_safety_checker": False}
    elif safety_checker:
        raise BadConfig(f"safety_checker is True, and {layout.path} has none; set it to False")
    if quantization == "gguf":
        from .single_files import read_ggufs

        options |= read_ggufs(layout, dtype)
        # The general class takes no component that the pipeline's own calls optional, as Wan.
        type_ = getattr(diffusers, layout.class_name, type_)
    elif quantization != "none":
        options["quantization_config"] = quantization_config(quantization, layout, dtype)
    return type_.from_pretrained(str(layout.path), **options)


def _read_modular(
    layout: Layout, dtype: torch.dtype, quantization: str, trust_remote_code: bool
) -> Any:
    from diffusers import ModularPipeline

    options: dict[str, Any] = {"local_files_only": True}
    folder = str(layout.path)
    pipe = ModularPipeline.from_pretrained(folder, trust_remote_code=trust_remote_code, **options)
    if quantization == "gguf":
        raise BadConfig(f"quantization is 'gguf', which {layout.path}, a modular pipeline, can't")
    if quantization != "none":
        options["quantization_config"] = quantization_config(
            quantization, layout, dtype
        ).quant_mapping
    listed = pipe.pretrained_component_names
    wanted = [name for name in listed if name.startswith(CORE) or (layout.path / name).is_dir()]
    # The index names the hub's repositories; here the components lie beside it.
    pipe.load_components(
        wanted,
        dtype=dtype,
        pretrained_model_name_or_path=folder,
        trust_remote_code=trust_remote_code,
        **options,
    )
    empty = [name for name in wanted if getattr(pipe, name) is None]
    if empty:
        raise WeightsDamaged(
            f"{layout.path} is not whole: {', '.join(empty)} can't be read; fetch the model again"
        )
    return pipe
