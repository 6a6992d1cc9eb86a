from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import CODE, MANIFEST, BindingWriter
from tests.journeys import TONE, Voice

from omnibind import AsyncClient, Audio, AudioChunk, Client, TTSBindingManager
from omnibind.calls.callbacks import Event
from omnibind.contracts.errors import (
    BadInput,
    BadOption,
    BadOutput,
    CallFailed,
    Cancelled,
    DeadlineExceeded,
    UnknownOption,
    UnknownVoice,
)
from omnibind.contracts.media import codecs

TEXT = "The harbour was quiet. Seven crates of apples stood there. A boy counted them twice."
STILL: Any = {"noise_scale": 0.0, "noise_w_scale": 0.0}


def samples_of(sound: Audio) -> Any:
    return codecs.decode_audio(sound, name="it", native=True)[0]


def joined(pieces: list[AudioChunk]) -> Any:
    parts = [np.asarray(piece.samples) for piece in pieces]
    return np.concatenate([part.reshape(len(part), -1) for part in parts])


@pytest.fixture
def register() -> Iterator[Any]:
    """Register a binding's class for one test."""
    names: list[str] = []

    def add(name: str, maker: Any) -> str:
        TTSBindingManager.register_binding(name, maker)
        names.append(name)
        return name

    yield add
    for name in names:
        TTSBindingManager.unregister_binding(name)


def test_piper_streams_its_sentences_and_they_are_the_whole() -> None:
    client = Client(tts="piper")
    stream = client.tts.stream_audio(TEXT, **STILL)
    pieces = list(stream)
    assert [piece.index for piece in pieces] == [0, 1, 2]
    assert {piece.sample_rate for piece in pieces} == {22050}
    whole = client.tts.generate_audio(TEXT, **STILL)
    assert stream.result == whole
    assert np.array_equal(joined(pieces), samples_of(whole))
    meta = stream.result.meta
    assert (meta.binding, meta.model) == ("tts/piper", "en_US-joe-medium")
    assert (meta.cost_usd, meta.characters) == (0.0, len(TEXT))
    assert meta.seconds is not None
    assert meta.recipe is not None
    assert meta.recipe.subject == {"text": TEXT}
    assert meta.recipe.verb == "generate_audio"


def test_piper_streams_to_an_event_loop_too() -> None:
    async def heard() -> tuple[list[AudioChunk], Audio]:
        stream = AsyncClient(tts="piper").tts.stream_audio(TEXT, **STILL)
        pieces = [piece async for piece in stream]
        return pieces, stream.result

    pieces, whole = asyncio.run(heard())
    assert len(pieces) == 3
    assert whole == Client(tts="piper").tts.generate_audio(TEXT, **STILL)


@pytest.mark.parametrize("output_format", ["wav", "mp3", "flac"])
def test_a_binding_that_cant_stream_speaks_sentence_by_sentence(
    home: Path, output_format: str
) -> None:
    client = Client(tts="mock")
    stream = client.tts.stream_audio(TEXT, output_format=output_format)
    pieces = list(stream)
    whole = client.tts.generate_audio(TEXT, output_format=output_format)
    assert [piece.index for piece in pieces] == [0, 1, 2]
    assert all(piece.samples is not None and len(piece.samples) for piece in pieces)
    assert stream.result.media_type == whole.media_type
    assert stream.result.duration_s == pytest.approx(whole.duration_s, rel=0.05)
    seconds = sum(piece.duration_s or 0.0 for piece in pieces)
    assert seconds == pytest.approx(stream.result.duration_s, rel=0.05)
    assert np.abs(samples_of(stream.result)).max() > 0
    assert stream.result.meta.binding == "tts/mock"


def test_one_sentence_is_one_piece_and_the_very_same_sound(home: Path) -> None:
    client = Client(tts="mock")
    stream = client.tts.stream_audio("one two three", output_format="mp3")
    assert len(list(stream)) == 1
    assert stream.result == client.tts.generate_audio("one two three", output_format="mp3")


