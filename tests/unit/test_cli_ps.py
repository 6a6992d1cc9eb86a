"""``omnibind ps``: what all programs keep loaded, and what is free."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.unit.test_ledger import CLAIM, kill, line_of, program_that

from omnibind.cli.ps import ps
from omnibind.running.ledger import Ledger

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def nothing_else(home: Path) -> Iterator[None]:
    yield
    assert Ledger().claims() == []


def test_engines_of_all_programs_are_shown_with_totals(capsys: Capture) -> None:
    other = program_that("lease.tell(bytes=2 * 10**9, is_measured=True)\nprint('', flush=True)")
    line_of(other)
    claim = msgspec.structs.replace(CLAIM, bytes=60_000_000, worker_pid=77)
    lease = Ledger().lease(claim)
    try:
        ps()
    finally:
        lease.end()
        kill(other)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:6] == ["tts/holder/joe", "2.0", "GB", "host", "itself", "test"]
    assert lines[1][:7] == ["tts/piper/joe", "about", "60", "MB", "host", "worker", "77"]
    assert lines[2] == []
    assert lines[3][:4] == ["host", "2.1", "GB", "in"]


def test_where_nothing_is_loaded_the_free_memory_is_shown(capsys: Capture) -> None:
    ps()
    out = capsys.readouterr().out
    assert out.startswith("host  0 B in engines")
    assert len(out.splitlines()) == 1


def test_as_json_sizes_are_bytes(capsys: Capture) -> None:
    lease = Ledger().lease(CLAIM)
    ps(as_json=True)
    lease.end()
    told = json.loads(capsys.readouterr().out)
    assert told["engines"] == [msgspec.to_builtins(CLAIM)]
    host = told["devices"][0]
    assert (host["device"], host["engine_bytes"]) == ("host", 1000)
    assert 0 < host["free_bytes"] < host["total_bytes"]
