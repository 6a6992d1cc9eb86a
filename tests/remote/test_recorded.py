"""Recorded exchanges, with real media where bytes were cut."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import av
import httpx2
import PIL.Image
import pytest
import soundfile  # type: ignore[import-untyped]
from tests.remote.real_media import kind_of, media
from tests.remote.recorded import Recording
from tests.remote.recorder import Recorder

Load = Callable[[str], Recording]


def decoded(content: bytes) -> str:
    """Decode a file to its end by a library that knows its kind; tell what it is."""
    kind = kind_of(content)
    if kind in ("png", "jpeg", "webp"):
        with PIL.Image.open(BytesIO(content)) as picture:
            picture.load()
            return f"{picture.format} {picture.width}x{picture.height}"
    if kind == "mp4":
        with av.open(BytesIO(content), "r") as container:
            return f"{len(list(container.decode(video=0)))} pictures"
    frames, rate = soundfile.read(BytesIO(content))
    assert abs(frames).max() > 0.2
    return f"{len(frames) / rate:.1f} s"


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("png", "PNG 1024x1024"),
        ("jpeg", "JPEG 1024x1024"),
        ("wav", "1.0 s"),
        ("mp3", "12.5 s"),
        ("mp3 with a tag", "12.5 s"),
        ("mp4", "24 pictures"),
    ],
)
def test_media_of_a_given_size_are_real(kind: str, what: str) -> None:
    content = media(kind, 200064)
    assert len(content) == 200064
    assert kind_of(content) == kind
    assert decoded(content) == what


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("png", "PNG 1024x1024"),
        ("webp", "WEBP 1024x1024"),
        ("wav", "1.0 s"),
        ("flac", "1.0 s"),
        ("opus", "1.0 s"),
        ("mp3", "1.0 s"),
        ("mp3 with a tag", "1.0 s"),
        ("mp4", "24 pictures"),
    ],
)
def test_media_of_their_own_size_are_real(kind: str, what: str) -> None:
    assert kind_of(media(kind)) == kind
    assert decoded(media(kind)) == what


def test_a_size_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        media("png", 100)


def test_recorded_speech_is_a_file_of_the_recorded_kind_and_size(recorded: Load) -> None:
    (exchange,) = recorded("openai_tts").exchanges
    assert (exchange.method, exchange.status) == ("POST", 200)
    assert exchange.url == "https://api.openai.com/v1/audio/speech"
    assert exchange.headers["content-type"] == "audio/mpeg"
    assert len(exchange.body) == 85632
    assert exchange.body[:2] == b"\xff\xf3"
    assert decoded(exchange.body) == "5.4 s"


def test_recorded_pictures_in_json_are_real_and_the_rest_is_as_it_was(recorded: Load) -> None:
    recording = recorded("openai_gpt-image-1")
    (exchange,) = recording.exchanges
    data = json.loads(exchange.body)
    text = data["data"][0].pop("b64_json")
    assert len(text) == 2447204
    assert decoded(base64.b64decode(text)) == "PNG 1024x1024"
    assert data["usage"]["total_tokens"] == 4170
    assert recording.licence == "MIT"


def test_a_recorded_token_keeps_its_beginning_and_its_length(recorded: Load) -> None:
    (exchange,) = recorded("gemini_image").exchanges
    (part,) = json.loads(exchange.body)["candidates"][0]["content"]["parts"]
    assert decoded(base64.b64decode(part["inlineData"]["data"])) == "JPEG 1024x1024"
    assert part["thoughtSignature"].startswith("EvrlQgr25UIBEU0yDwSbiiG")
    assert len(part["thoughtSignature"]) == 1459200


def test_recordings_are_served_in_their_order(recorded: Load, recorder: Recorder) -> None:
    recorder.script = recorded("xai_image").answers({"https://imgen.x.ai": recorder.url})
    with httpx2.Client() as client:
        told = client.post(f"{recorder.url}/v1/images/generations").json()
        picture = client.get(told["data"][0]["url"])
    assert told["usage"]["cost_in_usd_ticks"] == 200000000
    assert picture.headers["content-type"] == "image/jpeg"
    assert len(picture.content) == 244664
    assert decoded(picture.content) == "JPEG 1024x1024"


def test_a_file_that_is_only_a_reply_is_that_reply(recorded: Load) -> None:
    (exchange,) = recorded("vercel-ai__openai-transcription").exchanges
    assert exchange.status == 200
    assert json.loads(exchange.body)["words"][0]["word"] == "Galileo"


def test_every_recording_can_be_read(recorded: Load) -> None:
    names = [path.stem for path in Path(os.environ["OMNIBIND_API_RECORDED"]).glob("*.json")]
    replies = [exchange for name in names for exchange in recorded(name).exchanges]
    assert len(replies) >= len(names) > 0
    for reply in replies:
        if reply.headers["content-type"].startswith("application/json"):
            json.loads(reply.body)
        else:
            assert decoded(reply.body)