def test_segments_come_as_they_are_heard_by_a_real_engine() -> None:
    sound = Client(tts="piper").tts.generate_audio(TEXT)
    client = Client(stt="faster_whisper/tiny.en")
    stream = client.stt.stream_transcript(sound, vad=False)
    segments = list(stream)
    assert segments
    assert stream.result.segments == tuple(segments)
    assert stream.result == client.stt.transcribe_audio(sound, vad=False)
    assert stream.result.meta.model == "tiny.en"
    assert "apples" in stream.result.lower()


def test_a_transcript_that_cant_be_streamed_comes_at_the_end(home: Path) -> None:
    sound = Client(tts="mock").tts.generate_audio("one two three")
    client = Client(stt="mock")
    stream = client.stt.stream_transcript(sound)
    segments = list(stream)
    assert stream.result == client.stt.transcribe_audio(sound)
    assert stream.result.segments == tuple(segments)


def test_a_stream_has_no_result_before_its_end(home: Path) -> None:
    stream = Client(tts="mock").tts.stream_audio(TEXT)
    next(stream)
    with pytest.raises(BadOption, match="wasn't read to its end"):
        _ = stream.result
    stream.close()
    assert list(stream) == []
    with pytest.raises(BadOption):
        _ = stream.result


def test_nothing_runs_before_the_first_piece_is_asked_for(register: Any) -> None:
    voice = Voice()
    stream = Client(tts=register("voice", lambda: voice)).tts.stream_audio("hello")
    assert voice.calls == voice.loads == 0
    list(stream)
    assert (voice.calls, voice.loads) == (1, 1)


