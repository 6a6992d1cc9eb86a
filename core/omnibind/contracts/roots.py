"""Root folders as packages: how a binding's code is imported, each file under one name.

The shipped root is the package ``omnibind.bindings``. Every other root becomes a package of its
own, named after its real path, so that relative imports work inside it and two roots never share a
module.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

SHIPPED_PACKAGE = "omnibind.bindings"


def package_of(root: Path) -> str:
    """Return the name of the package that ``root`` is, and make it importable."""
    from hashlib import sha256

    real = root.resolve()
    if any(Path(place).resolve() == real for place in shipped_roots()):
        return SHIPPED_PACKAGE
    name = "omnibind_bindings_" + sha256(str(real).encode()).hexdigest()[:12]
    if name not in sys.modules:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(real)]
        module = ModuleType(name, f"The bindings below {real}.")
        module.__spec__ = spec
        module.__path__ = [str(real)]
        sys.modules[name] = module
    return name


def shipped_roots() -> list[str]:
    """Return the folders that make up ``omnibind.bindings``."""
    from omnibind import bindings

    return list(bindings.__path__)


def import_binding(root: Path, modality: str, name: str) -> ModuleType:
    """Import ``<root>/<modality>/<name>/binding.py``; raises whatever its code raises."""
    importlib.invalidate_caches()
    return importlib.import_module(f"{package_of(root)}.{modality}.{name}.binding")
