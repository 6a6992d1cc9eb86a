"""The bindings that ship with omnibind.

An installed package holds their folders beside this file; a checkout keeps them in ``bindings/`` at
its root, which joins this package's path.
"""

from pathlib import Path

_checkout = Path(__file__).parents[3]
if (_checkout / "pyproject.toml").is_file() and (_checkout / "bindings").is_dir():
    __path__.append(str(_checkout / "bindings"))
