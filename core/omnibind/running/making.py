"""Making one environment: uv, the packages, the proof, the record."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from omnibind.discovery import environment as files
from omnibind.discovery.environment import Record
from omnibind.discovery.manifest import Manifest
from omnibind.discovery.places import Found
from omnibind.running import holding, proof, requirements, uv
from omnibind.weights import records


def make(
    found: Found, manifest: Manifest, torch_backend: str | None, tell: Callable[[str], None]
) -> Record:
    """Make an environment aside, prove it, and put its record in place.

    Whatever goes wrong, nothing is left of it; what an interruption leaves, no record names.

    Raises:
        InstallFailed: uv failed, or an engine can't be imported there.
        BindingBroken: The manifest, the lock or the binding's code is wrong.
        PackagesMissing: There is no uv.
        OSError: Something can't be written.
    """
    tool = uv.find()
    place = files.place_of(found)
    folder = place / secrets.token_hex(4)
    python = files.python_in(folder)
    backend = torch_backend or ("" if tool.has_own_places else "auto")
    folder.mkdir(parents=True)
    try:
        (folder / holding.USE_NAME).touch()
        descriptor = holding.hold(python)
        try:
            wanted = requirements.write(found, manifest, folder)
            chosen = _python_for(files.specification_of(manifest).python)
            venv = ["venv", "--quiet", "--no-project", "--python", chosen, str(folder / "venv")]
            tool.run(venv, folder, descriptor, tell)
            if wanted:
                options = ["--torch-backend", backend] if backend else []
                command = ["pip", "install", "--python", str(python), *tool.arguments, *options]
                tool.run([*command, *wanted], folder, descriptor, tell)
        finally:
            os.close(descriptor)
        record = _record(found, manifest, folder, tool.version())
        pinned = requirements.locked(found, manifest)
        if pinned is not None:
            requirements.check_locked(pinned, record.packages, manifest)
        tell("Trying it")
        facts = proof.examine(python, found, manifest.entry)
        proof.import_engine(python, manifest.imports)
        record = msgspec.structs.replace(record, torch_backend=torch_backend or "", facts=facts)
        records.write(place / files.RECORD_NAME, record)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return record


def _record(found: Found, manifest: Manifest, folder: Path, uv_version: str) -> Record:
    venv = folder / "venv"
    site_packages = next(venv.glob("lib/python*/site-packages"))
    config = (venv / "pyvenv.cfg").read_text("utf-8")
    settings = dict(line.split(" = ", 1) for line in config.splitlines() if " = " in line)
    packages = {
        canonicalize_name(package.metadata["Name"]): package.version
        for package in distributions(path=[str(site_packages)])
    }
    return Record(
        modality=found.modality,
        name=found.name,
        root=files.recorded_root(found),
        folder=folder.name,
        site_packages=str(site_packages.relative_to(venv)),
        manifest=files.asked_for(found, manifest),
        lock=files.lock_hash(found),
        code=files.code_hash(found),
        python=settings.get("version_info", "unknown"),
        uv=uv_version,
        torch_backend="",
        packages=dict(sorted(packages.items())),
        entries=sorted({path.name for path in site_packages.iterdir()} - {"__pycache__"}),
        facts={},
    )


def _python_for(wanted: str) -> str:
    """Return what uv is to take as Python: the one that runs here where it fits, else any."""
    here = ".".join(map(str, sys.version_info[:3]))
    try:
        fits = here in SpecifierSet(f"=={wanted}.*" if wanted[:1].isdigit() else wanted)
    except InvalidSpecifier:
        fits = False  # "pypy@3.10" and the like are uv's to read
    return sys.executable if fits else wanted
