"""Where a pipeline's weights lie while it works, and in how many bits.

Source: diffusers 0.42, ``enable_model_cpu_offload`` and its kin, ``PipelineQuantizationConfig``.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Annotated, Any, Literal

from omnibind.contracts.errors import BadConfig, OutOfMemory, PackagesMissing

from .pipeline_folders import Layout, is_gguf_alone

if TYPE_CHECKING:
    import torch

Offload = Annotated[
    Literal["auto", "none", "model", "group", "sequential"],
    "what waits in main memory instead of the GPU's: one network at a time is there (model), one "
    "layer (group, sequential: least memory, slowest); auto measures the free memory",
]
Quantization = Annotated[
    Literal[
        "none",
        "bitsandbytes-8bit",
        "bitsandbytes-4bit",
        "torchao-int8",
        "torchao-float8",
        "gguf",
    ],
    "fewer bits for the weights; gguf takes the .gguf file in the model's folder (of two "
    "transformers, in the folder of each), and bitsandbytes needs a GPU",
]

WORK_FACTOR = 1.2
WORK_BYTES = 1 << 30
"""What a pipeline needs beside its weights, roughly: a fifth of them, and a gigabyte."""

_ON_GPU_ONLY = ("bitsandbytes-8bit", "bitsandbytes-4bit")


def chosen_offload(
    wanted: str, device: str, total: int, largest: int, free: int | None, model: str
) -> str:
    """Return how to offload.

    Args:
        wanted: An :data:`Offload`.
        device: Where the pipeline computes: ``cpu``, ``cuda:0``, ….
        total: Bytes of all weights.
        largest: Bytes of the largest component.
        free: Free bytes on the device, or None where that can't be measured.
        model: For messages.

    Raises:
        BadConfig: Offloading was asked for on the CPU.
        OutOfMemory: Nothing was to be offloaded, and the weights don't fit.
    """
    if device == "cpu":
        if wanted not in ("auto", "none"):
            raise BadConfig(
                f"offload is {wanted!r} and the device is the CPU, where the weights lie in main "
                "memory already; set offload to 'auto' or 'none'"
            )
        return "none"
    if free is None:
        return "none" if wanted == "auto" else wanted
    if wanted == "none" and total > free:
        raise OutOfMemory(
            f"the weights of {model} have {_gib(total)} and {device} has {_gib(free)} free; set "
            "offload to 'auto' or a quantization, or let go of another model"
        )
    if wanted != "auto":
        return wanted
    if total * WORK_FACTOR + WORK_BYTES <= free:
        return "none"
    return "model" if largest * WORK_FACTOR + WORK_BYTES <= free else "group"


def place(
    pipe: Any, device: torch.device, wanted: str, quantization: str, free: int | None, model: str
) -> str:
    """Put a pipeline onto its device, whole or bit by bit, and return which.

    Raises:
        BadConfig: The pipeline can't be offloaded like this.
        OutOfMemory: The weights don't fit.
    """
    import torch

    networks: dict[str, Any] = {
        name: one for name, one in pipe.components.items() if isinstance(one, torch.nn.Module)
    }
    sizes = [_bytes_of(network) for network in networks.values()] or [0]
    if free is None and device.type != "cpu":
        free = _free_bytes(device)
    chosen = chosen_offload(wanted, str(device), sum(sizes), max(sizes), free, model)
    if device.type != "cpu":
        for name in ("unet", "vae"):
            # The picture decoder of newer models has convolutions over time, in five dimensions.
            if name in networks and _is_flat(networks[name]):
                networks[name].to(memory_format=torch.channels_last)
    if chosen == "none":
        pipe.to(device)
    elif chosen == "group":
        pipe.enable_group_offload(
            onload_device=device, offload_type="leaf_level", use_stream=device.type == "cuda"
        )
    else:
        if not hasattr(pipe, f"enable_{chosen}_cpu_offload"):
            raise BadConfig(f"offload is {chosen!r}, which {type(pipe).__name__} can't; use 'none'")
        if chosen == "sequential" and quantization in _ON_GPU_ONLY:
            raise BadConfig(f"offload is 'sequential', which {quantization} can't; use 'model'")
        place_hooks(pipe, device, chosen)
    return chosen


def place_hooks(pipe: Any, device: torch.device, chosen: str) -> None:
    """Let a pipeline move its networks itself; of two that share networks only the last one does.

    Does nothing where ``chosen`` needs no hooks of the pipeline's own.
    """
    if chosen in ("model", "sequential"):
        getattr(pipe, f"enable_{chosen}_cpu_offload")(device=device)


def check_quantization(quantization: str, layout: Layout, device: torch.device) -> None:
    """Check that a pipeline can have fewer bits here, before anything of it is read.

    Raises:
        BadConfig: The quantisation needs a GPU, the pipeline is a lone file, or a part of it is
            there in another quantisation only.
        PackagesMissing: The package that quantises isn't installed.
    """
    lone = [name for name in layout.components if is_gguf_alone(layout, name)]
    if lone and quantization != "gguf":
        raise BadConfig(
            f"quantization is {quantization!r}, and {layout.path} has its {lone[0]} in a .gguf "
            "file only; set it to 'gguf'"
        )
    if quantization == "none":
        return
    if layout.form == "file":
        raise BadConfig(
            f"quantization is {quantization!r}, and {layout.path} is a checkpoint in one file; "
            "give a folder that diffusers saved, or set it to 'none'"
        )
    if device.type == "cpu" and quantization in _ON_GPU_ONLY:
        raise BadConfig(
            f"quantization is {quantization!r}, which needs a GPU, and the device is the CPU; set "
            "it to 'torchao-int8', 'torchao-float8', 'gguf' or 'none'"
        )
    package, _, _ = quantization.partition("-")
    if importlib.util.find_spec(package) is None:
        raise PackagesMissing(
            f"quantization is {quantization!r}, which needs the package {package}",
            command=f"pip install {package}",
        )


def quantization_config(quantization: str, layout: Layout, dtype: torch.dtype) -> Any:
    """Return a ``PipelineQuantizationConfig`` for the large networks of a pipeline.

    The decoder stays as it is: it is small, and its loss would be seen.

    Raises:
        BadConfig: The pipeline has nothing to quantise.
    """
    from diffusers import PipelineQuantizationConfig

    package, _, kind = quantization.partition("-")
    mapping = {}
    for name, (library, _) in layout.components.items():
        is_denoiser = name.startswith(("transformer", "unet"))
        if is_denoiser or name.startswith("text_encoder"):
            mapping[name] = _config_of(package, kind, library, dtype)
    if not mapping:
        raise BadConfig(f"quantization is {quantization!r}, and {layout.path} has nothing for it")
    return PipelineQuantizationConfig(quant_mapping=mapping)


def _config_of(package: str, kind: str, library: str, dtype: torch.dtype) -> Any:
    # Both libraries have a class of that name, each for its own networks.
    owner = importlib.import_module("diffusers" if library == "diffusers" else "transformers")
    if package == "bitsandbytes":
        if kind == "8bit":
            return owner.BitsAndBytesConfig(load_in_8bit=True)
        return owner.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
        )
    from torchao import quantization as torchao

    types = {
        "int8": torchao.Int8WeightOnlyConfig,
        "float8": torchao.Float8WeightOnlyConfig,
    }
    return owner.TorchAoConfig(types[kind]())


def _bytes_of(network: torch.nn.Module) -> int:
    tensors = [*network.parameters(), *network.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _is_flat(network: torch.nn.Module) -> bool:
    return all(parameter.dim() <= 4 for parameter in network.parameters())


def _free_bytes(device: torch.device) -> int | None:
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "xpu":
        return int(torch.xpu.mem_get_info(device)[0])
    return None  # Apple's GPUs share the main memory, which is watched elsewhere


def _gib(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB"
