"""The real huggingface_hub against a server on this machine that answers its routes."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from omnibind.contracts.errors import FetchFailed, UnknownModel, WeightsMissing
from omnibind.weights import lockfile, store
from omnibind.weights.catalogue import Model, ModelFile, Target
from omnibind.weights.pull import pull

if TYPE_CHECKING:
    from tests.unit.weights.conftest import WebServer

pytest.importorskip("huggingface_hub", reason='run: pip install "omnibind[huggingface]"')

COMMIT = "a" * 40
OTHER = "b" * 40


def publish(web: WebServer, files: dict[str, bytes], commit: str = COMMIT) -> None:
    siblings = []
    for path, content in files.items():
        digest = hashlib.sha256(content).hexdigest()
        large = path.endswith((".safetensors", ".bin", ".onnx"))
        siblings.append(
            {"rfilename": path, "size": len(content), "blobId": digest[:40]}
            | (
                {"lfs": {"size": len(content), "sha256": digest, "pointerSize": 134}}
                if large
                else {}
            )
        )
        for revision in (commit, "main"):
            where = f"/org/name/resolve/{revision}/{path}"
            web.serve(where, content, tag=f'"{digest}"', headers={"X-Repo-Commit": commit})
    info = {
        "id": "org/name",
        "modelId": "org/name",
        "sha": commit,
        "siblings": siblings,
        "tags": [],
        "downloads": 0,
        "cardData": {"license": "apache-2.0"},
    }
    page = json.dumps(info).encode()
    for route in ("/api/models/org/name", f"/api/models/org/name/revision/{commit}"):
        web.serve(route, page, content_type="application/json")


@pytest.fixture
def hub(web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    from huggingface_hub import constants, file_download, hf_api

    for module in (constants, file_download, hf_api):
        for name in ("ENDPOINT", "HF_ENDPOINT"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, web.url)
    monkeypatch.setattr(
        constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        web.url + "/{repo_id}/resolve/{revision}/{filename}",
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return web


def snapshot(**facts: object) -> Target:
    model = Model(repository="hf:org/name", **facts)  # type: ignore[arg-type]
    return Target("tti", "tiny", {"tiny": model})


FILES = {
    "model_index.json": b"{}",
    "unet/weights.safetensors": b"safe" * 100,
    "unet/weights.bin": b"pickle",
    "unet/tf_model.h5": b"tensorflow",
    "old/weights.bin": b"only a pickle here",
    ".gitattributes": b"*",
    "README.md": b"# A model",
}
TAKEN = {"model_index.json", "unet/weights.safetensors", "old/weights.bin"}


def test_one_file_of_a_repository_arrives(hub: WebServer, weights: bytes) -> None:
    publish(hub, {"en/joe.onnx": weights})
    digest = hashlib.sha256(weights).hexdigest()
    file = ModelFile("joe.onnx", len(weights), digest, ["hf:org/name@main#en/joe.onnx"])
    folder = pull(Target("tts", "tiny", {"joe": Model(files=[file])}), "joe")
    assert (folder / "joe.onnx").read_bytes() == weights


def test_a_broken_download_from_a_repository_is_taken_up(hub: WebServer, weights: bytes) -> None:
    publish(hub, {"joe.onnx": weights})
    where = f"/org/name/resolve/{COMMIT}/joe.onnx"
    hub.resources[where].breaks = [1000, 0]
    digest = hashlib.sha256(weights).hexdigest()
    file = ModelFile("joe.onnx", len(weights), digest, [f"hf:org/name@{COMMIT}#joe.onnx"])
    tts = Target("tts", "tiny", {"joe": Model(files=[file])})
    with pytest.raises(FetchFailed, match="connection failed"):
        pull(tts, "joe")
    assert (pull(tts, "joe") / "joe.onnx").read_bytes() == weights
    assert hub.gets(where)[-1].headers["range"] == "bytes=1000-"


def test_a_repository_is_resolved_once_and_its_hashes_are_kept(hub: WebServer) -> None:
    publish(hub, FILES)
    tti = snapshot()
    assert store.presence(tti, "tiny").state == "absent"
    folder = pull(tti, "tiny")
    assert {p.relative_to(folder).as_posix() for p in folder.rglob("[!.]*") if p.is_file()} == TAKEN
    entry = lockfile.entries()["tti/tiny/tiny"]
    assert (entry.revision, entry.license) == (COMMIT, "apache-2.0")
    assert entry.files["model_index.json"].sha256 == hashlib.sha256(b"{}").hexdigest()
    assert store.presence(tti, "tiny").state == "here"
    publish(hub, {**FILES, "model_index.json": b"{ }"}, OTHER)
    (folder / "model_index.json").unlink()
    with pytest.raises(WeightsMissing):
        store.resolve(tti, "tiny")
    assert (pull(tti, "tiny") / "model_index.json").read_bytes() == b"{}"
    store.remove(tti, "tiny")
    assert (pull(tti, "tiny") / "model_index.json").read_bytes() == b"{ }"


def test_patterns_choose_the_files(hub: WebServer) -> None:
    publish(hub, FILES)
    folder = pull(snapshot(allow=["*.json", "unet/*.bin"]), "tiny")
    assert {path.name for path in folder.rglob("[!.]*.*")} == {"model_index.json", "weights.bin"}


def test_an_unlisted_repository_is_pulled_by_name_only_where_that_is_allowed(
    hub: WebServer,
) -> None:
    publish(hub, FILES)
    with pytest.raises(UnknownModel):
        pull(Target("tti", "tiny", {}), "org/name")
    open_ = Target("tti", "tiny", {}, allow_unlisted=True)
    with pytest.raises(WeightsMissing) as caught:
        store.resolve(open_, "org/name")
    assert caught.value.command == "omnibind pull tti/tiny/org/name"
    folder = pull(open_, "org/name")
    assert folder.parts[-3:] == ("tiny", "org", "name")
    assert store.resolve(open_, "org/name") == folder
    assert store.remove(open_, "org/name") > 0
    with pytest.raises(UnknownModel):
        pull(open_, "name")


def test_a_repository_that_is_not_there_is_told_in_one_line(hub: WebServer) -> None:
    with pytest.raises(FetchFailed, match="404") as caught:
        pull(snapshot(), "tiny")
    assert "\n" not in str(caught.value)


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    file = ModelFile("a", sources=["hf:org/name#a"])
    with pytest.raises(FetchFailed, match=r'pip install "omnibind\[huggingface\]"'):
        pull(Target("tts", "tiny", {"joe": Model(files=[file])}), "joe")


PIPELINE = {
    "model_index.json": b'{"_class_name": "P", "unet": ["diffusers", "UNet"], "vae": ["a", "b"]}',
    "unet/config.json": b"{}",
    "unet/model.safetensors": b"whole" * 9,
    "unet/model.fp16.safetensors": b"half" * 9,
    "vae/model.safetensors.index.json": b"{}",
    "vae/model-00001-of-00002.safetensors": b"one",
    "vae/model-00002-of-00002.safetensors": b"two",
    "vae/model.fp16-00001-of-00001.safetensors": b"half",
    "vae_1_0/model.safetensors": b"old",
    "whole_checkpoint.safetensors": b"everything",
    "onnx/model.onnx": b"onnx",
}


def test_of_a_pipeline_the_components_are_taken_once(hub: WebServer) -> None:
    publish(hub, PIPELINE)
    folder = pull(snapshot(), "tiny")
    here = {path.relative_to(folder).as_posix() for path in folder.rglob("[!.]*") if path.is_file()}
    assert here == {
        "model_index.json",
        "unet/config.json",
        "unet/model.safetensors",
        "vae/model.safetensors.index.json",
        "vae/model-00001-of-00002.safetensors",
        "vae/model-00002-of-00002.safetensors",
    }


def test_where_half_precision_is_all_there_is_it_is_taken(hub: WebServer) -> None:
    files = {path: data for path, data in PIPELINE.items() if path != "unet/model.safetensors"}
    publish(hub, files)
    folder = pull(snapshot(), "tiny")
    assert (folder / "unet" / "model.fp16.safetensors").is_file()


def test_weights_that_lie_there_twice_are_taken_once(hub: WebServer) -> None:
    files = {
        "consolidated.safetensors": b"both",
        "model.safetensors": b"both",
        "tekken.json": b"{}",
    }
    publish(hub, files)
    folder = pull(snapshot(), "tiny")
    assert {path.name for path in folder.glob("[!.]*")} == {"model.safetensors", "tekken.json"}


def test_weights_for_another_framework_alone_are_taken(hub: WebServer) -> None:
    publish(hub, {"consolidated.safetensors": b"all", "params.json": b"{}"})
    assert (pull(snapshot(), "tiny") / "consolidated.safetensors").read_bytes() == b"all"


def test_an_index_that_is_none_is_told(hub: WebServer) -> None:
    publish(hub, {**PIPELINE, "model_index.json": b"{"})
    with pytest.raises(FetchFailed, match=r"model_index\.json can't be read"):
        pull(snapshot(), "tiny")
