"""``omnibind check FOLDER``: the contract suite on one folder, told in sentences."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omnibind.contracts import CONTRACTS
from omnibind.contracts.errors import BadConfig, BindingBroken, PackagesMissing
from omnibind.discovery.manifest import read_manifest

_TEST_FILE = "test_binding.py"
_TEST = """
from omnibind.testing import {suite}

class TestBinding({suite}):
    folder = {folder!r}
"""


def check_folder(folder: Path, config: dict[str, Any] | None = None) -> int:
    """Run the contract suite on a binding's folder and print what holds and what doesn't.

    A ``test_binding.py`` in the folder is run as it is; without one the suite of the modality runs
    with its own samples. It runs in a child process, so that an engine can't bring this one down.

    Args:
        folder: The binding's folder, ``…/<modality>/<name>``.
        config: The configuration to create the binding with.

    Returns:
        0 where everything holds, 1 where something doesn't.

    Raises:
        BadConfig: There is no such folder, or its parent isn't named after a modality.
        PackagesMissing: pytest isn't installed.
    """
    folder = Path(folder).absolute()
    if not folder.is_dir():
        raise BadConfig(f"{folder} isn't a folder; give the folder of a binding")
    if folder.parent.name not in CONTRACTS:
        raise BadConfig(
            f"{folder} lies in {folder.parent.name!r}; a binding's folder lies in one named "
            f"{', '.join(CONTRACTS)}"
        )
    with suppress(BindingBroken):  # which the suite tells
        manifest = read_manifest(folder)
        if not manifest.entry:
            print(f"ok   there is no code, for it is {manifest.state}: {manifest.reason}")
            return 0
    need_pytest()
    boot = (
        f"import sys; sys.path[:] = {sys.path!r}; from omnibind.testing.check import main; main()"
    )
    sys.stdout.flush()
    # Plugins and options of the project around must not change what is checked.
    kept = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    # Made here, because a child that an engine brings down leaves what it made.
    with tempfile.TemporaryDirectory() as temporary:
        facts = {"folder": str(folder), "config": config or {}, "temporary": temporary}
        done = subprocess.run(
            [sys.executable, "-c", boot, json.dumps(facts, default=str)],
            env={**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            check=False,
        )
    if done.returncode not in (0, 1):
        print(f"\n{folder}: the check itself ended with code {done.returncode}", flush=True)
    return 1 if done.returncode else 0


def need_pytest() -> None:
    """Raise unless pytest can be imported.

    Raises:
        PackagesMissing: It can't; ends with the command that installs it.
    """
    if find_spec("pytest") is None:
        raise PackagesMissing(
            "the contract suites need pytest, which isn't installed",
            command='pip install "omnibind[testing]"',
        )


def main() -> None:
    """Be the child: run the suite on the folder that the command line's order names."""
    import pytest

    from .told import Told

    order = json.loads(sys.argv[1])
    folder = Path(order["folder"])
    told = Told(folder, order["config"])
    file = folder / _TEST_FILE
    if not file.is_file():
        file = Path(order["temporary"]) / _TEST_FILE
        suite = f"{folder.parent.name.upper()}Contract"
        file.write_text(_TEST.format(suite=suite, folder=str(folder)), encoding="utf-8")
    options = ["-pno:terminal", "-pno:cacheprovider", "--noconftest", "--import-mode=importlib"]
    places = ["-c", os.devnull, "--rootdir", order["temporary"]]
    code = pytest.main([*options, *places, str(file)], plugins=[told])
    told.finish()
    # pytest counts failures as 1, and everything that went wrong beside the tests as more.
    sys.exit(code or int(told.is_wrong))
