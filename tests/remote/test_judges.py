"""The judges see: right requests pass, and each of many small faults is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.remote.forms import Part, field
from tests.remote.judges import Judges, Panel
from tests.remote.recorder import Request

UNKNOWN = "omnibind_unknown"
FILE = bytes(range(256)) * 4
BEARER = {"Authorization": "Bearer of-the-tests"}
ELEVENLABS = {"xi-api-key": "of-the-tests"}
MUBERT = {"customer-id": "one", "access-token": "of-the-tests"}
RUNWAY = {**BEARER, "X-Runway-Version": "2024-11-06"}


class Case(NamedTuple):
    """A right request, and where a fault is put into it.

    Attributes:
        spec: The specification's name.
        target: Path and query.
        body: JSON data or a form; None for a request without a body.
        headers: The key's and others that must be there; the first one is the key's.
        required: A name in the body that must be there.
        mistyped: A name, and a value of a type that it can't have.
        beyond: A name, and a number or length outside of its range.
        unlisted: A name, and a text that isn't one of its choices.
    """

    spec: str
    target: str
    body: Mapping[str, Any] | list[Part] | None
    headers: Mapping[str, str] = BEARER
    required: str | None = None
    mistyped: tuple[str, Any] | None = None
    beyond: tuple[str, Any] | None = None
    unlisted: tuple[str, Any] | None = None

    @property
    def request(self) -> Request:
        return self.with_body(self.body)

    def with_body(self, body: Mapping[str, Any] | list[Part] | None) -> Request:
        bare = Request("GET" if body is None else "POST", self.target, tuple(self.headers.items()))
        if body is None:
            return bare
        if isinstance(body, list):
            return bare.with_form(body)
        filled = bare._replace(body=json.dumps(body).encode())
        return filled.with_header("Content-Type", "application/json")

    def without(self, name: str) -> Request:
        if isinstance(self.body, list):
            return self.with_body([part for part in self.body if part.name != name])
        return self.with_body({key: of for key, of in (self.body or {}).items() if key != name})

    def having(self, name: str, value: Any) -> Request:
        if isinstance(self.body, list):
            kept = [part for part in self.body if part.name != name]
            return self.with_body([*kept, field(name, value)])
        return self.with_body({**(self.body or {}), name: value})


def image(name: str = "image") -> Part:
    return Part(name, FILE, "a.png", "image/png")


CASES = {
    "openai: image": Case(
        "openai",
        "/v1/images/generations",
        {"model": "gpt-image-2", "prompt": "A cat", "n": 2, "size": "1024x1024", "quality": "low"},
        required="prompt",
        mistyped=("n", "many"),
        beyond=("n", 99),
        unlisted=("quality", "splendid"),
    ),
    "openai: image edit": Case(
        "openai",
        "/v1/images/edits",
        [
            image("image[]"),
            image("image[]"),
            image("mask"),
            field("prompt", "A cat"),
            field("n", 2),
        ],
        required="prompt",
        mistyped=("n", "many"),
        beyond=("n", 99),
        unlisted=("background", "plaid"),
    ),
    "openai: speech": Case(
        "openai",
        "/v1/audio/speech",
        {"model": "tts-1", "input": "A cat.", "voice": "alloy", "speed": 1.5},
        required="input",
        mistyped=("input", 7),
        beyond=("speed", 9),
        unlisted=("response_format", "ogg"),
    ),
    "openai: transcription": Case(
        "openai",
        "/v1/audio/transcriptions",
        [
            Part("file", FILE, "a.wav", "audio/wav"),
            field("model", "whisper-1"),
            field("response_format", "verbose_json"),
            field("timestamp_granularities[]", "word"),
            field("timestamp_granularities[]", "segment"),
        ],
        required="file",
        mistyped=("temperature", "hot"),
        unlisted=("timestamp_granularities[]", "syllable"),
    ),
    "openai: models": Case("openai", "/v1/models", None),
    "openai-sdk: speech": Case(
        "openai-sdk",
        "/v1/audio/speech",
        {"model": "tts-1", "input": "A cat.", "voice": "alloy", "speed": 1.5},
        required="input",
        mistyped=("input", 7),
        beyond=("speed", 9),
        unlisted=("response_format", "ogg"),
    ),
    "elevenlabs: speech": Case(
        "elevenlabs",
        "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/stream?output_format=mp3_44100_128",
        {
            "text": "A cat.",
            "model_id": "eleven_v3",
            "seed": 7,
            "voice_settings": {"stability": 0.5, "similarity_boost": 0.75},
        },
        ELEVENLABS,
        required="text",
        mistyped=("seed", "seven"),
        beyond=("seed", -1),
        unlisted=("apply_text_normalization", "perhaps"),
    ),
    "elevenlabs: sound": Case(
        "elevenlabs",
        "/v1/sound-generation",
        {"text": "A cat", "duration_seconds": 2.5, "prompt_influence": 0.3, "loop": False},
        ELEVENLABS,
        required="text",
        mistyped=("loop", "often"),
        beyond=("duration_seconds", 99),
    ),
    "elevenlabs: transcription": Case(
        "elevenlabs",
        "/v1/speech-to-text",
        [
            Part("file", FILE, "a.wav", "audio/wav"),
            field("model_id", "scribe_v2"),
            field("diarize", "true"),
            field("num_speakers", 2),
            field("keyterms", "cat"),
            field("keyterms", "dog"),
        ],
        ELEVENLABS,
        required="model_id",
        mistyped=("num_speakers", "two"),
        beyond=("num_speakers", 99),
        unlisted=("timestamps_granularity", "sentence"),
    ),
    "elevenlabs: music": Case(
        "elevenlabs",
        "/v1/music",
        {"prompt": "A waltz", "music_length_ms": 10000, "model_id": "music_v1"},
        ELEVENLABS,
        mistyped=("music_length_ms", "long"),
        beyond=("music_length_ms", 1),
        unlisted=("model_id", "music_v0"),
    ),
    "runway: film": Case(
        "runway",
        "/v1/text_to_video",
        {"model": "gen4.5", "promptText": "A cat", "ratio": "1280:720", "duration": 5, "seed": 7},
        RUNWAY,
        required="promptText",
        mistyped=("duration", "5"),
        beyond=("duration", 99),
        unlisted=("ratio", "1:1"),
    ),
    "runway: task": Case("runway", "/v1/tasks/17f20503-6c24-4c16-946b-35dbbce2af2f", None, RUNWAY),
    "luma: film": Case(
        "luma",
        "/dream-machine/v1/generations/video",
        {
            "model": "ray-2",
            "prompt": "A cat",
            "aspect_ratio": "16:9",
            "resolution": "720p",
            "duration": "5s",
            "keyframes": {"frame0": {"type": "image", "url": "https://example.com/a.jpg"}},
        },
        required="model",
        mistyped=("loop", "often"),
        unlisted=("aspect_ratio", "5:4"),
    ),
    "replicate: prediction": Case(
        "replicate",
        "/v1/models/black-forest-labs/flux-schnell/predictions",
        {"input": {"prompt": "A cat", "any": {"name": ["of", "the", "model"]}}},
        {**BEARER, "Prefer": "wait=5"},
        required="input",
        mistyped=("input", "A cat"),
        unlisted=("webhook_events_filter", ["sometimes"]),
    ),
    "gemini: content": Case(
        "gemini",
        "/v1beta/models/gemini-3-pro-image:generateContent",
        {
            "contents": [{"role": "user", "parts": [{"text": "A cat"}]}],
            "generationConfig": {
                "responseModalities": ["TEXT", "IMAGE"],
                "imageConfig": {"aspectRatio": "16:9"},
            },
        },
        {"x-goog-api-key": "of-the-tests"},
        required="contents",
        mistyped=("contents", "A cat"),
        unlisted=("generationConfig", {"responseModalities": ["SMELL"]}),
    ),
    "openrouter: image": Case(
        "openrouter",
        "/api/v1/images",
        {"model": "google/any", "prompt": "A cat", "n": 2, "aspect_ratio": "16:9"},
        required="prompt",
        mistyped=("n", "many"),
        beyond=("n", 99),
        unlisted=("output_format", "bmp"),
    ),
    "openrouter: speech": Case(
        "openrouter",
        "/api/v1/audio/speech",
        {"model": "any/tts", "input": "A cat.", "voice": "af_bella", "response_format": "mp3"},
        required="input",
        mistyped=("input", 7),
        unlisted=("response_format", "ogg"),
    ),
    "mubert: track": Case(
        "mubert",
        "/api/v3/public/tracks",
        {"prompt": "A waltz", "duration": 30, "bitrate": 128, "format": "mp3", "mode": "track"},
        MUBERT,
        required="duration",
        mistyped=("duration", "long"),
        beyond=("duration", 1),
        unlisted=("format", "ogg"),
    ),
    "anthropic: message": Case(
        "anthropic",
        "/v1/messages",
        {"model": "any", "max_tokens": 16, "messages": [{"role": "user", "content": "A cat?"}]},
        {"x-api-key": "of-the-tests", "anthropic-version": "2023-06-01"},
        required="max_tokens",
        mistyped=("max_tokens", "few"),
        beyond=("temperature", 9),
    ),
    "kling-thirdparty: film": Case(
        "kling-thirdparty",
        "/v1/videos/text2video",
        {"model_name": "kling-v2", "prompt": "A cat", "duration": "5", "cfg_scale": 0.5},
        required="prompt",
        mistyped=("duration", 5),
        beyond=("cfg_scale", 9),
        unlisted=("duration", "7"),
    ),
    "xai-thirdparty: image": Case(
        "xai-thirdparty",
        "/v1/images/generations",
        {"model": "any", "prompt": "A cat", "n": 2, "aspect_ratio": "16:9"},
        required="prompt",
        mistyped=("n", "many"),
        beyond=("n", 99),
        unlisted=("resolution", "3k"),
    ),
    "pika-fal-text-to-video-thirdparty: film": Case(
        "pika-fal-text-to-video-thirdparty",
        "/fal-ai/pika/v2.2/text-to-video",
        {"prompt": "A cat", "duration": 5, "resolution": "720p", "seed": 7},
        {"Authorization": "Key of-the-tests"},
        required="prompt",
        mistyped=("prompt", 7),
        beyond=("duration", 7),
        unlisted=("resolution", "480p"),
    ),
    "pika-fal-image-to-video-thirdparty: film": Case(
        "pika-fal-image-to-video-thirdparty",
        "/fal-ai/pika/v2.2/image-to-video",
        {"prompt": "A cat", "image_url": "https://example.com/a.jpg", "duration": 5},
        {"Authorization": "Key of-the-tests"},
        required="image_url",
        mistyped=("image_url", 7),
        beyond=("duration", 7),
        unlisted=("resolution", "480p"),
    ),
    "stability-image-generate-thirdparty: image": Case(
        "stability-image-generate-thirdparty",
        "/v2beta/stable-image/generate/sd3",
        [field("prompt", "A cat"), field("seed", 7), field("aspect_ratio", "16:9")],
        required="prompt",
        mistyped=("seed", "seven"),
        beyond=("seed", -1),
        unlisted=("aspect_ratio", "7:5"),
    ),
    "stability-image-edit-thirdparty: image": Case(
        "stability-image-edit-thirdparty",
        "/v2beta/stable-image/edit/inpaint",
        [image(), image("mask"), field("prompt", "A cat"), field("seed", 7)],
        required="image",
        mistyped=("seed", "seven"),
        beyond=("seed", -1),
        unlisted=("output_format", "gif"),
    ),
}

RANGE = "a number out of range"
PROSE = "the specification gives the range in its prose alone"

# What none of the judges can see, and why.
EXEMPT = {
    ("elevenlabs: speech", RANGE): PROSE,
    ("elevenlabs: sound", RANGE): PROSE,
    (
        "gemini: content",
        "without a required name",
    ): "the specification says of no name that it must be there",
    ("openrouter: image", RANGE): PROSE,
    ("kling-thirdparty: film", RANGE): PROSE,
    (
        "replicate: prediction",
        "an unknown name further in",
    ): "what input holds is the model's affair",
}


def faults(case: Case) -> dict[str, Request]:
    """Return the case's request with one fault in each."""
    right = case.request
    path, _, query = right.target.partition("?")
    made = {
        "without the key": right.with_header(next(iter(case.headers)), None),
        "another path": right._replace(target=f"{path}/more"),
        "another prefix": right._replace(target=f"/v0{right.target}"),
        "another method": right._replace(method="PUT"),
        "an unknown name in the query": right._replace(target=f"{path}?{query}&{UNKNOWN}=1"),
    }
    if case.headers.items() >= BEARER.items():
        made["the key in another scheme"] = right.with_header("Authorization", "Token of-the-tests")
    if case.body is not None:
        made["another content type"] = right.with_header("Content-Type", "text/plain")
        made["an unknown name in the body"] = case.having(UNKNOWN, 1)
    if isinstance(case.body, Mapping):
        inner = [(key, of) for key, of in case.body.items() if isinstance(of, dict)]
        for key, of in inner[:1]:
            made["an unknown name further in"] = case.having(key, {**of, UNKNOWN: 1})
    if case.required is not None:
        made["without a required name"] = case.without(case.required)
    for fault, put in (
        ("a value of another type", case.mistyped),
        (RANGE, case.beyond),
        ("a text that isn't a choice", case.unlisted),
    ):
        if put is not None:
            made[fault] = case.having(*put)
    return made


