"""The drivers: what interrupts a call is thrown into its flow, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.journeys import (
    SILENT,
    TONE,
    Chosen,
    Clock,
    Remote,
    Script,
    Speaker,
    Voice,
    flow_of,
    is_free,
    items_of,
    request,
)

from omnibind.calls import driver
from omnibind.calls.call import Call
from omnibind.calls.callbacks import Callbacks
from omnibind.calls.controls import Controls, Settings
from omnibind.calls.driver import arun, run
from omnibind.calls.turns import Turns
from omnibind.contracts.binding import CURRENT_CALL, Progress
from omnibind.contracts.effects import Effect, Native, Run, Sleep, Take, Tell
from omnibind.contracts.errors import (
    BadOutput,
    CallFailed,
    Cancelled,
    DeadlineExceeded,
    Unavailable,
)
from omnibind.running.slot import Slot

ROOT = Path(__file__).parents[2]
MODELS = {"small": SimpleNamespace(price={"usd": 0.5, "per": "call"}, license="MIT", files=())}
INTERRUPTIONS = (
    lambda: Cancelled("stop"),
    KeyboardInterrupt,
    asyncio.CancelledError,
    lambda: DeadlineExceeded("late"),
)


class World:
    """Bindings that fail over to one another, with a budget, and what they must look like after."""

    def __init__(self, *bindings: Voice) -> None:
        self.bindings = bindings
        self.chosen = [
            Chosen(
                binding,
                f"tts/voice{number}",
                is_remote=isinstance(binding, Remote),
                models=MODELS if isinstance(binding, Remote) else None,
            )
            for number, binding in enumerate(bindings)
        ]
        self.settings = Settings({"budget_usd": 100.0})

    def check(self) -> None:
        for one, binding in zip(self.chosen, self.bindings, strict=True):
            assert is_free(one.slot)
            assert binding.running == 0
            if isinstance(binding, Remote):
                assert binding.jobs == binding.ended
            if isinstance(binding, Speaker):
                assert binding.opened == binding.closed
        assert self.settings.budget is not None
        assert self.settings.budget.reserved_usd == 0
        again = self.chosen[-1]
        again._made.binding.results = [TONE]  # type: ignore[attr-defined]
        assert Script().drive(flow_of(again, settings=self.settings)) == TONE


def failing_world() -> World:
    """A service that is away and then broken, and an engine that serves at the second try."""
    remote, voice = Remote(), Voice()
    remote.results = [Unavailable("away"), CallFailed("broken")]
    voice.results = [BadOutput("silence", rule="silence"), TONE]
    return World(remote, voice)


def serving(world: World) -> Coroutine[Effect[Any], Any, Any]:
    return flow_of(*world.chosen, asked=request(SILENT), settings=world.settings)


def streaming(world: World) -> Coroutine[Effect[Any], Any, Any]:
    async def read() -> int:
        items = items_of(*world.chosen, settings=world.settings)
        return len([item async for item in items])

    return read()


WORLDS: dict[str, tuple[Callable[[], World], Callable[[World], Any], int]] = {
    "a retry and a fallback": (failing_world, serving, 10),
    "an engine's stream": (lambda: World(Speaker()), streaming, 7),
    "a stream in parts": (lambda: World(Voice()), streaming, 5),
    "a service's stream": (lambda: World(Remote()), streaming, 6),
    "a stream after a fallback": (lambda: World(Away(), Speaker()), streaming, 10),
}


class Away(Remote):
    async def stream_audio_flow(self, text: str, voice: str | None = None) -> AsyncGenerator[Any]:
        self.jobs += 1
        try:
            await Sleep(1.0)
            raise CallFailed("broken")
        finally:
            self.ended += 1
        yield


@pytest.mark.parametrize("name", WORLDS)
def test_an_interruption_at_any_wait_of_a_call_leaves_nothing_behind(name: str) -> None:
    make, flow, least = WORLDS[name]
    whole = Script()
    world = make()
    whole.drive(flow(world))
    world.check()
    assert len(whole.effects) >= least
    for interruption in INTERRUPTIONS:
        for number in range(len(whole.effects)):
            world, error = make(), interruption()
            with pytest.raises(type(error)) as raised:
                Script(number, error).drive(flow(world))
            assert raised.value is error
            del raised
            world.check()


# ── what is thrown in, and for how long the flow may clean up ──


def cleaning(clock: Clock, seconds: float, done: list[str]) -> Coroutine[Effect[Any], Any, None]:
    turns = Turns()

    async def flow() -> None:
        try:
            await Run(turns, interrupt)
        finally:
            for _ in range(3):
                await Run(turns, lambda: clock.move(seconds))
                done.append("cleaned")

    def interrupt() -> None:
        raise KeyboardInterrupt

    return flow()


def test_a_flow_cleans_up_for_a_few_seconds() -> None:
    clock, done = Clock(), list[str]()
    with pytest.raises(KeyboardInterrupt):
        run(cleaning(clock, 1.6, done), Call(clock=clock))
    assert done == ["cleaned"] * 3


def test_a_flow_that_cleans_up_for_too_long_ends_with_what_ended_it() -> None:
    clock, done = Clock(), list[str]()
    with pytest.raises(KeyboardInterrupt):
        run(cleaning(clock, 2.6, done), Call(clock=clock))
    assert done == ["cleaned"] * 2


def test_every_finally_of_a_flow_is_reached_after_its_grace() -> None:
    clock, turns, reached = Clock(), Turns(), list[int]()

    async def flow(depth: int) -> None:
        try:
            if depth:
                await flow(depth - 1)
            else:
                await Run(turns, lambda: None)
        finally:
            clock.move(100.0)
            try:
                await Sleep(0.0)
            finally:
                reached.append(depth)

    with pytest.raises(DeadlineExceeded):
        run(flow(5), Call(1.0, clock=clock))
    assert reached == [0, 1, 2, 3, 4, 5]


def test_a_flow_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Any] = []
    monkeypatch.setattr(driver, "_unending", kept)
    clock, turns, times = Clock(), Turns(), 0

    async def flow() -> None:
        nonlocal times
        while times < 1000:
            try:
                times += 1
                await Run(turns, lambda: clock.move(100.0))
            except BaseException:
                pass

    with pytest.raises(DeadlineExceeded, match="wasn't done after 1 s"):
        run(flow(), Call(1.0, clock=clock))
    assert 1 < times < 100
    (unending,) = kept
    times = 1000  # let it end, so that nothing is left of it
    with pytest.raises(StopIteration):
        unending.throw(Cancelled("stop"))


def test_a_call_that_is_over_before_it_begins_runs_nothing() -> None:
    voice = Voice()
    chosen = Chosen(voice)
    for drive in (run, lambda flow, call: asyncio.run(arun(flow, call))):
        call = Call[Any]()
        call.cancel("changed my mind")
        with pytest.raises(Cancelled, match="changed my mind"):
            drive(flow_of(chosen, call=call), call)
    assert chosen.candidate is None
    assert voice.loads == voice.calls == 0


def test_ctrl_c_between_two_waits_reaches_the_flow() -> None:
    """The signal comes in the driver's own code, while the flow is suspended."""
    turns, seen = Turns(), list[type]()

    class Interrupting(Call[Any]):
        def check(self) -> None:
            raise KeyboardInterrupt

    async def flow() -> None:
        try:
            await Take(turns)
        except BaseException as error:
            seen.append(type(error))
            raise

    with pytest.raises(KeyboardInterrupt):
        run(flow(), Interrupting())
    assert seen == [KeyboardInterrupt]


