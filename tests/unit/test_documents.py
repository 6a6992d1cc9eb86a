from __future__ import annotations

import contextlib
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibind import documents
from omnibind.contracts.errors import BadConfig


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    languages: list[str] = []


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    summary: str
    count: int = 0
    inner: Inner = msgspec.field(default_factory=Inner)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("16:9", "16:9"),
        ("1_000", "1_000"),
        ("2026-11-20", "2026-11-20"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("012", 12),
        ("0o17", 15),
        ("0x1f", 31),
        ("-3", -3),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("1.0.0", "1.0.0"),
        ("'true'", "true"),
    ],
)
def test_scalars_follow_the_core_rules_of_yaml_1_2(text: str, value: object) -> None:
    parsed = documents.parse(f"key: {text}".encode())["key"]
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\na: 2", "twice"),
        ("a: &x 1\nb: *x", "anchors"),
        ("a: !!int '3'", "tags"),
        ("a: 1\n---\nb: 2", "one document"),
        ("- [", "flow"),
        ("? [a]\n: 1", "plain value"),
        ("a: \0", "binary"),
        ("[" * 60 + "]" * 60, "nested"),
    ],
)
def test_what_a_manifest_does_not_need_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        documents.parse(text.encode())


def test_text_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(ValueError, match="UTF-8"):
        documents.parse(b"a: \xff\xfe")


def test_an_unknown_key_is_refused_with_its_place_and_the_near_name(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("summary: x\ninner: {langages: [en]}\n")
    with pytest.raises(
        BadConfig, match=r"'langages' in inner is unknown; did you mean 'languages'"
    ):
        documents.read(path, Outer, BadConfig)


def test_a_list_where_a_mapping_belongs_is_refused_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("- summary\n")
    with pytest.raises(BadConfig, match=r"x\.yaml.*object"):
        documents.read(path, Outer, BadConfig)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"gone\.yaml can't be read"):
        documents.read(tmp_path / "gone.yaml", Outer, BadConfig)


_plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc: #'\"\n-no", max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("kxyz", min_size=1), inner),
    max_leaves=8,
)


@given(_plain)
def test_whatever_yaml_writes_is_read_back(data: object) -> None:
    import yaml

    # JSON is YAML 1.2, and it writes every string in quotes.
    text = yaml.dump(data, default_style='"') if isinstance(data, str) else None
    assert documents.parse((text or json.dumps(data)).encode()) == data


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        documents.parse(content)
