"""Runway's binding."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from tests.remote.asking import KEY, ask, named
from tests.remote.judges import Panel
from tests.remote.real_media import media
from tests.remote.recorder import Answer, Recorder, Request, as_json, as_media

from omnibind import Client
from omnibind.calls.call import Call
from omnibind.calls.driver import run
from omnibind.contracts.errors import (
    BadInput,
    BadOption,
    BadReply,
    CallFailed,
    ContentRefused,
    KeyRefused,
    Retired,
    ServiceError,
    UnknownOption,
)
from omnibind.contracts.media import Source, Video
from omnibind.managers.ttv import TTVBindingManager
from omnibind.remote.journal import journal

pytestmark = pytest.mark.usefixtures("home")

TASK = "17f20503-6c24-4c16-946b-35dbbce2af2f"
MADE = "2026-11-20T12:00:00.000Z"
BEGUN = {"id": TASK, "estimatedCost": {"credits": 60}}
PICTURE = media("jpeg")


def task(status: str, **facts: Any) -> dict[str, Any]:
    cost = "cost" if status in ("SUCCEEDED", "FAILED", "CANCELLED") else "estimatedCost"
    return {"id": TASK, "createdAt": MADE, "status": status, cost: {"credits": 60}, **facts}


def filming(recorder: Recorder, *looks: dict[str, Any]) -> Callable[[Request], Answer]:
    """A service that gives each look in turn, for each client anew, and then a video."""
    left: list[dict[str, Any]] = []

    def script(request: Request) -> Answer:
        if request.method == "POST":
            left[:] = looks
            return as_json(BEGUN)
        if request.method == "DELETE":
            return Answer(204)
        if request.path.startswith("/v1/tasks"):
            done = task("SUCCEEDED", output=[f"{recorder.url}/made.mp4?_jwt=abc"])
            return as_json(left.pop(0) if left else done)
        return as_media(media("mp4"), "video/mp4")

    return script


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnibind.bindings._shared.runway.Runway.every_s", 0.01)


def films(recorder: Recorder, **options: Any) -> list[Request]:
    recorder.script = filming(recorder)
    spec = named(recorder, options.pop("choice", "runway"))
    told = ask(recorder, spec, "ttv.generate_video", "a red fox", verify=False, **options)
    assert isinstance(told.result, Video)
    return told.requests


ASKED: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all options from words": {
        "model": "gen4.5",
        "width": 720,
        "height": 1280,
        "duration_s": 8,
        "seed": 4294967295,
        "extra": {"contentModeration": {"publicFigureThreshold": "low"}},
    },
    "all options from a picture": {
        "image": PICTURE,
        "model": "gen4_turbo",
        "aspect_ratio": "4:3",
        "duration_s": 10.0,
        "seed": 0,
    },
    "sound and a last picture": {
        "image": media("png"),
        "last_image": Source.url("https://example.com/last.png"),
        "model": "veo3.1",
        "aspect_ratio": "9:16",
        "duration_s": 4,
        "negative_prompt": "rain",
        "sound": False,
    },
    "a ratio and a resolution": {
        "model": "hailuo3",
        "width": 1280,
        "height": 720,
        "resolution": "2K",
        "duration_s": 5,
    },
    "the model's own size and length": {"model": "seedance2"},
    "a fast model's own length": {"model": "veo3.1_fast"},
}


@pytest.mark.parametrize("options", ASKED.values(), ids=ASKED)
def test_spec_judges_every_request(
    recorder: Recorder, judges: Panel, options: dict[str, Any]
) -> None:
    for request in films(recorder, **options):
        if request.path != "/made.mp4":
            assert judges("runway").judge(request) == []


def test_spec_judges_the_cancelling_of_a_task(recorder: Recorder, judges: Panel) -> None:
    films(recorder)
    recorder.requests.clear()
    with Client(ttv=named(recorder, "runway")) as client:
        client.jobs.cancel(journal().jobs()[0].number)
    assert recorder.only.method == "DELETE"
    assert judges("runway").judge(recorder.only) == []


def test_spec_every_model_of_the_catalogue_is_one_of_the_specification(judges: Panel) -> None:
    paths = judges("runway").specification.document["paths"]
    bodies = [
        paths[path]["post"]["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
        for path in ("/v1/text_to_video", "/v1/image_to_video")
    ]
    known = {one["properties"]["model"]["const"] for body in bodies for one in body}
    assert set(Client(ttv={"binding": "runway", "api_key": KEY}).ttv.list_models()) == known


SIZES = {
    "16:9": ("gen4.5", "1280:720"),
    "1:1": ("gen4.5", "960:960"),
    "21:9": ("gen4.5", "1584:672"),
    "3:4": ("seedance2", "834:1112"),
}


@pytest.mark.parametrize("ratio", SIZES)
def test_own_fake_an_aspect_ratio_chooses_the_size_that_is_nearest(
    recorder: Recorder, ratio: str
) -> None:
    model, size = SIZES[ratio]
    sent = films(recorder, aspect_ratio=ratio, model=model, image=PICTURE)
    assert sent[0].json()["ratio"] == size


def test_own_fake_a_configured_size_is_sent_where_a_call_gives_none(recorder: Recorder) -> None:
    recorder.script = filming(recorder)
    spec = named(recorder, "runway", default_size="720x1280")
    told = ask(recorder, spec, "ttv.generate_video", "a fox", verify=False)
    assert told.requests[0].json()["ratio"] == "720:1280"
    told = ask(recorder, spec, "ttv.generate_video", "a fox", verify=False, aspect_ratio="16:9")
    assert told.requests[0].json()["ratio"] == "1280:720"


def test_own_fake_a_picture_goes_whole_and_an_address_as_it_is(recorder: Recorder) -> None:
    sent = films(recorder, image=PICTURE)[0]
    head, _, text = sent.json()["promptImage"].partition(",")
    same = base64.b64decode(text) == PICTURE
    assert (sent.path, head, same) == ("/v1/image_to_video", "data:image/jpeg;base64", True)
    url = "https://example.com/fox.png?size=1"
    assert films(recorder, image=Source.url(url))[0].json()["promptImage"] == url


WRONG: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "too long": (BadOption, "choose one of 2, 3", {"duration_s": 11}),
    "a size of a picture alone": (BadOption, "1280x720, 720x1280", {"width": 960, "height": 960}),
    "a strange ratio": (BadOption, "doesn't fit", {"aspect_ratio": "5:1"}),
    "no ratio": (BadOption, "doesn't fit", {"aspect_ratio": "wide"}),
    "half a size": (BadOption, "together", {"width": 1280}),
    "two sizes": (BadOption, "not both", {"width": 1280, "height": 720, "aspect_ratio": "16:9"}),
    "no negative prompt": (BadOption, "has no negative_prompt", {"negative_prompt": "rain"}),
    "no seed": (BadOption, "has no seed", {"model": "veo3.1", "seed": 1}),
    "no picture": (BadOption, "give image", {"model": "gen4_turbo"}),
    "a last one alone": (BadOption, "give image", {"model": "veo3.1", "last_image": PICTURE}),
    "no last one": (BadOption, "no last_image", {"image": PICTURE, "last_image": PICTURE}),
    "too large": (BadInput, "at most 3.9 MB", {"image": media("png", 4_000_000)}),
    "a vendor's word": (UnknownOption, "duration_s", {"duration": 5}),
    "no such option": (UnknownOption, "unknown", {"loop": True}),
}


@pytest.mark.parametrize("case", WRONG)
def test_own_fake_what_does_not_fit_is_refused_before_it_is_sent(
    recorder: Recorder, case: str
) -> None:
    error, told, options = WRONG[case]
    with (
        Client(ttv=named(recorder, "runway")) as client,
        pytest.raises(error, match=told),
    ):
        client.ttv.generate_video("a red fox", **options)
    assert recorder.requests == []
    assert journal().jobs() == []


def test_own_fake_an_unknown_model_passes_through_with_what_was_given(recorder: Recorder) -> None:
    sent = films(recorder, model="gen9", aspect_ratio="16:9", duration_s=2.5, seed=1)[0]
    body = sent.json()
    assert body.pop("promptText") == "a red fox"
    assert body == {"model": "gen9", "ratio": "16:9", "duration": 2.5, "seed": 1}


def test_own_fake_a_task_is_looked_at_until_it_is_done(recorder: Recorder) -> None:
    looks = (task("PENDING"), task("THROTTLED"), task("RUNNING", progress=0.5))
    recorder.script = filming(recorder, *looks)
    steps: list[tuple[float | None, str | None]] = []
    with Client(ttv=named(recorder, "runway")) as client:
        video = client.ttv.generate_video(
            "a red fox",
            verify=False,
            on_progress=lambda event: steps.append((event.progress.fraction, event.progress.step)),
        )
    told = [(None, "pending"), (None, "throttled"), (0.5, "running")]
    assert steps == told
    assert video.meta.job_id == TASK
    assert (video.meta.cost_usd, video.meta.cost_basis) == (0.6, "reported")
    assert (video.meta.model, video.meta.binding) == ("gen4.5", "ttv/runway")
    assert video.meta.source_url == f"{recorder.url}/made.mp4"
    assert "_jwt" not in repr(video.meta)
    assert [request.method for request in recorder.requests] == ["POST"] + ["GET"] * 5


FAILED: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "moderation": (
        ContentRefused,
        "SAFETY.INPUT.TEXT",
        task("FAILED", failure="Content moderated.", failureCode="SAFETY.INPUT.TEXT"),
    ),
    "a failure": (
        CallFailed,
        "INTERNAL.BAD_OUTPUT",
        task("FAILED", failure="It went wrong.", failureCode="INTERNAL.BAD_OUTPUT.CODE01"),
    ),
    "without a code": (CallFailed, "It went wrong", task("FAILED", failure="It went wrong.")),
    "called off": (CallFailed, "called off", task("CANCELLED")),
}


@pytest.mark.parametrize("case", FAILED)
def test_own_fake_a_task_that_fails_is_told_and_not_submitted_again(
    recorder: Recorder, case: str
) -> None:
    error, told, look = FAILED[case]
    recorder.script = filming(recorder, look)
    with Client(ttv=named(recorder, "runway")) as client, pytest.raises(error, match=told):
        client.ttv.generate_video("a red fox")
    assert [request.method for request in recorder.requests] == ["POST", "GET"]
    assert journal().jobs()[0].state == "failed"


def test_own_fake_a_refused_request_tells_the_fields_that_are_wrong(recorder: Recorder) -> None:
    issue = {"code": "too_big", "path": ["duration"], "message": "Too big: expected <=10"}
    body = {"error": "Validation of body failed", "issues": [issue], "docUrl": "https://x"}
    recorder.script = [as_json(body, 400)]
    with (
        Client(ttv=named(recorder, "runway")) as client,
        pytest.raises(ServiceError, match=r"Validation of body failed.*duration: Too big"),
    ):
        client.ttv.generate_video("a red fox")
    assert len(recorder.requests) == 1
    assert journal().jobs()[0].state == "failed"


def test_own_fake_a_wrong_key_is_told_without_the_key(recorder: Recorder) -> None:
    recorder.script = [as_json({"error": f"Unauthorized: {KEY}"}, 401)]
    with (
        Client(ttv=named(recorder, "runway")) as client,
        pytest.raises(KeyRefused, match=r"\*\*\*.*keys test"),
    ):
        client.ttv.generate_video("a red fox")
    assert recorder.only.header("authorization") == f"Bearer {KEY}"


def test_own_fake_a_task_without_output_is_no_video(recorder: Recorder) -> None:
    recorder.script = filming(recorder, task("SUCCEEDED", output=[]))
    with Client(ttv=named(recorder, "runway")) as client, pytest.raises(BadReply, match="output"):
        client.ttv.generate_video("a red fox")
    assert sum(request.method == "POST" for request in recorder.requests) == 1


def test_own_fake_the_second_name_of_the_key_is_looked_at_too(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNWAYML_API_SECRET", raising=False)
    monkeypatch.setenv("RUNWAY_API_KEY", "key-of-runway")
    monkeypatch.setenv("RUNWAYML_BASE_URL", recorder.url)
    recorder.script = filming(recorder)
    with Client(ttv="runway") as client:
        client.ttv.generate_video("a red fox", verify=False)
    sent = {request.header("authorization") for request in recorder.requests}
    assert sent == {"Bearer key-of-runway"}


SDK: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "text_to_video": (
        {"width": 1280, "height": 720, "duration_s": 4, "sound": False, "model": "veo3.1"},
        {"ratio": "1280:720", "duration": 4, "audio": False, "model": "veo3.1"},
    ),
    "image_to_video": (
        {"image": PICTURE, "duration_s": 5, "seed": 7, "model": "gen4_turbo"},
        {
            "prompt_image": f"data:image/jpeg;base64,{base64.b64encode(PICTURE).decode()}",
            "ratio": "1280:720",
            "duration": 5,
            "seed": 7,
            "model": "gen4_turbo",
        },
    ),
}


@pytest.mark.parametrize("resource", SDK)
def test_sdk_sends_the_same(recorder: Recorder, resource: str) -> None:
    runwayml = pytest.importorskip("runwayml", reason="doesn't apply: pip install runwayml")
    ours, theirs = SDK[resource]
    mine, look, _ = films(recorder, **ours)
    recorder.requests.clear()
    with runwayml.RunwayML(api_key=KEY, base_url=recorder.url) as sdk:
        getattr(sdk, resource).create(prompt_text="a red fox", **theirs)
        sdk.tasks.retrieve(TASK)
        sdk.tasks.delete(TASK)
        sdk.organization.retrieve()
    for own, other in zip((mine, look), recorder.requests, strict=False):
        assert (own.method, own.target) == (other.method, other.target)
        for name in ("authorization", "x-runway-version"):
            assert own.header(name) == other.header(name)
    same = mine.json() == recorder.requests[0].json()
    assert same
    assert isinstance(mine.json()["duration"], int)
    assert recorder.requests[2].target == look.target
    spec = {"api_key": KEY, "base_url": recorder.url}
    run(TTVBindingManager().create_binding("runway", **spec).test_flow(), Call())  # type: ignore[attr-defined]
    assert recorder.requests[4].target == recorder.requests[3].target


def test_a_retired_service_names_what_to_use_instead() -> None:
    with pytest.raises(Retired, match="2026-09-24; use ttv/runway"):
        Client(ttv="openai").ttv.generate_video("a red fox")
