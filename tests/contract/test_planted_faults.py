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
from omnibind.contracts import CONTRACTS
from omnibind.contracts.errors import BadConfig
from omnibind.contracts.roots import shipped_roots

MOCKS = Path(shipped_roots()[-1])


STREAMS = {
    "tts": """
    def streamed(verb):
        from functools import wraps

        @wraps(verb)
        def stream(self, *subject, **options):
            from omnibind.contracts.media import AudioChunk

            samples = verb(self, *subject, **options).array()
            half = len(samples) // 2
            yield AudioChunk(samples[:half], RATE, 0)
            yield AudioChunk(samples[half:], RATE, 1)
            return None

        return stream

    stream_audio = streamed(generate_audio)

    def list_voices""",
    "stt": """
    def streamed(verb):
        from functools import wraps

        @wraps(verb)
        def stream(self, *subject, **options):
            whole = verb(self, *subject, **options)
            yield from whole.segments
            return whole

        return stream

    stream_transcript = streamed(transcribe_audio)

    def list_models""",
}
"""Sound streams for the mocks that have none, by modality; each ends before an existing method."""


class Edit(msgspec.Struct, forbid_unknown_fields=True):
    """One replacement in a file."""

    old: str
    new: str


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """A fault, the test that must catch it, and words of that test's failure.

    With ``streams`` the mock is given a stream first.
    """

    name: str
    modality: str
    caught_by: str
    told: str
    code: list[Edit] = []
    manifest: list[Edit] = []
    streams: bool = False


FAULTS = documents.read(Path(__file__).with_name("planted_faults.yaml"), list[Fault], BadConfig)

SOUND = [Fault(f"streaming_{m}", m, "", "", streams=True) for m in STREAMS]
"""The mocks with a stream and without a fault."""


def streaming(text: str, modality: str) -> str:
    """The mock's code or manifest with a stream of its own."""
    stream = STREAMS[modality]
    following = stream.rpartition("\n")[2]
    told = text.replace("capabilities: {", "capabilities: {streaming: true, ")
    return told.replace(f"\n{following}(", f"{stream}(")


def planted(fault: Fault, root: Path) -> Path:
    folder = root / fault.modality / fault.name
    folder.mkdir(parents=True)
    for file, edits in (("binding.py", fault.code), ("binding.yaml", fault.manifest)):
        text = (MOCKS / fault.modality / "mock" / file).read_text("utf-8")
        if fault.streams:
            text = streaming(text, fault.modality)
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
    suites = {f.name: f"{f.modality.upper()}Contract" for f in [*FAULTS, *SOUND]}
    lines = [f"from omnibind.testing import {', '.join(sorted(set(suites.values())))}"]
    for fault in [*FAULTS, *SOUND]:
        lines += [f"class Test_{fault.name}({suites[fault.name]}):"]
        lines += [f"    folder = {str(planted(fault, root))!r}"]
    file.write_text("\n".join(lines), "utf-8")
    tests = [f"{file}::Test_{fault.name}::test_{fault.caught_by}" for fault in FAULTS]
    caught_by = {fault.caught_by for fault in FAULTS if fault.streams}
    tests += [f"{file}::Test_{sound.name}::test_{name}" for sound in SOUND for name in caught_by]
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
    assert len(cases) == len(tests), done.stdout
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


@pytest.mark.parametrize("sound", SOUND, ids=[sound.name for sound in SOUND])
def test_a_stream_without_a_fault_passes(sound: Fault, failures: dict[str, str]) -> None:
    assert failures.get(sound.name) is None


def test_every_contract_has_planted_faults() -> None:
    assert {fault.modality for fault in FAULTS} == set(CONTRACTS)
    assert len(FAULTS) >= 20
