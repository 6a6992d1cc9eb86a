"""Turns: who runs when, on which thread, and what becomes of those that nobody waits for."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.journeys import Voice, is_free

from omnibind.calls import turns as module
from omnibind.calls.turns import Job, Turns
from omnibind.contracts.binding import CURRENT_CALL
from omnibind.contracts.errors import Cancelled, OutOfMemory, Stuck
from omnibind.running.slot import Slot

ROOT = Path(__file__).parents[2]


class Crowd:
    """Work that counts how many run at once, and ends when it is let go."""

    def __init__(self) -> None:
        self.lock, self.leave = threading.Lock(), threading.Event()
        self.entered = threading.Semaphore(0)
        self.running = self.most = self.done = 0

    def work(self) -> None:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.entered.release()
        assert self.leave.wait(60)
        with self.lock:
            self.running -= 1
            self.done += 1


def nothing() -> None:
    pass


def waited(job: Job[Any]) -> Any:
    until = time.monotonic() + 10
    while not job.is_done and time.monotonic() < until:
        time.sleep(0.001)
    return job.outcome()


@pytest.fixture
def busy() -> Iterator[Callable[[Turns], threading.Event]]:
    """Occupy a turn by a job until the event is set."""
    leaves: list[threading.Event] = []

    def occupy(turns: Turns) -> threading.Event:
        entered, leave = threading.Event(), threading.Event()
        leaves.append(leave)

        def work() -> None:
            entered.set()
            leave.wait(60)

        turns.start(work, None, nothing)
        assert entered.wait(10)
        return leave

    yield occupy
    for leave in leaves:
        leave.set()


# ── how many, and in which order ──


@pytest.mark.parametrize("concurrent", [1, 3])
def test_no_more_run_at_once_than_may_however_they_come(concurrent: int) -> None:
    turns, crowd = Turns(concurrent), Crowd()

    def hold() -> None:
        turn = waited(turns.start_turn(None, nothing))
        waited(turn.start(crowd.work, None, nothing))
        turn.release()

    def take() -> None:
        turn = turns.take()
        turn.run(crowd.work)
        turn.release()

    ways = [hold, take, lambda: turns.run(crowd.work)] * 4
    threads = [threading.Thread(target=way) for way in ways]
    for thread in threads:
        thread.start()
    jobs = [turns.start(crowd.work, None, nothing) for _ in range(4)]
    for _ in range(concurrent):
        assert crowd.entered.acquire(timeout=10)
    assert not crowd.entered.acquire(timeout=0.05)
    crowd.leave.set()
    for thread in threads:
        thread.join(10)
    for job in jobs:
        waited(job)
    assert is_free(turns)
    assert (crowd.most, crowd.done) == (concurrent, 16)


def waits_for(job: Job[Any]) -> bool:
    until = time.monotonic() + 0.5
    while not job.is_done and time.monotonic() < until:
        time.sleep(0.001)
    return job.is_done


def test_jobs_come_in_the_order_in_which_they_were_given(
    busy: Callable[[Turns], threading.Event],
) -> None:
    turns, order = Turns(), list[int]()
    leave = busy(turns)
    jobs = [turns.start(lambda n=n: order.append(n), None, nothing) for n in range(100)]  # type: ignore[misc]
    leave.set()
    for job in jobs:
        waited(job)
    assert order == list(range(100))


def test_a_direct_caller_does_not_wait_for_all_jobs_that_came_later() -> None:
    turns, done = Turns(), 0

    def work() -> None:
        nonlocal done
        until = time.perf_counter() + 0.001
        while time.perf_counter() < until:
            pass
        done += 1

    jobs = [turns.start(work, None, nothing) for _ in range(300)]
    assert turns.run(lambda: done) < 200
    for job in jobs:
        job.leave()


def test_a_thread_that_would_wait_for_itself_is_told_so() -> None:
    turns = Turns(name="tts/voice")
    turn = turns.take()
    for wait in (lambda: turns.run(nothing), turns.take, lambda: turns.whole.run(nothing)):
        with pytest.raises(Stuck, match="has a turn on tts/voice already"):
            wait()
    turn.release()
    with pytest.raises(Stuck):
        turns.run(lambda: turns.run(nothing))
    with pytest.raises(Stuck):
        waited(turns.start(lambda: turns.run(nothing), None, nothing))
    assert is_free(turns)


def test_a_turn_that_another_thread_goes_on_with_is_that_threads() -> None:
    turns, turn = Turns(), None
    turn = turns.take()
    thread = threading.Thread(target=turn.run, args=(nothing,))
    thread.start()
    thread.join(10)
    threading.Timer(0.05, turn.release).start()
    assert turns.run(lambda: 7) == 7


# ── jobs that nobody waits for any longer ──


def test_a_job_that_was_left_before_it_began_never_runs(
    busy: Callable[[Turns], threading.Event],
) -> None:
    turns, ran = Turns(), list[str]()
    leave = busy(turns)
    left = turns.start(lambda: ran.append("left"), None, lambda: ran.append("told"))
    kept = turns.start(lambda: ran.append("kept"), None, nothing)
    left.leave()
    assert not turns.is_stuck
    leave.set()
    waited(kept)
    assert ran == ["kept"]


def test_a_place_is_stuck_while_all_its_turns_are_occupied_by_what_was_left() -> None:
    turns, crowd = Turns(2), Crowd()
    jobs = [turns.start(crowd.work, None, nothing) for _ in range(2)]
    for job in jobs:
        assert crowd.entered.acquire(timeout=10)
        assert not turns.is_stuck
        job.leave()
        job.leave()
    assert turns.is_stuck
    crowd.leave.set()
    assert is_free(turns)
    assert not turns.is_stuck
    assert waited(turns.start(lambda: 7, None, nothing)) == 7


@pytest.mark.parametrize("is_done", [False, True])
def test_what_comes_when_nobody_waits_is_let_go(is_done: bool) -> None:
    turns, crowd, dropped = Turns(), Crowd(), list[int]()
    job = turns.start(lambda: crowd.work() or 7, None, nothing)  # type: ignore[func-returns-value]
    assert crowd.entered.acquire(timeout=10)
    if is_done:
        crowd.leave.set()
        assert waits_for(job)
    job.leave(dropped.append)
    crowd.leave.set()
    assert is_free(turns)
    assert dropped == [7]


def test_work_hears_of_its_own_call_and_its_thread_keeps_none() -> None:
    turns, call = Turns(), object()
    heard = waited(turns.start(CURRENT_CALL.get, call, nothing))  # type: ignore[arg-type]
    assert heard is call
    assert waited(turns.start(CURRENT_CALL.get, None, nothing)) is None


def test_an_error_of_the_work_is_raised_where_it_is_waited_for() -> None:
    turns = Turns()
    job = turns.start(lambda: 1 // 0, None, nothing)
    with pytest.raises(ZeroDivisionError):
        waited(job)
    assert job._error is None  # else it would hold what holds it
    with pytest.raises(SystemExit):
        waited(turns.start(sys.exit, None, nothing))
    assert waited(turns.start(lambda: 7, None, nothing)) == 7


# ── turns that are held ──


def test_a_held_turn_does_its_work_on_one_thread_and_keeps_others_out() -> None:
    turns = Turns(name="held")
    turn = waited(turns.start_turn(None, nothing))
    other = turns.start(nothing, None, nothing)
    idents = {waited(turn.start(threading.get_ident, None, nothing)) for _ in range(5)}
    assert len(idents) == 1
    assert threading.get_ident() not in idents
    assert not other.is_done
    last: list[int] = []
    turn.release(lambda: last.append(threading.get_ident()))
    waited(other)
    assert set(last) == idents


def test_releasing_a_turn_twice_changes_nothing() -> None:
    turns = Turns(2)
    direct, other = turns.take(), turns.take()
    direct.release()
    direct.release()
    assert turns.turn.acquire(blocking=False)
    assert not turns.turn.acquire(blocking=False)
    turns.turn.release()
    other.release()
    thread = waited(turns.start_turn(None, nothing))
    thread.release()
    thread.release()
    assert is_free(turns)


def test_a_turn_that_is_dropped_is_given_back() -> None:
    turns = Turns()
    turns.take()
    assert is_free(turns)
    turn = waited(turns.start_turn(None, nothing))
    del turn
    assert is_free(turns)


@pytest.mark.parametrize("is_done", [False, True])
def test_a_turn_that_comes_when_the_wait_for_it_ends_is_given_back(
    is_done: bool, busy: Callable[[Turns], threading.Event]
) -> None:
    turns = Turns()
    leave = busy(turns)
    job = turns.start_turn(None, nothing)
    if is_done:
        leave.set()
        assert waits_for(job)
    job.leave(lambda turn: turn.release())
    leave.set()
    assert is_free(turns)


def test_ctrl_c_in_the_moment_that_a_turn_is_granted_gives_it_back() -> None:
    class Interrupted:
        def acquire(self) -> None:
            raise KeyboardInterrupt

    turns = Turns()
    waiter = turns.turn.queue()
    waiter.lock = Interrupted()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        turns.turn.wait(waiter)
    assert is_free(turns)


def test_what_fails_at_the_end_of_a_turn_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    turns = Turns()

    def fail() -> None:
        raise OSError("pipe broke")

    def cancelled() -> None:
        raise Cancelled("reported too late")

    turns.take().release(fail)
    waited(turns.start_turn(None, nothing)).release(fail)
    turns.take().release(cancelled)
    assert is_free(turns)
    assert [record.message for record in caplog.records] == ["an engine failed at its end"] * 2


# ── all of them ──


def test_who_needs_every_turn_waits_for_all_and_keeps_others_out() -> None:
    turns, crowd, order = Turns(2), Crowd(), list[str]()
    for _ in range(2):
        turns.start(crowd.work, None, nothing)
        assert crowd.entered.acquire(timeout=10)
    whole = turns.whole.start(lambda: order.append("whole"), None, nothing)
    while not turns.turn._waiting:
        time.sleep(0.001)
    later = turns.start(lambda: order.append("later"), None, nothing)
    assert not waits_for(later)
    assert order == []
    crowd.leave.set()
    waited(later)
    waited(whole)
    assert order == ["whole", "later"]


def test_who_no_longer_waits_for_every_turn_keeps_nobody_out() -> None:
    turns, crowd = Turns(2), Crowd()
    turns.start(crowd.work, None, nothing)
    assert crowd.entered.acquire(timeout=10)
    whole = turns.whole.start(nothing, None, nothing)
    later = turns.start(lambda: 7, None, nothing)
    assert not waits_for(later)
    whole.leave()
    assert waited(later) == 7
    crowd.leave.set()
    assert is_free(turns)


# ── threads and memory ──


def test_idle_threads_end_and_new_ones_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.01)
    turns = Turns(2, "ends-soon")
    for _ in range(3):
        assert waited(turns.start(lambda: 7, None, nothing)) == 7
        until = time.monotonic() + 10
        while names() and time.monotonic() < until:
            time.sleep(0.005)
        assert not names()


def names() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "ends-soon"]


def test_an_engine_that_nobody_uses_is_garbage_and_so_are_its_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.5)
    slot = Slot(Voice())
    assert waited(slot.start(lambda: 7, None, nothing)) == 7
    turn = waited(slot.start_turn(None, nothing))
    waited(turn.start(nothing, None, nothing))
    turn.release()
    assert is_free(slot)
    engine, turns = weakref.ref(slot.binding), weakref.ref(slot.turns)
    gc.disable()
    try:
        del slot, turn
        until = time.monotonic() + 0.3
        while engine() is not None and time.monotonic() < until:
            time.sleep(0.001)
        assert engine() is None  # while its thread still waits for more
        while turns() is not None and time.monotonic() < until + 10:
            time.sleep(0.01)
        assert turns() is None
    finally:
        gc.enable()


def test_a_thread_that_cannot_be_started_spoils_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    turns, ran = Turns(), list[int]()

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            turns.start(lambda: ran.append(1), None, nothing)
    assert waited(turns.start(lambda: 7, None, nothing)) == 7
    assert ran == []


FORK = """
import os, sys, threading, time, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from tests.journeys import *
slot = Slot(Voice(), @N@)
entered, leave = threading.Event(), threading.Event()
def hang(): entered.set(); leave.wait()
loading = slot.binding.load
slot.binding.load = lambda: (loading(), hang())
slot.start(lambda: None, None, int)  # a thread that holds the turn, and the lock of the load
entered.wait()
other = Slot(Voice())
turn = other.take()
free = Turns(2)
mine = free.take()
child = os.fork()
if child == 0:
    slot.binding.load = loading
    turn.release()
    mine.release()
    assert slot.run(lambda: 7) == 7
    call = Call(10.0)
    chosen = Chosen(Voice())
    assert run(flow_of(chosen, call=call), call) == TONE
    assert is_free(slot) and is_free(other) and is_free(free)
    assert free.turn._free == 2
    os._exit(0)
_, status = os.waitpid(child, 0)
leave.set()
assert is_free(slot)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(sys, "getdlopenflags"), reason="doesn't apply: it can't fork")
@pytest.mark.parametrize("concurrent", [1, 2])
def test_a_forked_child_can_use_what_was_busy_in_its_parent(concurrent: int) -> None:
    code = FORK.replace("@N@", str(concurrent))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


# ── loading ──


def test_a_load_that_was_cancelled_says_nothing_about_the_engine() -> None:
    class Slow(Voice):
        error: BaseException = Cancelled("stop")

        def load(self) -> None:
            raise self.error

    slot = Slot(Slow())
    with pytest.raises(Cancelled):
        slot.run(nothing)
    assert slot.load_error is None
    Slow.error = MemoryError()
    with pytest.raises(OutOfMemory):
        slot.run(nothing)
    Slow.error = SystemExit(3)
    with pytest.raises(Exception, match="can't be loaded: SystemExit: 3"):
        slot.run(nothing)
    assert is_free(slot)
