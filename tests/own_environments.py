"""The environments of engines that fight with others: made once, and kept for the next run.

They lie beside the interpreter that runs the tests, in a home folder of their own; their packages
are shared with uv's cache.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from tests.tiny import place

from omnibind.contracts.roots import shipped_roots
from omnibind.discovery.manifest import read_manifest
from omnibind.discovery.places import Found, Root
from omnibind.running import environments
from omnibind.running.engine import OFFLINE
from omnibind.weights.trust import trust

ROOT = Path(__file__).parents[1]
HOME = Path(sys.prefix) / "omnibind-home"


@pytest.fixture(scope="module")
def own_home() -> Iterator[Path]:
    """The home folder that holds the environments, for all tests of a module."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OMNIBIND_HOME", str(HOME))
        patched.delenv("OMNIBIND_BINDINGS_PATH", raising=False)
        patched.delenv("OMNIBIND_OFFLINE", raising=False)
        yield HOME


@cache
def python_of(label: str) -> Path:
    """Return the interpreter of a shipped binding's own environment, made where it isn't there."""
    modality, _, name = label.partition("/")
    found = Found(name, modality, Root("shipped", Path(shipped_roots()[-1])))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OMNIBIND_HOME", str(HOME))
        return environments.install(found, read_manifest(found.folder))


@cache
def tiny(name: str, label: str) -> Path:
    """Return the folder of a tiny model that only an own environment can make; it is trusted.

    Args:
        name: The maker, as ``MODULE:FUNCTION`` in ``scripts/tiny_models``.
        label: The binding whose environment makes it.
    """
    folder = place() / name.replace(":", "-")
    folder.mkdir()
    run(label, _MAKE, str(ROOT / "scripts"), *name.split(":"), str(folder))
    trust_all(folder)
    return folder


def with_torchaudio(folder: Path) -> dict[str, str]:
    """Return variables for a process that finds torchaudio, which the tests' own doesn't.

    Args:
        folder: An empty one, which gets that package alone.
    """
    packages = python_of("tts/xtts").parents[1].glob("lib/python*/site-packages/torchaudio*")
    for package in packages:
        (folder / package.name).symlink_to(package, target_is_directory=True)
    path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path)}


def trust_all(folder: Path) -> None:
    """Let the pickles in a folder load."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OMNIBIND_HOME", str(HOME))
        for file in folder.rglob("*"):
            if file.suffix in (".pth", ".bin", ".th"):
                trust(file)


def run(label: str, code: str, *arguments: str) -> str:
    """Return what code prints in an own environment, offline.

    ``library()`` in it makes torchaudio importable as the bindings do.
    """
    threads = {name: text for name, text in os.environ.items() if name == "OMP_NUM_THREADS"}
    done = subprocess.run(
        [str(python_of(label)), "-I", "-c", _LIBRARY + code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        # As many threads as the bindings' workers have: they settle in which order sums are added.
        env={**OFFLINE, "PATH": os.defpath, **threads},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


_LIBRARY = f"""
import sys
from pathlib import Path

def library():
    sys.path.insert(0, {str(ROOT / "bindings" / "_shared")!r})
    import torchaudio_stand_in

    torchaudio_stand_in.make_importable()
    del sys.path[0]

"""

_MAKE = """
import importlib

scripts, module, function, folder = sys.argv[1:]
sys.path.insert(0, scripts)
getattr(importlib.import_module(f"tiny_models.{module}"), function)(Path(folder))
"""

ALONE = f"""
import json, socket

sys.path.insert(0, {str(ROOT / "core")!r})

def refuse(*arguments, **options):
    raise AssertionError(f"the network was asked for: {{arguments}}")

socket.socket.connect = socket.getaddrinfo = refuse

from omnibind.contracts.roots import import_binding, shipped_roots

def alone(modality, name, entry, folder):
    module = import_binding(Path(shipped_roots()[-1]), modality, name)
    binding = getattr(module, entry)(model_name=folder)
    binding._find_weights = Path
    binding.load()
    return binding

"""
"""What begins code that uses a binding in its environment, with every way to the network shut."""
