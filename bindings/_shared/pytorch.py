"""What the engines on PyTorch share: devices, number formats, seeds, memory."""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

from omnibind.contracts.errors import BadConfig
from omnibind.contracts.options import Range

if TYPE_CHECKING:
    import torch

Device = Annotated[
    str, "auto, cpu, cuda, cuda:1, mps, xpu; auto is the first GPU that PyTorch sees, else cpu"
]
Precision = Annotated[
    Literal["auto", "float32", "float16", "bfloat16"],
    "number format of the weights; auto is float32 on the CPU and 16 bits on a GPU",
]
Seed = Annotated[int | None, Range(0, 2**32 - 1), "the same one gives the same; None is by chance"]


def device_of(wanted: str) -> torch.device:
    """Return the device that a configuration means.

    Raises:
        BadConfig: There is no such device here, or the words mean none.
    """
    import torch

    found = _accelerators()
    if wanted == "auto":
        return torch.device(found[0] if found else "cpu")
    here = ", ".join(["cpu", *found])
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise BadConfig(f"device is {wanted!r}; give auto or one of {here}") from error
    counted = f"{device.type}:{device.index or 0}"
    if device.type != "cpu" and counted not in found and device.type not in found:
        raise BadConfig(f"device is {wanted!r}, which PyTorch doesn't see here; it sees {here}")
    return torch.device("cpu") if device.type == "cpu" else torch.device(counted)


def _accelerators() -> list[str]:
    import torch

    found = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps:0")
    if torch.xpu.is_available():
        found += [f"xpu:{number}" for number in range(torch.xpu.device_count())]
    return found


def dtype_of(
    precision: str, device: torch.device, on_gpu: Literal["float16", "bfloat16"] = "bfloat16"
) -> torch.dtype:
    """Return the number format that a configuration means.

    Args:
        precision: One of :data:`Precision`.
        device: Where the weights will lie.
        on_gpu: What ``auto`` is on a GPU; bfloat16 becomes float16 where the GPU hasn't got it.
    """
    import torch

    if precision != "auto":
        dtype: torch.dtype = getattr(torch, precision)
        return dtype
    if device.type == "cpu":
        return torch.float32
    has_bfloat16 = device.type != "cuda" or torch.cuda.is_bf16_supported()
    return torch.bfloat16 if on_gpu == "bfloat16" and has_bfloat16 else torch.float16


@contextmanager
def seeded(seed: int | None, device: torch.device) -> Iterator[None]:
    """Draw chance from ``seed`` within, and leave the program's own chance as it was.

    For engines that take no generator, and draw from PyTorch's or from Python's own (Demucs does);
    None changes nothing.
    """
    import torch

    if seed is None:
        yield
        return
    devices = [device] if device.type == "cuda" else []
    before = random.getstate()
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(before)


def let_go() -> None:
    """Give back what PyTorch keeps of weights that nobody refers to any more."""
    torch = sys.modules.get("torch")
    gc.collect()
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
