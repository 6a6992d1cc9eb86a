"""Stability's bindings; a third party's specification judges the pictures, and none the music."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from tests.remote.asking import KEY, Told, ask, named
from tests.remote.judges import Panel
from tests.remote.real_media import media
from tests.remote.recorder import Answer, Recorder, Request, as_json, as_media

from omnibind import Client
from omnibind.calls import retry
from omnibind.contracts.errors import (
    BadInput,
    BadOption,
    BadReply,
    CallFailed,
    ContentRefused,
    KeyRefused,
    OmnibindError,
    QuotaExceeded,
    RateLimited,
    Retired,
    ServiceError,
    Unavailable,
)
from omnibind.contracts.media import Image
from omnibind.remote.journal import journal

pytestmark = pytest.mark.usefixtures("home")

PICTURE = media("png")
DRAWN = as_media(PICTURE, "image/png", {"finish-reason": "SUCCESS", "seed": "343940597"})
JOB = "e52772ac75b8e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6a1b2c3d4e5f6"
LATER = {"id": JOB, "status": "in-progress"}
DONE = {"image": base64.b64encode(PICTURE).decode(), "finish_reason": "SUCCESS", "seed": 7}

GENERATING, EDITING = "stability-image-generate-thirdparty", "stability-image-edit-thirdparty"
# Stability's own description has these, the third party's doesn't.
UNDESCRIBED = {"style_preset", "cfg_scale", "strength", "image", "mode"}


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnibind.bindings.tti.stability.binding.StabilityTTI.every_s", 0.01)


def fields(request: Request) -> dict[str, str]:
    """The fields of a form by name, files by their content type."""
    assert request.content_type == "multipart/form-data"
    return {part.name: part.content_type or part.text for part in request.form()}


def beyond(request: Request, known: set[str]) -> list[str]:
    return [f"body.{name}" for name in fields(request) if name in UNDESCRIBED - known]


def draws(recorder: Recorder, **options: Any) -> Told:
    recorder.script = recorder.script or [DRAWN]
    spec = named(recorder, "stability", **options.pop("config", {}))
    return ask(recorder, spec, "tti.generate_image", "a red fox", verify=False, **options)


def edits(recorder: Recorder, image: Any = PICTURE, **options: Any) -> Told:
    recorder.script = recorder.script or [DRAWN]
    spec = named(recorder, "stability", **options.pop("config", {}))
    return ask(recorder, spec, "tti.edit_image", "a red fox", image, verify=False, **options)


SEEDED = {"seed": 4_294_967_294, "negative_prompt": "rain", "output_format": "webp"}
EVERY = {**SEEDED, "aspect_ratio": "21:9", "style": "3d-model"}

ASKED: dict[str, tuple[dict[str, Any], str, set[str]]] = {
    "defaults": ({}, "sd3", set()),
    "core": ({"model": "stable-image-core"}, "core", set()),
    "ultra": ({"model": "stable-image-ultra"}, "ultra", set()),
    "all of core": ({"model": "stable-image-core", **EVERY}, "core", {"style_preset"}),
    "all of ultra": ({"model": "stable-image-ultra", **EVERY}, "ultra", set()),
    "all of medium": ({"model": "sd3.5-medium", "guidance_scale": 4.5, **EVERY}, "sd3", set()),
    "turbo": ({"model": "sd3.5-large-turbo", "width": 1600, "height": 900}, "sd3", set()),
}


@pytest.mark.parametrize(("options", "route", "known"), ASKED.values(), ids=ASKED)
def test_spec_thirdparty_judges_pictures(
    recorder: Recorder, judges: Panel, options: dict[str, Any], route: str, known: set[str]
) -> None:
    told = draws(recorder, **options)
    assert told.only.path == f"/v2beta/stable-image/generate/{route}"
    unknown = beyond(told.only, known)
    assert judges(GENERATING).judge(told.only, beyond=unknown) == []
    sent = fields(told.only)
    assert ("model" in sent) is (route == "sd3")
    assert sent.get("aspect_ratio") == {"turbo": "16:9"}.get(
        str(options.get("model"))[12:], options.get("aspect_ratio")
    )
    assert (told.only.header("accept"), told.only.header("authorization")) == (
        "image/*",
        f"Bearer {KEY}",
    )


def test_spec_thirdparty_judges_an_edit_of_the_whole(recorder: Recorder, judges: Panel) -> None:
    told = edits(recorder, strength=0.4, model="sd3.5-medium", **SEEDED)
    assert told.only.path == "/v2beta/stable-image/generate/sd3"
    assert judges(GENERATING).judge(told.only) == []
    assert fields(told.only) == {
        "prompt": "a red fox",
        "mode": "image-to-image",
        "model": "sd3.5-medium",
        "image": "image/png",
        "strength": "0.4",
        "seed": "4294967294",
        "negative_prompt": "rain",
        "output_format": "webp",
    }


def test_own_fake_an_edit_of_the_whole_says_how_far_it_goes(recorder: Recorder) -> None:
    told = edits(recorder, config={"model_name": "stable-image-ultra"})
    assert told.only.path == "/v2beta/stable-image/generate/ultra"
    assert fields(told.only) == {"prompt": "a red fox", "image": "image/png", "strength": "0.7"}
    assert told.result.meta.cost_usd == 0.08


STYLED = {"style": "analog-film"}
EDITED: dict[str, dict[str, Any]] = {
    "inpaint": {"mask": PICTURE},
    "inpaint, all options": {"edit": "inpaint", "mask": PICTURE, **SEEDED, **STYLED},
    "erase": {"edit": "erase", "mask": PICTURE},
    "erase, all options": {
        "edit": "erase",
        "mask": PICTURE,
        "seed": 1,
        "output_format": "jpeg",
    },
    "outpaint": {"edit": "outpaint", "left": 100},
    "outpaint, all options": {
        "edit": "outpaint",
        "left": 0,
        "right": 2000,
        "up": 5,
        "down": 6,
        "seed": 1,
        "output_format": "png",
        **STYLED,
    },
    "search-and-replace": {"edit": "search-and-replace", "search_prompt": "a dog"},
    "search-and-replace, all options": {
        "edit": "search-and-replace",
        "search_prompt": "a dog",
        **SEEDED,
        **STYLED,
    },
    "search-and-recolor": {"edit": "search-and-recolor", "search_prompt": "a dog"},
    "search-and-recolor, all options": {
        "edit": "search-and-recolor",
        "search_prompt": "a dog",
        **SEEDED,
        **STYLED,
    },
    "remove-background": {"edit": "remove-background"},
    "remove-background, all options": {"edit": "remove-background", "output_format": "webp"},
}


@pytest.mark.parametrize(("name", "options"), EDITED.items(), ids=EDITED)
def test_spec_thirdparty_judges_edits(
    recorder: Recorder, judges: Panel, name: str, options: dict[str, Any]
) -> None:
    told = edits(recorder, **options)
    kind = name.partition(",")[0]
    assert told.only.path == f"/v2beta/stable-image/edit/{kind}"
    unknown = ["body.style_preset"] if "style" in options else []
    assert judges(EDITING).judge(told.only, beyond=unknown) == []
    sent = fields(told.only)
    assert sent["image"] == "image/png"
    assert ("prompt" in sent) is (kind not in ("erase", "remove-background"))
    assert told.result.meta.cost_basis == "estimated"
    assert told.result.meta.cost_usd == pytest.approx(0.04 if kind == "outpaint" else 0.05)


def relit(*looks: Answer) -> Callable[[Request], Answer]:
    left: list[Answer] = []

    def script(request: Request) -> Answer:
        if request.method == "POST":
            left[:] = looks
            return as_json({"id": JOB})
        return left.pop(0)

    return script


RELIGHT: dict[str, Any] = {"edit": "replace-background-and-relight"}


def test_own_fake_a_new_background_is_fetched_when_it_is_done(recorder: Recorder) -> None:
    recorder.script = relit(as_json(LATER, 202), as_json(LATER, 202), as_json(DONE))
    told = edits(recorder, foreground_prompt="a lamp", **SEEDED, **RELIGHT)
    begun, *looks = told.requests
    assert begun.path == "/v2beta/stable-image/edit/replace-background-and-relight"
    assert fields(begun) == {
        "background_prompt": "a red fox",
        "foreground_prompt": "a lamp",
        "negative_prompt": "rain",
        "seed": "4294967294",
        "output_format": "webp",
        "subject_image": "image/png",
    }
    assert [(look.method, look.path) for look in looks] == [("GET", f"/v2beta/results/{JOB}")] * 3
    assert {look.header("accept") for look in looks} == {"application/json"}
    meta = told.result.meta
    assert bytes(told.result) == PICTURE
    assert (meta.seed, meta.job_id, meta.cost_usd) == (7, JOB, 0.08)
    assert meta.raw == {**DONE, "image": f"{len(str(DONE['image']))} characters"}
    assert [job.state for job in journal().jobs()] == ["done", "done"]
    assert {job.verb for job in journal().jobs()} == {"edit_image"}


@pytest.mark.parametrize(
    ("look", "error"),
    [
        (as_json({**DONE, "finish_reason": "CONTENT_FILTERED"}), ContentRefused),
        (
            as_json({"id": "1", "name": "content_moderation", "errors": ["No."]}, 403),
            ContentRefused,
        ),
        (
            as_json({"id": "1", "name": "generation_not_found", "errors": ["Gone."]}, 404),
            CallFailed,
        ),
        (as_json({"id": "1", "name": "bad_request", "errors": ["Too small."]}, 400), CallFailed),
    ],
)
def test_own_fake_a_new_background_that_fails_is_over(
    recorder: Recorder, look: Answer, error: type[OmnibindError]
) -> None:
    recorder.script = relit(as_json(LATER, 202), look)
    with Client(tti=named(recorder, "stability")) as client, pytest.raises(error):
        client.tti.edit_image("a red fox", PICTURE, **RELIGHT)
    assert journal().jobs()[0].state == "failed"


def test_own_fake_the_picture_tells_its_seed_and_its_price(recorder: Recorder) -> None:
    recorder.script = [DRAWN]
    with Client(tti=named(recorder, "stability")) as client:
        drawn = client.tti.generate_image("a red fox")
    assert isinstance(drawn, Image)
    assert bytes(drawn) == PICTURE
    meta = drawn.meta
    assert (meta.seed, meta.model) == (343940597, "sd3.5-large")
    assert (meta.cost_usd, meta.cost_basis) == (0.065, "estimated")


def test_own_fake_defaults_of_the_configuration_are_sent(recorder: Recorder) -> None:
    config = {"default_aspect_ratio": "9:16", "default_style": "anime"}
    sent = fields(draws(recorder, config=config).only)
    assert (sent["aspect_ratio"], sent["style_preset"]) == ("9:16", "anime")
    sent = fields(draws(recorder, config=config, aspect_ratio="1:1", style="origami").only)
    assert (sent["aspect_ratio"], sent["style_preset"]) == ("1:1", "origami")


def test_own_fake_unknown_models_and_fields_pass(recorder: Recorder) -> None:
    told = draws(recorder, model="sd4", extra={"watermark": True})
    assert told.only.path == "/v2beta/stable-image/generate/sd3"
    assert fields(told.only) == {"prompt": "a red fox", "model": "sd4", "watermark": "true"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"aspect_ratio": "4:3"}, "choose one of 16:9, 1:1"),
        ({"width": 1024, "height": 768}, "draws only 16:9"),
        ({"width": 1024}, "together"),
        ({"seed": 0}, "below 1"),
        ({"style": "cubist"}, "choices"),
        ({"model": "stable-image-core", "guidance_scale": 4}, "has no guidance_scale"),
    ],
)
def test_what_does_not_fit_is_refused_before_it_is_sent(
    recorder: Recorder, options: dict[str, Any], words: str
) -> None:
    with Client(tti=named(recorder, "stability")) as client, pytest.raises(BadOption, match=words):
        client.tti.generate_image("a red fox", **options)
    assert recorder.requests == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"edit": "erase", "style": "anime"}, "erase of tti/stability takes no style"),
        ({"edit": "outpaint"}, "needs a side"),
        ({"edit": "outpaint", "left": 5, "mask": PICTURE}, "takes no mask"),
        ({"edit": "search-and-replace"}, "needs search_prompt"),
        ({"edit": "remove-background", "output_format": "jpeg"}, "choose png or webp"),
        ({"edit": "inpaint", "model": "sd3.5-large"}, "takes no model"),
        ({"model": "stable-image-core"}, "stable-image-core of tti/stability has no image"),
        ({"mask": PICTURE, "strength": 0.5}, "inpaint of tti/stability takes no strength"),
    ],
)
def test_an_edit_that_lacks_something_is_refused_before_it_is_sent(
    recorder: Recorder, options: dict[str, Any], words: str
) -> None:
    with Client(tti=named(recorder, "stability")) as client, pytest.raises(BadOption, match=words):
        client.tti.edit_image("a red fox", PICTURE, **options)
    assert recorder.requests == []


def test_a_picture_that_is_too_large_is_refused_before_it_is_sent(recorder: Recorder) -> None:
    large = media("png", 11_000_000)
    told = pytest.raises(BadInput, match="at most 10")
    with Client(tti=named(recorder, "stability")) as client, told:
        client.tti.edit_image("a red fox", large)
    assert recorder.requests == []


def told_of(name: str, *errors: str, status: int = 400) -> Answer:
    return as_json({"id": "a1b2", "name": name, "errors": list(errors)}, status)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (told_of("bad_request", "seed: is wrong", "style: too"), ServiceError, "seed: is wrong"),
        (told_of("unauthorized", "authorization: invalid", status=401), KeyRefused, "keys test"),
        (told_of("payment_required", "no credits left", status=402), QuotaExceeded, "account"),
        (told_of("content_moderation", "Flagged.", status=403), ContentRefused, "prompt"),
        (told_of("permission_denied", "Not yours.", status=403), KeyRefused, "keys test"),
        (told_of("payload_too_large", "over 10MiB", status=413), ServiceError, "10MiB"),
        (told_of("public_figure", "Somebody known.", status=422), ContentRefused, "known"),
        (told_of("rate_limit_exceeded", "Slower.", status=429), RateLimited, "Slower"),
        (told_of("internal_error", "Broken.", status=500), Unavailable, "Broken"),
        (
            as_json({"id": "1", "name": "content_moderation", "message": "Flagged."}, 403),
            ContentRefused,
            "Flagged",
        ),
        (
            as_media(PICTURE, "image/png", {"finish-reason": "CONTENT_FILTERED", "seed": "1"}),
            ContentRefused,
            "blurred",
        ),
        (as_media(b"", "image/png"), BadReply, "empty"),
        (as_media(media("mp3"), "image/png"), BadReply, "instead of a picture"),
    ],
)
def test_own_fake_each_odd_answer_is_its_error(
    recorder: Recorder,
    answer: Answer,
    error: type[OmnibindError],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retry, "REMOTE", retry.REMOTE._replace(attempts=1))
    recorder.script = [answer]
    told = pytest.raises(error, match=words)
    with Client(tti=named(recorder, "stability")) as client, told as raised:
        client.tti.generate_image("a red fox")
    assert KEY not in str(raised.value)


def test_the_endpoint_and_the_key_come_from_the_environment(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STABILITY_ENDPOINT", recorder.url)
    monkeypatch.setenv("STABILITY_API_KEY", KEY)
    recorder.script = [DRAWN]
    with Client(tti="stability/stable-image-core") as client:
        client.tti.generate_image("a red fox")
    assert recorder.only.header("authorization") == f"Bearer {KEY}"


# ── music ──

PLAYED = as_media(media("mp3"), "audio/mpeg", {"finish-reason": "SUCCESS", "seed": "5"})
COMPOSED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "defaults": ({}, {}),
    "all options": (
        {
            "model": "stable-audio-2",
            "duration_s": 12.5,
            "seed": 5,
            "steps": 50,
            "guidance_scale": 7,
            "output_format": "mp3",
            "extra": {"strength": 1},
        },
        {
            "model": "stable-audio-2",
            "duration": "12.5",
            "seed": "5",
            "steps": "50",
            "cfg_scale": "7.0",
            "output_format": "mp3",
            "strength": "1",
        },
    ),
    "a whole length": ({"duration_s": 190}, {"duration": "190"}),
}


@pytest.mark.parametrize(("options", "sent"), COMPOSED.values(), ids=COMPOSED)
def test_own_fake_music_is_asked_for(
    recorder: Recorder, options: dict[str, Any], sent: dict[str, str]
) -> None:
    recorder.script = [PLAYED]
    spec = named(recorder, "stability")
    told = ask(recorder, spec, "ttm.generate_music", "slow piano", verify=False, **options)
    assert told.only.path == "/v2beta/audio/stable-audio-2/text-to-audio"
    assert told.only.header("accept") == "audio/*"
    assert fields(told.only) == {"prompt": "slow piano", "model": "stable-audio-2.5", **sent}
    meta = told.result.meta
    assert (told.result.media_type, meta.seed) == ("audio/mpeg", 5)
    assert meta.cost_usd == (None if options.get("model") else 0.2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": 50}, "stable-audio-2.5 of ttm/stability takes 4 to 8"),
        ({"steps": 8, "model": "stable-audio-2"}, "takes 30 to 100"),
        ({"duration_s": 191}, "above 190"),
    ],
)
def test_music_that_does_not_fit_is_refused(
    recorder: Recorder, options: dict[str, Any], words: str
) -> None:
    with Client(ttm=named(recorder, "stability")) as client, pytest.raises(BadOption, match=words):
        client.ttm.generate_music("slow piano", **options)
    assert recorder.requests == []


def test_own_fake_json_instead_of_music_is_an_error(recorder: Recorder) -> None:
    recorder.script = [as_json({"id": "1", "name": "content_moderation", "errors": ["No."]})]
    with Client(ttm=named(recorder, "stability")) as client, pytest.raises(ContentRefused):
        client.ttm.generate_music("slow piano")


# ── video ──


def test_video_is_retired_and_says_what_to_use() -> None:
    client = Client(ttv="stability")
    assert not client.ttv
    with pytest.raises(Retired, match="no route for video any more; use ttv/diffusers"):
        client.ttv.generate_video("a red fox")
