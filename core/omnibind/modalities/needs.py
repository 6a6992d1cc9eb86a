"""What a call needs of this machine: bytes to fetch, memory, and how much of that is free."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from omnibind.contracts.errors import OmnibindError
from omnibind.contracts.media.base import size
from omnibind.discovery import static
from omnibind.modalities.paper import Paper
from omnibind.weights import integrity, store
from omnibind.weights.integrity import Expected

_TORCH = (".pt", ".pth", ".ckpt", ".safetensors")
_TORCH_BYTES, _OTHER_BYTES = 500_000_000, 200_000_000
"""What an engine takes beside its weights: measured on a CPU, 0.46 GB for Whisper on PyTorch, 0.12
and 0.16 GB for Piper on ONNX Runtime and Whisper on CTranslate2."""


def memory_free_bytes() -> int | None:
    """Return how much of this machine's memory a program could take now; None if that isn't told.

    It is the host's: the limit of a container isn't looked at.
    """
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123 - no pathlib is needed
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass  # there is no such file but on Linux
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def sizes_of(paper: Paper) -> tuple[int | None, list[Expected] | None]:
    """Return how many bytes must be fetched, and what files the model has, as far as known."""
    target, model = paper.target, paper.model
    if target is None:
        return None, None
    if paper.sketch.is_remote or model is None or static.is_path(model):
        return 0, None  # a service's, none, or the user's own
    if static.unknown_model(target, model) is not None:
        return None, None
    listed = target.models.get(model)
    if not (listed.has_weights if listed else target.is_repository(model)):
        return 0, None
    try:
        seen, files = store.presence(target, model), store.expected(target, model)
        if seen.state == "here":
            return 0, files
        if files is None:
            return None, None
        absent = [file for file in files if not _is_here(seen.folder, file)]
    except OmnibindError:
        return None, None  # a folder that can't be looked into
    return _sum(absent), files


def _is_here(folder: Path, file: Expected) -> bool:
    found = integrity.size_of(folder / file.path)
    return found is not None and found == file.bytes


def _sum(files: Sequence[Expected]) -> int | None:
    sizes = [file.bytes for file in files]
    known = [one for one in sizes if one is not None]
    return sum(known) if len(known) == len(sizes) else None


def memory_of(paper: Paper, files: Sequence[Expected] | None) -> tuple[int | None, str]:
    """Return how much memory it needs, as an estimate, and what that is made of."""
    if paper.is_loaded:
        return 0, "its engine is loaded already"
    if paper.sketch.is_remote:
        return 0, "a service does the work"
    weights = _sum(files) if files else None
    if weights is None or files is None:
        return None, "the size of its weights isn't known"
    is_torch = any(file.path.endswith(_TORCH) for file in files)
    engine, reserve = ("PyTorch", _TORCH_BYTES) if is_torch else ("an engine", _OTHER_BYTES)
    return weights + reserve, f"estimated: {size(weights)} of weights, {size(reserve)} for {engine}"
