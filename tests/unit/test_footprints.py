"""What engines take: estimated at first, remembered once it was measured."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from omnibind.contracts.errors import BadConfig
from omnibind.running import footprints
from omnibind.running.footprints import Key
from omnibind.running.residence import Residence, keep_alive_of

PIPER = Key("piper", "joe", "host", None)
MB, GB = 10**6, 10**9


@pytest.fixture(autouse=True)
def record(home: Path) -> Path:
    return home / "footprints.json"


def test_the_first_need_is_estimated_from_the_weights_and_the_kind_of_work() -> None:
    need = footprints.need(PIPER, "tts", 60 * MB)
    assert (need.load_bytes, need.call_bytes) == (269 * MB, 60 * MB)
    assert (need.basis, need.bytes) == ("estimated", 329 * MB)
    assert need.told == "estimated: 60 MB of weights, with their engine and a call"
    large = footprints.need(Key("wan", "14b"), "ttv", 28 * GB, is_torch=True)
    assert (large.load_bytes, large.call_bytes) == (32_700 * MB, 8 * GB)


def test_what_has_no_weights_needs_nothing_and_what_isnt_known_is_told_so() -> None:
    assert footprints.need(PIPER, "tts", 0)[:3] == (0, 0, "estimated")
    assert footprints.need(PIPER, "tts")[:3] == (0, 0, "unknown")


def test_what_was_measured_goes_before_an_estimate() -> None:
    footprints.note_load(PIPER, 100 * MB, 1.5)
    need = footprints.need(PIPER, "tts", 900 * MB)
    assert (need.load_bytes, need.basis, need.load_seconds) == (100 * MB, "measured", 1.5)
    assert need.call_bytes == 100 * MB  # none was seen yet
    footprints.note_call(PIPER, 7 * MB)
    assert footprints.need(PIPER, "tts").call_bytes == 7 * MB


def test_the_highest_counts_and_fades_slowly() -> None:
    for took in (100, 300, 200):
        footprints.note_load(PIPER, took, 1)
        footprints.note_call(PIPER, took)
    seen = footprints.of(PIPER)
    assert seen is not None
    assert (seen.load_bytes, seen.call_bytes, seen.loads) == (290, 290, 3)


def test_models_devices_and_precisions_are_measured_apart() -> None:
    keys = [
        PIPER,
        PIPER._replace(model=None),
        PIPER._replace(device="cuda:0"),
        PIPER._replace(precision="int8"),
    ]
    for size, key in enumerate(keys):
        footprints.note_load(key, size, 1)
    seen = [footprints.of(key) for key in keys]
    assert [one.load_bytes for one in seen if one] == [0, 1, 2, 3]


def test_a_call_of_what_was_never_loaded_isnt_kept(record: Path) -> None:
    footprints.note_call(PIPER, 7)
    assert footprints.of(PIPER) is None
    assert not record.exists()


def test_programs_at_once_lose_nothing(record: Path) -> None:
    code = (
        "import sys\n"
        "from omnibind.running import footprints as f\n"
        "for number in range(20): f.note_load(f.Key(sys.argv[1], str(number)), number, 1)\n"
    )
    programs = [
        subprocess.Popen([sys.executable, "-c", code, name]) for name in ("one", "two", "three")
    ]
    assert [program.wait(60) for program in programs] == [0, 0, 0]
    told = json.loads(record.read_text())
    assert len(told) == 60
    assert told["two 7 host -"]["load_bytes"] == 7


def test_a_record_that_cant_be_read_or_written_breaks_nothing(
    record: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record.parent.mkdir()
    record.write_text("[")
    with caplog.at_level(logging.WARNING, "omnibind.memory"):
        assert footprints.of(PIPER) is None
    assert "can't be read" in caplog.text
    footprints.note_load(PIPER, 5, 1)
    assert footprints.of(PIPER) is not None
    record.unlink()
    record.mkdir()
    (record / "file").touch()
    with caplog.at_level(logging.INFO, "omnibind.memory"):
        footprints.note_load(PIPER, 5, 1)
    assert "isn't recorded" in caplog.text


def test_a_residence_knows_its_device_and_its_need() -> None:
    residence = Residence("stt/whisper", "stt", "base", "cpu", "int8", 100 * MB, is_torch=True)
    assert residence.key == Key("stt/whisper", "base", "host", "int8")
    assert residence.need().bytes == (115 + 500 + 100) * MB
    footprints.note_load(residence.key, 7, 1)
    assert residence.need().load_bytes == 7


@pytest.mark.parametrize(
    ("given", "seconds"), [(300, 300.0), (0, 0.0), (None, None), ("forever", None)]
)
def test_how_long_an_engine_is_kept_is_read(given: object, seconds: float | None) -> None:
    assert keep_alive_of(given) == seconds


@pytest.mark.parametrize("given", [-1, "5", True, float("nan"), float("inf")])
def test_a_time_to_keep_that_makes_no_sense_is_refused(given: object) -> None:
    with pytest.raises(BadConfig, match="keep_alive_s"):
        keep_alive_of(given)
