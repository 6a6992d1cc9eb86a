"""Pika's binding, which is reached through fal; a third party's specification judges it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.remote.asking import KEY, Told, ask, named
from tests.remote.judges import Panel
from tests.remote.real_media import media
from tests.remote.recorder import Answer, Recorder, Request, as_json, as_media

from omnibind import Client
from omnibind.contracts.errors import BadOption, CallFailed, KeyMissing
from omnibind.contracts.media import Video
from omnibind.remote.journal import journal

pytestmark = pytest.mark.usefixtures("home")

JOB = "764cabcf-b745-4b3e-ae38-1200304cf45b"


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnibind.bindings._shared.fal.Fal.every_s", 0.01)


def films(recorder: Recorder, **options: Any) -> Told:
    recorder.script = filming(recorder)
    spec = named(recorder, "pika")
    return ask(recorder, spec, "ttv.generate_video", "a red fox", verify=False, **options)


def filming(recorder: Recorder) -> Callable[[Request], Answer]:
    """A queue whose jobs lie where the specification has them, each done at the second look."""
    looks: list[str] = []

    def script(request: Request) -> Answer:
        job = f"{recorder.url}{request.path}/requests/{JOB}"
        if request.method == "POST":
            looks[:] = ["IN_QUEUE", "IN_PROGRESS", "COMPLETED"]
            urls = {
                "response_url": job,
                "status_url": f"{job}/status",
                "cancel_url": f"{job}/cancel",
            }
            return as_json({"status": looks.pop(0), "request_id": JOB, **urls})
        if request.method == "PUT":
            return as_json({"success": True})
        if request.path.endswith("/status"):
            return as_json({"status": looks.pop(0), "request_id": JOB})
        if request.path.endswith(JOB):
            return as_json({"video": {"url": f"{recorder.url}/a.mp4", "file_size": 1}})
        return as_media(media("mp4"), "video/mp4")

    return script


EVERY = {"negative_prompt": "rain", "resolution": "1080p", "duration_s": 10, "seed": 4294967295}
ASKED: dict[str, tuple[dict[str, Any], str, float]] = {
    "words, defaults": ({}, "text-to-video", 0.2),
    "words, all options": ({"aspect_ratio": "4:5", **EVERY}, "text-to-video", 0.9),
    "a picture, defaults": ({"image": media("png")}, "image-to-video", 0.2),
    "a picture, all options": ({"image": media("jpeg"), **EVERY}, "image-to-video", 0.9),
}


@pytest.mark.parametrize(("options", "kind", "usd"), ASKED.values(), ids=ASKED)
def test_spec_thirdparty_judges_every_request(
    recorder: Recorder, judges: Panel, options: dict[str, Any], kind: str, usd: float
) -> None:
    told = films(recorder, **options)
    begun, *looks, done, video = told.requests
    route = f"/fal-ai/pika/v2.2/{kind}"
    assert begun.path == route
    assert [look.path for look in looks] == [f"{route}/requests/{JOB}/status"] * 2
    for request in (begun, *looks, done):
        assert judges(f"pika-fal-{kind}-thirdparty").judge(request) == []
        assert request.header("authorization") == f"Key {KEY}"
    assert video.path == "/a.mp4"
    assert isinstance(told.result, Video)
    assert (told.result.duration_s, told.result.width) == (1.0, 320)
    meta = told.result.meta
    assert meta.model == "fal-ai/pika/v2.2"
    assert meta.cost_usd == pytest.approx(usd)
    assert meta.cost_basis == "estimated"


def test_spec_thirdparty_judges_the_cancelling_of_a_job(recorder: Recorder, judges: Panel) -> None:
    films(recorder)
    recorder.requests.clear()
    with Client(ttv=named(recorder, "pika")) as client:
        client.jobs.cancel(journal().jobs()[0].number)
    assert recorder.only.method == "PUT"
    assert judges("pika-fal-text-to-video-thirdparty").judge(recorder.only) == []


def test_own_fake_what_is_sent_is_the_services_own(recorder: Recorder) -> None:
    told = films(recorder, aspect_ratio="4:5", extra={"priority": "low"}, **EVERY)
    assert told.requests[0].json() == {
        "prompt": "a red fox",
        "negative_prompt": "rain",
        "aspect_ratio": "4:5",
        "resolution": "1080p",
        "duration": 10,
        "seed": 4294967295,
        "priority": "low",
    }
    assert films(recorder).requests[0].body == b'{"prompt":"a red fox","duration":5}'


def test_own_fake_a_job_that_fails_says_why(recorder: Recorder) -> None:
    usual = filming(recorder)

    def script(request: Request) -> Answer:
        if request.path.endswith("/status"):
            return as_json({"status": "COMPLETED", "request_id": JOB, "error": "Out of order"})
        return usual(request)

    recorder.script = script
    with Client(ttv=named(recorder, "pika")) as client, pytest.raises(CallFailed, match="Out of"):
        client.ttv.generate_video("a red fox")
    assert journal().jobs()[0].state == "failed"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"duration_s": 7}, "choose one of 5, 10"),
        ({"duration_s": 11}, "above 10"),
        ({"aspect_ratio": "21:9"}, "choose one of 16:9, 9:16"),
        ({"aspect_ratio": "1:1", "image": media("png")}, "keeps the picture's aspect_ratio"),
        ({"resolution": "4k"}, "'720p', '1080p'"),
    ],
)
def test_what_does_not_fit_is_refused_before_it_is_sent(
    recorder: Recorder, options: dict[str, Any], words: str
) -> None:
    with Client(ttv=named(recorder, "pika")) as client, pytest.raises(BadOption, match=words):
        client.ttv.generate_video("a red fox", **options)
    assert recorder.requests == []


def test_its_key_is_the_one_of_fal(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = named(recorder, "pika", api_key=None)
    monkeypatch.delenv("FAL_KEY", raising=False)
    with Client(ttv=spec) as client, pytest.raises(KeyMissing, match="omnibind keys set FAL_KEY"):
        client.ttv.generate_video("a red fox")
    monkeypatch.setenv("FAL_KEY", KEY)
    recorder.script = filming(recorder)
    with Client(ttv=spec) as client:
        client.ttv.generate_video("a red fox", verify=False)
    assert recorder.requests[0].header("authorization") == f"Key {KEY}"