def test_what_fails_leaves_no_cycle_that_would_hold_an_engine() -> None:
    class Heavy:
        pass

    slot = Slot(Voice())

    async def flow() -> None:
        await Run(slot, fail)

    def fail() -> None:
        heavy = Heavy()
        held.append(weakref.ref(heavy))
        raise ZeroDivisionError

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await arun(flow(), Call())

    held: list[weakref.ref[Heavy]] = []
    gc.disable()
    try:
        for call in (Call[Any](), Call[Any](10.0)):
            with pytest.raises(ZeroDivisionError):
                run(flow(), call)
        asyncio.run(main())
        assert [one() for one in held] == [None] * 3
    finally:
        gc.enable()


# ── where engine code runs ──


def where(call: Call[Any]) -> str:
    async def flow() -> str:
        return await Run(Slot(Voice()), lambda: threading.current_thread().name)

    return run(flow(), call)


def test_engine_code_runs_in_the_callers_thread_unless_the_call_is_firm() -> None:
    assert where(Call()) == threading.current_thread().name
    assert where(Call(10.0)) == "tts/Voice"
    assert where(Call(is_firm=True)) == "tts/Voice"


def test_a_hung_engine_meets_its_deadline_and_its_slot_is_stuck_until_it_ends() -> None:
    voice, leave = Voice(), threading.Event()
    voice.meanwhile = lambda: leave.wait(60)
    chosen, other = Chosen(voice), Chosen(Voice())
    call = Call[Any](0.1)
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="wasn't done after"):
        run(flow_of(chosen, asked=request(SILENT), call=call), call)
    assert time.monotonic() - began < 0.1 + 0.2
    assert chosen.slot.is_stuck
    assert run(flow_of(other), Call()) == TONE
    leave.set()
    assert is_free(chosen.slot)
    assert not chosen.slot.is_stuck
    assert run(flow_of(chosen), Call()) == TONE


