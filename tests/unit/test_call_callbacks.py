from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import CODE, BindingWriter
from tests.journeys import Voice

from omnibind import AsyncClient, Callbacks, Client, TTSBindingManager
from omnibind.calls.callbacks import Event
from omnibind.contracts.errors import (
    BadInput,
    BadOption,
    Cancelled,
    KeyMissing,
    UnknownOption,
    UnknownVoice,
)


@pytest.fixture
def voice(home: Path) -> Iterator[Voice]:
    """A voice that does as it is told, registered under ``voice``."""
    voice = Voice()
    TTSBindingManager.register_binding("voice", lambda: voice)
    yield voice
    TTSBindingManager.unregister_binding("voice")


class Heard:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    @property
    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def everything(self) -> Any:
        names = ("on_request", "on_response", "on_error", "on_progress", "on_fallback")
        return dict.fromkeys(names, self)


def test_client_handle_and_call_are_told_in_that_order(home: Path) -> None:
    told: list[str] = []
    client = Client(tts="mock", on_response=lambda event: told.append("client"))
    client.tts.callbacks.on_response = lambda event: told.append("handle")
    client.tts.generate_audio(
        "hello",
        on_response=lambda event: told.append("own"),
        callbacks=Callbacks(on_response=lambda event: told.append("call")),
    )
    assert told == ["client", "handle", "call", "own"]


def test_listeners_may_be_set_and_taken_away_at_any_time(home: Path) -> None:
    client, heard = Client(tts="mock"), Heard()
    client.callbacks.on_response = heard
    client.tts.generate_audio("one")
    client.callbacks.on_response = None
    client.tts.generate_audio("two")
    client.tts.callbacks = {"on_response": heard}
    client.tts.generate_audio("three")
    client.tts.callbacks = None
    client.tts.generate_audio("four")
    assert [event.counts["characters"] for event in heard.events] == [3, 5]
    with pytest.raises(BadOption):
        client.tts.callbacks = 3  # type: ignore[assignment]
    with pytest.raises(BadOption):
        client.callbacks = 3  # type: ignore[assignment]


def test_callbacks_that_a_client_was_given_stay_as_they_are(home: Path) -> None:
    shared, alarm = Callbacks(on_error=Heard()), Heard()
    client = Client(tts="mock", callbacks=shared, on_error=alarm)
    with pytest.raises(UnknownVoice):
        client.tts.generate_audio("hello", "nobody")
    assert alarm.kinds == ["error"]
    assert isinstance(shared.on_error, Heard)
    assert shared.on_error.kinds == ["error"], "one took the other's place"
    with pytest.raises(UnknownVoice):
        Client(tts="mock", callbacks=shared).tts.generate_audio("hello", "nobody")
    assert alarm.kinds == ["error"], "the other client's listener is told"
    alone = Client(tts="mock", callbacks=shared)
    assert alone.callbacks is shared


def test_an_event_tells_what_happened(home: Path) -> None:
    heard = Heard()
    client = Client(tts="mock", **heard.everything())
    speech = client.tts.generate_audio("hello there", "bass", speed=1.5, label="chat 7")
    request, response = heard.events
    assert (request.kind, response.kind) == ("request", "response")
    assert request.call_id == response.call_id
    assert request.binding == response.binding == "tts/mock"
    assert request.model == "bass"
    assert request.verb == "generate_audio"
    assert request.label == "chat 7"
    assert request.options == {"speed": 1.5}
    assert request.counts == {"characters": 11}
    assert (request.attempts, request.cost_usd, request.cost_basis) == (0, None, None)
    assert response.counts == {
        "characters": 11,
        "bytes": len(speech),
        "seconds": speech.duration_s,
    }
    assert (response.attempts, response.cost_usd, response.cost_basis) == (1, 0.0, "free")
    assert response.elapsed_s >= request.elapsed_s
    client.tts.generate_audio("again")
    assert heard.events[2].call_id != request.call_id


def test_pictures_and_transcripts_are_counted_in_their_own_units(home: Path) -> None:
    heard = Heard()
    client = Client.from_config("mock")
    client.callbacks.on_response = heard
    image = client.tti.generate_image("a cat")
    sound = client.ttm.generate_music("a waltz")
    transcript = client.stt.transcribe_audio(sound)
    drawn, played, written = heard.events
    assert drawn.counts == {"bytes": len(image), "pictures": 1}
    assert played.counts == {"bytes": len(sound), "seconds": 4.0}
    assert written.counts == {"characters": len(transcript), "seconds": 4.0}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"text": ""}, BadInput),
        ({"text": "hello", "loudness": 3}, UnknownOption),
        ({"text": "hello", "speed": 9.0}, BadOption),
        ({"text": "hello", "timeout_s": -1}, BadOption),
    ],
)
def test_wrong_use_makes_no_event(home: Path, arguments: Any, error: type[Exception]) -> None:
    heard = Heard()
    spellings: list[Any] = ["mock", ["mock", {"binding": "mock", "default_voice": "bass"}]]
    for names in spellings:
        client = Client(tts=names, **heard.everything())
        with pytest.raises(error):
            client.tts.generate_audio(**arguments)
    assert heard.events == []