def test_closing_early_stops_the_work_and_frees_the_engine(register: Any) -> None:
    voice, events = Voice(), list[Event]()
    client = Client(
        tts=register("voice", lambda: voice), on_response=events.append, on_error=events.append
    )
    with client.tts.stream_audio(TEXT) as stream:
        next(stream)
    assert voice.calls == 1
    (event,) = events
    assert event.kind == "error"
    assert isinstance(event.error, Cancelled)
    assert client.tts.generate_audio("hello") == TONE
    assert client.costs()[0].calls == 2
    assert client.costs()[0].failed == 1


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"text": " "}, BadInput),
        ({"text": "hello", "voice": "nobody"}, UnknownVoice),
        ({"text": "hello", "loudness": 3}, UnknownOption),
    ],
)
def test_wrong_use_is_told_before_the_first_piece(
    home: Path, arguments: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        next(Client(tts="mock").tts.stream_audio(**arguments))


def test_a_stream_falls_back_before_its_first_piece(
    home: Path, write_binding: BindingWriter
) -> None:
    fails = '        raise RuntimeError("no power")\n'
    code = CODE.replace("        frames = int(", fails + "        frames = int(")
    write_binding("broken", root=home / "bindings", code=code)
    stream = Client(tts=["broken", "mock"]).tts.stream_audio(TEXT)
    assert len(list(stream)) == 3
    assert stream.result.meta.served_by == "tts/mock"


def test_a_stream_is_tried_again_before_its_first_piece_and_not_after(register: Any) -> None:
    class Streams(Voice):
        """A voice with a stream that breaks where it is told to."""

        def stream_audio(
            self, text: str, voice: str | None = None, *, seed: int | None = None
        ) -> Iterator[AudioChunk]:
            self.calls += 1
            for number, result in enumerate(self.results):
                if isinstance(result, Exception):
                    self.results.pop(number)
                    raise result
                yield AudioChunk(samples_of(TONE), 8000, number)

    voice = Streams()
    client = Client(tts=[register("voice", lambda: voice), "mock"])
    voice.results = [BadOutput("odd", rule="decodes"), TONE]
    stream = client.tts.stream_audio("hello")
    assert len(list(stream)) == 1
    assert voice.calls == 2
    assert stream.result.meta.served_by is None
    voice.calls, voice.results = 0, [TONE, BadOutput("odd", rule="decodes"), TONE]
    stream = client.tts.stream_audio("hello")
    next(stream)
    with pytest.raises(BadOutput):
        next(stream)
    assert voice.calls == 1


def test_the_whole_is_verified_at_its_end(register: Any) -> None:
    voice = Voice()
    voice.results = [Audio.from_array(np.zeros(8000, np.int16), 8000)]
    client = Client(tts=register("voice", lambda: voice))
    stream = client.tts.stream_audio(TEXT)
    with pytest.raises(BadOutput) as caught:
        list(stream)
    assert caught.value.rule == "silent"
    assert isinstance(caught.value.result, Audio)
    assert list(client.tts.stream_audio(TEXT, verify=False))


def test_the_deadline_holds_for_the_whole_stream(register: Any) -> None:
    voice = Voice()
    client = Client(tts=register("voice", lambda: voice))
    stream = client.tts.stream_audio(TEXT, timeout_s=30)
    next(stream)
    stream.call.deadline = stream.call.clock()
    with pytest.raises(DeadlineExceeded):
        next(stream)
    assert voice.calls == 1


def test_an_engine_that_breaks_in_the_middle_is_told_typed(register: Any) -> None:
    voice = Voice()
    voice.results = [TONE, ValueError("odd")]
    stream = Client(tts=register("voice", lambda: voice)).tts.stream_audio(TEXT)
    next(stream)
    with pytest.raises(CallFailed, match="tts/voice failed: ValueError: odd"):
        next(stream)
    with pytest.raises(StopIteration):
        next(stream)


FLOWS = '''
"""Streams by a flow."""

import numpy as np

from omnibind import Audio, TTSBinding
from omnibind.contracts.effects import Sleep
from omnibind.contracts.media import AudioChunk

ENDED = []


class Flows(TTSBinding):
    """Three tones, one after another."""

    async def stream_audio_flow(self, text: str, voice: str | None = None):
        try:
            for number in range(3):
                await Sleep(0.0)
                tone = (np.sin(np.arange(8000) * 0.1) * 9000).astype(np.int16)
                yield AudioChunk(tone, 8000, number)
        finally:
            await Sleep(0.0)
            ENDED.append(text)

    def generate_audio(self, text: str, voice: str | None = None) -> Audio:
        raise RuntimeError("the flow is what streams")

    def list_voices(self) -> list[str]:
        return ENDED
'''


@pytest.fixture
def flows(home: Path, write_binding: BindingWriter) -> str:
    """The name of a binding that streams by a flow, and lists the texts that it ended with."""
    manifest = MANIFEST.replace("Probe", "Flows")
    write_binding("flows", root=home / "bindings", manifest=manifest, code=FLOWS)
    return "flows"


def test_an_emitting_flow_streams_to_both_clients(flows: str) -> None:
    client = Client(tts=flows)
    stream = client.tts.stream_audio("a long enough text")
    assert len(list(stream)) == 3
    assert stream.result.duration_s == 3.0

    async def heard() -> Audio:
        stream = AsyncClient(tts=flows).tts.stream_audio("a long enough text")
        assert len([piece async for piece in stream]) == 3
        return stream.result

    assert asyncio.run(heard()) == stream.result


def test_a_flow_that_is_closed_early_may_clean_up(flows: str) -> None:
    client = Client(tts=flows)
    with client.tts.stream_audio("first") as stream:
        next(stream)
    assert client.tts.list_voices()[-1] == "first"

    async def leave() -> None:
        async with AsyncClient(tts=flows).tts.stream_audio("second") as stream:
            await anext(stream)

    asyncio.run(leave())
    assert client.tts.list_voices()[-1] == "second"


def test_a_loop_that_ends_doesnt_break_a_flow_that_is_still_open(
    flows: str, capsys: pytest.CaptureFixture[str]
) -> None:
    streams = []

    async def leave_open() -> None:
        stream = AsyncClient(tts=flows).tts.stream_audio("third")
        await anext(stream)
        streams.append(stream)

    problems = list[Any]()

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, told: problems.append(told))
        await leave_open()

    asyncio.run(main())
    assert problems == []
    stream = streams.pop()

    async def close() -> None:
        await stream.aclose()

    asyncio.run(close())
    assert Client(tts=flows).tts.list_voices()[-1] == "third"