def test_an_event_loop_leaves_a_hung_engine_behind() -> None:
    voice, leave = Voice(), threading.Event()
    voice.meanwhile = lambda: leave.wait(60)
    chosen = Chosen(voice)

    async def main() -> float:
        call = Call[Any](0.1)
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            await arun(flow_of(chosen, call=call), call)
        return time.monotonic() - began

    assert asyncio.run(main()) < 0.1 + 0.2
    assert chosen.slot.is_stuck
    leave.set()
    assert is_free(chosen.slot)


def test_a_huge_deadline_is_no_error() -> None:
    voice = Voice()
    voice.meanwhile = lambda: time.sleep(0.05)
    call = Call[Any](1e30)
    assert run(flow_of(Chosen(voice), call=call), call) == TONE
    assert run(sleeping(0.001), call) is None


async def sleeping(seconds: float) -> None:
    await Sleep(seconds)


@pytest.mark.parametrize("end", ["deadline", "cancel", "task"])
def test_an_engine_that_was_left_behind_ends_at_its_next_report(end: str) -> None:
    told, entered, leave = list[str](), threading.Event(), threading.Event()

    class Reporting(Voice):
        def generate_audio(self, text: str, voice: str | None = None) -> Any:  # type: ignore[override]
            entered.set()
            leave.wait(60)
            try:
                self.report(0.5)
            except (Cancelled, DeadlineExceeded) as error:
                told.append(type(error).__name__)
                raise
            return TONE

    chosen = Chosen(Reporting())

    async def main() -> None:
        call = Call[Any](0.05 if end == "deadline" else None)
        task = asyncio.create_task(arun(flow_of(chosen, call=call), call))
        await asyncio.to_thread(entered.wait, 60)
        if end == "cancel":
            call.cancel()
        elif end == "task":
            task.cancel()
        with pytest.raises((Cancelled, DeadlineExceeded, asyncio.CancelledError)):
            await task

    asyncio.run(main())
    leave.set()
    assert is_free(chosen.slot)
    assert told == ["DeadlineExceeded" if end == "deadline" else "Cancelled"]


# ── each report reaches its own call ──


def test_concurrent_calls_each_get_their_own_reports() -> None:
    class Telling(Voice):
        def generate_audio(self, text: str, voice: str | None = None) -> Any:  # type: ignore[override]
            for _ in range(3):
                self.report(message=text)
                time.sleep(0.001)
            return TONE

    chosen = Chosen(Telling(), concurrent=4)
    heard: dict[str, list[str]] = {}

    def begin(name: str) -> tuple[Coroutine[Any, Any, Any], Call[Any]]:
        call = Call[Any]()
        mine = heard.setdefault(name, [])
        controls = Controls(off=None, own={})
        listening = Callbacks(on_progress=lambda event: mine.append(str(event.progress)))
        asked = request(controls, text=name)._replace(listeners=listening)
        return flow_of(chosen, asked=asked, call=call), call

    threads = [threading.Thread(target=lambda n=n: run(*begin(f"t{n}"))) for n in range(8)]
    for thread in threads:
        thread.start()

    async def main() -> None:
        await asyncio.gather(*(arun(*begin(f"a{n}")) for n in range(20)))

    asyncio.run(main())
    for thread in threads:
        thread.join(60)
    assert len(heard) == 28
    assert all(messages == [str(Progress(message=name))] * 3 for name, messages in heard.items())


