"""How the judges are installed: what is pinned, and what is said where Node.js is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PINS = ROOT / "tests" / "remote" / "judges"


def test_every_package_is_pinned_with_its_hash_and_without_a_registry() -> None:
    wanted = json.loads((PINS / "package.json").read_text())["dependencies"]
    locked = json.loads((PINS / "package-lock.json").read_text())["packages"]
    assert set(wanted) == {"@stdy/cli", "@stoplight/prism-cli"}
    for name, version in wanted.items():
        assert locked[f"node_modules/{name}"]["version"] == version
    packages = {name: entry for name, entry in locked.items() if name}
    assert len(packages) > 200
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name


def test_a_machine_without_node_is_told_what_to_install(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "install_judges.py")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "no node and no npm on PATH; install Node.js" in done.stderr
