"""OpenRouter's bindings."""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.remote.asking import KEY, ask, named
from tests.remote.judges import Panel
from tests.remote.real_media import media
from tests.remote.recorded import Recording
from tests.remote.recorder import Answer, Recorder, Request, as_json, as_media

from omnibind import Client
from omnibind.calls.call import Call
from omnibind.calls.driver import run
from omnibind.contracts.errors import (
    BadOption,
    BadReply,
    CallFailed,
    ContentRefused,
    KeyRefused,
    QuotaExceeded,
    ServiceError,
    UnknownOption,
)
from omnibind.remote.journal import journal

BASE = "/api/v1"
TEXT = "Ruby is a programming language designed for developer happiness."
PICTURE = {
    "created": 0,
    "data": [{"b64_json": base64.b64encode(media("png")).decode(), "media_type": "image/png"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 9, "total_tokens": 14, "cost": 0.0342},
}
HEARD = {
    "text": f" {TEXT}",
    "language": "english",
    "duration": 4.5,
    "segments": [{"id": 0, "start": 0.0, "end": 4.5, "text": f" {TEXT}"}],
    "words": [{"word": "Ruby", "start": 0.1, "end": 0.4}],
    "usage": {"seconds": 4.5, "cost": 0.00045},
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder for the journal of jobs, which are polled without long waits."""
    monkeypatch.setenv("OMNIBIND_HOME", str(tmp_path))
    code: Any = importlib.import_module("omnibind.bindings.ttv.openrouter.binding")
    monkeypatch.setattr(code.OpenRouterTTV, "every_s", 0.01)
    return tmp_path


def without_kinds(request: Request) -> Request:
    """The request without what the specification lost: a reference's ``type``.

    The service's own SDKs send it; the specification at hand has cut the discriminator away.
    """
    body = request.json()
    for one in body.get("input_references", ()):
        assert one.pop("type") == "image_url"
    return request._replace(body=json.dumps(body).encode())


# ── speech ──

SPEAKING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all options": {"model": "openai/tts-x", "voice": "nova", "speed": 1.5, "output_format": "mp3"},
}


@pytest.mark.parametrize("options", SPEAKING.values(), ids=SPEAKING)
def test_spec_judges_speech(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    recorder.script = [as_media(media("mp3"), "audio/mpeg", {"x-generation-id": "gen-tts-1"})]
    spec = named(recorder, "openrouter", BASE)
    told = ask(recorder, spec, "tts.generate_audio", TEXT, verify=False, **options)
    assert judges("openrouter").judge(told.only) == []
    assert told.only.header("authorization") == f"Bearer {KEY}"
    assert told.only.json()["voice"] == options.get("voice", "af_bella")
    assert told.result.meta.request_id == "gen-tts-1"
    assert told.result.meta.model == options.get("model", "hexgrad/kokoro-82m")


def test_recorded_speech_is_read(recorder: Recorder, recorded: Callable[[str], Recording]) -> None:
    recording = recorded("openrouter_tts")
    recorder.script = recording.answers()
    spec = named(recorder, "openrouter", BASE)
    told = ask(recorder, spec, "tts.generate_audio", TEXT, verify=False)
    assert told.only.json() == json.loads(recording.exchanges[0].request_body or b"")
    assert told.result.media_type == "audio/mpeg"
    assert len(told.result) == 17517


def pcm(rate: int, seconds: float = 1.0) -> bytes:
    """Raw samples with something to hear in them."""
    return b"".join(
        (8000 if at // 40 % 2 else -8000).to_bytes(2, "little", signed=True)
        for at in range(round(rate * seconds))
    )


@pytest.mark.parametrize(
    ("content_type", "rate"),
    [("audio/pcm;rate=48000;channels=1", 48000), ("application/octet-stream", 24000)],
)
def test_own_fake_samples_get_the_rate_that_the_reply_says(
    recorder: Recorder, content_type: str, rate: int
) -> None:
    recorder.script = [as_media(pcm(rate), content_type)]
    spec = named(recorder, "openrouter", BASE)
    told = ask(recorder, spec, "tts.generate_audio", TEXT, output_format="pcm", verify=False)
    assert told.result.media_type == "audio/wav"
    assert (told.result.sample_rate, told.result.duration_s) == (rate, 1.0)


def test_own_fake_speech_streams_at_the_rate_of_the_reply(
    recorder: Recorder, judges: Panel
) -> None:
    sound = pcm(48000)
    pieces = [sound[at : at + 9999] for at in range(0, len(sound), 9999)]
    recorder.script = [Answer(200, {"content-type": "audio/pcm;rate=48000;channels=1"}, pieces)]
    with Client(tts=named(recorder, "openrouter", BASE)) as client:
        stream = client.tts.stream_audio(TEXT, verify=False)
        chunks = list(stream)
        assert stream.result.duration_s == 1.0
    assert len(chunks) > 1
    assert {chunk.sample_rate for chunk in chunks} == {48000}
    assert recorder.only.json()["response_format"] == "pcm"
    assert judges("openrouter").judge(recorder.only) == []


def test_own_fake_a_model_without_known_voices_needs_one(recorder: Recorder) -> None:
    with Client(tts=named(recorder, "openrouter", BASE)) as client:
        with pytest.raises(BadOption, match="needs a voice; give voice= or default_voice"):
            client.tts.generate_audio(TEXT, model="openai/tts-x")
        assert {"af_bella", "eve", "george"} <= set(client.tts.list_voices())
        with pytest.raises(UnknownOption, match="instructions"):
            client.tts.generate_audio(TEXT, instructions="Whisper.")
    assert recorder.requests == []


def test_own_fake_a_json_reply_is_no_sound(recorder: Recorder) -> None:
    recorder.script = [as_json({"error": {"message": "No endpoints found", "code": 503}})]
    with Client(tts=named(recorder, "openrouter", BASE)) as client:
        for output_format in ("mp3", "pcm"):
            with pytest.raises(ServiceError, match="No endpoints found"):
                client.tts.generate_audio(TEXT, output_format=output_format)


# ── transcription ──

HEARING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all options": {
        "model": "openai/gpt-transcribe",
        "language": "en-GB",
        "temperature": 0.2,
        "word_times": True,
        "output_format": "verbose_json",
    },
}


@pytest.mark.parametrize("options", HEARING.values(), ids=HEARING)
def test_spec_judges_transcription(
    recorder: Recorder, judges: Panel, options: dict[str, Any]
) -> None:
    recorder.script = [as_json(HEARD)]
    sound = media("mp3")
    told = ask(
        recorder, named(recorder, "openrouter", BASE), "stt.transcribe_audio", sound, **options
    )
    assert judges("openrouter").judge(told.only) == []
    body = told.only.json()
    assert body["input_audio"]["format"] == "mp3"
    assert (base64.b64decode(body["input_audio"]["data"]) == sound) is True
    assert ("response_format" in body) == bool(options)
    assert body.get("language") == ("en" if options else None)
    result = told.result
    assert str(result) == TEXT
    assert (result.language, result.duration_s) == (options.get("language", "en"), 4.5)
    assert [word.text for word in result.segments[0].words] == ["Ruby"]
    assert (result.meta.cost_usd, result.meta.cost_basis) == (0.00045, "reported")


def test_own_fake_a_failure_comes_with_status_200_too(recorder: Recorder) -> None:
    recorder.script = [as_json({"error": {"message": "Upstream is gone", "code": 502}})]
    with (
        Client(stt=named(recorder, "openrouter", BASE)) as client,
        pytest.raises(ServiceError, match=r"502.*Upstream is gone"),
    ):
        client.stt.transcribe_audio(media("wav"))
    recorder.script = [as_json([])]
    with (
        Client(stt=named(recorder, "openrouter", BASE)) as client,
        pytest.raises(BadReply, match="no JSON object"),
    ):
        client.stt.transcribe_audio(media("wav"))


def test_own_fake_times_of_words_need_the_verbose_form(recorder: Recorder) -> None:
    with (
        Client(stt=named(recorder, "openrouter", BASE)) as client,
        pytest.raises(BadOption, match="come with verbose_json"),
    ):
        client.stt.transcribe_audio(media("wav"), word_times=True, output_format="json")
    assert recorder.requests == []


# ── pictures ──

DRAWING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "a size": {"width": 2048, "height": 1024},
    "all options": {
        "model": "bytedance-seed/seedream-4.5",
        "aspect_ratio": "16:9",
        "resolution": "2K",
        "quality": "high",
        "background": "opaque",
        "output_format": "webp",
        "output_compression": 80,
        "seed": 7,
        "extra": {"provider": {"allow_fallbacks": False}},
    },
}


@pytest.mark.parametrize("options", DRAWING.values(), ids=DRAWING)
def test_spec_judges_pictures(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    recorder.script = [as_json(PICTURE)]
    spec = named(recorder, "openrouter", BASE)
    told = ask(recorder, spec, "tti.generate_image", "a siamese cat", verify=False, **options)
    assert judges("openrouter").judge(told.only) == []
    assert told.only.json().get("size") == ("2048x1024" if "width" in options else None)
    assert (told.result.meta.cost_usd, told.result.meta.cost_basis) == (0.0342, "reported")
    assert told.result.meta.seed == options.get("seed")


@pytest.mark.parametrize("options", DRAWING.values(), ids=DRAWING)
def test_spec_judges_edits(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    recorder.script = [as_json(PICTURE)]
    picture = media("jpeg")
    spec = named(recorder, "openrouter", BASE)
    told = ask(recorder, spec, "tti.edit_image", "in blue", picture, verify=False, **options)
    assert judges("openrouter").judge(without_kinds(told.only)) == []
    (reference,) = told.only.json()["input_references"]
    kind, _, encoded = reference["image_url"]["url"].partition(",")
    assert kind == "data:image/jpeg;base64"
    assert (base64.b64decode(encoded) == picture) is True


def test_recorded_picture_is_read(recorder: Recorder, recorded: Callable[[str], Recording]) -> None:
    recording = recorded("openrouter_image")
    recorder.script = recording.answers()
    spec = named(recorder, "openrouter", BASE)
    told = ask(recorder, spec, "tti.generate_image", "a siamese cat")
    assert told.only.json() == json.loads(recording.exchanges[0].request_body or b"")
    assert told.result.media_type == "image/jpeg"
    assert told.result.meta.cost_usd == 0.03422675
    assert told.result.meta.raw["data"][0]["b64_json"] == "966724 characters"


def test_own_fake_a_reply_without_a_picture_is_an_error(recorder: Recorder) -> None:
    recorder.script = [as_json({"created": 0, "data": []})]
    with (
        Client(tti=named(recorder, "openrouter", BASE)) as client,
        pytest.raises(BadReply, match=r"no data\.0"),
    ):
        client.tti.generate_image("a cat")


def test_own_fake_what_contradicts_itself_is_refused_unsent(recorder: Recorder) -> None:
    with Client(tti=named(recorder, "openrouter", BASE)) as client:
        with pytest.raises(BadOption, match="either width and height or aspect_ratio"):
            client.tti.generate_image("a cat", width=512, height=512, aspect_ratio="1:1")
        with pytest.raises(BadOption, match="give width and height together"):
            client.tti.generate_image("a cat", width=512)
        with pytest.raises(UnknownOption, match="negative_prompt"):
            client.tti.generate_image("a cat", negative_prompt="a dog")
        with pytest.raises(UnknownOption, match="mask"):
            client.tti.edit_image("a cat", media("png"), mask=media("png"))
    assert recorder.requests == []


def test_own_fake_the_configuration_gives_size_and_quality(recorder: Recorder) -> None:
    recorder.script = [as_json(PICTURE)]
    config = {"default_size": "2K", "default_quality": "low"}
    spec = named(recorder, "openrouter/x/y", BASE, **config)
    ask(recorder, spec, "tti.generate_image", "a cat", verify=False)
    body = recorder.only.json()
    assert (body["model"], body["size"], body["quality"]) == ("x/y", "2K", "low")
    ask(recorder, spec, "tti.generate_image", "a cat", verify=False, aspect_ratio="1:1")
    assert "size" not in recorder.only.json()


# ── the models there are now ──

LISTINGS = {
    "tts": "/models?output_modalities=speech",
    "stt": "/models?output_modalities=transcription",
    "tti": "/images/models",
    "ttv": "/models?output_modalities=video",
}


@pytest.mark.parametrize(("modality", "target"), LISTINGS.items(), ids=LISTINGS)
def test_spec_judges_the_live_list_of_models(
    recorder: Recorder, judges: Panel, modality: str, target: str
) -> None:
    recorder.script = [as_json({"data": [{"id": "b/two"}, {"id": "a/one"}]})]
    spec: dict[str, Any] = {modality: named(recorder, "openrouter", BASE)}
    with Client(**spec) as client:
        binding = getattr(client, modality)._members[0].prepare().binding
        assert "a/one" not in binding.list_models()
        assert recorder.requests == []
        assert binding.list_models(live=True) == ["a/one", "b/two"]
    assert recorder.only.target == f"{BASE}{target}"
    assert judges("openrouter").judge(recorder.only) == []


# ── videos ──

FILMING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "a size": {"width": 1280, "height": 720},
    "all options": {
        "model": "bytedance/seedance",
        "duration_s": 8,
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "image": media("png"),
        "last_image": media("jpeg"),
        "sound": True,
        "seed": 7,
        "extra": {"provider": {"options": {}}},
    },
}
JOB = {"id": "job/1", "polling_url": "/api/v1/videos/job/1", "status": "pending"}


def filming(*states: dict[str, Any]) -> Callable[[Request], Answer]:
    """A service that takes a job, tells these states one after the other, and has the video."""
    left: list[dict[str, Any]] = []

    def answer(request: Request) -> Answer:
        if request.method == "POST":
            left[:] = states
            return as_json(JOB, 202)
        if request.path.endswith("/content"):
            return as_media(media("mp4"), "video/mp4")
        return as_json({**JOB, **left.pop(0)})

    return answer


DONE = {"status": "completed", "usage": {"cost": 0.4}, "unsigned_urls": ["https://x.test/v.mp4"]}


@pytest.mark.parametrize("options", FILMING.values(), ids=FILMING)
def test_spec_judges_videos(recorder: Recorder, judges: Panel, options: dict[str, Any]) -> None:
    recorder.script = filming({"status": "in_progress"}, DONE)
    spec = named(recorder, "openrouter", BASE)
    told = ask(recorder, spec, "ttv.generate_video", "a wave", verify=False, **options)
    assert [judges("openrouter").judge(request) for request in told.requests] == [[]] * 4
    begin, *_, content = told.requests
    body = begin.json()
    assert body.get("duration") == options.get("duration_s")
    frames = [one["frame_type"] for one in body.get("frame_images", ())]
    assert frames == (["first_frame", "last_frame"] if "image" in options else [])
    assert content.path == f"{BASE}/videos/job%2F1/content"
    assert content.header("authorization") == f"Bearer {KEY}"
    assert told.result.media_type == "video/mp4"
    meta = told.result.meta
    assert (meta.job_id, meta.cost_usd, meta.cost_basis) == ("job/1", 0.4, "reported")
    assert meta.model == options.get("model", "google/veo-3.1")
    assert [job.state for job in journal().jobs()] == ["done", "done"]


@pytest.mark.parametrize("status", ["failed", "cancelled", "expired"])
def test_own_fake_a_job_that_ends_badly_is_an_error(recorder: Recorder, status: str) -> None:
    recorder.script = filming({"status": status, "error": "The provider ran out of memory"})
    with (
        Client(ttv=named(recorder, "openrouter", BASE)) as client,
        pytest.raises(CallFailed, match=f"{status}: The provider ran out of memory"),
    ):
        client.ttv.generate_video("a wave")
    assert [job.state for job in journal().jobs()] == ["failed"]


def test_own_fake_a_job_that_was_moderated_is_refused_content(recorder: Recorder) -> None:
    recorder.script = filming({"status": "failed", "error": "Rejected by content moderation"})
    with (
        Client(ttv=named(recorder, "openrouter", BASE)) as client,
        pytest.raises(ContentRefused, match="Rejected by content moderation"),
    ):
        client.ttv.generate_video("a wave")


def test_own_fake_odd_lengths_and_shapes_are_refused_unsent(recorder: Recorder) -> None:
    with Client(ttv=named(recorder, "openrouter", BASE)) as client:
        with pytest.raises(BadOption, match=r"2\.5; .* whole seconds"):
            client.ttv.generate_video("a wave", duration_s=2.5)
        with pytest.raises(BadOption, match="either width and height or aspect_ratio"):
            client.ttv.generate_video("a wave", width=1280, height=720, resolution="720p")
    assert recorder.requests == []


# ── errors ──


def test_recorded_bad_key_is_refused(
    recorder: Recorder, recorded: Callable[[str], Recording]
) -> None:
    recorder.script = recorded("openrouter_auth_error").answers()
    for modality, verb in (("tts", "generate_audio"), ("tti", "generate_image")):
        spec: dict[str, Any] = {modality: named(recorder, "openrouter", BASE)}
        with (
            Client(**spec) as client,
            pytest.raises(KeyRefused, match="Missing Authentication header") as caught,
        ):
            getattr(getattr(client, modality), verb)(TEXT)
        assert (caught.value.status, caught.value.code) == (401, "401")


def test_own_fake_a_key_is_tested_where_it_is_wanted(
    recorder: Recorder, recorded: Callable[[str], Recording]
) -> None:
    with Client(tts=named(recorder, "openrouter", BASE)) as client:
        binding: Any = client.tts._members[0].prepare().binding
        recorder.script = [as_json({"data": {"label": "of the tests"}})]
        run(binding.test_flow(), Call(5.0))
        # The list of models is anybody's, and would tell nothing of the key.
        assert recorder.only.target == f"{BASE}/key"
        recorder.script = recorded("openrouter_auth_error").answers()
        with pytest.raises(KeyRefused):
            run(binding.test_flow(), Call(5.0))


def test_own_fake_an_empty_account_is_told(recorder: Recorder) -> None:
    recorder.script = [as_json({"error": {"message": "Insufficient credits", "code": 402}}, 402)]
    with (
        Client(ttv=named(recorder, "openrouter", BASE)) as client,
        pytest.raises(QuotaExceeded, match="Insufficient credits"),
    ):
        client.ttv.generate_video("a wave")
    assert [job.state for job in journal().jobs()] == ["failed"]
