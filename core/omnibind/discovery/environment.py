"""A binding's own environment as its files tell: is one here, is it whole, is it the one asked for.

``$OMNIBIND_HOME/environments/<modality>/<name>/`` holds ``environment.json``, the record, and the
folder that the record names, which holds the virtual environment. A virtual environment has its own
path written into its scripts and can't be renamed, so each one is made under a name that was never
used, and it counts only when a record that names it is put in place: what an interrupted install
left is named by none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from omnibind import __version__
from omnibind.contracts.roots import shipped_roots
from omnibind.discovery.diagnosis import Problem
from omnibind.discovery.manifest import Environment, Manifest
from omnibind.discovery.places import Found, Root
from omnibind.weights import records
from omnibind.weights.places import home

LOCK_NAME = "environment.lock"
RECORD_NAME = "environment.json"
_SCHEMA = 1


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about an environment that was made and proven.

    Attributes:
        schema: The form of this record.
        modality: ``tts``, …
        name: The binding's name.
        root: The root folder that the binding lies in; empty for a shipped one.
        folder: The name of the folder beside the record that holds the virtual environment.
        site_packages: Where its packages lie, below the virtual environment.
        manifest: Hash of what the manifest and its lock asked for.
        lock: sha256 of the lock; empty where none shipped.
        code: Hash of the code that ``facts`` were taken from.
        python: The version of its Python.
        uv: The version of the uv that made it.
        torch_backend: The builds of torch that were asked for; empty where nothing was said.
        packages: Its packages and their versions.
        entries: Every name in its site-packages folder.
        facts: The schemas of the binding's configuration and options.
    """

    schema: int = _SCHEMA
    modality: str
    name: str
    root: str
    folder: str
    site_packages: str
    manifest: str
    lock: str
    code: str
    python: str
    uv: str
    torch_backend: str
    packages: dict[str, str]
    entries: list[str]
    facts: dict[str, Any]


class EnvironmentState(NamedTuple):
    """How a binding's own environment does.

    Attributes:
        state: ``ready``, ``absent``, ``broken``, or ``outdated`` where the manifest or its lock
            asks for something else since.
        python: Its interpreter; None where the state isn't ``ready``.
        record: What is known about it; None where there is none that can be read.
        problem: What is wrong, as a clause; empty where it is ready.
    """

    state: Literal["ready", "absent", "broken", "outdated"]
    python: Path | None
    record: Record | None
    problem: str = ""


def environment_of(found: Found, manifest: Manifest) -> EnvironmentState:
    """Look at a binding's own environment: one record, one folder's names; nothing is run."""
    place = place_of(found)
    try:
        record = records.read(place / RECORD_NAME, Record)
    except (msgspec.MsgspecError, OSError) as error:
        return EnvironmentState("broken", None, None, f"its record can't be read: {error}")
    if record is None:
        return EnvironmentState("absent", None, None, "none is installed")
    if record.schema != _SCHEMA:
        problem = "another version of omnibind made its environment"
        return EnvironmentState("outdated", None, record, problem)
    fault = _fault(place, record)
    if fault:
        return EnvironmentState("broken", None, record, fault)
    if record.manifest != asked_for(found, manifest):
        problem = "its manifest asks for another environment since this one was made"
        return EnvironmentState("outdated", None, record, problem)
    return EnvironmentState("ready", python_in(place / record.folder), record)


def environment_problems(found: Found, manifest: Manifest) -> Iterator[Problem]:
    """Yield what keeps a binding from running in its own environment."""
    seen = environment_of(found, manifest)
    if seen.state != "ready":
        label = f"{found.modality}/{found.name}"
        verb = "repair" if seen.state == "broken" else "install"
        message = f"{label} can't run in an environment of its own: {seen.problem}"
        yield Problem("needs-environment", message, f"omnibind {verb} {label}")


def environments_folder() -> Path:
    """Return the folder that holds every environment."""
    return home() / "environments"


def place_of(found: Found) -> Path:
    """Return the folder of a binding's environment; two of one name from two roots have two."""
    root = recorded_root(found)
    suffix = f"-{sha256(root.encode()).hexdigest()[:8]}" if root else ""
    return environments_folder() / found.modality / (found.name + suffix)


def recorded_root(found: Found) -> str:
    """Return the root as records keep it: empty for shipped ones, which move with omnibind."""
    real = os.path.realpath(found.root.folder)
    is_shipped = any(os.path.realpath(folder) == real for folder in shipped_roots())
    return "" if is_shipped else real


def found_by(record: Record) -> Found | None:
    """Return the binding that an environment was made for, or None where it is gone."""
    folders = [record.root] if record.root else shipped_roots()
    for folder in folders:
        root = Root("" if record.root else "shipped", Path(folder))
        found = Found(record.name, record.modality, root)
        if found.folder.is_dir():
            return found
    return None


def specification_of(manifest: Manifest) -> Environment:
    """Return what the environment must hold; without requirements of its own, the binding's."""
    given = manifest.environment or Environment()
    return given if given.requires else msgspec.structs.replace(given, requires=manifest.requires)


def asked_for(found: Found, manifest: Manifest) -> str:
    """Return the hash of what the manifest and its lock ask for."""
    specification = msgspec.json.encode(specification_of(manifest))
    return sha256(specification + lock_hash(found).encode()).hexdigest()


def lock_hash(found: Found) -> str:
    """Return the sha256 of a binding's lock, or an empty string where none ships."""
    try:
        return sha256((found.folder / LOCK_NAME).read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""


def code_hash(found: Found) -> str:
    """Return the hash of the code that a binding's schemas come from."""
    digest = sha256(__version__.encode())
    shared = found.root.folder / "_shared"
    for path in sorted([*found.folder.rglob("*.py"), *shared.rglob("*.py")]):
        digest.update(str(path.relative_to(found.root.folder)).encode() + path.read_bytes())
    return digest.hexdigest()


def python_in(folder: Path) -> Path:
    """Return the interpreter of the virtual environment that a record's folder holds."""
    return folder / "venv" / "bin" / "python"


def _fault(place: Path, record: Record) -> str:
    python = python_in(place / record.folder)
    if not python.is_file():  # a link whose interpreter is gone isn't one either
        return f"its interpreter {python} is gone"
    packages = python.parent.parent / record.site_packages
    try:
        here = set(os.listdir(packages))  # noqa: PTH208 - names are all that is needed
    except OSError as error:
        return f"{packages} can't be read: {error.strerror or error}"
    missing = sorted(set(record.entries) - here)
    return f"{packages / missing[0]} is missing" if missing else ""
