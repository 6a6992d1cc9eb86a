"""What the folders of remote bindings say: models, prices, keys, and what their import costs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from omnibind import Client
from omnibind.contracts.errors import Retired
from omnibind.contracts.roots import shipped_roots
from omnibind.discovery.manifest import Manifest, read_manifest
from omnibind.managers import MANAGERS
from omnibind.weights.capabilities import cost_of
from omnibind.weights.catalogue import Model, read_models

SDKS = (
    *("openai", "elevenlabs", "google.genai", "replicate", "runwayml", "lumaai", "fal_client"),
    *("huggingface_hub", "requests", "httpx", "boto3", "grpc", "numpy", "httpx2"),
)


def folders() -> Iterator[tuple[str, Path, Manifest]]:
    for root in shipped_roots():
        for file in sorted(Path(root).glob("*/*/binding.yaml")):
            manifest = read_manifest(file.parent)
            if manifest.kind == "remote" and not manifest.state:
                yield "/".join(file.parts[-3:-1]), file.parent, manifest


FOLDERS = {label: (folder, manifest) for label, folder, manifest in folders()}
MODELS = {
    f"{label}/{name}": model
    for label, (folder, _) in FOLDERS.items()
    for name, model in read_models(folder).items()
}


@pytest.mark.parametrize("label", FOLDERS)
def test_a_folder_is_whole(label: str) -> None:
    folder, manifest = FOLDERS[label]
    models = read_models(folder)
    assert manifest.runs == "in-process"
    if manifest.default_model and models:
        assert manifest.default_model in models
        ends = models[manifest.default_model].retired_on
        assert ends is None or ends > date.today()
    modality, _, name = label.partition("/")
    schema = MANAGERS[modality]().describe(f"shipped:{name}").configuration
    assert {"api_key", "base_url", "proxy", "ca_bundle", "max_connections"} <= set(schema.names)
    if manifest.model_option:
        option = schema.option(manifest.model_option)
        assert option is not None
        assert option.default in (manifest.default_model, "", None)


@pytest.mark.parametrize("label", MODELS)
def test_a_model_says_where_and_when_its_facts_were_looked_up(label: str) -> None:
    model = MODELS[label]
    assert model.source, "no source"
    assert model.date is not None
    assert not model.files
    if model.price:
        assert cost_of(model.price) is not None, model.price
    assert all(usd >= 0 for usd in model.token_prices.values())
    if model.successor is not None:
        assert model.successor in {one.split("/", 2)[2] for one in MODELS}


def _is_over(model: Model) -> bool:
    return model.retired_on is not None and model.retired_on <= date.today()


def test_a_client_that_names_a_retired_model_says_so_before_any_call() -> None:
    over = [label for label, model in MODELS.items() if _is_over(model)]
    assert over
    for label in over:
        modality, name, model = label.split("/", 2)
        served = {modality: {"binding": name, "model": model, "api_key": "sk-1"}}
        with Client(**served) as client:  # type: ignore[arg-type]  # a modality of its own
            handle = getattr(client, modality)
            assert handle.state == "retired"
            with pytest.raises(Retired):
                raise handle.diagnose().error()


def test_importing_all_remote_bindings_imports_no_sdk() -> None:
    code = """
import importlib, json, sys
import omnibind.contracts.roots
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""
    names = [f"omnibind.bindings.{label.replace('/', '.')}.binding" for label in FOLDERS]
    done = subprocess.run(
        [sys.executable, "-c", code, *names], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert not loaded & set(SDKS)
