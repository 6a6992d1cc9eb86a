from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from omnibind.contracts import CONTRACTS
from omnibind.contracts.roots import shipped_roots

TESTS = Path(__file__).parents[1]


def folders_with_a_suite() -> Iterator[tuple[str, str]]:
    """The suite and the folder, as written, of every test class that joins a suite."""
    for file in sorted(TESTS.rglob("test_*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if not isinstance(node, ast.ClassDef) or not node.name.startswith("Test"):
                continue
            suites = [base for base in map(ast.unparse, node.bases) if base.endswith("Contract")]
            assigned = [item for item in node.body if isinstance(item, ast.Assign)]
            for item in assigned if suites else []:
                if ast.unparse(item.targets[0]) == "folder":
                    yield suites[0], ast.unparse(item.value)


def test_every_shipped_binding_is_run_through_its_suite() -> None:
    checked = {
        (modality, name)
        for _, folder in folders_with_a_suite()
        for modality, name in re.findall(r"\b([a-z]{3})\W+(\w+)\W*$", folder)
    }
    shipped = {
        (file.parts[-3], file.parts[-2])
        for root in shipped_roots()
        for file in Path(root).glob("*/*/binding.yaml")
    }
    assert shipped, "no binding ships"
    missing = sorted("/".join(binding) for binding in shipped - checked)
    assert not missing, f"no test class runs the contract suite on {', '.join(missing)}"


def test_no_contract_goes_unused() -> None:
    used = {suite for suite, _ in folders_with_a_suite()}
    assert used == {f"{modality.upper()}Contract" for modality in CONTRACTS}
