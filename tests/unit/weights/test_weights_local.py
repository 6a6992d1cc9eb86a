"""Models that are named by their path, and bindings that use another one's weights."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import CODE, MANIFEST, BindingWriter

from omnibind import Client
from omnibind.contracts.errors import BindingBroken, Untrusted, WeightsMissing
from omnibind.managers import TTSBindingManager
from omnibind.weights.trust import trust

MODEL = (
    CODE.replace(
        'self, *, rate: Annotated[int, Range(8000, 48000), "samples a second"] = 8000',
        'self, *, model_name: str = "small"',
    ).replace("self.rate = rate", "self.rate, self.model_name = 8000, model_name")
    + """
    def load(self) -> None:
        self.found = self.weights(self.model_name)
"""
)
CHOOSING = MANIFEST + "model_option: model_name\n"


def create(folder: Path, model: Path | str) -> Any:
    return TTSBindingManager().create_binding(str(folder), model_name=str(model))


@pytest.fixture
def binding(write_binding: BindingWriter) -> Path:
    return write_binding(code=MODEL, manifest=CHOOSING)


@pytest.mark.parametrize("runs", ["in-process", "worker"])
def test_a_folder_of_the_users_own_is_loaded_where_it_is(
    binding: Path, tmp_path: Path, home: Path, runs: str
) -> None:
    own = tmp_path / "my model"
    own.mkdir()
    (own / "config.json").write_bytes(b"{}")
    chosen = {"binding": str(binding), "model_name": str(own), "runs": runs}
    with Client(tts=chosen) as client:
        assert client.tts.state == "ready"
        assert client.tts.generate_audio("hello there").meta.model == str(own)
    assert create(binding, own / "config.json").weights(str(own / "config.json")).is_file()


def test_what_is_not_there_is_told_before_anything_is_loaded(binding: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    handle = Client(tts={"binding": str(binding), "model_name": str(gone)}).tts
    assert handle.state == "needs-weights"
    with pytest.raises(WeightsMissing, match=r"there is no model at .*gone"):
        handle.generate_audio("hello there")


def test_a_pickle_in_a_folder_of_the_users_own_must_be_trusted(
    binding: Path, tmp_path: Path, home: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "model.pt").write_bytes(pickle.dumps({"weights": [1.0] * 20}))
    made = create(binding, own)
    with pytest.raises(Untrusted, match=r"omnibind trust .*model\.pt"):
        made.weights(str(own))
    trust(own / "model.pt")
    assert made.weights(str(own)) == own


def test_old_copies_beside_safetensors_are_not_asked_about(
    binding: Path, tmp_path: Path, home: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt"):
        (own / name).write_bytes(pickle.dumps({"weights": [1.0] * 20}))
    with pytest.raises(Untrusted):
        create(binding, own).weights(str(own))
    (own / "model.safetensors").write_bytes(b"\0" * 8)
    assert create(binding, own).weights(str(own)) == own
    (own / "voice.pth").write_bytes(pickle.dumps({"weights": [1.0] * 20}))
    with pytest.raises(Untrusted, match=r"voice\.pth"):
        create(binding, own).weights(str(own))


MODELS = "small:\n  license: MIT\n  files: [{path: a.bin, bytes: 3, sources: ['file:/x']}]\n"


def test_a_binding_may_use_the_weights_of_another(write_binding: BindingWriter, home: Path) -> None:
    write_binding("owner", models=MODELS)
    user = write_binding("user", code=MODEL, manifest=CHOOSING + "weights_of: tts/owner\n")
    with pytest.raises(WeightsMissing) as caught:
        create(user, "small")
    assert caught.value.command == "omnibind pull tts/owner/small"
    place = home / "models" / "tts" / "owner" / "small"
    place.mkdir(parents=True)
    (place / "a.bin").write_bytes(b"abc")
    made = create(user, "small")
    assert (made.catalogue(), made.weights("small")) == (["small"], place)
    assert Client(tts={"binding": str(user), "model_name": "small"}).tts.state == "ready"


def test_whose_weights_they_are_is_named_as_modality_and_name(
    write_binding: BindingWriter,
) -> None:
    folder = write_binding(manifest=MANIFEST + "weights_of: owner\n")
    with pytest.raises(BindingBroken, match="weights_of is 'owner'; give MODALITY/NAME"):
        TTSBindingManager().create_binding(str(folder))
