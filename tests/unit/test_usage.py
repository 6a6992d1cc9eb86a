"""The record of use: what is counted, kept and told, and what never breaks a call."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import MANIFEST, BindingWriter

from omnibind.cli import main
from omnibind.weights import usage

PIPER, JOE = "tts/piper", "en_US-joe-medium"


@pytest.fixture(autouse=True)
def record(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the record lies; nothing that was counted before or here is written elsewhere."""
    monkeypatch.setattr(usage, "EVERY_S", 86400.0)
    usage._start_anew()
    yield home / "usage.json"
    usage._start_anew()


def python(code: str, *, wait: bool = True) -> subprocess.Popen[bytes]:
    """Run ``code`` in a process of its own, with the same home."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"from omnibind.weights import usage\n{code}"], env=os.environ
    )
    if wait:
        assert process.wait(60) == 0
    return process


def test_a_call_is_told_at_once_and_by_another_process_once_it_is_written(record: Path) -> None:
    assert usage.of(PIPER, JOE) is None
    usage.note(PIPER, JOE, 0.5, 100)
    seen = usage.of(PIPER, JOE)
    assert seen is not None
    assert (seen.use_count, seen.units_per_s) == (1, 200)
    assert len(seen.last_used) == len("2026-01-31T12:00:00Z")
    assert not record.exists()
    usage.flush()
    assert usage.of(PIPER, JOE) == seen
    python(f"assert usage.of({PIPER!r}, {JOE!r}) == usage.Use{tuple(seen)!r}")


def test_models_are_counted_apart_and_a_binding_without_models_by_its_name() -> None:
    usage.note(PIPER, JOE, 1, 10)
    usage.note(PIPER, "de_DE-thorsten-medium", 1, 20)
    usage.note("tti/mock", None, 2, 1)
    usage.flush()
    usage.note("tti/mock", None, 2, 1)
    told = [usage.of(PIPER, JOE), usage.of("tti/mock", None)]
    assert [(one.use_count, one.units_per_s) for one in told if one] == [(1, 10), (2, 0.5)]


def test_one_slow_call_hardly_changes_the_speed_and_old_speeds_are_forgotten(record: Path) -> None:
    for _ in range(9):
        usage.note(PIPER, JOE, 0.1, 30)
    usage.note(PIPER, JOE, 60, 30)
    usage.flush()
    seen = usage.of(PIPER, JOE)
    assert seen is not None
    assert seen.units_per_s == 300
    for _ in range(usage.KEPT_SPEEDS):
        usage.note(PIPER, JOE, 0.1, 50)
    usage.flush()
    assert json.loads(record.read_text())[f"{PIPER}/{JOE}"]["speeds"] == [500] * usage.KEPT_SPEEDS


@pytest.mark.parametrize(("seconds", "units"), [(1.0, None), (0.0, 10.0), (1.0, 0.0)])
def test_a_call_whose_speed_is_not_known_is_counted_all_the_same(
    seconds: float, units: float | None
) -> None:
    usage.note(PIPER, JOE, seconds, units)
    usage.flush()
    seen = usage.of(PIPER, JOE)
    assert seen is not None
    assert (seen.use_count, seen.units_per_s) == (1, None)


def test_the_last_use_is_the_latest_of_all_processes(record: Path) -> None:
    record.parent.mkdir()
    for written, is_kept in (("2001-01-01T00:00:00Z", False), ("2999-01-01T00:00:00Z", True)):
        entry = {"last_used": written, "use_count": 1, "speeds": []}
        record.write_text(json.dumps({PIPER: entry}))
        usage.note(PIPER, None, 1, 10)
        usage.flush()
        seen = usage.of(PIPER, None)
        assert seen is not None
        assert (seen.last_used == written) is is_kept


def test_nothing_is_written_where_nothing_was_used(record: Path) -> None:
    usage.flush()
    python(f"usage.of({PIPER!r}, {JOE!r}); usage.flush()")
    assert not record.parent.exists()


def test_the_end_of_the_interpreter_writes_what_was_counted() -> None:
    python(f"usage.note({PIPER!r}, {JOE!r}, 1, 10)")
    seen = usage.of(PIPER, JOE)
    assert seen is not None
    assert seen.use_count == 1


def test_what_was_counted_is_written_in_the_background_again_and_again() -> None:
    code = f"""
