"""What a call needs of this machine: bytes to fetch, memory, and how much of that is free."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from omnibind.contracts.binding import is_path
from omnibind.contracts.errors import OmnibindError
from omnibind.discovery import static
from omnibind.modalities.paper import Paper
from omnibind.running.residence import Residence
from omnibind.weights import integrity, store
from omnibind.weights.integrity import Expected


def sizes_of(paper: Paper) -> tuple[int | None, list[Expected] | None]:
    """Return how many bytes must be fetched, and what files the model has, as far as known."""
    target, model = paper.target, paper.model
    if target is None:
        return None, None
    if paper.sketch.is_remote:
        return 0, None
    if model is None:
        return (None if paper.state == "needs-setting" else 0), None
    if is_path(model):
        return 0, store.expected(target, model)
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
    """Return how much memory a load and a call take here, and how that is known."""
    if paper.is_loaded:
        return 0, "its engine is loaded already"
    if paper.sketch.is_remote:
        return 0, "a service does the work"
    modality = paper.label.partition("/")[0]
    residence = Residence.of_files(paper.engine, modality, paper.model, paper.placed, files)
    need = residence.need()
    return (None if need.basis == "unknown" else need.bytes), need.told
