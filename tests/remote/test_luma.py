"""Luma's binding, for both of its services."""

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
    NotSupported,
    UnknownOption,
)
from omnibind.contracts.media import Source
from omnibind.managers.ttv import TTVBindingManager
from omnibind.remote.journal import journal

pytestmark = pytest.mark.usefixtures("home")

DREAM_MACHINE = "/dream-machine/v1"
AGENTS = "/v1"
OLD = "https://api.lumalabs.ai/dream-machine/v1"
MADE = "123e4567-e89b-42d3-a456-426614174000"
FIRST, LAST = "https://example.com/first.jpg", "https://example.com/last.jpg"
DONE = {"id": MADE, "state": "completed"}
PICTURE = media("jpeg")


def filming(recorder: Recorder, *looks: dict[str, Any]) -> Callable[[Request], Answer]:
    """Either service: gives each look in turn, for each client anew, and then a video."""
    left: list[dict[str, Any]] = []

    def script(request: Request) -> Answer:
        url = f"{recorder.url}/made.mp4?signature=abc"
        if request.method == "POST":
            left[:] = looks
            return as_json({"id": MADE, "state": "queued"}, 201)
        if request.method == "DELETE":
            return Answer(204)
        if request.path.startswith(DREAM_MACHINE):
            assets = {"assets": {"video": url}, "model": "ray-2"}
            return as_json(left.pop(0) if left else {**DONE, **assets})
        if request.path.startswith(AGENTS):
            output = [{"type": "video", "url": url}]
            made = {"output": output, "model": "ray-3.2"}
            return as_json(left.pop(0) if left else {**DONE, **made})
        return as_media(media("mp4"), "video/mp4")

    return script


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnibind.bindings._shared.luma.Luma.every_s", 0.01)


def films(recorder: Recorder, path: str, choice: str = "luma", **options: Any) -> list[Request]:
    recorder.script = filming(recorder)
    spec = named(recorder, choice, path)
    return ask(recorder, spec, "ttv.generate_video", "a red fox", verify=False, **options).requests


ASKED: dict[str, dict[str, Any]] = {
    "defaults": {},
    "all options": {
        "image": Source.url(FIRST),
        "last_image": Source.url(LAST),
        "model": "ray-flash-2",
        "aspect_ratio": "9:21",
        "resolution": "4k",
        "duration_s": 9,
        "loop": False,
        "concepts": ["dolly_zoom", "pan_left"],
        "extra": {"callback_url": "https://example.com/told"},
    },
    "a size": {"width": 1280, "height": 720, "loop": True},
}


@pytest.mark.parametrize("options", ASKED.values(), ids=ASKED)
def test_spec_judges_every_request(
    recorder: Recorder, judges: Panel, options: dict[str, Any]
) -> None:
    for request in films(recorder, DREAM_MACHINE, **options):
        if request.path != "/made.mp4":
            assert judges("luma").judge(request) == []


def test_spec_judges_the_removing_of_a_generation(recorder: Recorder, judges: Panel) -> None:
    films(recorder, DREAM_MACHINE)
    recorder.requests.clear()
    with Client(ttv=named(recorder, "luma", DREAM_MACHINE)) as client:
        client.jobs.cancel(journal().jobs()[0].number)
    assert recorder.only.method == "DELETE"
    assert judges("luma").judge(recorder.only) == []


def test_spec_the_catalogue_has_the_models_and_ratios_of_the_specification(judges: Panel) -> None:
    schemas = judges("luma").specification.document["components"]["schemas"]
    models = TTVBindingManager().create_binding("luma", api_key=KEY)._models  # type: ignore[attr-defined]
    theirs = {name for name, one in models.items() if one.limits["service"] == "dream-machine"}
    assert theirs == set(schemas["VideoModel"]["enum"])
    for name in theirs:
        assert set(models[name].aspect_ratios) == set(schemas["AspectRatio"]["enum"])


def test_spec_judges_the_list_of_concepts(recorder: Recorder, judges: Panel) -> None:
    recorder.script = [as_json(["pan_left", "dolly_zoom"])]
    binding: Any = TTVBindingManager().create_binding(
        "luma", api_key=KEY, base_url=recorder.url + DREAM_MACHINE
    )
    assert binding.list_concepts() == ["dolly_zoom", "pan_left"]
    assert judges("luma").judge(recorder.only) == []
    recorder.script = [as_json({"concepts": []})]
    with pytest.raises(BadReply, match="isn't a list"):
        run(binding.list_concepts_flow(), Call())


def test_spec_judges_what_tests_a_key(recorder: Recorder, judges: Panel) -> None:
    recorder.script = [as_json({"credit_balance": 1})]
    for path in (DREAM_MACHINE, AGENTS):
        binding: Any = TTVBindingManager().create_binding(
            "luma", api_key=KEY, base_url=recorder.url + path
        )
        run(binding.test_flow(), Call())
    old, new = recorder.requests
    assert judges("luma").judge(old) == []
    assert (new.method, new.path) == ("GET", "/v1/files")


