"""fal's bindings; no specification exists that judges the queue for any model."""

from __future__ import annotations

import asyncio
import base64
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.remote.asking import KEY, Told, ask, named
from tests.remote.real_media import media
from tests.remote.recorder import Answer, Recorder, Request, as_json, as_media

from omnibind import AsyncClient, Client
from omnibind.contracts.errors import (
    BadOption,
    BadReply,
    CallFailed,
    ContentRefused,
    KeyRefused,
    OmnibindError,
    QuotaExceeded,
    ServiceError,
    SettingMissing,
    UnknownModel,
)
from omnibind.contracts.media import Image
from omnibind.remote.journal import journal

pytestmark = pytest.mark.usefixtures("home")

JOB = "764cabcf-b745-4b3e-ae38-1200304cf45b"
PICTURE = media("png")
FILES = {
    "png": ("image/png", PICTURE),
    "mp4": ("video/mp4", media("mp4")),
    "mp3": ("audio/mpeg", media("mp3")),
}


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnibind.bindings._shared.fal.Fal.every_s", 0.01)


def queue(
    recorder: Recorder,
    result: Mapping[str, Any] | Answer,
    *looks: Mapping[str, Any],
    app: str = "fal-ai/flux",
) -> Callable[[Request], Answer]:
    """fal's queue: a job that gives each look in turn, for each client anew, then its result."""
    job = f"{recorder.url}/{app}/requests/{JOB}"
    left: list[Mapping[str, Any]] = []

    def script(request: Request) -> Answer:
        if request.method == "POST":
            left[:] = looks or [{"status": "IN_QUEUE", "queue_position": 1}]
            urls = {
                "response_url": job,
                "status_url": f"{job}/status",
                "cancel_url": f"{job}/cancel",
            }
            return as_json({"request_id": JOB, "status": "IN_QUEUE", "queue_position": 1, **urls})
        if request.method == "PUT":
            return as_json({"status": "CANCELLATION_REQUESTED"}, 202)
        if request.path.endswith("/status"):
            look = left.pop(0) if left else {"status": "COMPLETED", "metrics": {}}
            return as_json({"request_id": JOB, **look}, 200 if "metrics" in look else 202)
        if request.path.endswith(JOB):
            return result if isinstance(result, Answer) else as_json(result)
        content_type, content = FILES[request.path.rpartition(".")[2]]
        return as_media(content, content_type)

    return script


def drawn(recorder: Recorder, **facts: Any) -> dict[str, Any]:
    url = f"{recorder.url}/files/a.png?token=abc"
    return {"images": [{"url": url, "width": 1024}], "seed": 42, "prompt": "a red fox", **facts}


def asks(recorder: Recorder, verb: str, *subject: Any, **options: Any) -> Told:
    modality = verb.partition(".")[0]
    spec = named(recorder, "fal", **options.pop("config", {}))
    assert modality in ("tti", "ttv", "ttm")
    return ask(recorder, spec, verb, "a red fox", *subject, verify=False, **options)


ASKED: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "defaults": ({}, "/fal-ai/flux/schnell", {}),
    "all options": (
        {
            "model": "somebody/model.v1/text-to-image",
            "negative_prompt": "rain",
            "width": 512,
            "height": 768,
            "aspect_ratio": "2:3",
            "steps": 4,
            "guidance_scale": 3.5,
            "seed": 0,
            "output_format": "png",
            "extra": {"enable_safety_checker": True},
        },
        "/somebody/model.v1/text-to-image",
        {
            "negative_prompt": "rain",
            "image_size": {"width": 512, "height": 768},
            "aspect_ratio": "2:3",
            "num_inference_steps": 4,
            "guidance_scale": 3.5,
            "seed": 0,
            "output_format": "png",
            "enable_safety_checker": True,
        },
    ),
}


