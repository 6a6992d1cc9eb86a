from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from tests.conftest import CODE, MANIFEST, BindingWriter
from tests.journeys import TONE, Voice

from omnibind import AsyncClient, Client, TTSBindingManager, modalities
from omnibind.calls.streams import AsyncStream, Stream
from omnibind.choices import MODALITIES
from omnibind.contracts.errors import (
    BadOption,
    Cancelled,
    DeadlineExceeded,
    UnknownBinding,
    UnknownVoice,
)

PAIRS = [(modalities.HANDLES[name], modalities.ASYNC_HANDLES[name]) for name in MODALITIES]
STILL: Any = {"noise_scale": 0.0, "noise_w_scale": 0.0}


@pytest.fixture
def voice(home: Path) -> Iterator[Voice]:
    """A voice that does as it is told, registered under ``voice``."""
    voice = Voice()
    TTSBindingManager.register_binding("voice", lambda: voice)
    yield voice
    TTSBindingManager.unregister_binding("voice")


# ── one surface ──


def surface(class_: type) -> dict[str, Any]:
    """The public methods and properties of a class, by name."""
    return {
        name: value
        for name, value in inspect.getmembers(class_)
        if not name.startswith("_") and (callable(value) or isinstance(value, property))
    }


def signature_of(function: Callable[..., Any]) -> tuple[Any, Any]:
    """What a method takes, with defaults and annotations, and what it gives."""
    signature = inspect.signature(function)
    taken = [(p.name, p.kind, p.default, p.annotation) for p in signature.parameters.values()]
    return taken, signature.return_annotation


@pytest.mark.parametrize(("blocking", "asyncio_"), [*PAIRS, (Client, AsyncClient)])
def test_the_async_classes_have_the_same_members(blocking: type, asyncio_: type) -> None:
    assert set(surface(blocking)) == set(surface(asyncio_))
    own, other = get_type_hints(blocking), get_type_hints(asyncio_)
    assert {name for name in own if name[0] != "_"} == {name for name in other if name[0] != "_"}


@pytest.mark.parametrize(("blocking", "asyncio_"), PAIRS)
def test_verbs_take_and_give_the_same_and_are_awaited(blocking: type, asyncio_: type) -> None:
    theirs = surface(asyncio_)
    for name, method in surface(blocking).items():
        other = theirs[name]
        if isinstance(method, property):
            assert method is other, f"{name} is defined twice"
            continue
        taken, given = signature_of(method)
        other_taken, other_given = signature_of(other)
        assert taken == other_taken, name
        if method is other:
            assert name in ("diagnose",), f"{name} is shared, and may block"
        elif "Stream[" in given:
            assert other_given == f"Async{given}"
            assert not inspect.iscoroutinefunction(other)
        else:
            assert given == other_given, name
            assert inspect.iscoroutinefunction(other), f"{name} isn't awaited"
            assert not inspect.iscoroutinefunction(method)
        assert (method.__doc__ or "").strip(), name
        assert (other.__doc__ or "").strip(), name


def test_the_clients_own_methods_take_the_same_and_those_that_wait_are_awaited() -> None:
    theirs = surface(AsyncClient)
    for name, method in surface(Client).items():
        other = theirs[name]
        if isinstance(method, property):
            assert method is other
        elif name == "submit":  # its verbs differ, and with them its annotations
            own, others = inspect.signature(method), inspect.signature(other)
            assert list(own.parameters) == list(others.parameters)
        elif method is not other and not inspect.ismethod(method):
            assert signature_of(method) == signature_of(other), name
            assert inspect.iscoroutinefunction(other), name
    assert Client._kinds.keys() == AsyncClient._kinds.keys()
    for class_ in (Client, AsyncClient):
        hints = get_type_hints(class_)
        assert {name: hints[name] for name in class_._kinds} == class_._kinds


def test_streams_have_the_same_members_but_for_how_they_are_closed() -> None:
    own = {*surface(Stream), "close"} - {"close"}
    assert own == {*surface(AsyncStream)} - {"aclose"}


# ── real calls ──


async def responsive(work: Coroutine[Any, Any, Any]) -> tuple[Any, float]:
    """Await ``work`` and tell the longest time in seconds that the loop didn't go round."""
    task, longest, last = asyncio.ensure_future(work), 0.0, time.perf_counter()
    while not task.done():
        await asyncio.sleep(0.005)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return await task, longest


def test_two_hundred_calls_at_once_are_in_order_and_right() -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    texts = [f"{words[n % 10]}, {words[n // 10 % 10]}, {words[n // 100]}." for n in range(200)]
    assert len(set(texts)) == 200

    async def spoken() -> list[Any]:
        async with AsyncClient(tts="piper") as client:
            return await asyncio.gather(
                *(client.tts.generate_audio(text, **STILL) for text in texts)
            )

    began = time.perf_counter()
    speeches, longest = asyncio.run(responsive(spoken()))
    # Blocked, the loop would go round once; a busy machine stretches both.
    assert longest < 0.2 * (time.perf_counter() - began), "the event loop was blocked"
    assert [speech.meta.characters for speech in speeches] == [len(text) for text in texts]
    for speech, text in zip(speeches, texts, strict=True):
        assert 0.03 * len(text) < speech.duration_s < 0.3 * len(text)
        assert speech.meta.recipe.subject["text"] == text
    client = Client(tts="piper")
    for number in range(0, 200, 17):
        assert speeches[number] == client.tts.generate_audio(texts[number], **STILL)


