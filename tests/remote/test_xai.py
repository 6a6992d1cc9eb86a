"""xAI's bindings; its specification is a third party's."""

from __future__ import annotations

import base64
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from time import monotonic
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
    Cancelled,
    ContentRefused,
    KeyRefused,
    Retired,
    ServiceError,
    UnknownOption,
)
from omnibind.remote.journal import journal

TEXT = "Ruby is a programming language designed for developer happiness."
SPEC = "xai-thirdparty"
TICKS = {"usage": {"cost_in_usd_ticks": 200_000_000}}
PICTURE = {"data": [{"b64_json": base64.b64encode(media("jpeg")).decode()}], **TICKS}
BAD_KEY = {
    "code": "invalid-argument",
    "error": f"Incorrect API key provided: {KEY}. You can obtain one from https://console.x.ai.",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder for the journal of jobs, which are polled without long waits."""
    monkeypatch.setenv("OMNIBIND_HOME", str(tmp_path))
    code: Any = importlib.import_module("omnibind.bindings.ttv.xai.binding")
    monkeypatch.setattr(code.XAITTV, "every_s", 0.01)
    return tmp_path


# ── speech ──

SPEAKING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all options": {
        "voice": "leo",
        "language": "pt-BR",
        "output_format": "mp3",
        "sample_rate": 44100,
        "bit_rate": 192000,
        "normalize": True,
        "extra": {"optimize_streaming_latency": 1},
    },
}


@pytest.mark.parametrize("options", SPEAKING.values(), ids=SPEAKING)
def test_spec_thirdparty_judges_speech(
    recorder: Recorder, judges: Panel, options: dict[str, Any]
) -> None:
    recorder.script = [as_media(media("mp3"), "audio/mpeg")]
    spec = named(recorder, "xai", "/v1")
    told = ask(recorder, spec, "tts.generate_audio", TEXT, verify=False, **options)
    assert judges(SPEC).judge(told.only) == []
    assert told.only.header("authorization") == f"Bearer {KEY}"
    body = told.only.json()
    if options:
        encoding = {"codec": "mp3", "sample_rate": 44100, "bit_rate": 192000}
        assert (body["voice_id"], body["output_format"]) == ("leo", encoding)
    else:
        assert body == {"text": TEXT, "language": "auto"}


def test_own_fake_samples_become_a_wav_of_the_rate_that_was_asked_for(recorder: Recorder) -> None:
    samples = (8000).to_bytes(2, "little") * 8000
    recorder.script = [as_media(samples, "application/octet-stream")]
    told = ask(
        recorder,
        named(recorder, "xai", "/v1", default_voice="rex", default_language="de"),
        "tts.generate_audio",
        TEXT,
        output_format="pcm",
        sample_rate=8000,
        verify=False,
    )
    assert (told.result.sample_rate, told.result.duration_s) == (8000, 1.0)
    body = told.only.json()
    assert (body["voice_id"], body["language"]) == ("rex", "de")


def test_own_fake_a_bit_rate_goes_with_mp3_alone(recorder: Recorder) -> None:
    with (
        Client(tts=named(recorder, "xai", "/v1")) as client,
        pytest.raises(BadOption, match="bit_rate goes with mp3, and output_format is wav"),
    ):
        client.tts.generate_audio(TEXT, output_format="wav", bit_rate=64000)
    assert recorder.requests == []


def test_own_fake_json_in_place_of_samples_is_an_error(recorder: Recorder) -> None:
    recorder.script = [as_json({"error": "Something went wrong"})]
    with (
        Client(tts=named(recorder, "xai", "/v1")) as client,
        pytest.raises(ServiceError, match="Something went wrong"),
    ):
        client.tts.generate_audio(TEXT, output_format="pcm")


def test_spec_thirdparty_judges_the_live_list_of_voices(recorder: Recorder, judges: Panel) -> None:
    recorder.script = [as_json({"voices": [{"voice_id": "zoe"}, {"voice_id": "eve"}]})]
    with Client(tts=named(recorder, "xai", "/v1")) as client:
        assert client.tts.list_voices() == ["ara", "eve", "leo", "rex", "sal"]
        assert recorder.requests == []
        assert client.tts.list_voices(live=True) == ["eve", "zoe"]
    assert judges(SPEC).judge(recorder.only) == []


# ── transcription, of which no specification is at hand ──

HEARD = {
    "text": "Hello there. Who is it?",
    "language": "English",
    "duration": 2.5,
    "words": [
        {"text": "Hello", "start": 0.1, "end": 0.4, "speaker": 0},
        {"text": "there.", "start": 0.4, "end": 0.8, "speaker": 0},
        {"text": "Who", "start": 1.2, "end": 1.4, "speaker": 1},
        {"text": "is", "start": 1.4, "end": 1.5, "speaker": 1},
        {"text": "it?", "start": 1.5, "end": 2.0, "speaker": 1},
    ],
}


def test_own_fake_transcription_sends_all_options_and_the_file_last(recorder: Recorder) -> None:
    recorder.script = [as_json(HEARD)]
    sound = media("mp3")
    told = ask(
        recorder,
        named(recorder, "xai", "/v1"),
        "stt.transcribe_audio",
        sound,
        model="grok-voice-transcribe-2.0",
        language="en-GB",
        written_form=True,
        word_times=True,
        diarize=True,
        filler_words=False,
        keywords=["Ruby", "Rails"],
    )
    assert told.only.path == "/v1/stt"
    *fields, file = told.only.form()
    assert [(part.name, part.text) for part in fields] == [
        ("model", "grok-voice-transcribe-2.0"),
        ("language", "en"),
        ("format", "true"),
        ("diarize", "true"),
        ("filler_words", "false"),
        ("keyterm", "Ruby"),
        ("keyterm", "Rails"),
    ]
    assert (file.name, file.content_type) == ("file", "audio/mpeg")
    assert (file.content == sound) is True
    first, second = told.result.segments
    assert (first.text, first.speaker, second.text, second.speaker) == (
        *("Hello there.", "0"),
        *("Who is it?", "1"),
    )
    assert (second.start, second.end) == (1.2, 2.0)
    assert [word.text for word in first.words] == ["Hello", "there."]
    assert (told.result.language, told.result.duration_s) == ("en-GB", 2.5)


def test_own_fake_transcription_by_default_sends_the_file_and_the_model(
    recorder: Recorder,
) -> None:
    recorder.script = [as_json({"text": "Hello.", "language": "English", "duration": 1.0})]
    spec = named(recorder, "xai", "/v1")
    told = ask(recorder, spec, "stt.transcribe_audio", media("wav"))
    names = [(part.name, part.content_type or part.text) for part in told.only.form()]
    assert names == [("model", "grok-voice-transcribe-1.0"), ("file", "audio/wav")]
    assert (str(told.result), told.result.language) == ("Hello.", "en")
    assert told.result.segments == ()
    assert told.result.meta.cost_basis == "estimated"


def test_own_fake_written_form_needs_the_language(recorder: Recorder) -> None:
    with (
        Client(stt=named(recorder, "xai", "/v1")) as client,
        pytest.raises(BadOption, match="needs the language; give language="),
    ):
        client.stt.transcribe_audio(media("wav"), written_form=True)
    assert recorder.requests == []


# ── pictures ──

DRAWING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all options": {
        "model": "grok-imagine-image-2.0",
        "aspect_ratio": "16:9",
        "resolution": "2k",
        "quality": "low",
        "extra": {"response_format": "b64_json"},
    },
}


@pytest.mark.parametrize("options", DRAWING.values(), ids=DRAWING)
def test_spec_thirdparty_judges_pictures(
    recorder: Recorder, judges: Panel, options: dict[str, Any]
) -> None:
    recorder.script = [as_json(PICTURE)]
    spec = named(recorder, "xai", "/v1")
    told = ask(recorder, spec, "tti.generate_image", "a siamese cat", **options)
    # xAI's release notes of August 2026 have it, the third party's description hasn't yet.
    beyond = ["body.quality"] if options else []
    assert judges(SPEC).judge(told.only, beyond=beyond) == []
    assert (told.result.meta.cost_usd, told.result.meta.cost_basis) == (0.02, "reported")


@pytest.mark.parametrize("options", DRAWING.values(), ids=DRAWING)
def test_spec_thirdparty_judges_edits(
    recorder: Recorder, judges: Panel, options: dict[str, Any]
) -> None:
    recorder.script = [as_json(PICTURE)]
    picture = media("png")
    spec = named(recorder, "xai", "/v1")
    told = ask(recorder, spec, "tti.edit_image", "in blue", picture, **options)
    beyond = ["body.quality"] if options else []
    assert judges(SPEC).judge(told.only, beyond=beyond) == []
    assert told.only.path == "/v1/images/edits"
    kind, _, encoded = told.only.json()["image"]["url"].partition(",")
    assert kind == "data:image/png;base64"
    assert (base64.b64decode(encoded) == picture) is True


def test_recorded_picture_is_fetched_at_once(
    recorder: Recorder, recorded: Callable[[str], Recording]
) -> None:
    recording = recorded("xai_image")
    answers = recording.answers({"https://imgen.x.ai": recorder.url})
    recorder.script = lambda request: answers[request.method == "GET"]
    spec = named(recorder, "xai", "/v1")
    told = ask(recorder, spec, "tti.generate_image", "a siamese cat")
    begin, fetched = told.requests
    assert begin.json() == json.loads(recording.exchanges[0].request_body or b"")
    assert fetched.path.startswith("/xai-imgen/")
    assert told.result.media_type == "image/jpeg"
    assert len(told.result) == 244664
    assert (told.result.meta.cost_usd, told.result.meta.cost_basis) == (0.02, "reported")
    assert told.result.meta.source_url == f"{recorder.url}{fetched.path}"


def test_own_fake_what_a_model_has_not_is_refused_unsent(recorder: Recorder) -> None:
    with Client(tti=named(recorder, "xai", "/v1")) as client:
        with pytest.raises(BadOption, match=r"aspect_ratio 7:5 .* choose one of 1:1, 16:9"):
            client.tti.generate_image("a cat", aspect_ratio="7:5")
        with pytest.raises(BadOption, match="grok-imagine-image of tti/xai has no quality"):
            client.tti.generate_image("a cat", quality="low")
        with pytest.raises(Retired, match="use grok-imagine-image"):
            client.tti.generate_image("a cat", model="grok-2-image")
        given: list[dict[str, Any]] = [{"seed": 1}, {"width": 512}, {"negative_prompt": "a dog"}]
        for option in given:
            with pytest.raises(UnknownOption, match=next(iter(option))):
                client.tti.generate_image("a cat", **option)
        with pytest.raises(UnknownOption, match="mask"):
            client.tti.edit_image("a cat", media("png"), mask=media("png"))
    assert recorder.requests == []


def test_own_fake_the_configuration_gives_shape_and_resolution(recorder: Recorder) -> None:
    recorder.script = [as_json(PICTURE)]
    config = {"default_aspect_ratio": "3:2", "default_resolution": "2k"}
    spec = named(recorder, "xai/grok-imagine-image-2.0", "/v1", **config)
    body = ask(recorder, spec, "tti.generate_image", "a cat").only.json()
    assert (body["aspect_ratio"], body["resolution"]) == ("3:2", "2k")
    assert body["model"] == "grok-imagine-image-2.0"


def test_own_fake_a_reply_without_a_picture_is_an_error(recorder: Recorder) -> None:
    recorder.script = [as_json({"data": []})]
    with (
        Client(tti=named(recorder, "xai", "/v1")) as client,
        pytest.raises(BadReply, match=r"no data\.0"),
    ):
        client.tti.generate_image("a cat")


# ── videos ──

FILMING: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all options": {
        "model": "grok-imagine-video",
        "duration_s": 8.0,
        "aspect_ratio": "9:16",
        "resolution": "720p",
        "image": media("png"),
    },
}


def filming(recorder: Recorder, *looks: Answer | dict[str, Any]) -> Callable[[Request], Answer]:
    """A service that takes a job, answers these looks one after the other, and has the video."""
    left: list[Answer | dict[str, Any]] = []

    def answer(request: Request) -> Answer:
        if request.method == "POST":
            left[:] = looks
            return as_json({"request_id": "4b2c/d2"})
        if request.path == "/made/video.mp4":
            return as_media(media("mp4"), "video/mp4")
        look = left.pop(0)
        return look if isinstance(look, Answer) else as_json(look)

    return answer


def pending(progress: int) -> Answer:
    return as_json({"status": "pending", "progress": progress}, 202)


def done(recorder: Recorder, **video: Any) -> dict[str, Any]:
    url = f"{recorder.url}/made/video.mp4?signature=secret"
    told = {"url": url, "duration": 1, "respect_moderation": True, **video}
    usage = {"cost_in_usd_ticks": 4_000_000_000}
    return {"status": "done", "video": told, "model": "grok-imagine-video", "usage": usage}


@pytest.mark.parametrize("options", FILMING.values(), ids=FILMING)
def test_spec_thirdparty_judges_videos(
    recorder: Recorder, judges: Panel, options: dict[str, Any]
) -> None:
    recorder.script = filming(recorder, pending(1), pending(60), done(recorder))
    spec = named(recorder, "xai", "/v1")
    told = ask(recorder, spec, "ttv.generate_video", "a wave", verify=False, **options)
    begin, *looks, fetched = told.requests
    # The third party's description calls it image_url; clients in use send image, with its url.
    beyond = ["body.image"] if "image" in options else []
    assert judges(SPEC).judge(begin, beyond=beyond) == []
    assert [judges(SPEC).judge(look) for look in looks] == [[]] * 3
    assert looks[0].path == "/v1/videos/4b2c%2Fd2"
    assert fetched.path == "/made/video.mp4"
    body = begin.json()
    assert body.get("duration") == options.get("duration_s")
    assert isinstance(body.get("duration", 0), int)
    if "image" in options:
        assert body["image"]["url"].startswith("data:image/png;base64,")
    meta = told.result.meta
    assert told.result.media_type == "video/mp4"
    assert (meta.job_id, meta.cost_usd, meta.cost_basis) == ("4b2c/d2", 0.4, "reported")
    assert meta.source_url == f"{recorder.url}/made/video.mp4"
    assert [job.state for job in journal().jobs()] == ["done", "done"]


def test_own_fake_the_progress_of_a_video_is_told(recorder: Recorder) -> None:
    recorder.script = filming(recorder, pending(1), pending(60), done(recorder))
    told: list[Any] = []
    with Client(ttv=named(recorder, "xai", "/v1")) as client:
        client.ttv.generate_video("a wave", verify=False, on_progress=told.append)
    assert [event.progress.fraction for event in told] == [0.01, 0.6]


@pytest.mark.parametrize(
    ("look", "words"),
    [
        ({"status": "failed", "error": "Out of machines"}, "failed: Out of machines"),
        ({"status": "failed", "error": {"code": "x", "message": "No luck"}}, "failed: No luck"),
        ({"status": "expired"}, "expired: it doesn't say why"),
    ],
)
def test_own_fake_a_job_that_ends_badly_is_an_error(
    recorder: Recorder, look: dict[str, Any], words: str
) -> None:
    recorder.script = filming(recorder, look)
    with (
        Client(ttv=named(recorder, "xai", "/v1")) as client,
        pytest.raises(CallFailed, match=words),
    ):
        client.ttv.generate_video("a wave")
    assert [job.state for job in journal().jobs()] == ["failed"]


def test_own_fake_a_moderated_video_is_refused_content(recorder: Recorder) -> None:
    looks = (
        done(recorder, respect_moderation=False, url=""),
        {"status": "failed", "error": "Rejected by content moderation."},
    )
    for look in looks:
        recorder.script = filming(recorder, look)
        with (
            Client(ttv=named(recorder, "xai", "/v1")) as client,
            pytest.raises(ContentRefused, match="change the prompt"),
        ):
            client.ttv.generate_video("a wave")


def test_own_fake_a_cancelled_video_stays_in_the_journal(recorder: Recorder) -> None:
    with Client(ttv=named(recorder, "xai", "/v1")) as client:
        calls: list[Call[Any]] = []

        def answer(request: Request) -> Answer:
            if request.method == "POST":
                return as_json({"request_id": "1"})
            calls[0].cancel()
            return pending(1)

        recorder.script = answer
        calls.append(client.submit(client.ttv.generate_video, "a wave"))
        with pytest.raises(Cancelled):
            calls[0].result()
    # The service has no way to call it off: it goes on there, and may be fetched later.
    assert [(job.state, job.job_id) for job in journal().jobs()] == [("running", "1")]


def test_own_fake_odd_lengths_and_resolutions_are_refused_unsent(recorder: Recorder) -> None:
    with Client(ttv=named(recorder, "xai", "/v1")) as client:
        for seconds in (2.5, 16.0):
            with pytest.raises(BadOption, match=f"duration_s {seconds} .* choose one of 1, 2"):
                client.ttv.generate_video("a wave", duration_s=seconds)
        with pytest.raises(BadOption, match=r"resolution 1080p .* choose one of 480p, 720p"):
            client.ttv.generate_video("a wave", resolution="1080p")
    assert recorder.requests == []


# ── errors and rates ──

VERBS = {
    "tts": ("generate_audio", TEXT),
    "stt": ("transcribe_audio", media("wav")),
    "tti": ("generate_image", TEXT),
    "ttv": ("generate_video", TEXT),
}


@pytest.mark.parametrize(("modality", "verb"), VERBS.items(), ids=VERBS)
def test_own_fake_a_bad_key_is_told_by_status_400(
    recorder: Recorder, modality: str, verb: tuple[str, Any]
) -> None:
    recorder.script = [as_json(BAD_KEY, 400)]
    spec: dict[str, Any] = {modality: named(recorder, "xai", "/v1")}
    with (
        Client(**spec) as client,
        pytest.raises(KeyRefused, match="Incorrect API key") as caught,
    ):
        getattr(getattr(client, modality), verb[0])(verb[1])
    assert (caught.value.status, caught.value.code) == (400, "invalid-argument")
    assert KEY not in str(caught.value)


def test_spec_thirdparty_judges_the_test_of_a_key(recorder: Recorder, judges: Panel) -> None:
    with Client(tts=named(recorder, "xai", "/v1")) as client:
        binding: Any = client.tts._members[0].prepare().binding
        recorder.script = [as_json({"name": "of the tests"})]
        run(binding.test_flow(), Call(5.0))
        assert judges(SPEC).judge(recorder.only) == []
        recorder.script = [as_json(BAD_KEY, 400)]
        with pytest.raises(KeyRefused):
            run(binding.test_flow(), Call(5.0))


def test_own_fake_a_key_may_be_called_grok(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XAI_API_KEY", raising=False)
    monkeypatch.setenv("GROK_API_KEY", "xai-another-key-of-the-tests")
    recorder.script = [as_json(PICTURE)]
    spec = named(recorder, "xai", "/v1", api_key=None)
    told = ask(recorder, spec, "tti.generate_image", "a cat")
    assert told.only.header("authorization") == "Bearer xai-another-key-of-the-tests"
    for modality in VERBS:
        choice: dict[str, Any] = {modality: "xai"}
        with Client(**choice) as client:
            assert getattr(client, modality).state == "ready"


def test_own_fake_a_sixth_request_in_a_second_waits(recorder: Recorder) -> None:
    came: list[float] = []

    def answer(request: Request) -> Answer:
        came.append(monotonic())
        return as_json(PICTURE)

    recorder.script = answer
    with Client(tti=named(recorder, "xai", "/v1")) as client:
        begun = monotonic()
        for _ in range(6):
            client.tti.generate_image("a cat")
    assert came[5] - begun >= 1.0