def test_a_failed_call_has_one_error_after_its_request(home: Path, voice: Voice) -> None:
    heard = Heard()
    voice.results = [ValueError("odd")]
    with pytest.raises(Exception, match="odd"):
        Client(tts="voice", **heard.everything()).tts.generate_audio("hello")
    assert heard.kinds == ["request", "error"]
    assert heard.events[1].attempts == 1
    assert "odd" in str(heard.events[1].error)


def test_a_binding_that_isnt_ready_is_an_error_of_the_call(
    home: Path, write_binding: BindingWriter
) -> None:
    from tests.conftest import MANIFEST

    manifest = MANIFEST + "keys: [[PROBE_API_KEY]]\n"
    write_binding("keyless", root=home / "bindings", manifest=manifest, code=CODE)
    heard = Heard()
    with pytest.raises(KeyMissing):
        Client(tts="keyless", **heard.everything()).tts.generate_audio("hello")
    assert heard.kinds == ["request", "error"]
    assert heard.events[0].binding is None


def test_a_listener_that_raises_never_breaks_the_call(home: Path, caplog: Any) -> None:
    def breaks(event: Event) -> None:
        raise RuntimeError("a listener's own fault")

    heard = Heard()
    listeners: Any = {name: [breaks, heard] for name in heard.everything()}
    client = Client.from_config("mock")
    client.callbacks = Callbacks(**listeners)
    assert client.ttm.generate_music("a waltz")
    assert (heard.kinds[0], heard.kinds[-1]) == ("request", "response")
    assert "a listener's own fault" in caplog.text


def test_async_listeners_are_awaited_by_both_clients(home: Path) -> None:
    told: list[str] = []

    async def listen(event: Event) -> None:
        await asyncio.sleep(0)
        told.append(event.kind)

    listening: Any = {"on_request": listen, "on_response": listen}
    Client(tts="mock").tts.generate_audio("hello", **listening)
    assert told == ["request", "response"]
    asyncio.run(AsyncClient(tts="mock", **listening).tts.generate_audio("hello"))
    assert told == ["request", "response"] * 2


@pytest.mark.parametrize("is_async", [False, True])
def test_engines_tell_how_far_they_are(home: Path, is_async: bool) -> None:
    heard = Heard()
    if is_async:

        async def film() -> None:
            client = AsyncClient.from_config("mock")
            await client.ttv.generate_video("a race", on_progress=heard)

        asyncio.run(film())
    else:
        Client.from_config("mock").ttv.generate_video("a race", on_progress=heard)
    fractions = [event.progress.fraction for event in heard.events if event.progress]
    assert len(fractions) > 2
    known = [fraction for fraction in fractions if fraction is not None]
    assert known == sorted(known)
    assert 0 <= known[0] <= known[-1] <= 1
    assert len({event.call_id for event in heard.events}) == 1


def test_a_real_listener_engine_tells_how_far_it_is() -> None:
    sound = Client(tts="piper").tts.generate_audio("Seven crates of apples stood on the pier.")
    heard = Heard()
    Client(stt="faster_whisper/tiny.en").stt.transcribe_audio(sound, on_progress=heard)
    fractions = [event.progress.fraction for event in heard.events if event.progress]
    assert fractions
    assert fractions[-1] == pytest.approx(1.0, abs=0.2)


def test_a_submitted_call_knows_how_far_it_is(home: Path) -> None:
    client = Client.from_config("mock")
    call = client.submit(client.ttv.generate_video, "a race")
    call.result(60)
    assert call.progress is not None
    assert call.progress.fraction == pytest.approx(1.0, abs=0.2)


def test_a_stream_that_is_closed_early_ends_with_one_error(home: Path) -> None:
    heard = Heard()
    client = Client(tts="mock", **heard.everything())
    stream = client.tts.stream_audio("One two three. Four five six.")
    next(stream)
    stream.close()
    stream.close()
    assert heard.kinds == ["request", "error"]
    assert isinstance(heard.events[1].error, Cancelled)
    list(client.tts.stream_audio("One two three. Four five six."))
    assert heard.kinds[2:] == ["request", "response"]


def test_a_listener_may_make_calls_of_its_own(home: Path) -> None:
    client, heard = Client(tts="mock", tti="mock"), Heard()

    def draw(event: Event) -> None:
        client.tti.generate_image("a cat", timeout_s=60, on_response=heard)

    call = client.submit(client.tts.generate_audio, "hello", on_request=draw, on_response=heard)
    assert call.result(60)
    first, second = heard.events
    assert (first.verb, second.verb) == ("generate_image", "generate_audio")
    assert first.call_id != second.call_id
    assert call.deadline is None, "the inner call's deadline became the outer one's"


def test_many_threads_have_their_own_events(home: Path) -> None:
    heard, lock = Heard(), threading.Lock()

    def listen(event: Event) -> None:
        with lock:
            heard(event)

    client = Client(tts="mock", on_request=listen, on_response=listen)
    threads = [
        threading.Thread(target=client.tts.generate_audio, args=(f"text {number}",))
        for number in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_call: dict[str, list[str]] = {}
    for event in heard.events:
        by_call.setdefault(event.call_id, []).append(event.kind)
    assert sorted(by_call.values()) == [["request", "response"]] * 20
