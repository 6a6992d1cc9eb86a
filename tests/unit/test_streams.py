"""Streams: what a program gets of them, and what becomes of one that isn't read to its end."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest
from tests.journeys import (
    TONE,
    Chosen,
    Remote,
    Speaker,
    Voice,
    flow_of,
    is_free,
    streamed,
    streamed_async,
)

from omnibind.calls import call as calls
from omnibind.calls import streams
from omnibind.calls.call import Call
from omnibind.calls.driver import run
from omnibind.calls.streams import AsyncStream, Outcome, Stream
from omnibind.contracts.effects import Run, Sleep
from omnibind.contracts.errors import BadOption, CallFailed, Cancelled, DeadlineExceeded
from omnibind.contracts.media import Audio, AudioChunk


class Quick(Remote):
    """The service without its waits."""

    step_s = end_s = 0.001


KINDS: dict[str, type[Voice]] = {"engine": Speaker, "parts": Voice, "service": Quick}


@pytest.fixture(params=KINDS)
def chosen(request: pytest.FixtureRequest) -> Iterator[Chosen]:
    one = Chosen(KINDS[request.param]())
    yield one
    assert is_free(one.slot)
    binding: Any = one.slot.binding
    assert getattr(binding, "opened", 0) == getattr(binding, "closed", 0)
    assert getattr(binding, "jobs", 0) == getattr(binding, "ended", 0)
    gc.collect()
    assert not streams._open


@pytest.fixture(params=["direct", "firm"])
def a_call(request: pytest.FixtureRequest) -> Call[Any]:
    return Call(60.0 if request.param == "firm" else None)


def test_its_result_is_there_at_its_end_and_not_before(chosen: Chosen, a_call: Call[Any]) -> None:
    stream = streamed(chosen, call=a_call)
    assert repr(stream) == "<Stream open>"
    with pytest.raises(BadOption, match="wasn't read to its end"):
        _ = stream.result
    first = next(stream)
    with pytest.raises(BadOption, match="iterate over it first"):
        _ = stream.result
    assert [chunk.index for chunk in (first, *stream)] == [0, 1, 2]
    assert stream.result.duration_s == pytest.approx(1.5)
    assert stream.result.meta.binding == "tts/voice"
    assert list(stream) == []
    assert repr(stream) == "<Stream at its end>"
    stream.close()
    assert isinstance(stream.result, Audio)


def test_on_an_event_loop_too(chosen: Chosen) -> None:
    async def main() -> None:
        stream = streamed_async(chosen)
        with pytest.raises(BadOption):
            _ = stream.result
        assert [chunk.index async for chunk in stream] == [0, 1, 2]
        assert stream.result.duration_s == pytest.approx(1.5)
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        await stream.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("how", ["close", "with", "break", "drop", "collect"])
def test_ending_one_early_stops_the_work(chosen: Chosen, a_call: Call[Any], how: str) -> None:
    stream = streamed(chosen, call=a_call)
    if how == "with":
        with stream:
            next(stream)
    elif how == "break":
        for _ in stream:
            break
        del stream
    else:
        next(stream)
        if how == "collect":
            cycle: list[Any] = [stream]
            cycle.append(cycle)
            del cycle
        if how == "close":
            stream.close()
            stream.close()
            assert list(stream) == []
            with pytest.raises(BadOption):
                _ = stream.result
        del stream
        gc.collect()
    assert is_free(chosen.slot)
    calls_made = getattr(chosen.slot.binding, "calls", 0)
    assert calls_made <= 1


@pytest.mark.parametrize("how", ["close", "with", "break", "drop", "collect", "return", "closed"])
def test_ending_one_early_on_an_event_loop_stops_the_work(chosen: Chosen, how: str) -> None:
    kept: list[Any] = []

    async def main() -> None:
        stream = streamed_async(chosen)
        if how == "with":
            async with stream:
                await anext(stream)
        elif how == "break":
            async for _ in stream:
                break
            del stream
        else:
            await anext(stream)
            if how == "collect":
                cycle: list[Any] = [stream]
                cycle.append(cycle)
                del cycle
            elif how == "close":
                await stream.aclose()
                await stream.aclose()
                assert [item async for item in stream] == []
            elif how == "closed":
                kept.append(stream)
            if how == "return":
                return
            del stream
            gc.collect()
        if how != "closed":
            assert await asyncio.to_thread(is_free, chosen.slot)

    asyncio.run(main())
    kept.clear()  # its loop is closed by now
    gc.collect()


def test_one_that_was_never_begun_costs_nothing(chosen: Chosen) -> None:
    stream = streamed(chosen)
    stream.close()
    assert list(stream) == []
    del stream
    streamed(chosen)

    async def main() -> None:
        stream = streamed_async(chosen)
        await stream.aclose()
        assert [item async for item in stream] == []
        streamed_async(chosen)

    asyncio.run(main())
    assert not chosen.slot.is_loaded


def test_a_generator_is_closed_on_the_thread_that_ran_it() -> None:
    for call, thread in (
        (Call[Any](), threading.current_thread().name),
        (Call(60.0), "tts/Speaker"),
    ):
        speaker = Speaker()
        chosen = Chosen(speaker)
        stream = streamed(chosen, call=call)
        next(stream)
        stream.close()
        assert is_free(chosen.slot)
        assert speaker.threads == {thread}


def test_a_stream_keeps_its_turn_and_says_so_to_a_call_that_would_wait_for_it() -> None:
    chosen = Chosen(Speaker())
    with streamed(chosen) as stream:
        next(stream)
        with pytest.raises(CallFailed, match="would wait for itself"):
            run(flow_of(chosen), Call())
        assert len(list(stream)) == 2
    assert run(flow_of(chosen), Call()) == TONE


def test_one_used_within_async_code_is_not_taken_over_by_the_event_loop() -> None:
    speaker, quick = Speaker(), Quick()
    kept: list[Any] = []

    async def main() -> None:
        for binding in (speaker, quick):
            stream = streamed(Chosen(binding))
            next(stream)
            kept.append(stream)
        hooks = sys.get_asyncgen_hooks()
        assert hooks.firstiter is not None
        loop: Any = asyncio.get_running_loop()
        assert not list(loop._asyncgens)
        other = streamed_async(Chosen(quick))
        await anext(other)
        assert not list(loop._asyncgens)
        kept.append(other)

    asyncio.run(main())
    assert speaker.closed == 0
    for stream in kept[:2]:
        assert len(list(stream)) == 2
    kept.clear()
    assert (speaker.closed, quick.ended) == (1, 2)


# ── errors ──


class Failing(Speaker):
    """Fails at one of its items."""

    at = 0

    def stream_audio(self, text: str, voice: str | None = None) -> Iterator[AudioChunk]:
        for item in super().stream_audio(text, voice):
            if item.index == self.at:
                raise OSError("pipe broke")
            yield item


@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_error_comes_out_where_it_happened_and_ends_the_stream(
    at: int, a_call: Call[Any]
) -> None:
    failing = Failing()
    failing.at = at
    chosen = Chosen(failing)
    stream = streamed(chosen, call=a_call)
    for _ in range(at):
        next(stream)
    with pytest.raises(CallFailed, match="pipe broke"):
        next(stream)
    assert list(stream) == []
    with pytest.raises(BadOption):
        _ = stream.result
    assert is_free(chosen.slot)
    assert failing.opened == failing.closed

    async def main() -> None:
        stream = streamed_async(chosen)
        for _ in range(at):
            await anext(stream)
        with pytest.raises(CallFailed, match="pipe broke"):
            await anext(stream)
        assert [item async for item in stream] == []

    asyncio.run(main())
    assert is_free(chosen.slot)


def test_ctrl_c_that_does_not_reach_its_flow_does_not_end_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(flow: Any, call: Call[Any]) -> None:
        flow.close()
        raise KeyboardInterrupt

    chosen = Chosen(Speaker())
    stream = streamed(chosen)
    next(stream)
    with monkeypatch.context() as patch:
        patch.setattr(streams, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            next(stream)
    assert len(list(stream)) == 2
    assert is_free(chosen.slot)


def test_before_its_first_item_it_falls_back() -> None:
    failing, speaker = Failing(), Speaker()
    stream = streamed(Chosen(failing, "tts/first"), Chosen(speaker, "tts/second"))
    assert len(list(stream)) == 3
    assert stream.result.meta.served_by == "tts/second"


@pytest.mark.parametrize("is_asyncio", [False, True])
def test_a_deadline_ends_it_between_items_and_within_one(is_asyncio: bool) -> None:
    leave = threading.Event()
    for hangs in (False, True):
        speaker = Speaker()
        chosen = Chosen(speaker)
        call = Call[Any](0.2)

        def hang(speaker: Speaker = speaker, hangs: bool = hangs) -> None:
            speaker.calls += 1
            if hangs and speaker.calls > 1:
                leave.wait(60)

        speaker.meanwhile = hang
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            read_slowly_here(streamed(chosen, call=call)) if not is_asyncio else asyncio.run(
                read_slowly(streamed_async(chosen, call=call))
            )
        assert time.monotonic() - began < 0.2 + 0.2
        assert chosen.slot.is_stuck is hangs
        leave.set()
        assert is_free(chosen.slot)
        assert speaker.closed == 1
        leave.clear()


def read_slowly_here(stream: Stream[AudioChunk, Audio]) -> None:
    for _ in stream:
        time.sleep(0.12)


async def read_slowly(stream: AsyncStream[AudioChunk, Audio]) -> None:
    async for _ in stream:
        await asyncio.sleep(0.12)


# ── cancelled and shared ──


def test_its_call_can_be_cancelled_from_elsewhere() -> None:
    for call in (Call[Any](), Call[Any](60.0)):
        chosen = Chosen(Speaker())
        stream = streamed(chosen, call=call)
        next(stream)
        stream.call.cancel("enough")
        with pytest.raises(Cancelled, match="enough"):
            next(stream)
        assert list(stream) == []
        assert is_free(chosen.slot)


def test_closing_it_ends_another_threads_wait_for_an_item() -> None:
    speaker, entered, leave = Speaker(), threading.Event(), threading.Event()
    chosen, ended = Chosen(speaker), list[BaseException]()
    stream = streamed(chosen, call=Call(60.0))
    next(stream)

    def hang() -> None:
        entered.set()
        leave.wait(60)

    speaker.meanwhile = hang

    def work() -> None:
        try:
            next(stream)
        except Cancelled as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert entered.wait(10)
    stream.close()
    thread.join(10)
    assert [str(error) for error in ended] == ["the stream was closed"]
    leave.set()
    assert is_free(chosen.slot)
    assert speaker.closed == 1


def test_closing_it_ends_another_tasks_wait_for_an_item() -> None:
    speaker, leave = Speaker(), threading.Event()
    chosen = Chosen(speaker)

    async def main() -> None:
        stream = streamed_async(chosen)
        await anext(stream)
        speaker.meanwhile = lambda: leave.wait(60)
        task = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.02)
        await stream.aclose()
        with pytest.raises(Cancelled, match="the stream was closed"):
            await task

    asyncio.run(main())
    leave.set()
    assert is_free(chosen.slot)


def test_threads_that_share_one_get_every_item_once(a_call: Call[Any]) -> None:
    chosen = Chosen(Many())
    stream, found = streamed(chosen, call=a_call), list[int]()
    threads = [
        threading.Thread(target=lambda: found.extend(item.index for item in stream))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(found) == list(range(100))
    assert isinstance(stream.result, Audio)
    assert is_free(chosen.slot)


def test_tasks_that_share_one_get_every_item_once() -> None:
    async def main() -> None:
        stream = streamed_async(Chosen(Many()))

        async def read() -> list[int]:
            return [item.index async for item in stream]

        found = await asyncio.gather(*(read() for _ in range(4)))
        assert sorted(number for part in found for number in part) == list(range(100))
        assert isinstance(stream.result, Audio)

    asyncio.run(main())


class Many(Speaker):
    def stream_audio(self, text: str, voice: str | None = None) -> Iterator[AudioChunk]:
        return super().stream_audio("word " * 100, voice)


def test_a_task_that_is_cancelled_while_it_waits_for_an_item_stops_the_work() -> None:
    speaker, leave = Speaker(), threading.Event()
    speaker.meanwhile = lambda: leave.wait(60)
    chosen = Chosen(speaker)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(read_slowly(streamed_async(chosen)), 0.05)

    asyncio.run(main())
    leave.set()
    assert is_free(chosen.slot)
    assert speaker.closed == 1


def test_a_service_has_time_to_clean_up_when_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    async def items(seconds: float) -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await Sleep(seconds)
            ended.append(f"slept {seconds}")

    with Stream(items(0.01), Call(0.02), Outcome[Audio]()) as stream:
        next(stream)
        time.sleep(0.03)  # its deadline isn't that of cleaning up

    async def main() -> None:
        async with AsyncStream(items(0.02), Call(0.02), Outcome[Audio]()) as stream:
            await anext(stream)
            await asyncio.sleep(0.03)

    asyncio.run(main())
    monkeypatch.setattr(calls, "GRACE_S", 0.05)
    stream = Stream(items(60.0), Call(), Outcome[Audio]())
    next(stream)
    with pytest.raises(DeadlineExceeded, match="cleaning up took more than"):
        stream.close()
    assert ended == ["slept 0.01", "slept 0.02"]


def test_what_fails_when_a_dropped_stream_is_closed_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def items() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await Run(Voices.slot.turns, lambda: 1 // 0)

    class Voices:
        slot = Chosen(Voice()).slot

    stream = Stream(items(), Call(), Outcome[Audio]())
    next(stream)
    del stream

    async def main() -> None:
        stream = AsyncStream(items(), Call(), Outcome[Audio]())
        await anext(stream)
        del stream
        while len(caplog.records) < 2:
            await asyncio.sleep(0.001)

    asyncio.run(asyncio.wait_for(main(), 10))
    assert {record.message.split(" that")[0] for record in caplog.records} == {"a stream"}