def test_an_engine_that_calls_another_reports_to_its_own_call_afterwards() -> None:
    inner = Chosen(Voice())

    class Outer(Voice):
        def generate_audio(self, text: str, voice: str | None = None) -> Any:  # type: ignore[override]
            result = run(flow_of(inner), Call())
            self.report(0.25)
            return result

    for call in (Call[Any](), Call[Any](30.0)):
        run(flow_of(Chosen(Outer()), call=call), call)
        assert call.progress is not None
        assert call.progress.fraction == 0.25
    assert CURRENT_CALL.get() is None


# ── asyncio ──


def test_200_calls_at_once_come_back_in_order_and_right() -> None:
    class Echo(Voice):
        def generate_audio(self, text: str, voice: str | None = None) -> Any:  # type: ignore[override]
            self.calls += 1
            return TONE._with_meta(TONE.meta._replace(request_id=f"{self.calls} {text}"))

    chosen = Chosen(Echo())

    async def main() -> list[Any]:
        asked = [request(SILENT, text=f"text {n}") for n in range(200)]
        return await asyncio.gather(*(arun(flow_of(chosen, asked=one), Call()) for one in asked))

    told = [result.meta.request_id for result in asyncio.run(main())]
    assert told == [f"{n + 1} text {n}" for n in range(200)]


def test_the_event_loop_goes_on_while_an_engine_loads_and_runs() -> None:
    class Slow(Voice):
        def load(self) -> None:
            time.sleep(0.3)

    voice = Slow()
    voice.meanwhile = lambda: time.sleep(0.3)

    async def main() -> float:
        task = asyncio.create_task(arun(flow_of(Chosen(voice)), Call()))
        largest, last = 0.0, time.monotonic()
        while not task.done():
            await asyncio.sleep(0.005)
            largest, last = max(largest, time.monotonic() - last), time.monotonic()
        assert await task == TONE
        return largest

    assert min(asyncio.run(main()) for _ in range(2)) < 0.15


def test_asyncios_own_timeouts_keep_their_meaning() -> None:
    voice, leave = Voice(), threading.Event()
    voice.meanwhile = lambda: leave.wait(60)
    chosen = Chosen(voice, concurrent=4)

    async def call() -> Any:
        return await arun(flow_of(chosen), Call())

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await call()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(call(), 0.05)
        task = asyncio.create_task(call())
        await asyncio.sleep(0.05)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task
        assert task.cancelled()
        with pytest.raises(BaseException, match="unhandled errors in a TaskGroup"):
            await group()

    async def group() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(call())
            group.create_task(fail())

    async def fail() -> None:
        await asyncio.sleep(0.05)
        raise ValueError

    asyncio.run(main())
    assert chosen.slot.is_stuck
    leave.set()
    assert is_free(chosen.slot)


def test_one_engine_serves_event_loops_made_one_after_another() -> None:
    chosen = Chosen(Voice())
    for _ in range(3):
        assert asyncio.run(arun(flow_of(chosen), Call())) == TONE


def test_a_loop_that_is_closed_while_an_engine_runs_leaves_nothing_held() -> None:
    entered, leave, slot, ended = threading.Event(), threading.Event(), Slot(Voice()), list[str]()

    async def flow() -> None:
        try:
            await Run(slot, hang)
        finally:
            ended.append("cleaned")

    def hang() -> None:
        entered.set()
        leave.wait(60)

    loop = asyncio.new_event_loop()
    task = loop.create_task(arun(flow(), Call()))
    loop.run_until_complete(asyncio.sleep(0))
    assert entered.wait(60)
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop.close()
    leave.set()
    assert is_free(slot)
    del task
    gc.collect()
    assert ended == ["cleaned"]


def test_a_coroutine_that_is_closed_lets_its_flow_clean_up() -> None:
    slot, ended = Slot(Voice()), list[str]()

    async def flow() -> None:
        try:
            await Sleep(60)
        finally:
            await Run(slot, lambda: ended.append("cleaned"))
            await Sleep(0.0)
            ended.append("slept")

    async def main() -> None:
        going = arun(flow(), Call())
        going.send(None)
        going.close()
        assert ended == ["cleaned", "slept"]

    asyncio.run(main())


# ── a binding's own asyncio ──


def native(start: Callable[[], Any]) -> Coroutine[Effect[Any], Any, Any]:
    async def flow() -> Any:
        return await Native(start)

    return flow()


def test_a_native_coroutine_runs_in_a_task_and_a_context_of_its_own() -> None:
    async def own() -> Any:
        call = CURRENT_CALL.get()
        CURRENT_CALL.set(None)
        return asyncio.current_task(), call

    async def main() -> None:
        call = Call[Any]()
        task, current = await arun(native(own), call)
        assert task is not asyncio.current_task()
        assert current is call
        assert CURRENT_CALL.get() is None

    asyncio.run(main())


