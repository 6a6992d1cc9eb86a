"""Whether an environment is any good: the binding's class and its engine are imported there.

The interpreter sees omnibind's light part and the binding's root folder, and nothing else of this
process.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import omnibind
from omnibind.contracts.errors import BindingBroken, InstallFailed
from omnibind.discovery.places import Found

CODE_LIMIT_S = 120.0
ENGINE_LIMIT_S = 900.0
"""An engine's first import compiles all of it."""

_TAIL = 2000
# The package is taken by its path: its folder lies in this process's site-packages, which must not
# be seen there.
_BOOT = """\
import sys
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("omnibind", sys.argv[1])
sys.modules["omnibind"] = package = module_from_spec(spec)
spec.loader.exec_module(package)
from omnibind.contracts.child import main
main()
"""
_IMPORT = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"


def examine(python: Path, found: Found, entry: str) -> dict[str, Any]:
    """Import a binding's class under ``python`` and return its schemas as plain data.

    Raises:
        BindingBroken: It can't be imported there, or isn't a whole binding.
    """
    order = {
        "root": str(found.root.folder),
        "modality": found.modality,
        "name": found.name,
        "entry": entry,
    }
    label = f"{found.modality}/{found.name}"
    try:
        ended = _run(python, [_BOOT, omnibind.__file__], json.dumps(order), CODE_LIMIT_S)
    except subprocess.TimeoutExpired:
        told = f"importing {label} didn't end within {CODE_LIMIT_S:g} s; look for a loop at import"
        raise BindingBroken(told) from None
    if not ended.stdout.strip():
        code = ended.returncode
        raise BindingBroken(f"importing {label} ended its process with code {code}{_tail(ended)}")
    answer: dict[str, Any] = json.loads(ended.stdout)
    if "error" in answer:
        raise BindingBroken(answer["error"])
    facts: dict[str, Any] = answer["facts"]
    return facts


def import_engine(python: Path, modules: Sequence[str]) -> None:
    """Import an engine's modules under ``python``.

    Raises:
        InstallFailed: They can't be imported.
    """
    if not modules:
        return
    named = ", ".join(modules)
    try:
        ended = _run(python, [_IMPORT, *modules], "", ENGINE_LIMIT_S)
    except subprocess.TimeoutExpired:
        told = f"importing {named} didn't end within {ENGINE_LIMIT_S:g} s"
        raise InstallFailed(told) from None
    if ended.returncode:
        code = ended.returncode
        raise InstallFailed(f"importing {named} ended with code {code}{_tail(ended)}")


def _run(
    python: Path, arguments: Sequence[str], told: str, limit_s: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), "-I", "-c", *arguments],
        input=told,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=limit_s,
        check=False,
        cwd=python.parent,
        env={name: text for name, text in os.environ.items() if not name.startswith("PYTHON")},
    )


def _tail(ended: subprocess.CompletedProcess[str]) -> str:
    words = " ".join(ended.stderr.split())
    return f": {words[-_TAIL:]}" if words else ""