import os, threading
usage.EVERY_S = 0
write, written = usage.flush, threading.Semaphore(0)
def flush():
    write()
    written.release()
usage.flush = flush
for _ in range(2):
    usage.note({PIPER!r}, {JOE!r}, 1, 10)
    assert written.acquire(timeout=30)
os._exit(0)  # no flush at the end
"""
    python(code)
    seen = usage.of(PIPER, JOE)
    assert seen is not None
    assert seen.use_count == 2


def test_two_processes_that_write_at_once_lose_nothing(record: Path) -> None:
    code = f"""
for _ in range(60):
    usage.note({PIPER!r}, {JOE!r}, 1, 10)
    usage.flush()
"""
    processes = [python(code, wait=False) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    seen = usage.of(PIPER, JOE)
    assert seen is not None
    assert seen.use_count == 120
    assert [path.name for path in record.parent.iterdir()] == ["usage.json"]


def test_threads_that_count_while_it_is_written_lose_nothing() -> None:
    usual_s = sys.getswitchinterval()

    def count() -> None:
        for _ in range(2000):
            usage.note(PIPER, JOE, 1, 10)

    threads = [threading.Thread(target=count) for _ in range(4)]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            usage.flush()
    finally:
        sys.setswitchinterval(usual_s)
    usage.flush()
    seen = usage.of(PIPER, JOE)
    assert seen is not None
    assert seen.use_count == 8000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="doesn't apply: this system has no fork")
def test_a_forked_child_does_not_count_its_parents_calls_again() -> None:
    code = f"""
import os
usage.note({PIPER!r}, {JOE!r}, 1, 10)
child = os.fork()
usage.note({PIPER!r}, {JOE!r}, 1, 10)
usage.flush()
if not child:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    python(code)
    seen = usage.of(PIPER, JOE)
    assert seen is not None
    assert seen.use_count == 3


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00\xff", b"[1]", b'{"tts/piper": {"use_count": "many"}}', b'{"tts/piper": {'],
)
def test_a_damaged_record_is_told_and_counts_from_zero_again(
    content: bytes, record: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record.parent.mkdir()
    record.write_bytes(content)
    usage.note(PIPER, None, 1, 10)
    with caplog.at_level(logging.INFO, "omnibind.usage"):
        usage.flush()
    assert f"{record} can't be read" in caplog.text
    python(f"assert usage.of({PIPER!r}, None).use_count == 1")


@pytest.mark.parametrize("in_the_way", ["home", "usage.json", "usage.lock"])
def test_a_place_that_cannot_be_written_breaks_nothing(
    in_the_way: str, record: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if in_the_way == "home":
        record.parent.write_text("a file")
    else:
        (record.parent / in_the_way).mkdir(parents=True)
    with caplog.at_level(logging.INFO, "omnibind.usage"):
        usage.note(PIPER, None, 1, 10)
        usage.flush()
    assert f"isn't recorded in {record}" in caplog.text
    assert usage.of(PIPER, None) is None
    usage.note(PIPER, None, 1, 10)
    seen = usage.of(PIPER, None)
    assert seen is not None
    assert seen.use_count == 1


def test_the_command_shows_when_how_often_and_how_fast(
    write_binding: BindingWriter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OMNIBIND_BINDINGS_PATH", str(tmp_path / "root"))
    write_binding(manifest=MANIFEST + "model_option: rate\n", models="fast: {}\nunused: {}\n")
    for _ in range(12):
        usage.note("tts/probe", "fast", 0.25, 80)
    seen = usage.of("tts/probe", "fast")
    assert seen is not None
    assert main(["models", "tts/probe"]) == 0
    fast, unused = capsys.readouterr().out.splitlines()
    assert fast.endswith(f"no files  {seen.last_used}  12  320 characters/s")
    assert unused.endswith("no files")
    assert main(["models", "tts/probe", "--json"]) == 0
    fast_data, unused_data = json.loads(capsys.readouterr().out)
    assert fast_data["use"] == {
        "last_used": seen.last_used,
        "use_count": 12,
        "units_per_s": 320,
    }
    assert unused_data["use"] is None