def test_an_error_of_a_native_coroutine_comes_through() -> None:
    async def own() -> None:
        await asyncio.sleep(0)
        raise OSError("pipe broke")

    with pytest.raises(OSError, match="pipe broke"):
        asyncio.run(arun(native(own), Call()))


@pytest.mark.parametrize("end", ["deadline", "cancel", "task"])
def test_an_interruption_cancels_a_native_coroutine_and_waits_for_its_end(end: str) -> None:
    seen: list[str] = []

    async def own() -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            seen.append("cleaned")

    async def main() -> None:
        call = Call[Any](0.05 if end == "deadline" else None)
        task = asyncio.create_task(arun(native(own), call))
        await began.wait()
        if end == "cancel":
            call.cancel()
        elif end == "task":
            task.cancel()
        with pytest.raises((Cancelled, DeadlineExceeded, asyncio.CancelledError)):
            await task
        assert seen == ["cleaned"]

    began = asyncio.Event()
    asyncio.run(main())


def test_a_blocking_call_cannot_await_a_native_coroutine() -> None:
    with pytest.raises(TypeError, match="isn't an effect that a blocking call can wait for"):
        run(native(lambda: asyncio.sleep(0)), Call())


# ── interrupted for real, at each kind of wait ──


class Waits:
    """A flow that waits once in each way, and tells how far it got."""

    def __init__(self) -> None:
        self.slot, self.busy = Slot(Voice()), Turns()
        self.held = self.busy.start_turn(None, lambda: None)
        self.leave = threading.Event()
        self.reached: list[str] = []
        self.cleaned: list[str] = []
        self.waits: dict[str, Effect[Any]] = {
            "engine": Run(self.slot, lambda: self.leave.wait(60)),
            "load": Run(self.slot.turns.whole, lambda: self.leave.wait(60)),
            "queue": Run(self.busy, lambda: None),
            "turn": Take(self.busy),
            "all": Run(self.busy.whole, lambda: None),
            "sleep": Sleep(60.0),
        }

    async def flow(self, name: str) -> None:
        turn = await Take(self.slot) if name == "turn" else None
        try:
            self.reached.append(name)
            await self.waits[name]
        finally:
            await Sleep(0.001)
            if turn is not None:
                turn.release()
            self.cleaned.append(name)

    def check(self, name: str) -> None:
        self.leave.set()
        assert self.reached == self.cleaned == [name]
        assert is_free(self.slot)
        self.held.outcome().release()
        assert is_free(self.busy)


NAMES = ("engine", "load", "queue", "turn", "all", "sleep")


@pytest.mark.parametrize("name", NAMES)
def test_cancelling_a_blocking_call_from_another_thread_ends_any_wait(name: str) -> None:
    waits, call, ended = Waits(), Call[Any](is_firm=True), list[BaseException]()

    def work() -> None:
        try:
            run(waits.flow(name), call)
        except Cancelled as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while not waits.reached:
        time.sleep(0.001)
    time.sleep(0.02)
    assert call.cancel("by another thread")
    thread.join(10)
    assert [str(error) for error in ended] == ["by another thread"]
    waits.check(name)


@pytest.mark.parametrize("how", ["call", "task", "deadline"])
@pytest.mark.parametrize("name", NAMES)
def test_interrupting_a_call_on_an_event_loop_ends_any_wait(name: str, how: str) -> None:
    waits = Waits()

    async def main() -> None:
        call = Call[Any](0.05 if how == "deadline" else None)
        task = asyncio.create_task(arun(waits.flow(name), call))
        while not waits.reached:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        if how == "task":
            task.cancel()
        elif how == "call":
            call.cancel()
        expected = {"call": Cancelled, "deadline": DeadlineExceeded}
        with pytest.raises(expected.get(how, asyncio.CancelledError)):
            async with asyncio.timeout(10):
                await task

    asyncio.run(main())
    waits.check(name)


# ── listeners that are async ──