@pytest.mark.parametrize(("options", "path", "sent"), ASKED.values(), ids=ASKED)
def test_own_fake_a_picture_is_drawn_by_the_queue(
    recorder: Recorder, options: dict[str, Any], path: str, sent: dict[str, Any]
) -> None:
    recorder.script = queue(recorder, drawn(recorder), {"status": "IN_PROGRESS", "logs": None})
    told = asks(recorder, "tti.generate_image", **options)
    begun, *rest = told.requests
    job = f"/fal-ai/flux/requests/{JOB}"
    assert (begun.method, begun.path) == ("POST", path)
    assert begun.json() == {"prompt": "a red fox", **sent}
    assert [(one.method, one.path) for one in rest] == [
        *[("GET", f"{job}/status")] * 2,
        ("GET", job),
        ("GET", "/files/a.png"),
    ]
    assert {one.header("authorization") for one in told.requests} == {f"Key {KEY}"}
    meta = told.result.meta
    assert bytes(told.result) == PICTURE
    assert (meta.seed, meta.job_id) == (42, recorder.url + job)
    assert meta.source_url == f"{recorder.url}/files/a.png"
    assert meta.model == path[1:]
    assert meta.cost_usd == (None if options else 0.003)
    assert [one.state for one in journal().jobs()] == ["done", "done"]


def test_own_fake_a_picture_is_changed_by_a_model_that_takes_one(recorder: Recorder) -> None:
    recorder.script = queue(recorder, {"image": {"url": f"{recorder.url}/a.png"}})
    model = "fal-ai/flux/dev/inpainting"
    told = asks(
        *(recorder, "tti.edit_image", PICTURE),
        mask=media("jpeg"),
        strength=0.5,
        model=model,
        seed=1,
    )
    begun = told.requests[0]
    assert begun.path == f"/{model}"
    assert begun.json() == {
        "prompt": "a red fox",
        "image_url": "data:image/png;base64," + base64.b64encode(PICTURE).decode(),
        "mask_url": "data:image/jpeg;base64," + base64.b64encode(media("jpeg")).decode(),
        "strength": 0.5,
        "seed": 1,
    }


FILMED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "defaults": ({}, {}),
    "all options": (
        {
            "model": "somebody/video",
            "image": PICTURE,
            "negative_prompt": "rain",
            "aspect_ratio": "4:3",
            "resolution": "480p",
            "duration_s": 6.0,
            "steps": 30,
            "guidance_scale": 5.0,
            "seed": 1,
            "extra": {"fps": 16},
        },
        {
            "image_url": "data:image/png;base64," + base64.b64encode(PICTURE).decode(),
            "negative_prompt": "rain",
            "aspect_ratio": "4:3",
            "resolution": "480p",
            "duration": 6,
            "num_inference_steps": 30,
            "guidance_scale": 5.0,
            "seed": 1,
            "fps": 16,
        },
    ),
}


@pytest.mark.parametrize(("options", "sent"), FILMED.values(), ids=FILMED)
def test_own_fake_a_video_is_filmed_by_the_queue(
    recorder: Recorder, options: dict[str, Any], sent: dict[str, Any]
) -> None:
    recorder.script = queue(recorder, {"video": {"url": f"{recorder.url}/a.mp4"}})
    told = asks(recorder, "ttv.generate_video", **options)
    assert told.requests[0].json() == {"prompt": "a red fox", **sent}
    assert (b'"duration":6,' in told.requests[0].body) is ("duration" in sent)
    assert (told.result.media_type, told.result.duration_s) == ("video/mp4", 1.0)


@pytest.mark.parametrize("name", ["audio", "audio_file"])
def test_own_fake_music_is_composed_by_the_queue(recorder: Recorder, name: str) -> None:
    recorder.script = queue(recorder, {name: {"url": f"{recorder.url}/a.mp3"}})
    told = asks(
        *(recorder, "ttm.generate_music"),
        config={"model_name": "fal-ai/some-music"},
        negative_prompt="drums",
        lyrics="[verse]",
        duration_s=12.5,
        seed=1,
        extra={"seconds_total": 12},
    )
    assert told.requests[0].path == "/fal-ai/some-music"
    assert told.requests[0].json() == {
        "prompt": "a red fox",
        "negative_prompt": "drums",
        "lyrics": "[verse]",
        "duration": 12.5,
        "seed": 1,
        "seconds_total": 12,
    }
    assert told.result.media_type == "audio/mpeg"


