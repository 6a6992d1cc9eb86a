"""The folder and code of every remote binding, by the tests that ask no service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omnibind import testing
from omnibind.contracts.roots import shipped_roots
from omnibind.discovery.manifest import read_manifest

FOLDERS = [
    file.parent
    for root in shipped_roots()
    for file in sorted(Path(root).glob("*/*/binding.yaml"))
    if (manifest := read_manifest(file.parent)).kind == "remote" and not manifest.state
]


def suite_of(folder: Path) -> type[Any]:
    """Return a test class that runs a modality's suite on a folder."""
    modality, name = folder.parts[-2:]
    contract: type[Any] = getattr(testing, f"{modality.upper()}Contract")
    return type(f"Test_{modality}_{name}", (contract,), {"folder": folder})


for _folder in FOLDERS:
    _suite = suite_of(_folder)
    globals()[_suite.__name__] = _suite
del _folder, _suite


def test_every_service_is_looked_at() -> None:
    assert len(FOLDERS) > 40
