"""What scripts/bench_work.py times of calls: handles, event loops, queues and streams."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter, process_time, sleep
from typing import Annotated, Any

import numpy as np

from omnibind import (
    AsyncClient,
    Audio,
    Client,
    Event,
    Range,
    Source,
    TTSBinding,
    TTSBindingManager,
)

CALLS = 500
AT_ONCE = 1000
QUEUED = 16
SLOW_S = 0.01

SENTENCES = " ".join(
    (
        "The harbour was quiet when the first boats came in.",
        "Seven crates of apples stood on the pier.",
        "A boy counted them twice, and his sister wrote the number down.",
        "At half past nine the post office opened.",
        "The clerk asked for two stamps and a pencil.",
        "Nobody knew where the pencil had gone.",
        "In the afternoon it began to rain.",
        "The market moved under the old bridge.",
        "A woman repaired three clocks before dinner.",
        "When the lamps were lit, the boats went out again.",
    )
)

Pairs = list[tuple[float, float]]


class StillTTS(TTSBinding):
    """Gives the same short sound at once."""

    def __init__(self) -> None:
        self._sound = Audio.from_array(np.zeros(400, np.int16), 8000)

    def generate_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        speed: Annotated[float, Range(0.5, 2.0), "does nothing"] = 1.0,
    ) -> Audio:
        """Return the sound."""
        return self._sound

    def list_voices(self) -> list[str]:
        """Return none."""
        return []


class SlowTTS(StillTTS):
    """Takes its time, as an engine does that computes outside of Python."""

    def generate_audio(
        self,
        text: str,
        voice: str | None = None,
        *,
        speed: Annotated[float, Range(0.5, 2.0), "does nothing"] = 1.0,
    ) -> Audio:
        """Return the sound after a while."""
        sleep(SLOW_S)
        return self._sound


def in_turn(
    pairs: int,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    clock: Callable[[], float] = perf_counter,
) -> Pairs:
    """Time both, in turn, after one call of each that isn't counted."""

    def seconds(work: Callable[[], object]) -> float:
        started = clock()
        work()
        return clock() - started

    ours()
    theirs()
    return [(seconds(ours), seconds(theirs)) for _ in range(pairs)]


def check_same(ours: object, theirs: object) -> None:
    """End where what is compared doesn't do the same."""
    if ours != theirs:
        raise SystemExit(f"the two don't do the same: {ours!r} and {theirs!r}")


def samples_of(sound: str) -> Any:
    """Return a sound's samples at 16 kHz, as recognisers take them."""
    return Source.of(sound).array(16000)


def handle(pairs: str, **options: Any) -> Pairs:
    """Time a call through the handle and one of the binding itself.

    CPU time: a few microseconds drown in what else the machine does meanwhile.
    """
    TTSBindingManager.register_binding("still", StillTTS)
    return _per_call(pairs, Client(tts="still"), options)


def handle_all(pairs: str) -> Pairs:
    """Time what :func:`handle` does with everything on but verification."""
    TTSBindingManager.register_binding("still", StillTTS)
    client = Client(
        tts=["still", "mock"],
        budget_usd=1.0,
        policy={"commercial": False},
        on_request=_hear,
        on_response=_hear,
        on_error=_hear,
        on_progress=_hear,
        on_fallback=_hear,
    )
    return _per_call(pairs, client, {"speed": 1.25, "label": "bench", "retry_paid": True})


def _hear(event: Event) -> None:
    pass


def _per_call(pairs: str, client: Client, options: dict[str, Any]) -> Pairs:
    through, direct = client.tts, StillTTS()
    own = {name: value for name, value in options.items() if name == "speed"}

    def ours() -> None:
        for _ in range(CALLS):
            through.generate_audio("Hello.", verify=False, **options)

    def theirs() -> None:
        for _ in range(CALLS):
            direct.generate_audio("Hello.", **own)

    times = in_turn(int(pairs), ours, theirs, process_time)
    return [(a / CALLS, b / CALLS) for a, b in times]


def handle_asyncio(pairs: str) -> Pairs:
    """Time calls one after another through an asyncio handle, and of the binding itself."""
    TTSBindingManager.register_binding("still", StillTTS)
    through, direct = AsyncClient(tts="still", on_response=_hear).tts, StillTTS()

    async def ours() -> None:
        for _ in range(CALLS):
            await through.generate_audio("Hello.", verify=False)

    async def theirs() -> None:
        for _ in range(CALLS):
            direct.generate_audio("Hello.")

    return [(a / CALLS, b / CALLS) for a, b in asyncio.run(_in_turn(int(pairs), ours, theirs))]


def thousand(pairs: str) -> Pairs:
    """Time a thousand calls at once, and as many of the binding by ``asyncio.to_thread``."""
    TTSBindingManager.register_binding("still", StillTTS)
    through, direct = AsyncClient(tts="still").tts, StillTTS()

    async def ours() -> None:
        calls = (through.generate_audio("Hello.", verify=False) for _ in range(AT_ONCE))
        await asyncio.gather(*calls)

    async def theirs() -> None:
        calls = (asyncio.to_thread(direct.generate_audio, "Hello.") for _ in range(AT_ONCE))
        await asyncio.gather(*calls)

    return asyncio.run(_in_turn(int(pairs), ours, theirs))


def queue(pairs: str) -> Pairs:
    """Time one binding's call while calls of a slow one wait in its queue, and without them."""
    TTSBindingManager.register_binding("still", StillTTS)
    client = AsyncClient(tts="still")
    TTSBindingManager.register_binding("slow", SlowTTS)
    slow = AsyncClient(tts="slow").tts

    async def alone() -> float:
        started = perf_counter()
        await client.tts.generate_audio("Hello.", verify=False)
        return perf_counter() - started

    async def beside() -> float:
        calls = [
            asyncio.create_task(slow.generate_audio("Hello.", verify=False)) for _ in range(QUEUED)
        ]
        await asyncio.sleep(SLOW_S)
        seconds = await alone()
        await asyncio.gather(*calls)
        return seconds

    async def measured() -> Pairs:
        await beside()
        return [(await beside(), await alone()) for _ in range(int(pairs))]

    return asyncio.run(measured())


def first_sound(pairs: str, binding: str) -> Pairs:
    """Time the first piece of ten sentences, and the whole."""
    speak = Client(tts=binding).tts.stream_audio
    times: Pairs = []
    for _ in range(int(pairs) + 1):
        started = perf_counter()
        stream = speak(SENTENCES)
        next(stream)
        first = perf_counter() - started
        for _ in stream:
            pass
        times.append((first, perf_counter() - started))
    return times[1:]


async def _in_turn(
    pairs: int, ours: Callable[[], Awaitable[None]], theirs: Callable[[], Awaitable[None]]
) -> Pairs:
    async def seconds(work: Callable[[], Awaitable[None]]) -> float:
        started = perf_counter()
        await work()
        return perf_counter() - started

    await ours()
    await theirs()
    return [(await seconds(ours), await seconds(theirs)) for _ in range(pairs)]
