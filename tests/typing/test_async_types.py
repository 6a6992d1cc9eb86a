"""What checkers see of the async client, of submitted calls and of streams."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import assert_type

from omnibind import AsyncClient, Audio, AudioChunk, Client, Image, Transcript
from omnibind.calls.call import Call
from omnibind.calls.streams import AsyncStream, Stream
from omnibind.contracts.media import Segment
from omnibind.modalities import AsyncTextToSpeech
from omnibind.modalities.images import Images


def test_the_async_handles_give_the_media_types(home: Path) -> None:
    async def served() -> None:
        client = AsyncClient.from_config("mock")
        assert_type(client, AsyncClient)
        assert_type(client.tts, AsyncTextToSpeech)
        speech = await client.tts.generate_audio("hello there")
        assert_type(speech, Audio)
        assert_type(await client.stt.transcribe_audio(speech), Transcript)
        assert_type(await client.tti.generate_image("a cat", "", 64, 64), Image)
        assert_type(await client.tti.generate_images("a cat", 2), Images)
        assert_type(await client.sfx.generate_sound("a dog barks", duration_s=None), Audio)
        assert_type(await client.tts.generate_audio_batch(["hello"]), list[Audio])
        stream = client.tts.stream_audio("hello")
        assert_type(stream, AsyncStream[AudioChunk, Audio])
        async for piece in stream:
            assert_type(piece, AudioChunk)
        assert_type(stream.result, Audio)
        call = client.submit(client.tti.generate_image, "a cat", width=64)
        assert_type(call, Call[Image])
        assert_type(await call, Image)

    asyncio.run(served())


def test_submitted_calls_and_streams_keep_the_verbs_types(home: Path) -> None:
    client = Client(tts=["mock"], stt="mock", timeout_s=60, on_response=[print])
    client = Client(tts=["mock", {"binding": "mock", "default_voice": "bass"}], stt="mock")
    call = client.submit(client.tts.generate_audio, "hello", speed=1.5)
    assert_type(call, Call[Audio])
    speech = call.result(60)
    assert_type(speech, Audio)
    stream = client.tts.stream_audio("hello")
    assert_type(stream, Stream[AudioChunk, Audio])
    assert_type(list(stream), list[AudioChunk])
    segments = client.stt.stream_transcript(speech)
    assert_type(list(segments), list[Segment])
    assert_type(segments.result, Transcript)
    assert_type(client.stt.transcribe_audio_batch([speech]), list[Transcript])


async def wrong_uses(client: Client, waiting: AsyncClient) -> None:
    """Each ignore is needed: mypy complains about one that isn't."""
    AsyncClient(timeout=3)  # type: ignore[call-arg]
    Client(tts=["mock", 3])  # type: ignore[list-item]
    client.submit(client.tts.generate_audio, 3)  # type: ignore[arg-type]
    waiting.submit(client.tts.generate_audio, "hello")  # type: ignore[arg-type]
    waiting.tts.generate_audio_batch("hello", 3)  # type: ignore[arg-type, unused-coroutine]