def test_own_fake_music_of_a_named_model_needs_no_more_than_a_prompt(recorder: Recorder) -> None:
    recorder.script = queue(recorder, {"audio": f"{recorder.url}/a.mp3"})
    told = asks(recorder, "ttm.generate_music", model="fal-ai/some-music")
    assert told.requests[0].json() == {"prompt": "a red fox"}
    with Client(ttm=named(recorder, "fal")) as client, pytest.raises(SettingMissing, match="model"):
        client.ttm.generate_music("a red fox")


def test_own_fake_a_picture_inside_the_result_is_read(recorder: Recorder) -> None:
    inside = "data:image/png;base64," + base64.b64encode(PICTURE).decode()
    recorder.script = queue(recorder, {"images": [{"url": inside}]})
    told = asks(recorder, "tti.generate_image")
    assert (bytes(told.result) == PICTURE, told.result.meta.source_url) == (True, None)
    assert told.result.meta.raw == {"images": [{"url": f"{len(inside)} characters"}]}


@pytest.mark.parametrize("name", ["response_url", "status_url", "cancel_url"])
def test_own_fake_the_key_is_shown_to_no_other_host(recorder: Recorder, name: str) -> None:
    with Recorder([as_json({"status": "COMPLETED"})]) as other:
        usual = queue(recorder, drawn(recorder))

        def script(request: Request) -> Answer:
            answer = usual(request)
            assert isinstance(answer.body, bytes)
            if request.method != "POST":
                return answer
            text = answer.body.decode()
            moved = re.sub(f'("{name}": ")[^/]*//[^/]*', rf"\g<1>{other.url}", text)
            assert moved != text
            return answer._replace(body=moved.encode())

        recorder.script = script
        told = pytest.raises(BadReply, match="points to another host")
        with Client(tti=named(recorder, "fal")) as client, told:
            client.tti.generate_image("a red fox")
        assert other.requests == []
    assert len(recorder.requests) == 1
    assert journal().jobs()[0].state == "unknown"


def fal_says(kind: str, words: str, status: int = 422) -> Answer:
    detail = [{"loc": ["body", "prompt"], "msg": words, "type": kind}]
    return as_json({"detail": detail}, status)


@pytest.mark.parametrize(
    ("result", "looks", "error", "words", "state"),
    [
        (fal_says("content_policy_violation", "Not this."), [], ContentRefused, "Not this", None),
        (fal_says("value_error", "Too wide."), [], CallFailed, "prompt: Too wide", "failed"),
        ({"images": []}, [], BadReply, "no images or image", "running"),
        ({"video": {"url": "x"}}, [], BadReply, "of another kind", "running"),
        (
            {"images": [{"url": "http://127.0.0.1:1/a.png"}], "has_nsfw_concepts": [True]},
            [],
            ContentRefused,
            "indecent",
            "failed",
        ),
        (
            {},
            [{"status": "COMPLETED", "error": "Runner gone", "error_type": "runner_disconnected"}],
            CallFailed,
            "Runner gone",
            "failed",
        ),
        (
            {},
            [{"status": "COMPLETED", "error": "No.", "error_type": "content_policy_violation"}],
            ContentRefused,
            "No",
            "failed",
        ),
        ({}, [{"status": "CANCELED"}], CallFailed, "status is CANCELED", "failed"),
    ],
)
def test_own_fake_a_job_that_fails_says_why(
    recorder: Recorder,
    result: Any,
    looks: list[dict[str, Any]],
    error: type[OmnibindError],
    words: str,
    state: str | None,
) -> None:
    recorder.script = queue(recorder, result, *looks)
    told = pytest.raises(error, match=words)
    with Client(tti=named(recorder, "fal")) as client, told as raised:
        client.tti.generate_image("a red fox")
    assert raised.type is error
    assert KEY not in str(raised.value)
    assert journal().jobs()[0].state == (state or "failed")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (
            as_json({"detail": "Cannot access application. Authentication is required"}, 401),
            KeyRefused,
        ),
        (as_json({"detail": "User is locked. Reason: Exhausted balance."}, 403), KeyRefused),
        (as_json({"detail": "Application not found"}, 404), ServiceError),
        (as_json({"detail": "Payment required"}, 402), QuotaExceeded),
        (fal_says("content_policy_violation", "Not this."), ContentRefused),
    ],
)
def test_own_fake_a_job_that_is_not_taken_was_not_begun(
    recorder: Recorder, answer: Answer, error: type[OmnibindError]
) -> None:
    recorder.script = [answer]
    with Client(tti=named(recorder, "fal")) as client, pytest.raises(error) as raised:
        client.tti.generate_image("a red fox")
    assert not getattr(raised.value, "may_be_charged", False)
    assert journal().jobs()[0].state == "failed"


