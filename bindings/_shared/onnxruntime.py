"""What the engines on onnxruntime share: where it computes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

from omnibind.contracts.errors import BadConfig

CUDA = "CUDAExecutionProvider"

Device = Annotated[
    Literal["auto", "cpu", "cuda"], "auto is cuda where onnxruntime can use a GPU, else cpu"
]


def uses_cuda(device: str) -> bool:
    """Tell whether onnxruntime is to compute on a GPU.

    Raises:
        BadConfig: It can't here, and the device is ``cuda``.
    """
    import onnxruntime  # type: ignore[import-untyped]

    known = onnxruntime.get_available_providers()
    if device == "cuda" and CUDA not in known:
        raise BadConfig(
            f"device is 'cuda', and the onnxruntime here computes by {', '.join(known)} alone; "
            "install onnxruntime-gpu in its place, or use 'auto' or 'cpu'"
        )
    return device != "cpu" and CUDA in known


def check_cuda(providers: Collection[str], device: str) -> None:
    """Check that a session took the GPU that was asked for; where it can't, it takes the CPU.

    Raises:
        BadConfig: It didn't, and the device is ``cuda``.
    """
    if device == "cuda" and CUDA not in providers:
        raise BadConfig(
            "device is 'cuda', and onnxruntime can't use it: there is no GPU, or its CUDA "
            "libraries don't load; mend that, or use 'auto' or 'cpu'"
        )
