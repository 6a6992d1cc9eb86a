"""Midjourney's binding, by a proxy of the user's own; no specification judges it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.remote.asking import KEY, ask, named
from tests.remote.real_media import media
from tests.remote.recorder import Answer, Recorder, Request, as_json, as_media

import omnibind
from omnibind import Client
from omnibind.calls import retry
from omnibind.contracts.errors import (
    BadReply,
    CallFailed,
    ContentRefused,
    KeyRefused,
    OmnibindError,
    RateLimited,
    ServiceError,
    SettingMissing,
    UnknownOption,
)
from omnibind.remote.journal import journal

pytestmark = pytest.mark.usefixtures("home")

TERMS = "You may not use automated tools to access, interact with, or generate Assets"
TASK = "8498455807619990"
PICTURE = media("png")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = "omnibind.bindings.tti.midjourney.binding.MidjourneyTTI"
    monkeypatch.setattr(f"{drawing}.every_s", 0.01)
    monkeypatch.setattr(retry, "REMOTE", retry.REMOTE._replace(attempts=1))
    for name in ("MIDJOURNEY_PROXY_URL", "MIDJOURNEY_PROXY_SECRET"):
        monkeypatch.delenv(name, raising=False)


def proxy(recorder: Recorder, begun: dict[str, Any], *looks: Any) -> Callable[[Request], Answer]:
    """A proxy that gives each look in turn, for each client anew, then a picture."""
    left: list[Any] = []

    def script(request: Request) -> Answer:
        if request.method == "POST":
            left[:] = looks
            return as_json(begun)
        if request.path.startswith("/mj/task/"):
            url = f"{recorder.url}/a.png?ex=1&hm=2"
            done = {"id": TASK, "status": "SUCCESS", "progress": "100%", "imageUrl": url}
            return as_json(left.pop(0) if left else done)
        return as_media(PICTURE, "image/png")

    return script


BEGUN = {"code": 1, "description": "submitted", "result": TASK}

ASKED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "defaults": ({}, {"prompt": "a red fox"}),
    "all options": (
        {
            "negative_prompt": "rain",
            "aspect_ratio": "16:9",
            "seed": 0,
            "image": PICTURE,
            "extra": {"state": "mine"},
        },
        {
            "prompt": "a red fox --ar 16:9 --no rain --seed 0",
            "base64Array": ["data:image/png;base64," + base64.b64encode(PICTURE).decode()],
            "state": "mine",
        },
    ),
}


@pytest.mark.parametrize(("options", "sent"), ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("code", [1, 21, 22])
def test_own_fake_a_picture_is_drawn_by_the_proxy(
    recorder: Recorder, options: dict[str, Any], sent: dict[str, Any], code: int
) -> None:
    looks = [
        {"id": TASK, "status": "NOT_START", "progress": ""},
        {"id": TASK, "status": "IN_PROGRESS", "progress": "31%", "imageUrl": "http://x/half.png"},
    ]
    recorder.script = proxy(recorder, {**BEGUN, "code": code}, *looks)
    spec = named(recorder, "midjourney")
    told = ask(recorder, spec, "tti.generate_image", "a red fox", verify=False, **options)
    assert [(one.method, one.path) for one in told.requests] == [
        ("POST", "/mj/submit/imagine"),
        *[("GET", f"/mj/task/{TASK}/fetch")] * 3,
        ("GET", "/a.png"),
    ]
    assert told.requests[0].json() == sent
    assert {one.header("mj-api-secret") for one in told.requests} == {KEY}
    meta = told.result.meta
    assert bytes(told.result) == PICTURE
    assert (meta.job_id, meta.source_url) == (TASK, f"{recorder.url}/a.png")
    assert (meta.cost_usd, meta.raw["status"]) == (None, "SUCCESS")
    assert [job.state for job in journal().jobs()] == ["done", "done"]


def test_own_fake_progress_is_told(recorder: Recorder) -> None:
    looks = [{"status": "IN_PROGRESS", "progress": told} for told in ("31%", "odd", "250%")]
    recorder.script = proxy(recorder, BEGUN, *looks)
    seen: list[float | None] = []
    with Client(tti=named(recorder, "midjourney")) as client:
        client.tti.generate_image(
            "a red fox", on_progress=lambda event: seen.append(event.progress.fraction)
        )
    assert [one for one in seen if one is not None][:2] == [0.31, 1.0]


def test_it_is_off_until_a_proxy_is_named_and_shows_the_terms(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(tti="midjourney")
    assert not client.tti
    assert client.tti.state == "needs-setting"
    with pytest.raises(SettingMissing, match=TERMS):
        client.tti.generate_image("a red fox")
    monkeypatch.setenv("MIDJOURNEY_PROXY_URL", recorder.url)
    assert Client(tti="midjourney").tti.state == "ready"


def test_the_terms_stand_in_the_folder() -> None:
    folder = Path(omnibind.__file__).parents[2] / "bindings" / "tti" / "midjourney"
    assert TERMS in (folder / "README.md").read_text()


def test_own_fake_address_and_secret_come_from_the_environment(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIDJOURNEY_PROXY_URL", recorder.url)
    recorder.script = proxy(recorder, BEGUN)
    with Client(tti="midjourney") as client:
        client.tti.generate_image("a red fox", verify=False)
        assert {one.header("mj-api-secret") for one in recorder.requests} == {None}
    monkeypatch.setenv("MIDJOURNEY_PROXY_SECRET", KEY)
    recorder.requests.clear()
    with Client(tti="midjourney") as client:
        client.tti.generate_image("a red fox", verify=False)
    assert {one.header("mj-api-secret") for one in recorder.requests} == {KEY}


@pytest.mark.parametrize(
    ("begun", "error", "words"),
    [
        ({"code": 23, "description": "queue full"}, RateLimited, "queue full"),
        (
            {"code": 24, "description": "banned", "properties": {"bannedWord": "gore"}},
            ContentRefused,
            r"\(gore\)",
        ),
        ({"code": 4, "description": f"no prompt by {KEY}"}, ServiceError, "no prompt by \\*\\*\\*"),
        ({"code": 9, "description": "broken"}, ServiceError, "the proxy says 9: broken"),
        ({"code": 1, "description": "submitted"}, BadReply, "result"),
        ({"status": 404}, BadReply, "code"),
    ],
)
def test_own_fake_what_the_proxy_declines_is_an_error(
    recorder: Recorder,
    begun: dict[str, Any],
    error: type[OmnibindError],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MIDJOURNEY_PROXY_SECRET", KEY)
    recorder.script = [as_json(begun)]
    told = pytest.raises(error, match=words)
    with Client(tti=named(recorder, "midjourney", api_key=None)) as client, told as raised:
        client.tti.generate_image("a red fox")
    assert KEY not in str(raised.value)
    assert len(recorder.requests) == 1


@pytest.mark.parametrize(
    ("look", "error", "words"),
    [
        ({"status": "FAILURE", "failReason": "[Invalid parameter] x"}, CallFailed, "Invalid"),
        ({"status": "FAILURE", "failReason": None}, CallFailed, "no reason given"),
        ({"status": "FAILURE", "failReason": "Banned prompt detected"}, ContentRefused, "Banned"),
        ({"status": "SUCCESS", "imageUrl": None}, BadReply, "imageUrl"),
        (None, BadReply, "no such task"),
        ({}, BadReply, "no such task"),
    ],
)
def test_own_fake_a_task_that_fails_says_why(
    recorder: Recorder, look: Any, error: type[OmnibindError], words: str
) -> None:
    recorder.script = proxy(recorder, BEGUN, look)
    with Client(tti=named(recorder, "midjourney")) as client, pytest.raises(error, match=words):
        client.tti.generate_image("a red fox")


def test_own_fake_a_wrong_secret_is_refused(recorder: Recorder) -> None:
    recorder.script = [Answer(401)]
    with Client(tti=named(recorder, "midjourney")) as client, pytest.raises(KeyRefused):
        client.tti.generate_image("a red fox")
    assert journal().jobs()[0].state == "failed"


def test_what_it_has_not_got_is_unknown(recorder: Recorder) -> None:
    with Client(tti=named(recorder, "midjourney")) as client, pytest.raises(UnknownOption):
        client.tti.generate_image("a red fox", steps=4)
    assert recorder.requests == []