def test_own_fake_the_request_says_all_that_was_given(recorder: Recorder) -> None:
    body = films(recorder, DREAM_MACHINE, **ASKED["all options"])[0].json()
    assert body == {
        "prompt": "a red fox",
        "model": "ray-flash-2",
        "aspect_ratio": "9:21",
        "resolution": "4k",
        "duration": "9s",
        "loop": False,
        "keyframes": {
            "frame0": {"type": "image", "url": FIRST},
            "frame1": {"type": "image", "url": LAST},
        },
        "concepts": [{"key": "dolly_zoom"}, {"key": "pan_left"}],
        "callback_url": "https://example.com/told",
    }
    assert films(recorder, DREAM_MACHINE)[0].json() == {"prompt": "a red fox", "model": "ray-2"}


def test_own_fake_agents_are_asked_in_their_own_words(recorder: Recorder) -> None:
    begin, look, _ = films(
        recorder,
        AGENTS,
        "luma/ray-3.2",
        image=PICTURE,
        last_image=Source.url(LAST),
        aspect_ratio="3:2",
        resolution="360p",
        duration_s=10,
        loop=True,
        extra={"user_id": "u1"},
    )
    assert (begin.method, begin.path) == ("POST", "/v1/generations")
    assert (look.method, look.path) == ("GET", f"/v1/generations/{MADE}")
    body = begin.json()
    start = body["video"].pop("start_frame")
    same = base64.b64decode(start["data"]) == PICTURE
    assert (start["media_type"], same) == ("image/jpeg", True)
    assert body == {
        "prompt": "a red fox",
        "model": "ray-3.2",
        "type": "video",
        "aspect_ratio": "3:2",
        "video": {
            "resolution": "360p",
            "duration": "10s",
            "loop": True,
            "end_frame": {"url": LAST},
        },
        "user_id": "u1",
    }
    plain = films(recorder, AGENTS, "luma/ray-3.2")[0].json()
    assert plain == {"prompt": "a red fox", "model": "ray-3.2", "type": "video"}


def test_own_fake_each_service_gets_its_own_key(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LUMA_API_KEY", "key-of-the-dream-machine")
    monkeypatch.setenv("LUMA_AGENTS_API_KEY", "key-of-agents")
    recorder.script = filming(recorder)
    for path, choice in ((DREAM_MACHINE, "luma"), (AGENTS, "luma/ray-3.2")):
        with Client(ttv=named(recorder, choice, path, api_key=None)) as client:
            client.ttv.generate_video("a red fox", verify=False)
    keys = [request.header("authorization") for request in recorder.requests]
    assert keys == ["Bearer key-of-the-dream-machine"] * 3 + ["Bearer key-of-agents"] * 3


def test_own_fake_the_configured_model_says_which_service_it_is() -> None:
    make = TTVBindingManager().create_binding
    old: Any = make("luma", api_key=KEY)
    new: Any = make("luma", api_key=KEY, model_name="ray-3.2")
    assert (old.base_url, old.service) == (OLD, "dream-machine")
    assert (new.base_url, new.service) == ("https://agents.lumalabs.ai/v1", "agents")


WRONG: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "a picture that isn't on the web": (BadInput, r"Source\.url", {"image": PICTURE}),
    "a last one that isn't": (BadInput, r"Source\.url", {"last_image": "fox.png"}),
    "too long": (BadOption, "choose one of 5, 9", {"duration_s": 10}),
    "a ratio": (BadOption, "16:9, 9:16", {"aspect_ratio": "2:1"}),
    "a size": (BadOption, "draws only", {"width": 100, "height": 50}),
    "a resolution": (BadOption, "540p, 720p", {"resolution": "360p"}),
    "the other service's model": (BadOption, "agents", {"model": "ray-3.2"}),
    "no seed": (UnknownOption, "unknown", {"seed": 1}),
}


@pytest.mark.parametrize("case", WRONG)
def test_own_fake_what_does_not_fit_is_refused_before_it_is_sent(
    recorder: Recorder, case: str
) -> None:
    error, told, options = WRONG[case]
    with (
        Client(ttv=named(recorder, "luma", DREAM_MACHINE)) as client,
        pytest.raises(error, match=told),
    ):
        client.ttv.generate_video("a red fox", **options)
    assert recorder.requests == []
    assert journal().jobs() == []


def test_own_fake_agents_know_no_concepts(recorder: Recorder) -> None:
    with (
        Client(ttv=named(recorder, "luma/ray-3.2", AGENTS)) as client,
        pytest.raises(BadOption, match="no concepts"),
    ):
        client.ttv.generate_video("a red fox", concepts=["pan_left"])
    assert recorder.requests == []


