"""Models that the user keeps anywhere on this machine and names by their path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from omnibind.contracts.errors import BadInput, WeightsMissing
from omnibind.weights import trust
from omnibind.weights.integrity import Expected

# What training leaves behind, and old copies of weights: libraries read the safetensors beside.
_NEVER_READ = (
    "*pytorch_model*.bin",
    "training_args.bin",
    "optimizer.*",
    "scheduler.bin",
    "scheduler.pt",
    "rng_state*.pth",
)


def find(text: str) -> Path:
    """Return the file or folder that a path names.

    Raises:
        WeightsMissing: There is none.
    """
    path = Path(text).expanduser().absolute()
    if not path.exists():
        raise WeightsMissing(f"there is no model at {text!r}; give the path of a file or folder")
    return path


def resolve(text: str) -> Path:
    """Return the file or folder that a path names, with no unknown pickle in it.

    Raises:
        WeightsMissing: There is none.
        Untrusted: A file can run code when it is loaded, and the user doesn't vouch for it.
        BadInput: A file can't be read.
    """
    path = find(text)
    for file, _ in _files(path):
        trust.check_pickle(file)
    return path


def expected(text: str) -> list[Expected]:
    """Return the files of the model at a path with their sizes; empty where there is none."""
    path = Path(text).expanduser().absolute()
    root = path.parent if path.is_file() else path
    return [Expected(file.relative_to(root).as_posix(), size, None) for file, size in _files(path)]


def _files(path: Path) -> Iterator[tuple[Path, int]]:
    if path.is_file():
        yield path, path.stat().st_size
        return
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        has_better = any(name.endswith(".safetensors") for name in names)
        for name in sorted(names):
            if has_better and any(fnmatch(name, pattern) for pattern in _NEVER_READ):
                continue
            file = Path(folder, name)
            try:
                yield file, file.stat().st_size
            except OSError as error:
                raise BadInput(f"{file} can't be read: {error.strerror}") from error