def test_own_fake_a_job_is_called_off_where_the_caller_cancels(recorder: Recorder) -> None:
    looked = threading.Event()
    usual = queue(recorder, drawn(recorder), *[{"status": "IN_PROGRESS"}] * 10_000)

    def script(request: Request) -> Answer:
        if request.path.endswith("/status"):
            looked.set()
        return usual(request)

    async def begin_and_cancel() -> None:
        async with AsyncClient(tti=named(recorder, "fal")) as client:
            drawing = asyncio.ensure_future(client.tti.generate_image("a red fox"))
            assert await asyncio.to_thread(looked.wait, 10)
            drawing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await drawing

    recorder.script = script
    asyncio.run(begin_and_cancel())
    assert recorder.requests[-1].method == "PUT"
    assert recorder.requests[-1].path == f"/fal-ai/flux/requests/{JOB}/cancel"
    assert journal().jobs()[0].state == "cancelled"


def test_own_fake_a_job_is_fetched_by_another_client(recorder: Recorder) -> None:
    broken = queue(recorder, as_json({"detail": "Busy"}, 503))
    recorder.script = broken
    with Client(tti=named(recorder, "fal")) as client, pytest.raises(ServiceError):
        client.tti.generate_image("a red fox")
    job = journal().jobs()[0]
    assert (job.state, job.model) == ("running", "fal-ai/flux/schnell")
    recorder.script = queue(recorder, drawn(recorder))
    recorder.requests.clear()
    with Client(tti=named(recorder, "fal")) as client:
        result = client.jobs.resume(job.number)
    assert isinstance(result, Image)
    assert bytes(result) == PICTURE
    assert [one.method for one in recorder.requests] == ["GET"] * 3
    assert journal().jobs()[0].state == "done"


@pytest.mark.parametrize("model", ["flux", "../x", "fal-ai/../x", "https://a.b/c", "a//b", "a/b?c"])
def test_what_is_no_model_is_refused_before_it_is_sent(recorder: Recorder, model: str) -> None:
    with Client(tti=named(recorder, "fal")) as client, pytest.raises(UnknownModel):
        client.tti.generate_image("a red fox", model=model)
    assert recorder.requests == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 512}, "together"),
        ({"negative_prompt": "rain"}, "has no negative_prompt"),
        ({"aspect_ratio": "1:1"}, "has no aspect_ratio"),
        ({"model": "fal-ai/flux-pro/v1.1-ultra", "width": 512, "height": 512}, "has no width"),
    ],
)
def test_what_a_known_model_lacks_is_refused_before_it_is_sent(
    recorder: Recorder, options: dict[str, Any], words: str
) -> None:
    with Client(tti=named(recorder, "fal")) as client:
        with pytest.raises(BadOption, match=words):
            client.tti.generate_image("a red fox", **options)
        with pytest.raises(BadOption, match=r"flux/schnell of tti/fal has no image"):
            client.tti.edit_image("a red fox", PICTURE)
    assert recorder.requests == []