def test_own_fake_a_generation_is_looked_at_until_it_is_done(recorder: Recorder) -> None:
    looks = ({"id": MADE, "state": "queued"}, {"id": MADE, "state": "dreaming"})
    recorder.script = filming(recorder, *looks)
    steps: list[str | None] = []
    with Client(ttv=named(recorder, "luma", DREAM_MACHINE)) as client:
        video = client.ttv.generate_video(
            "a red fox",
            duration_s=5,
            verify=False,
            on_progress=lambda event: steps.append(event.progress.step),
        )
    assert steps == ["queued", "dreaming"]
    assert (video.meta.job_id, video.meta.model) == (MADE, "ray-2")
    assert (video.meta.cost_usd, video.meta.cost_basis) == (1.5, "estimated")
    assert video.meta.source_url == f"{recorder.url}/made.mp4"
    assert "signature" not in repr(video.meta)


REFUSED = {"failure_reason": "The prompt was declined.", "failure_code": "content_moderated"}
FAILED: dict[str, tuple[str, str, type[Exception], dict[str, Any]]] = {
    "moderation": (
        "luma",
        DREAM_MACHINE,
        ContentRefused,
        {"state": "failed", "failure_reason": "400: prompt not allowed: advanced moderation"},
    ),
    "a failure": (
        "luma",
        DREAM_MACHINE,
        CallFailed,
        {"state": "failed", "failure_reason": "Job ran out of time"},
    ),
    "agents' moderation": ("luma/ray-3.2", AGENTS, ContentRefused, {"state": "failed", **REFUSED}),
    "agents' failure": (
        "luma/ray-3.2",
        AGENTS,
        CallFailed,
        {"state": "failed", "failure_code": "budget_exhausted", "failure_reason": None},
    ),
}


@pytest.mark.parametrize("case", FAILED)
def test_own_fake_a_generation_that_fails_is_told_and_not_submitted_again(
    recorder: Recorder, case: str
) -> None:
    choice, path, error, look = FAILED[case]
    recorder.script = filming(recorder, look)
    told = look.get("failure_code") or str(look["failure_reason"])
    with Client(ttv=named(recorder, choice, path)) as client:
        with pytest.raises(error) as raised:
            client.ttv.generate_video("a red fox")
        assert type(raised.value) is error
        assert told in str(raised.value)
    assert [request.method for request in recorder.requests] == ["POST", "GET"]
    assert journal().jobs()[0].state == "failed"


def test_own_fake_a_generation_without_a_video_is_an_error(recorder: Recorder) -> None:
    recorder.script = filming(recorder, {"state": "completed", "assets": {"image": "https://x/y"}})
    with (
        Client(ttv=named(recorder, "luma", DREAM_MACHINE)) as client,
        pytest.raises(BadReply, match="without a video"),
    ):
        client.ttv.generate_video("a red fox")
    assert sum(request.method == "POST" for request in recorder.requests) == 1


def test_own_fake_a_wrong_key_is_told_without_the_key(recorder: Recorder) -> None:
    recorder.script = [as_json({"detail": f"Invalid API key is provided: {KEY}"}, 403)]
    with (
        Client(ttv=named(recorder, "luma", DREAM_MACHINE)) as client,
        pytest.raises(KeyRefused, match=r"Invalid API key is provided: \*\*\*"),
    ):
        client.ttv.generate_video("a red fox")
    assert len(recorder.requests) == 1


def test_own_fake_agents_have_no_way_to_call_a_generation_off(recorder: Recorder) -> None:
    films(recorder, AGENTS, "luma/ray-3.2")
    with (
        Client(ttv=named(recorder, "luma/ray-3.2", AGENTS)) as client,
        pytest.raises(NotSupported, match="no way to call"),
    ):
        client.jobs.cancel(journal().jobs()[0].number)


def test_sdk_sends_the_same(recorder: Recorder) -> None:
    lumaai = pytest.importorskip("lumaai", reason="doesn't apply: pip install lumaai")
    ours = films(recorder, DREAM_MACHINE, **ASKED["all options"])
    recorder.requests.clear()
    with lumaai.LumaAI(auth_token=KEY, base_url=recorder.url + DREAM_MACHINE) as sdk:
        sdk.generations.video.create(
            prompt="a red fox",
            model="ray-flash-2",
            aspect_ratio="9:21",
            resolution="4k",
            duration="9s",
            loop=False,
            concepts=[{"key": "dolly_zoom"}, {"key": "pan_left"}],
            keyframes={
                "frame0": {"type": "image", "url": FIRST},
                "frame1": {"type": "image", "url": LAST},
            },
            callback_url="https://example.com/told",
        )
        sdk.generations.get(MADE)
    for own, other in zip(ours[:2], recorder.requests, strict=True):
        assert (own.method, own.target) == (other.method, other.target)
        assert own.header("authorization") == other.header("authorization")
    assert ours[0].json() == recorder.requests[0].json()


def test_own_fake_both_clients_list_concepts(recorder: Recorder) -> None:
    recorder.script = [as_json(["pan_left", "dolly_zoom"])]
    told = ask(recorder, named(recorder, "luma", DREAM_MACHINE), "ttv.list_concepts")
    assert told.result == ["dolly_zoom", "pan_left"]
    with Client(ttv="mock") as client:
        assert client.ttv.list_concepts() == []
