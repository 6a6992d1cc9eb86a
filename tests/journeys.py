"""What the tests of a call's journey share: a binding, a request, and a driver with a script."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from typing import Any

import numpy as np

from omnibind.calls.call import Call
from omnibind.calls.candidate import Candidate
from omnibind.calls.controls import Controls, Settings
from omnibind.calls.driver import run
from omnibind.calls.journey import serve
from omnibind.calls.request import Request
from omnibind.calls.streaming import Streaming, serve_stream
from omnibind.calls.streams import AsyncStream, Outcome, Stream
from omnibind.calls.turns import Turns
from omnibind.contracts.binding import Binding
from omnibind.contracts.effects import Effect, Run, Sleep, Take, Tell
from omnibind.contracts.media import Audio, AudioChunk
from omnibind.contracts.media.chunk import joined
from omnibind.contracts.options import schema_of
from omnibind.contracts.tts import TTSBinding
from omnibind.running.slot import Slot

SILENT = Controls(off=None, recipe=False)
"""The controls of a call whose result nobody judges."""

TONE = Audio.from_array((np.sin(np.arange(4000) * 0.1) * 9000).astype(np.int16), 8000)


class Voice(TTSBinding):
    """A voice whose loads and calls are counted, and which does as it is told.

    ``results`` are given one after another, an error by raising it; the last one stays.
    """

    def __init__(self) -> None:
        self.loads = self.unloads = self.calls = 0
        self.running = self.most_running = 0
        self.results: list[Any] = [TONE]
        self.meanwhile: Callable[[], object] = lambda: None

    def load(self) -> None:
        self.loads += 1

    def unload(self) -> None:
        self.unloads += 1

    def generate_audio(
        self, text: str, voice: str | None = None, *, seed: int | None = None
    ) -> Audio:
        self.calls += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            self.meanwhile()
        finally:
            self.running -= 1
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, BaseException):
            raise result
        given: Audio = result
        return given

    def list_voices(self) -> list[str]:
        return []


class Chosen:
    """A candidate as a handle would offer it; one with an error isn't ready."""

    def __init__(
        self,
        binding: Binding,
        label: str = "tts/voice",
        *,
        error: Exception | None = None,
        concurrent: int = 1,
        **facts: Any,
    ) -> None:
        verb = getattr(type(binding), f"{binding.verb}_flow", None)
        schema = schema_of(verb or getattr(type(binding), binding.verb), binding.subject, label)
        self.label = label
        self.slot = Slot(binding, concurrent)
        self.candidate: Candidate | None = None
        self._error = error
        self._made = Candidate(label, binding, self.slot, schema, "small", **facts)

    def prepare(self) -> Candidate:
        if self._error is not None:
            raise self._error
        self.candidate = self._made
        return self._made


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


def request(controls: Controls | None = None, text: str = "hello", **options: Any) -> Request:
    return Request(
        "generate_audio",
        lambda candidate: (text,),
        ("text", "voice"),
        options,
        controls or Controls(),
    )


def flow_of(
    *chosen: Chosen,
    asked: Request | None = None,
    call: Call[Any] | None = None,
    settings: Settings | None = None,
) -> Coroutine[Effect[Any], Any, Audio]:
    return serve(
        chosen, asked or request(), call or Call(), Audio, settings or Settings(), Turns(32)
    )


def served(
    *chosen: Chosen, asked: Request | None = None, settings: Settings | None = None
) -> Audio:
    call: Call[Any] = Call()
    return run(flow_of(*chosen, asked=asked, call=call, settings=settings), call)


class Script:
    """A driver that performs a flow's effects by a script, on a clock of its own.

    Args:
        throw_at: The effect, counted from 0, at which ``error`` is thrown into the flow.
        error: What is thrown.

    Attributes:
        effects: What the flow waited for, in order.
    """

    def __init__(self, throw_at: int | None = None, error: BaseException | None = None) -> None:
        self.clock = Clock()
        self.effects: list[Effect[Any]] = []
        self._throw_at = throw_at
        self._error = error

    @property
    def slept(self) -> list[float]:
        return [effect.seconds for effect in self.effects if isinstance(effect, Sleep)]

    def drive(self, flow: Coroutine[Effect[Any], Any, Any]) -> Any:
        answer, error = None, None
        while True:
            try:
                effect = flow.send(answer) if error is None else flow.throw(error)
            except StopIteration as end:
                return end.value
            finally:
                answer = error = None
            number = len(self.effects)
            self.effects.append(effect)
            try:
                if number == self._throw_at and self._error is not None:
                    raise self._error
                answer = self._perform(effect)
            except BaseException as raised:
                error = raised

    def read(self, items: AsyncGenerator[Any, None]) -> list[Any]:
        """Drive an emitting flow to its end and give its items."""
        found: list[Any] = []

        async def all_of_them() -> None:
            async for item in items:
                found.append(item)

        self.drive(all_of_them())
        return found

    def _perform(self, effect: Effect[Any]) -> Any:
        if isinstance(effect, Run):
            return effect.runner.run(effect.work)
        if isinstance(effect, Take):
            return effect.place.take()
        if isinstance(effect, Sleep):
            self.clock.now += effect.seconds
            return None
        assert isinstance(effect, Tell)
        for one in effect.waiting:
            for _ in one.__await__():
                pass
        return None


