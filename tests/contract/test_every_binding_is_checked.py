from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from omnibind.contracts import CONTRACTS
from omnibind.contracts.roots import shipped_roots
from omnibind.discovery.manifest import Manifest, read_manifest

TESTS = Path(__file__).parents[1]


def folders_with_a_suite() -> Iterator[tuple[str, str]]:
    """The suite and the folder, as written, of every test class that joins a suite."""
    for file in sorted(TESTS.rglob("test_*.py")):
        body = ast.parse(file.read_text("utf-8")).body
        classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
        for name in classes:
            if name.startswith("Test"):
                yield from _joined(name, classes)


def _joined(name: str, classes: dict[str, ast.ClassDef]) -> Iterator[tuple[str, str]]:
    node = classes[name]
    bases = [ast.unparse(base) for base in node.bases]
    suites = [base for base in bases if base.endswith("Contract")]
    for item in node.body if suites else []:
        if isinstance(item, ast.Assign) and ast.unparse(item.targets[0]) == "folder":
            yield suites[0], ast.unparse(item.value)
    for base in bases:  # what several classes of a file share
        if base in classes:
            yield from _joined(base, classes)


def test_every_shipped_binding_is_run_through_its_suite() -> None:
    checked = {
        (modality, name)
        for _, folder in folders_with_a_suite()
        for modality, name in re.findall(r"\b([a-z]{3})\W+(\w+)\W*$", folder)
    }
    shipped = {
        (file.parts[-3], file.parts[-2])
        for file, manifest in manifests()
        if manifest.kind == "local" and not manifest.state
    }
    assert shipped, "no binding ships"
    missing = sorted("/".join(binding) for binding in shipped - checked)
    assert not missing, f"no test class runs the contract suite on {', '.join(missing)}"


def test_every_remote_binding_is_asked_by_the_tests_of_services() -> None:
    # A service can't be run here: what a suite wants of an engine, it alone could show.
    said = "".join(file.read_text("utf-8") for file in (TESTS / "remote").glob("test_*.py"))
    missing = sorted(
        f"{file.parts[-3]}/{file.parts[-2]}"
        for file, manifest in manifests()
        if manifest.kind == "remote"
        and not manifest.state
        and not (f'"{file.parts[-2]}"' in said and f'"{file.parts[-3]}.' in said)
    )
    assert not missing, f"no test in tests/remote asks {', '.join(missing)}"


def test_what_is_withdrawn_says_why_and_what_to_use_instead() -> None:
    for file, manifest in manifests():
        if manifest.state:
            assert manifest.reason, file
            assert manifest.instead, file


def manifests() -> Iterator[tuple[Path, Manifest]]:
    for root in shipped_roots():
        for file in Path(root).glob("*/*/binding.yaml"):
            yield file, read_manifest(file.parent)


def test_no_contract_goes_unused() -> None:
    used = {suite for suite, _ in folders_with_a_suite()}
    assert used == {f"{modality.upper()}Contract" for modality in CONTRACTS}
