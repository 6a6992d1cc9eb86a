"""The ledger: leases that end with whoever holds the memory, and loads one after another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from omnibind.contracts.errors import Cancelled, Stuck
from omnibind.running.ledger import Claim, Lease, Ledger, program

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="doesn't apply: Windows has neither kill -9 nor fork"
)

CLAIM = Claim(
    label="tts/piper",
    engine="piper",
    model="joe",
    device="host",
    device_id="host",
    bytes=1000,
    is_measured=False,
    pid=os.getpid(),
    program="test",
    worker_pid=None,
    since="2026-01-31T12:00:00Z",
)

HOLDER = """
import os, subprocess, sys, time
from tests.unit.test_ledger import CLAIM
from omnibind.running.ledger import Ledger
import msgspec
claim = msgspec.structs.replace(CLAIM, pid=os.getpid(), label="tts/holder")
lease = Ledger().lease(claim)
"""


@pytest.fixture
def ledger(home: Path) -> Ledger:
    return Ledger()


def program_that(code: str) -> subprocess.Popen[str]:
    """Start a program that claims memory, does ``code``, tells a line and waits."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER + code + "\ntime.sleep(600)"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(60)
    assert process.stdout is not None
    process.stdout.close()


def labels(ledger: Ledger) -> list[str]:
    return [claim.label for claim in ledger.claims()]


def until_gone(ledger: Ledger) -> None:
    """Wait until no claim is left: the system ends a killed process's children a little later."""
    rest = threading.Event()
    give_up = time.monotonic() + 30
    while ledger.claims() and time.monotonic() < give_up:
        rest.wait(0.02)
    assert ledger.claims() == []


def test_a_lease_is_told_changed_and_given_back(ledger: Ledger) -> None:
    lease = ledger.lease(CLAIM)
    assert ledger.claims() == [CLAIM]
    lease.tell(bytes=10**12, is_measured=True)
    (claim,) = Ledger().claims()
    assert (claim.bytes, claim.is_measured, claim.label) == (10**12, True, "tts/piper")
    assert claim.owner == f"test (pid {os.getpid()})"
    lease.tell(bytes=1)
    assert ledger.claims()[0].bytes == 1
    lease.end()
    lease.end()
    assert ledger.claims() == []
    assert list(ledger.folder.iterdir()) == []


def test_claims_are_told_in_the_order_in_which_they_were_made(ledger: Ledger) -> None:
    import msgspec

    times = [f"2026-01-31T12:00:0{second}Z" for second in (3, 1, 2)]
    leases = [ledger.lease(msgspec.structs.replace(CLAIM, since=one)) for one in times]
    assert [claim.since for claim in ledger.claims()] == sorted(times)
    for lease in leases:
        lease.end()


def test_the_lease_of_a_killed_program_is_free_and_its_file_is_removed(ledger: Ledger) -> None:
    process = program_that("print('ready', flush=True)")
    try:
        assert line_of(process) == "ready"
        assert labels(ledger) == ["tts/holder"]
        assert ledger.claims()[0].pid == process.pid
    finally:
        kill(process)
    assert labels(ledger) == []
    assert list(ledger.folder.iterdir()) == []


WITH_WORKER = (
    "worker = subprocess.Popen(['sleep', '600'], pass_fds=lease.inherit())\n"
    "lease.hand_over(worker.pid)\n"
    "print(worker.pid, flush=True)"
)


def test_a_lease_that_a_worker_inherited_outlives_the_program(ledger: Ledger) -> None:
    process = program_that(WITH_WORKER)
    worker = int(line_of(process))
    try:
        assert ledger.claims()[0].worker_pid == worker
    finally:
        kill(process)
    try:
        assert labels(ledger) == ["tts/holder"], "the worker still holds the memory"
    finally:
        os.kill(worker, signal.SIGKILL)
    until_gone(ledger)


def test_a_lease_that_a_worker_inherited_ends_with_the_worker(ledger: Ledger) -> None:
    process = program_that(WITH_WORKER)
    try:
        os.kill(int(line_of(process)), signal.SIGKILL)
        until_gone(ledger)
        assert process.poll() is None
    finally:
        kill(process)


def test_a_lease_that_no_worker_inherited_stays_the_programs(ledger: Ledger) -> None:
    lease = ledger.lease(CLAIM)
    lease.hand_over(123)
    assert ledger.claims()[0].worker_pid == 123
    lease.end()
    assert ledger.claims() == []