class Speaker(Voice):
    """A voice that streams itself: a chunk for every word.

    Attributes:
        opened: How many of its generators were begun.
        closed: How many of them have ended.
        threads: The threads that they ran and ended on.
    """

    def __init__(self) -> None:
        super().__init__()
        self.opened = self.closed = 0
        self.threads: set[str] = set()

    def stream_audio(self, text: str, voice: str | None = None) -> Iterator[AudioChunk]:
        self.opened += 1
        try:
            for index, _ in enumerate(text.split()):
                self.threads.add(threading.current_thread().name)
                self.meanwhile()
                yield AudioChunk(TONE.array(), TONE.sample_rate or 0, index)
        finally:
            self.threads.add(threading.current_thread().name)
            self.closed += 1


class Remote(Voice):
    """A service: its flows wait for nothing but time, and tell whether they were cleaned up.

    Attributes:
        jobs: How many were begun.
        ended: How many of them were done or deleted.
    """

    step_s, end_s = 1.0, 0.5

    def __init__(self) -> None:
        super().__init__()
        self.jobs = self.ended = 0

    async def generate_audio_flow(self, text: str, voice: str | None = None) -> Audio:
        self.jobs += 1
        try:
            await Sleep(1.0)
            result = self.generate_audio(text)
            await Sleep(1.0)
        finally:
            try:
                await Sleep(0.5)  # as deleting the job would
            finally:
                self.ended += 1
        return result

    async def stream_audio_flow(
        self, text: str, voice: str | None = None
    ) -> AsyncGenerator[AudioChunk, None]:
        self.jobs += 1
        try:
            for index, _ in enumerate(text.split()):
                await Sleep(self.step_s)
                yield AudioChunk(TONE.array(), TONE.sample_rate or 0, index)
        finally:
            try:
                await Sleep(self.end_s)
            finally:
                self.ended += 1


STREAMING: Streaming[AudioChunk, Audio] = Streaming(
    "stream_audio",
    Audio,
    joined,
    lambda choice: choice.subject[0].split(),
    lambda sound, index: (AudioChunk(sound.array(), sound.sample_rate or 0, index),),
)


def items_of(
    *chosen: Chosen,
    asked: Request | None = None,
    call: Call[Any] | None = None,
    settings: Settings | None = None,
    outcome: Outcome[Audio] | None = None,
    aside: Turns | None = None,
) -> AsyncGenerator[AudioChunk, None]:
    """The emitting flow for a text of three words."""
    return serve_stream(
        chosen,
        asked or request(SILENT, text="one two three"),
        call or Call(),
        STREAMING,
        outcome or Outcome(),
        settings or Settings(),
        aside or Turns(32),
    )


def streamed(*chosen: Chosen, call: Call[Any] | None = None) -> Stream[AudioChunk, Audio]:
    """The same as a program sees it."""
    call, outcome = call or Call(), Outcome[Audio]()
    return Stream(items_of(*chosen, call=call, outcome=outcome), call, outcome)


def streamed_async(
    *chosen: Chosen, call: Call[Any] | None = None
) -> AsyncStream[AudioChunk, Audio]:
    """The same as a program on an event loop sees it."""
    call, outcome = call or Call(), Outcome[Audio]()
    return AsyncStream(items_of(*chosen, call=call, outcome=outcome), call, outcome)


def is_free(place: Slot | Turns) -> bool:
    """Tell whether every turn of a slot can be had, soon."""
    turns = place.turns if isinstance(place, Slot) else place
    free = threading.Event()
    job = turns.whole.start(lambda: None, None, free.set)
    if free.wait(timeout=10):
        return True
    job.leave()
    return False
