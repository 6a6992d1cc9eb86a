"""Kling's binding."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.remote.asking import KEY, ask, named
from tests.remote.judges import Panel
from tests.remote.real_media import media
from tests.remote.recorder import Answer, Recorder, Request, as_json, as_media

from omnibind import Client
from omnibind.calls.call import Call
from omnibind.calls.driver import arun, run
from omnibind.contracts.errors import (
    BadInput,
    BadOption,
    CallFailed,
    ContentRefused,
    KeyMissing,
    KeyRefused,
    NotOffered,
    QuotaExceeded,
    RateLimited,
    ServiceError,
    Unavailable,
    UnknownOption,
)
from omnibind.contracts.media import Meta, Source, Video
from omnibind.contracts.secret import Secret
from omnibind.managers.ttv import TTVBindingManager
from omnibind.remote.journal import journal

pytestmark = pytest.mark.usefixtures("home")

TASK = "CjikY2gHPbcAAAAABI5n9g"
PICTURE = media("jpeg")
SECRET = "secret-of-kling-0123456789"
ROUTES = ("text2video", "image2video", "lip-sync")


def envelope(status: str, **data: Any) -> dict[str, Any]:
    told = {"task_id": TASK, "task_status": status, **data}
    return {"code": 0, "message": "SUCCEED", "request_id": "req-1", "data": told}


def filming(recorder: Recorder, *looks: Answer) -> Callable[[Request], Answer]:
    """A service that gives each look in turn, for each client anew, and then a video."""
    left: list[Answer] = []

    def script(request: Request) -> Answer:
        if request.method == "POST":
            left[:] = looks
            return as_json(envelope("submitted"))
        if request.path.startswith("/v1/videos"):
            url = f"{recorder.url}/made.mp4?token=abc"
            videos = [{"id": "video-1", "url": url, "duration": "5.1"}]
            done = envelope("succeed", task_result={"videos": videos})
            return left.pop(0) if left else as_json(done)
        return as_media(media("mp4"), "video/mp4")

    return script


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnibind.bindings._shared.kling.Kling.every_s", 0.01)


def films(recorder: Recorder, choice: str = "kling", **options: Any) -> list[Request]:
    recorder.script = filming(recorder)
    told = ask(
        recorder,
        named(recorder, choice),
        "ttv.generate_video",
        "a red fox",
        verify=False,
        **options,
    )
    return told.requests


def binding_at(recorder: Recorder, **config: Any) -> Any:
    given = {"api_key": Secret(KEY), **config}
    return TTVBindingManager().create_binding("kling", base_url=recorder.url, **given)


def paired(recorder: Recorder, **config: Any) -> Any:
    code: Any = importlib.import_module("omnibind.bindings.ttv.kling.binding")
    pair = {"access_key": Secret("access-of-kling"), "secret_key": Secret(SECRET)}
    return code.KlingTTV(base_url=recorder.url, **{**pair, **config})


ASKED: dict[str, tuple[dict[str, Any], list[str]]] = {
    # Its models end before those of the service.
    "defaults": ({}, ["body.model_name"]),
    "an early model": ({"model": "kling-v1-6"}, []),
    "all options from words": (
        {
            "model": "kling-v2-1",
            "negative_prompt": "rain",
            "aspect_ratio": "1:1",
            "duration_s": 10,
            "guidance_scale": 0.7,
            "mode": "pro",
            "sound": True,
            "extra": {"camera_control": {"type": "simple", "config": {"zoom": 5}}},
        },
        [],
    ),
    "all options from a picture": (
        {
            "image": PICTURE,
            "last_image": Source.url("https://example.com/last.png"),
            "model": "kling-v1",
            "negative_prompt": "rain",
            "width": 720,
            "height": 1280,
            "duration_s": 5,
            "guidance_scale": 0.0,
            "mode": "std",
            "sound": False,
        },
        [],
    ),
}


@pytest.mark.parametrize("case", ASKED)
def test_spec_thirdparty_judges_every_request(recorder: Recorder, judges: Panel, case: str) -> None:
    options, beyond = ASKED[case]
    begin, look, _ = films(recorder, **options)
    assert judges("kling-thirdparty").judge(begin, beyond=beyond) == []
    assert judges("kling-thirdparty").judge(look) == []


def test_own_fake_the_request_says_all_that_was_given(recorder: Recorder) -> None:
    begin, look, _ = films(recorder, **ASKED["all options from words"][0])
    assert (begin.path, look.path) == ("/v1/videos/text2video", f"/v1/videos/text2video/{TASK}")
    assert begin.json() == {
        "model_name": "kling-v2-1",
        "prompt": "a red fox",
        "negative_prompt": "rain",
        "cfg_scale": 0.7,
        "mode": "pro",
        "aspect_ratio": "1:1",
        "duration": "10",
        "sound": "on",
        "camera_control": {"type": "simple", "config": {"zoom": 5}},
    }
    plain = films(recorder)[0].json()
    assert plain == {"model_name": "kling-v2-6", "prompt": "a red fox"}


def test_own_fake_a_picture_goes_as_bare_base64(recorder: Recorder) -> None:
    begin, look, _ = films(recorder, **ASKED["all options from a picture"][0])
    assert (begin.path, look.path) == ("/v1/videos/image2video", f"/v1/videos/image2video/{TASK}")
    body = begin.json()
    same = base64.b64decode(body["image"], validate=True) == PICTURE
    assert same
    assert body["image_tail"] == "https://example.com/last.png"
    assert (body["aspect_ratio"], body["sound"], body["duration"]) == ("9:16", "off", "5")
    webp = films(recorder, image=media("webp"))[0].json()["image"]
    assert base64.b64decode(webp)[:3] == b"\xff\xd8\xff"


def small(side: int) -> bytes:
    import io

    import PIL.Image

    buffer = io.BytesIO()
    PIL.Image.new("RGB", (side, 400), "red").save(buffer, "PNG")
    return buffer.getvalue()


WRONG: dict[str, tuple[type[Exception], str, dict[str, Any]]] = {
    "too long": (BadOption, "choose one of 5, 10", {"duration_s": 7}),
    "a ratio": (BadOption, "16:9, 9:16, 1:1", {"aspect_ratio": "4:3"}),
    "too near to the prompt": (BadOption, "between 0 and 1", {"guidance_scale": 2.0}),
    "a mode": (BadOption, "'std', 'pro'", {"mode": "best"}),
    "a last one alone": (BadOption, "give image too", {"last_image": PICTURE}),
    "too small": (BadInput, "299x400.*at least 300", {"image": small(299)}),
    "too large": (BadInput, "at most 10", {"image": media("png", 10_000_001)}),
    "no seed": (UnknownOption, "unknown", {"seed": 1}),
    "a vendor's word": (UnknownOption, "guidance_scale", {"cfg_scale": 0.5}),
}


@pytest.mark.parametrize("case", WRONG)
def test_own_fake_what_does_not_fit_is_refused_before_it_is_sent(
    recorder: Recorder, case: str
) -> None:
    error, told, options = WRONG[case]
    with Client(ttv=named(recorder, "kling")) as client, pytest.raises(error, match=told):
        client.ttv.generate_video("a red fox", **options)
    assert recorder.requests == []
    assert journal().jobs() == []


def test_own_fake_a_task_is_looked_at_until_it_is_done(recorder: Recorder) -> None:
    busy = as_json({"code": 5000, "message": "internal error", "request_id": "r"})
    looks = [as_json(envelope("submitted")), busy, as_json(envelope("processing"))]
    recorder.script = filming(recorder, *looks)
    steps: list[str | None] = []
    with Client(ttv=named(recorder, "kling")) as client:
        video = client.ttv.generate_video(
            "a red fox",
            duration_s=5,
            verify=False,
            on_progress=lambda event: steps.append(event.progress.step),
        )
    assert steps == ["submitted", "processing"]
    meta = video.meta
    assert (meta.job_id, meta.request_id) == (f"text2video/{TASK}", "req-1")
    assert (meta.cost_usd, meta.cost_basis) == (0.75, "estimated")
    assert meta.source_url == f"{recorder.url}/made.mp4"
    assert meta.raw is not None
    assert meta.raw["video_id"] == "video-1"
    assert "token=" not in repr(meta)


@pytest.mark.parametrize(("duration_s", "usd"), [(10, 3.0), (None, 1.53)])
def test_own_fake_the_better_mode_costs_what_the_list_says(
    recorder: Recorder, duration_s: float | None, usd: float
) -> None:
    recorder.script = filming(recorder)
    options = {} if duration_s is None else {"duration_s": duration_s}
    with Client(ttv=named(recorder, "kling")) as client:
        meta = client.ttv.generate_video("a fox", mode="pro", verify=False, **options).meta
    assert meta.cost_usd == pytest.approx(usd)
    assert meta.cost_basis == "estimated"


CODES: list[tuple[int, int, type[Exception], str]] = [
    (401, 1000, KeyRefused, "failed"),
    (401, 1004, KeyRefused, "failed"),
    (429, 1102, QuotaExceeded, "failed"),
    (400, 1301, ContentRefused, "failed"),
    (200, 1201, ServiceError, "failed"),
    (400, 1201, ServiceError, "failed"),
    (200, 1102, QuotaExceeded, "failed"),
    (500, 5000, Unavailable, "unknown"),
]


@pytest.mark.parametrize(("status", "code", "error", "state"), CODES)
def test_own_fake_the_code_of_an_envelope_says_what_is_wrong(
    recorder: Recorder, status: int, code: int, error: type[Exception], state: str
) -> None:
    told = {"code": code, "message": f"It isn't right: {KEY}", "request_id": "req-7"}
    recorder.script = [as_json(told, status)]
    with Client(ttv=named(recorder, "kling")) as client, pytest.raises(error) as raised:
        client.ttv.generate_video("a red fox")
    assert str(code) in str(raised.value)
    assert "It isn't right: ***" in str(raised.value)
    assert len(recorder.requests) == 1
    assert journal().jobs()[0].state == state


def test_own_fake_who_is_busy_is_asked_again(recorder: Recorder) -> None:
    full = as_json({"code": 1303, "message": "too many tasks", "request_id": "r"}, 429)
    film = filming(recorder)
    answers = [full]
    recorder.script = lambda request: answers.pop() if answers else film(request)
    with Client(ttv=named(recorder, "kling")) as client:
        client.ttv.generate_video("a red fox", verify=False)
    assert [request.method for request in recorder.requests] == ["POST", "POST", "GET", "GET"]
    assert [job.state for job in journal().jobs()] == ["done", "failed"]
    binding = binding_at(recorder)
    for status in (200, 429):
        assert isinstance(binding.error(reply_of(full._replace(status=status))), RateLimited)


def reply_of(answer: Answer) -> Any:
    from omnibind.contracts.http import Reply

    assert isinstance(answer.body, bytes)
    return Reply(answer.status, answer.headers, answer.body)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("Failure to pass the risk control system", ContentRefused),
        ("the image can't be decoded", CallFailed),
    ],
)
def test_own_fake_a_task_that_fails_is_told_and_not_submitted_again(
    recorder: Recorder, words: str, error: type[Exception]
) -> None:
    recorder.script = filming(recorder, as_json(envelope("failed", task_status_msg=words)))
    with Client(ttv=named(recorder, "kling")) as client:
        with pytest.raises(error, match=words) as raised:
            client.ttv.generate_video("a red fox")
        assert type(raised.value) is error
    assert [request.method for request in recorder.requests] == ["POST", "GET"]
    assert journal().jobs()[0].state == "failed"


# ── keys ──


def claims_of(request: Request, secret: str) -> dict[str, Any]:
    """What a token claims, once its signature is seen to be right."""
    token = (request.header("authorization") or "").removeprefix("Bearer ")
    head, body, signature = token.split(".")
    made = hmac.new(secret.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    assert signature == base64.urlsafe_b64encode(made).decode().rstrip("=")
    read = [
        json.loads(base64.urlsafe_b64decode(one + "=" * (-len(one) % 4))) for one in (head, body)
    ]
    assert read[0] == {"alg": "HS256", "typ": "JWT"}
    claims: dict[str, Any] = read[1]
    return claims


def test_own_fake_a_pair_of_keys_makes_a_token(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    monkeypatch.setenv("KLING_ACCESS_KEY", "access-of-kling")
    monkeypatch.setenv("KLING_SECRET_KEY", SECRET)
    recorder.script = filming(recorder)
    before = int(time.time())
    with Client(ttv=named(recorder, "kling", api_key=None)) as client:
        client.ttv.generate_video("a red fox", verify=False)
    claims = claims_of(recorder.requests[0], SECRET)
    assert claims["iss"] == "access-of-kling"
    now = claims["exp"] - 1800
    assert before <= now <= time.time()
    assert claims["nbf"] == now - 5


def test_own_fake_every_look_has_a_token_of_its_own(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    moments = iter(range(1_000_000, 2_000_000, 1000))
    monkeypatch.setattr(time, "time", lambda: next(moments))
    recorder.script = filming(recorder, *[as_json(envelope("processing"))] * 2)
    binding = paired(recorder)
    run(binding.generate_video_flow("a red fox"), Call())
    expiries = [claims_of(request, SECRET)["exp"] for request in recorder.requests[:4]]
    assert len(set(expiries)) == 4


def test_own_fake_half_a_pair_says_which_half_is_missing(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KLING_API_KEY", "KLING_ACCESS_KEY", "KLING_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    with Client(ttv=named(recorder, "kling", api_key=None)) as client:
        with pytest.raises(KeyMissing, match="KLING_API_KEY or KLING_ACCESS_KEY"):
            client.ttv.generate_video("a red fox")
        monkeypatch.setenv("KLING_ACCESS_KEY", "access")
        with pytest.raises(KeyMissing, match="KLING_SECRET_KEY"):
            client.ttv.generate_video("a red fox")
    with pytest.raises(KeyMissing, match="set KLING_SECRET_KEY"):
        run(paired(recorder, secret_key=None).generate_video_flow("a red fox"), Call())


def test_own_fake_a_key_of_the_call_goes_before_a_configured_pair(recorder: Recorder) -> None:
    pair = {"access_key": Secret("access"), "secret_key": Secret(SECRET)}
    recorder.script = filming(recorder)
    run(binding_at(recorder, **pair).generate_video_flow("a red fox"), Call())
    assert recorder.requests[0].header("authorization") == f"Bearer {KEY}"


def test_own_fake_no_half_of_a_pair_is_ever_shown(recorder: Recorder) -> None:
    told = {"code": 1002, "message": f"access-of-kling and {SECRET}", "request_id": "r"}
    recorder.script = [as_json(told, 401)]
    binding = paired(recorder)
    with pytest.raises(KeyRefused, match=r"\*\*\* and \*\*\*"):
        run(binding.generate_video_flow("a red fox"), Call())
    assert SECRET not in repr(journal().jobs())


def test_spec_thirdparty_judges_what_tests_a_key(recorder: Recorder, judges: Panel) -> None:
    recorder.script = [as_json({"code": 0, "message": "", "request_id": "r", "data": []})]
    run(binding_at(recorder).test_flow(), Call())
    assert recorder.only.method == "GET"
    assert judges("kling-thirdparty").judge(recorder.only) == []
    recorder.script = [as_json({"code": 1002, "message": "Authorization is invalid"})]
    with pytest.raises(KeyRefused, match="1002"):
        run(binding_at(recorder).test_flow(), Call())


# ── lips ──


def made_video(**raw: Any) -> Video:
    return Video(media("mp4"), meta=Meta(raw=raw or None))


LIPS: dict[str, tuple[Any, Any, dict[str, Any], list[str]]] = {
    "addresses": (
        Source.url("https://example.com/face.mp4"),
        Source.url("https://example.com/speech.mp3"),
        {
            "video_url": "https://example.com/face.mp4",
            "audio_type": "url",
            "audio_url": "https://example.com/speech.mp3",
        },
        ["body.input.mode", "body.input.audio_type"],
    ),
    "its own video, and a sound whole": (
        made_video(video_id="video-1"),
        media("mp3"),
        {
            "video_id": "video-1",
            "audio_type": "file",
            "audio_file": base64.b64encode(media("mp3")).decode(),
        },
        [],
    ),
}


@pytest.mark.parametrize("case", LIPS)
def test_own_fake_lips_are_asked_for_as_the_service_wants(recorder: Recorder, case: str) -> None:
    video, sound, fields, _ = LIPS[case]
    recorder.script = filming(recorder)
    synced = run(binding_at(recorder).sync_lips_flow(video, sound), Call())
    begin, look, _ = recorder.requests
    same = begin.json() == {"input": {"mode": "audio2video", **fields}}
    assert (begin.path, same) == ("/v1/videos/lip-sync", True)
    assert look.path == f"/v1/videos/lip-sync/{TASK}"
    assert isinstance(synced, Video)
    assert synced.meta.job_id == f"lip-sync/{TASK}"
    assert journal().jobs()[0].verb == "sync_lips"
    recorder.requests.clear()
    asyncio.run(arun(binding_at(recorder).sync_lips_flow(video, sound), Call()))
    same = recorder.requests[0].json() == begin.json()
    assert same


def test_spec_thirdparty_judges_lips(recorder: Recorder, judges: Panel) -> None:
    video, sound, _, beyond = LIPS["addresses"]
    recorder.script = filming(recorder)
    run(binding_at(recorder).sync_lips_flow(video, sound, extra={"tts_speed": 1.5}), Call())
    begin, look, _ = recorder.requests
    assert judges("kling-thirdparty").judge(begin, beyond=beyond) == []
    assert judges("kling-thirdparty").judge(look) == []


@pytest.mark.parametrize(
    ("video", "sound", "told"),
    [
        (media("mp4"), media("mp3"), "fetches videos itself"),
        (made_video(), media("mp3"), "fetches videos itself"),
        (made_video(video_id="v"), media("mp3", 5_000_001), "at most 5"),
    ],
)
def test_own_fake_lips_that_can_not_be_synced_are_refused_before_anything_is_sent(
    recorder: Recorder, video: Any, sound: Any, told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        run(binding_at(recorder).sync_lips_flow(video, sound), Call())
    assert recorder.requests == []


@pytest.mark.parametrize("case", LIPS)
def test_own_fake_both_clients_sync_lips(recorder: Recorder, case: str) -> None:
    video, sound, _, _ = LIPS[case]
    recorder.script = filming(recorder)
    told = ask(recorder, named(recorder, "kling"), "ttv.sync_lips", video, sound, verify=False)
    assert [request.path for request in told.requests[:2]] == [
        "/v1/videos/lip-sync",
        f"/v1/videos/lip-sync/{TASK}",
    ]
    assert (told.result.meta.binding, told.result.meta.cost_usd) == ("ttv/kling", None)
    with Client(ttv=named(recorder, "kling")) as client:
        assert client.jobs.resume(1).meta.job_id == f"lip-sync/{TASK}"


def test_own_fake_wrong_lips_are_refused_before_anything_is_sent(recorder: Recorder) -> None:
    video, sound = made_video(video_id="v"), media("mp3")
    runway = named(recorder, "runway")
    with Client(ttv=runway) as client, pytest.raises(NotOffered, match="has no sync_lips"):
        client.ttv.sync_lips(video, sound)
    with Client(ttv=named(recorder, "kling")) as client:
        with pytest.raises(BadInput, match="the sound can't be read"):
            client.ttv.sync_lips(video, 7)  # type: ignore[arg-type]  # on purpose
        with pytest.raises(UnknownOption, match="unknown"):
            client.ttv.sync_lips(video, sound, seed=1)
    assert recorder.requests == []


def test_own_fake_a_pair_may_be_configured(recorder: Recorder) -> None:
    recorder.script = filming(recorder)
    pair = {"access_key": "access-of-kling", "secret_key": SECRET}
    with Client(ttv=named(recorder, "kling", api_key=None, **pair)) as client:
        client.ttv.generate_video("a red fox", verify=False)
    assert claims_of(recorder.requests[0], SECRET)["iss"] == "access-of-kling"
    assert SECRET not in repr(journal().jobs())
    half = named(recorder, "kling", api_key=None, access_key="access-of-kling")
    with Client(ttv=half) as client:
        assert client.ttv.state == "needs-key"