def test_each_handle_serves_its_verb(home: Path) -> None:
    async def served() -> None:
        blocking = Client.from_config("mock")
        async with AsyncClient.from_config("mock") as client:
            speech = await client.tts.generate_audio("one two three", "bass")
            assert speech == blocking.tts.generate_audio("one two three", "bass")
            assert await client.tts.list_voices() == blocking.tts.list_voices()
            assert await client.tts.voices() == blocking.tts.voices()
            heard = await client.stt.transcribe_audio(speech)
            assert heard == blocking.stt.transcribe_audio(speech)
            assert await client.stt.list_models() == blocking.stt.list_models()
            image = await client.tti.generate_image("a cat", "", 96, 64)
            assert image == blocking.tti.generate_image("a cat", "", 96, 64)
            assert len(await client.tti.generate_images("a cat", 2, width=64)) == 2
            assert await client.tti.get_settings() == blocking.tti.get_settings()
            assert await client.tti.list_services() == blocking.tti.list_services()
            assert await client.tti.set_settings({"direction": "down"})
            assert not await client.tti.set_settings({"direction": "down"})
            music = await client.ttm.generate_music("a waltz")
            assert music == blocking.ttm.generate_music("a waltz")
            video = await client.ttv.generate_video("a race")
            assert video.media_type == "video/mp4"
            effect = await client.sfx.generate_sound("a dog barks", 1.5)
            assert effect == blocking.sfx.generate_sound("a dog barks", 1.5)
            assert await client.sfx.list_models() == blocking.sfx.list_models()
            assert len(client.costs()) == len(MODALITIES)
            await client.load()
            await client.unload()

    asyncio.run(served())


def test_names_are_looked_up_at_construction_alike() -> None:
    with pytest.raises(UnknownBinding, match="did you mean 'mock'"):
        AsyncClient(tts="mocc")
    assert repr(AsyncClient(tts="mock")) == "AsyncClient(tts='mock')"


def test_a_submitted_call_is_awaited_or_cancelled(voice: Voice) -> None:
    async def submitted() -> None:
        client = AsyncClient(tts="voice")
        call = client.submit(client.tts.generate_audio, "hello")
        with pytest.raises(BadOption, match="await it instead"):
            call.result()
        assert await call == TONE
        assert await call == TONE
        assert call.result() == TONE
        assert client.costs()[0].calls == 1
        call = client.submit(client.tts.generate_audio, "hello")
        call.cancel()
        with pytest.raises(Cancelled):
            await call
        assert call.state == "failed"
        lost = client.submit(AsyncClient(tts="mock").tts.generate_audio, "hello", "nobody")
        with pytest.raises(UnknownVoice):
            await lost

    asyncio.run(submitted())


def test_a_deadline_frees_the_loop_from_an_engine_that_hangs(voice: Voice) -> None:
    go_on = threading.Event()

    def meanwhile() -> None:
        go_on.wait(20)

    voice.meanwhile = meanwhile

    async def hung() -> None:
        client = AsyncClient(tts="voice", tti="mock")
        began = time.perf_counter()
        with pytest.raises(DeadlineExceeded):
            await client.tts.generate_audio("hello", timeout_s=0.05)
        assert time.perf_counter() - began < 0.25
        assert client.tts.state == "stuck"
        assert await client.tti.generate_image("a cat", width=64)
        go_on.set()
        await client.unload()

    asyncio.run(hung())


def test_a_cancelled_task_cancels_its_call(voice: Voice) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def meanwhile() -> None:
        begun.set()
        go_on.wait(20)

    voice.meanwhile = meanwhile
    kinds: list[str] = []

    async def cancelled() -> None:
        client = AsyncClient(tts="voice", on_error=lambda event: kinds.append(event.kind))
        task = asyncio.ensure_future(client.tts.generate_audio("hello"))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        await client.unload()

    asyncio.run(cancelled())
    assert kinds == ["error"]


ASYNC = (
    CODE
    + """
    async def generate_audio_async(self, text: str, voice: str | None = None, **options) -> Audio:
        import asyncio

        await asyncio.sleep(0)
        return Audio.from_array((np.sin(np.arange(12000) * 0.1) * 20000).astype(np.int16), 12000)
"""
)


def test_native_asyncio_code_is_awaited_by_the_async_client_alone(
    home: Path, write_binding: BindingWriter
) -> None:
    write_binding("probe", root=home / "bindings", manifest=MANIFEST, code=ASYNC)
    speech = asyncio.run(AsyncClient(tts="probe").tts.generate_audio("hello there"))
    assert speech.sample_rate == 12000
    assert speech.meta.binding == "tts/probe"
    assert Client(tts="probe").tts.generate_audio("hello there").sample_rate == 8000