def test_a_forked_child_neither_keeps_a_lease_nor_ends_it(ledger: Ledger) -> None:
    process = program_that(
        "child = os.fork()\n"
        "if child == 0:\n"
        "    lease.end()\n"
        "    os.write(1, b'forked\\n')\n"  # in one piece, as two write here
        "    time.sleep(600)\n"
        "os.write(1, b'%d\\n' % child)"
    )
    told = {line_of(process), line_of(process)}
    child = int((told - {"forked"}).pop())
    try:
        assert labels(ledger) == ["tts/holder"]
    finally:
        kill(process)
    try:
        assert labels(ledger) == []
    finally:
        os.kill(child, signal.SIGKILL)


def test_leases_of_another_machine_or_start_arent_told_and_dead_ones_are_removed(
    ledger: Ledger,
) -> None:
    lease = ledger.lease(CLAIM)
    lease._path.rename(lease._path.with_name("elsewhere-1-ab.lease"))
    dead = ledger.folder / "elsewhere-2-cd.lease"
    dead.write_bytes(b" {}")
    assert ledger.claims() == []
    assert [path.name for path in ledger.folder.iterdir()] == ["elsewhere-1-ab.lease"]
    lease.end()


def test_a_home_that_cant_be_written_stops_no_load(home: Path) -> None:
    home.write_text("a file")
    ledger = Ledger()
    lease = ledger.lease(CLAIM)
    assert lease.inherit() == ()
    lease.tell(bytes=5)
    lease.end()
    with ledger.loading(CLAIM, lambda who: None):
        pass
    assert ledger.claims() == []


def test_one_loads_while_the_others_wait_and_are_told_who_does(ledger: Ledger) -> None:
    told: list[str] = []
    order: list[str] = []
    waiting = threading.Event()

    def wait_for(who: str) -> None:
        told.append(who)
        waiting.set()

    def load() -> None:
        with ledger.loading(CLAIM, wait_for):
            order.append("second")

    thread = threading.Thread(target=load)
    with ledger.loading(CLAIM, lambda who: None):
        thread.start()
        assert waiting.wait(30)
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]
    assert told[0] == f"test (pid {os.getpid()}): tts/piper"
    assert list(ledger.folder.iterdir()) == []


def test_loads_onto_another_device_dont_wait(ledger: Ledger) -> None:
    import msgspec

    other = msgspec.structs.replace(CLAIM, device="cuda:0", device_id="GPU-1/2")
    with ledger.loading(CLAIM, lambda who: None), ledger.loading(other, lambda who: None):
        assert len(list(ledger.folder.iterdir())) == 2


def test_who_waits_too_long_is_told_who_loads(ledger: Ledger) -> None:
    passed: list[float] = []

    def load() -> None:
        with ledger.loading(CLAIM, lambda who: None, wait_s=1, rest=passed.append):
            pass

    with (
        ledger.loading(CLAIM, lambda who: None),
        pytest.raises(Stuck, match=r"test \(pid \d+\): tts/piper has been loading onto host"),
    ):
        load()
    assert 0.9 < sum(passed) < 1.1


def test_who_waits_may_give_up(ledger: Ledger) -> None:
    def give_up(who: str) -> None:
        raise Cancelled("no more")

    def load() -> None:
        with ledger.loading(CLAIM, give_up):
            pass

    with ledger.loading(CLAIM, lambda who: None), pytest.raises(Cancelled):
        load()


def test_a_load_that_was_killed_blocks_nobody(ledger: Ledger) -> None:
    process = program_that(
        "with Ledger().loading(claim, lambda who: None):\n"
        "    print('loading', flush=True)\n"
        "    time.sleep(600)"
    )
    try:
        assert line_of(process) == "loading"
        told: list[str] = []
        with (
            pytest.raises(Stuck),
            ledger.loading(CLAIM, told.append, wait_s=0.1, rest=lambda seconds: None),
        ):
            pass
        assert told[0].endswith(f"(pid {process.pid}): tts/holder")
    finally:
        kill(process)
    with ledger.loading(CLAIM, lambda who: None):
        assert labels(ledger) == []


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["/x/speak.py", "--key=s"], "speak.py"),
        (["-c"], "python"),
        ([""], "python"),
        ([], "python"),
    ],
)
def test_a_program_is_told_by_its_name_and_never_by_its_arguments(
    argv: list[str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    assert program() == name


def test_a_lease_without_a_file_is_a_lease_all_the_same(tmp_path: Path) -> None:
    lease = Lease(tmp_path / "none", None, CLAIM)
    lease.tell(bytes=3)
    assert lease.claim.bytes == 3
    lease.forget()
    lease.end()