@pytest.mark.parametrize("is_asyncio", [False, True])
def test_an_async_listener_does_not_hold_a_firm_call_for_ever(is_asyncio: bool) -> None:
    seen: list[str] = []

    async def listener(event: Any) -> None:
        seen.append(event.kind)
        if event.kind == "request":
            await asyncio.sleep(1.5)

    asked = request(SILENT)._replace(
        listeners=Callbacks(on_request=listener, on_error=listener, on_response=listener)
    )
    call = Call[Any](0.1)
    flow = flow_of(Chosen(Voice()), asked=asked, call=call)
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        asyncio.run(arun(flow, call)) if is_asyncio else run(flow, call)
    assert time.monotonic() - began < 1.0


def test_what_async_listeners_gave_is_awaited_although_the_call_is_over() -> None:
    seen: list[str] = []

    class Waiting:
        def __await__(self) -> Any:
            seen.append("awaited")
            yield from asyncio.sleep(0).__await__()

    async def flow() -> None:
        await Tell([Waiting()])

    for drive in (run, lambda flow, call: asyncio.run(arun(flow, call))):
        call = Call[Any]()
        call.cancel()
        with suppress(Cancelled):
            drive(flow(), call)
    assert seen == ["awaited"] * 2


# ── Ctrl-C, and the end of the process ──

PROGRAM = """
import sys, threading, time
from tests.journeys import *
from omnibind.calls.turns import Turns
from omnibind.contracts.errors import Unavailable

voice = Voice()
chosen = Chosen(voice, is_remote=True)
slot = chosen.slot

def ready():
    print("ready", flush=True)
    time.sleep(60)

def soon():
    threading.Timer(0.2, print, ("ready",), {"flush": True}).start()

def call(timeout_s=None):
    c = Call(timeout_s)
    return run(flow_of(chosen, asked=request(SILENT), call=c), c)

@MODE@
voice.meanwhile, voice.results = (lambda: None), [TONE]
assert call() == TONE
assert is_free(slot)
print("fine", flush=True)
"""

INTERRUPTED = """
try:
    @WAIT@
except KeyboardInterrupt:
    pass
else:
    sys.exit("not interrupted")
"""

WAITS = {
    "a call": "voice.meanwhile = ready; call()",
    "a call with a deadline": "voice.meanwhile = lambda: (soon(), time.sleep(1)); call(60)",
    "the wait for a turn": "slot.turns.start(lambda: time.sleep(1), None, int)\n"
    "    time.sleep(0.1); soon(); run(flow_of(chosen), Call(is_firm=True))",
    "the direct wait for a turn": "done = slot.turns.start(lambda: time.sleep(1.5), None, int)\n"
    "    time.sleep(0.1); soon(); call()",
    "the sleep of a retry": "soon()\n"
    "    voice.results = [Unavailable('away', retry_after=60.0)]; call()",
    "a stream": "voice.meanwhile = ready; list(streamed(chosen))",
    "between the items of a stream": "stream = streamed(chosen); next(stream); ready()",
}


def program(mode: str) -> subprocess.Popen[str]:
    code = PROGRAM.replace("@MODE@", mode)
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="doesn't apply: there is no SIGINT to send")
@pytest.mark.parametrize("name", WAITS)
def test_ctrl_c_ends_any_wait_and_the_program_can_go_on(name: str) -> None:
    process = program(INTERRUPTED.replace("@WAIT@", WAITS[name]))
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("fine\n", "", 0)


HUNG = """
voice.meanwhile = lambda: threading.Event().wait()
began = time.monotonic()
try:
    @CALL@
except Exception as error:
    assert type(error).__name__ == "DeadlineExceeded", error
assert time.monotonic() - began < 3
assert slot.is_stuck
print("left", flush=True)
sys.exit(0)
"""


@pytest.mark.parametrize(
    "call",
    [
        "call(0.1)",
        "import asyncio; from omnibind.calls.driver import arun; c = Call(0.1)\n"
        "    asyncio.run(arun(flow_of(chosen, call=c), c))",
        "stream = streamed(chosen, call=Call(0.1)); next(stream)",
    ],
)
def test_a_program_with_a_hung_engine_ends_in_order(call: str) -> None:
    process = program(HUNG.replace("@CALL@", call))
    assert process.stdout is not None
    assert process.stdout.readline() == "left\n"
    began = time.monotonic()
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("", "", 0)
    assert time.monotonic() - began < 5


def test_a_flow_that_runs_already_is_refused_at_once() -> None:
    async def flow() -> None:
        await Sleep(0)
        run(one, Call())

    one = flow()
    with pytest.raises(ValueError, match="already executing"):
        run(one, Call())
