"""A call: what may be asked of it while it runs, and what ends it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from typing import Any

import pytest
from tests.journeys import TONE, Chosen, Clock, Voice, flow_of

from omnibind.calls.call import GRACE_S, Call
from omnibind.calls.driver import arun
from omnibind.contracts.binding import Progress
from omnibind.contracts.errors import BadOption, Cancelled, DeadlineExceeded


def test_a_call_has_a_name_of_its_own() -> None:
    one, other = Call[Any](), Call[Any]()
    assert one.id == one.id != other.id
    assert repr(one) == f"<Call {one.id} running>"


def test_its_time_is_counted_by_its_clock() -> None:
    clock = Clock()
    call = Call[Any](2.0, clock=clock)
    clock.move(1.5)
    call.check()
    assert call.remaining_s() == 0.5
    clock.move(0.5)
    assert call.remaining_s() == 0.0
    with pytest.raises(DeadlineExceeded, match="wasn't done after 2 s; give a longer timeout_s"):
        call.check()
    assert Call[Any]().remaining_s() is None


def test_a_limit_counts_from_when_it_is_set_and_none_leaves_it() -> None:
    clock = Clock()
    call = Call[Any](clock=clock)
    assert not call.is_firm
    clock.move(10.0)
    call.limit(2.0)
    call.limit(None)
    assert (call.remaining_s(), call.is_firm) == (2.0, True)


def test_a_cancelled_call_says_why() -> None:
    call = Call[Any]()
    assert call.cancel("not needed")
    assert call.state == "cancelled"
    with pytest.raises(Cancelled, match="not needed"):
        call.check()


def test_cancelling_wakes_who_waits_now_or_begins_to() -> None:
    call, woken = Call[Any](), list[str]()
    call.wake_with(lambda: woken.append("at once"))
    call.cancel()
    call.wake_with(None)
    call.wake_with(lambda: woken.append("already"))
    assert woken == ["at once", "already"]


def test_what_ends_it_starts_its_grace_once() -> None:
    clock = Clock()
    call = Call[Any](1.0, clock=clock)
    call.interrupted(ValueError())
    assert not call.is_over
    call.interrupted(DeadlineExceeded("of a call within this one"))
    assert not call.is_over
    call.interrupted(KeyboardInterrupt())
    assert call.is_over
    assert call.remaining_s() == GRACE_S
    clock.move(1.0)
    call.interrupted(KeyboardInterrupt())
    call.cancel()
    call.check()
    assert call.remaining_s() == GRACE_S - 1
    assert not call.is_given_up
    clock.move(GRACE_S)
    assert call.is_given_up
    with pytest.raises(DeadlineExceeded, match="cleaning up took more than 5 s"):
        call.check()


def test_progress_is_kept_told_and_ends_a_call_that_is_over() -> None:
    clock, heard = Clock(), list[Progress]()
    call = Call[Any](1.0, clock=clock)
    call.on_progress = heard.append
    call.report(Progress(0.5, "half"))
    assert call.progress == Progress(0.5, "half")
    clock.move(1.0)
    for _ in range(2):  # at the deadline, and once its flow was told
        with pytest.raises(DeadlineExceeded, match="after 1 s"):
            call.report(Progress(0.6))
        call.interrupted(DeadlineExceeded("late"))
    assert heard == [Progress(0.5, "half")]
    call = Call()
    call.closing()
    with pytest.raises(Cancelled):
        call.report(Progress(0.6))


# ── submitted ──


def test_a_submitted_call_gives_its_result_or_its_error() -> None:
    call = Call[int](is_firm=True)
    with pytest.raises(BadOption, match="wasn't submitted"):
        call.result()
    call.begin()
    with pytest.raises(DeadlineExceeded, match=r"no result after 0\.01 s; the call goes on"):
        call.result(0.01)
    assert not call.done()
    threading.Timer(0.05, call.end, (7,)).start()
    assert call.result(1e30) == 7
    assert (call.state, call.done(), call.cancel()) == ("done", True, False)
    failed = Call[int]()
    failed.begin()
    failed.end(error=ZeroDivisionError("no"))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            failed.result()
    assert failed.state == "failed"


def test_a_blocking_call_cannot_be_awaited() -> None:
    async def main() -> None:
        call = Call[int]()
        call.begin()
        with pytest.raises(BadOption, match=r"use \.result\(\)"):
            await call

    asyncio.run(main())


def submitted(chosen: Chosen) -> Call[Any]:
    call = Call[Any](is_firm=True)
    call.begin_task(asyncio.get_running_loop().create_task(arun(flow_of(chosen, call=call), call)))
    return call


def test_a_task_is_awaited_and_may_be_awaited_again() -> None:
    async def main() -> None:
        call = submitted(Chosen(Voice()))
        with pytest.raises(BadOption, match="belongs to an event loop; await it"):
            call.result()
        assert await call == await call == TONE
        assert call.result() == TONE
        assert call.state == "done"

    asyncio.run(main())


def test_who_stops_awaiting_a_submitted_call_does_not_end_it() -> None:
    voice, leave = Voice(), threading.Event()
    voice.meanwhile = lambda: leave.wait(60)

    async def main() -> None:
        call = submitted(Chosen(voice))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call, 0.02)
        assert not call.done()
        leave.set()
        assert await call == TONE

    asyncio.run(main())


def test_cancelling_a_submitted_call_is_told_as_our_error() -> None:
    voice, leave = Voice(), threading.Event()
    voice.meanwhile = lambda: leave.wait(60)

    async def main() -> None:
        call = submitted(Chosen(voice))
        await asyncio.sleep(0.02)
        threading.Thread(target=call.cancel, args=("by a thread",)).start()
        with pytest.raises(Cancelled, match="by a thread"):
            await call
        assert call.state == "failed"
        nobody = submitted(Chosen(voice))
        await asyncio.sleep(0.02)
        nobody.cancel()
        while not nobody.done():
            await asyncio.sleep(0.001)
        del nobody
        gc.collect()  # an error that nobody awaits doesn't warn

    asyncio.run(main())
    leave.set()


# ── listeners that are async ──


@pytest.mark.parametrize("place", ["blocking", "loop", "closed"])
def test_async_listeners_to_progress_are_finished_where_they_can_be(place: str) -> None:
    done: list[str] = []

    class Waiting:
        is_closed = False

        def __await__(self) -> Any:
            yield from asyncio.sleep(0).__await__()
            done.append("awaited")

        def close(self) -> None:
            done.append("closed")

    call = Call[Any]()

    async def main() -> None:
        call.loop = asyncio.get_running_loop()
        if place == "loop":
            await asyncio.to_thread(call.finish_later, [Waiting()])
            until = time.monotonic() + 10
            while not done and time.monotonic() < until:
                await asyncio.sleep(0.001)

    if place != "blocking":
        asyncio.run(main())
    if place != "loop":
        call.finish_later([Waiting()])
    assert done == ["closed" if place == "closed" else "awaited"]
