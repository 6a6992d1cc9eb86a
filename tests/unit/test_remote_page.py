"""``docs/remote.md`` says of every service what is so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibind.discovery.manifest import Manifest, read_manifest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "remote.md").read_text("utf-8")
JUDGES = {
    "its own specification": r"def test_spec_(?!thirdparty)",
    "a third party's specification": r"def test_spec_thirdparty_",
    "recorded replies": r"def test_recorded_",
    "its SDK": r"def test_sdk_",
}
OPENAIS = {"openai_compatible", "lollms"}
"""Who is judged by OpenAI's specification, which isn't theirs."""


def services() -> Iterator[tuple[str, str, Manifest]]:
    for file in sorted((ROOT / "bindings").glob("*/*/binding.yaml")):
        manifest = read_manifest(file.parent)
        if manifest.kind == "remote":
            yield file.parts[-3], file.parts[-2], manifest


def rows() -> dict[str, tuple[set[str], str, str]]:
    """The modalities, keys and judges of a row, by the bindings' name."""
    found = {}
    for line in re.findall(r"^\| .+ \|$", PAGE, re.MULTILINE):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        named = re.search(r"`(\w{3})/(\w+)`$", cells[1]) if len(cells) == 4 else None
        if named:
            found[named[2]] = set(re.findall(r"`(\w{3})\b", cells[1])), cells[2], cells[3]
    return found


def test_every_service_is_in_the_table_with_what_it_does_and_its_keys() -> None:
    table, offered = rows(), dict[str, set[str]]()
    for modality, name, manifest in services():
        if manifest.state:
            continue
        offered.setdefault(name, set()).add(modality)
        for key in {key for keys in manifest.keys for key in keys}:
            assert f"`{key}`" in table[name][1], f"{modality}/{name} wants {key}"
    assert {name: modalities for name, (modalities, _, _) in table.items()} == offered


def test_what_is_withdrawn_is_told() -> None:
    (told,) = re.findall(r"^- \*\*Withdrawn\*\*.*?(?=^- )", PAGE, re.MULTILINE | re.DOTALL)
    for modality, name, manifest in services():
        assert not manifest.state or f"{modality}/{name}" in told or name == "lollms"


@pytest.mark.parametrize("name", sorted(rows()))
def test_who_judged_is_what_the_names_of_the_tests_say(name: str) -> None:
    told = rows()[name][2]
    if name in OPENAIS:
        assert "OpenAI's specification" in told
        return
    tests = (ROOT / "tests" / "remote" / f"test_{name}.py").read_text("utf-8")
    judges = [words for words, pattern in JUDGES.items() if re.search(pattern, tests)]
    assert [words for words in JUDGES if words in told] == judges
    assert judges or told == "our own fake alone"


def test_it_says_plainly_that_nothing_live_was_called() -> None:
    assert "No live service was ever called" in PAGE
    assert "Run `omnibind keys test` first" in PAGE
