"""NVIDIA GPUs: their memory as the driver tells it, by ``nvidia-ml-py`` or by PyTorch.

PyTorch is asked only where the program has imported it: an import of seconds measures nothing.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Any, NamedTuple, Protocol

from omnibind.running.memory import Marks

_SETTLE_S = 5.0
"""A driver shows freed memory within 0.5 to 1.5 s, rarely later."""


class _Gauge(Protocol):
    """Who tells of one GPU."""

    @property
    def id(self) -> str:
        """The GPU's own identity, whatever number a program gives it."""

    def free_and_total(self) -> tuple[int, int]:
        """Return free bytes and all bytes."""


class _Nvml(NamedTuple):
    nvml: Any
    handle: Any
    id: str

    def free_and_total(self) -> tuple[int, int]:
        told = self.nvml.nvmlDeviceGetMemoryInfo(self.handle)
        return int(told.free), int(told.total)


class _Torch(NamedTuple):
    torch: Any
    number: int
    id: str

    def free_and_total(self) -> tuple[int, int]:
        free, total = self.torch.cuda.mem_get_info(self.number)
        return int(free), int(total)


class Gpu:
    """One GPU as this process numbers it."""

    settle_s = _SETTLE_S

    def __init__(self, index: int) -> None:
        self.index = index
        self.name = f"cuda:{index}"

    @property
    def id(self) -> str:
        """The GPU's own identity; its number in this process where nobody tells that."""
        gauge = _gauge(self.index)
        return self.name if gauge is None else gauge.id

    def total_bytes(self) -> int | None:
        """Return how much there is."""
        gauge = _gauge(self.index)
        return None if gauge is None else gauge.free_and_total()[1]

    def free_bytes(self) -> int | None:
        """Return how much is free now, as the driver says."""
        gauge = _gauge(self.index)
        return None if gauge is None else gauge.free_and_total()[0]

    def taken(self, pid: int | None) -> int | None:
        """Return how much all processes hold together."""
        gauge = _gauge(self.index)
        if gauge is None:
            return None
        free, total = gauge.free_and_total()
        return total - free

    def marks(self, pid: int | None, *, anew: bool = False) -> Marks | None:
        """Return what is taken; the highest is known of PyTorch in this process alone."""
        now = self.taken(pid)
        if now is None:
            return None
        torch = sys.modules.get("torch")
        if pid is not None or torch is None or not torch.cuda.is_initialized():
            return Marks(now, now)
        above = torch.cuda.max_memory_reserved(self.index) - torch.cuda.memory_reserved(self.index)
        return Marks(now, now + int(above))

    def give_back(self) -> None:
        """Have PyTorch return what it keeps for reuse."""
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_initialized():
            torch.cuda.empty_cache()


@cache
def gpu(index: int) -> Gpu:
    """Return a GPU, whether or not anybody can tell of it."""
    return Gpu(index)


def first() -> Gpu | None:
    """Return the GPU that ``cuda`` means; None where this process sees none."""
    return gpu(0) if _gauge(0) is not None else None


def every() -> list[Gpu]:
    """Return the GPUs that this process sees."""
    return [gpu(index) for index in range(_count())]


_gauges: dict[int, _Gauge] = {}


def _gauge(index: int) -> _Gauge | None:
    # Only what was found is kept: PyTorch may be imported between one question and the next.
    found = _gauges.get(index) or _by_nvml(index) or _by_torch(index)
    if found is not None:
        _gauges[index] = found
    return found


def _count() -> int:
    nvml = _nvml()
    if nvml is not None:
        visible = _visible()
        return nvml.nvmlDeviceGetCount() if visible is None else len(visible)
    torch = sys.modules.get("torch")
    return int(torch.cuda.device_count()) if torch is not None else 0


@cache
def _nvml() -> Any | None:
    """Return NVIDIA's management library, begun; None where there is no driver."""
    try:
        import pynvml  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _visible() -> list[str] | None:
    """Return the GPUs that ``CUDA_VISIBLE_DEVICES`` leaves, in its order; None for all."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is None:
        return None
    kept: list[str] = []
    for name in (part.strip() for part in given.split(",")):
        if not name or name.startswith("-"):  # CUDA, too, heeds nothing after a wrong one
            break
        kept.append(name)
    return kept


def _by_nvml(index: int) -> _Gauge | None:
    nvml = _nvml()
    if nvml is None:
        return None
    visible = _visible()
    if visible is not None and index >= len(visible):
        return None
    name = str(index) if visible is None else visible[index]
    try:
        handle = _handle(nvml, name)
        return (
            None if handle is None else _Nvml(nvml, handle, _text(nvml.nvmlDeviceGetUUID(handle)))
        )
    except nvml.NVMLError:
        return None


def _handle(nvml: Any, name: str) -> Any | None:
    if name.isdecimal():
        return nvml.nvmlDeviceGetHandleByIndex(int(name))
    if name.startswith("MIG-"):
        return nvml.nvmlDeviceGetHandleByUUID(name)
    for index in range(nvml.nvmlDeviceGetCount()):  # the start of an identity will do
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        if _text(nvml.nvmlDeviceGetUUID(handle)).startswith(name):
            return handle
    return None


def _by_torch(index: int) -> _Gauge | None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or index >= torch.cuda.device_count():
        return None
    uuid = getattr(torch.cuda.get_device_properties(index), "uuid", None)
    return _Torch(torch, index, f"cuda:{index}" if uuid is None else f"GPU-{uuid}")


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
