from __future__ import annotations

import hashlib
import io
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from omnibind.contracts.errors import BadConfig, BadInput, Untrusted
from omnibind.weights import formats, integrity, store, trust
from omnibind.weights.catalogue import Model, ModelFile, Target
from omnibind.weights.pull import pull


def zipped(**members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return content.getvalue()


def npz(array: object) -> bytes:
    content = io.BytesIO()
    np.savez(content, array=np.asarray(array))
    return content.getvalue()


SAFETENSORS = struct.pack("<Q", 2) + b"{}"
CTRANSLATE2 = struct.pack("<IH", 6, 12) + b"WhisperSpec\0" + bytes(100)
FLOATS = np.linspace(-1, 1, 5000, dtype=np.float32).tobytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pt", zipped(**{"archive/data.pkl": b"x", "archive/data/0": b"y"})),
        ("pytorch_model.bin", zipped(**{"archive/data.pkl": b"x"})),
        ("a.bin", pickle.dumps({"w": [1, 2]}, protocol=0)),
        ("a.bin", pickle.dumps({"w": [1, 2]}, protocol=1)),
        ("a.bin", pickle.dumps({"w": [1, 2]}, protocol=2)),
        ("weights", pickle.dumps({"w": [1, 2]}, protocol=5)),
        ("a.ckpt", b"nothing known"),
        ("a.pth", b""),
        ("a.npz", npz(np.array([{}, None], dtype=object))),
        ("a.pt", b"PK\x03\x04 a broken zip"),
    ],
)
def test_what_may_be_unpickled_is_seen(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert formats.is_pickle_like(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.bin", CTRANSLATE2),
        ("a.safetensors", SAFETENSORS),
        ("a.pt", SAFETENSORS),
        ("ggml-tiny.bin", b"lmgg" + bytes(64)),
        ("a.gguf", b"GGUF"),
        ("voice.bin", FLOATS),
        ("a.npz", npz(np.zeros(3))),
        ("empty.bin", b""),
        ("vocabulary.txt", pickle.dumps([1])),
    ],
)
def test_data_is_no_pickle(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert not formats.is_pickle_like(tmp_path / name)


def test_a_pickle_loads_only_when_catalogued_or_trusted(tmp_path: Path) -> None:
    file = tmp_path / "my model.pt"
    file.write_bytes(pickle.dumps([1]))
    with pytest.raises(Untrusted, match=r"omnibind trust '.*my model\.pt'") as caught:
        trust.check_pickle(file)
    sha256 = integrity.sha256_of(file)
    assert sha256 in str(caught.value)
    trust.check_pickle(file, {sha256})
    assert not trust.is_trusted(sha256)
    assert trust.trust(file) == sha256
    trust.check_pickle(file)
    file.write_bytes(pickle.dumps([2]))
    with pytest.raises(Untrusted):
        trust.check_pickle(file)


def test_data_needs_no_trust(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(CTRANSLATE2)
    trust.check_pickle(tmp_path / "model.bin")


def test_a_file_that_can_not_be_read_is_refused(tmp_path: Path, home: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        trust.trust(tmp_path / "nobody.pt")
    with pytest.raises(BadInput, match="Is a directory"):
        trust.check_pickle(tmp_path)
    assert not home.exists()


def test_a_damaged_list_of_trusted_files_trusts_nothing(home: Path) -> None:
    home.mkdir()
    (home / "trusted.json").write_text("[]")
    with pytest.raises(BadConfig, match="delete it and trust again"):
        trust.is_trusted("0" * 64)


def test_a_model_with_an_unknown_pickle_is_pulled_but_not_loaded_unless_trusted(
    tmp_path: Path, home: Path
) -> None:
    made = tmp_path / "made.ckpt"
    made.write_bytes(pickle.dumps([1]))
    unpinned = ModelFile("a.ckpt", sources=[f"file:{made}"])
    sha256 = hashlib.sha256(made.read_bytes()).hexdigest()
    pinned = ModelFile("a.ckpt", made.stat().st_size, sha256, [f"file:{made}"])
    models = {"loose": Model(files=[unpinned]), "pinned": Model(files=[pinned])}
    target = Target("tts", "probe", models)
    folder = pull(target, "loose")
    with pytest.raises(Untrusted, match=f"omnibind trust {folder / 'a.ckpt'}"):
        store.resolve(target, "loose")
    pull(target, "pinned")
    assert store.resolve(target, "pinned")
    trust.trust(folder / "a.ckpt")
    assert store.resolve(target, "loose") == folder