@pytest.fixture(scope="module", params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    """The tests of one case stand together, so that its servers start once."""
    return str(request.param)


def test_spec_the_judges_accept_a_right_request(judges: Panel, name: str) -> None:
    case = CASES[name]
    assert judges(case.spec).judge(case.request) == []


def test_spec_the_judges_see_every_fault_but_those_exempt(judges: Panel, name: str) -> None:
    case = CASES[name]
    seen = {fault: judges(case.spec).judge(bad) for fault, bad in faults(case).items()}
    unseen = {fault for fault, complaints in seen.items() if not complaints}
    assert unseen == {fault for of, fault in EXEMPT if of == name}


def test_spec_names_beyond_the_specification_are_left_out(judges: Panel) -> None:
    case = CASES["gemini: content"]
    streamed = case.request._replace(target=f"{case.target}?alt=sse")
    assert any("query.alt" in text for text in judges("gemini").judge(streamed))
    assert judges("gemini").judge(streamed, beyond=["query.alt"]) == []
    speech = CASES["elevenlabs: speech"]
    odd = speech.having("voice_settings", {"stability": 0.5, UNKNOWN: 1})
    name = f"body.voice_settings.{UNKNOWN}"
    assert judges("elevenlabs").judge(odd) == [f"names: {name}"]
    assert judges("elevenlabs").judge(odd, beyond=[name]) == []
    image = CASES["stability-image-generate-thirdparty: image"].having("none", "")
    assert judges("stability-image-generate-thirdparty").judge(image, beyond=["body.none"]) == []


def test_only_a_few_servers_run_at_once_and_those_that_gave_way_start_again(judges: Panel) -> None:
    panel = Panel(judges.folder, at_once=1)
    case, other = CASES["luma: film"], CASES["mubert: track"]
    try:
        luma = panel("luma")
        assert luma.judge(case.request) == []
        assert panel("mubert").judge(other.request) == []
        assert not luma.is_running
        assert panel("luma").judge(case.request) == []
    finally:
        panel.close()
    assert not luma.is_running


def test_a_server_that_does_not_start_says_why(judges: Panel, tmp_path: Path) -> None:
    spec = tmp_path / "odd.json"
    spec.write_text('{"openapi": "3.1.0", "paths": {"/": {"get": {"$ref": "#/nowhere"}}}}')
    with pytest.raises(RuntimeError, match="didn't start"):
        Judges(spec).judge(Request("GET", "/"))
