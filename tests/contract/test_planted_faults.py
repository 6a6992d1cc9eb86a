"""Faults planted into copies of the mock bindings, each caught by the test that is meant to.

``planted_faults.yaml`` lists them: each rewrites a few words of a mock's ``binding.py`` or
``binding.yaml``. The unchanged mocks pass their suites, so a failure with the right words is the
fault's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from omnibind import documents
from omnibind.contracts.errors import BadConfig
from omnibind.contracts.roots import shipped_roots

MOCKS = Path(shipped_roots()[-1])


class Edit(msgspec.Struct, forbid_unknown_fields=True):
    """One replacement in a file."""

    old: str
    new: str


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """A fault, the test that must catch it, and words of that test's failure."""

    name: str
    modality: str
    caught_by: str
    told: str
    code: list[Edit] = []
    manifest: list[Edit] = []


FAULTS = documents.read(Path(__file__).with_name("planted_faults.yaml"), list[Fault], BadConfig)


def planted(fault: Fault, root: Path) -> Path:
    folder = root / fault.modality / fault.name
    folder.mkdir(parents=True)
    for file, edits in (("binding.py", fault.code), ("binding.yaml", fault.manifest)):
        text = (MOCKS / fault.modality / "mock" / file).read_text("utf-8")
        for edit in edits:
            assert edit.old in text, f"{fault.name}: the mock's {file} has no {edit.old!r}"
            text = text.replace(edit.old, edit.new)
        (folder / file).write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What failed of the tests that must catch the faults, by the fault's name; one run of all."""
    root = tmp_path_factory.mktemp("faults")
    file, report = root / "test_faults.py", root / "report.xml"
    suites = {fault.name: f"{fault.modality.upper()}Contract" for fault in FAULTS}
    lines = [f"from omnibind.testing import {', '.join(sorted(set(suites.values())))}"]
    for fault in FAULTS:
        lines += [f"class Test_{fault.name}({suites[fault.name]}):"]
        lines += [f"    folder = {str(planted(fault, root))!r}"]
    file.write_text("\n".join(lines), "utf-8")
    tests = [f"{file}::Test_{fault.name}::test_{fault.caught_by}" for fault in FAULTS]
    options = ["-q", "--import-mode=importlib", "-p", "no:cacheprovider", f"--junitxml={report}"]
    places = ["-c", os.devnull, f"--rootdir={root}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *places, *tests],
        env={
            **os.environ,
            "OMNIBIND_HOME": str(root / "home"),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.is_file(), done.stdout + done.stderr
    cases = list(ElementTree.parse(report).iter("testcase"))
    assert len(cases) == len(FAULTS), done.stdout
    found = {}
    for case in cases:
        for outcome in [*case.iter("failure"), *case.iter("error")]:
            name = case.attrib["classname"].rpartition("Test_")[2]
            found[name] = f"{outcome.attrib['message']}\n{outcome.text}"
    return found


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_planted_fault_is_caught_by_the_test_meant_for_it(
    fault: Fault, failures: dict[str, str]
) -> None:
    assert fault.name in failures, f"test_{fault.caught_by} passes"
    assert fault.told in failures[fault.name]


def test_every_contract_has_planted_faults() -> None:
    assert {fault.modality for fault in FAULTS} == {"tts", "tti", "stt", "ttm", "ttv"}
    assert len(FAULTS) >= 20
