"""Hugging Face's bindings; no specification of its router exists."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.remote.asking import ask, named
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
    DeadlineExceeded,
    KeyRefused,
    OmnibindError,
    QuotaExceeded,
    Unavailable,
    UnknownModel,
    UnknownOption,
)
from omnibind.remote.journal import journal

pytestmark = pytest.mark.usefixtures("home")

TOKEN = "hf_omnibindOfTheTests0123456789"
MODEL = "somebody/does-it"
KINDS = {
    "image": ("png", "image/png"),
    "audio": ("wav", "audio/wav"),
    "video": ("mp4", "video/mp4"),
}
FAMILIES = {
    "text-to-image": "image",
    "image-to-image": "image",
    "text-to-speech": "audio",
    "text-to-video": "video",
    "image-to-video": "video",
}
HEARD = {
    "text": " Hello there. Bye.",
    "chunks": [
        {"text": " Hello there.", "timestamp": [0.0, 2.5]},
        {"text": " Bye.", "timestamp": [2.5, 3.0]},
    ],
}


def made(family: str) -> Answer:
    kind, media_type = KINDS[family]
    return as_media(media(kind), media_type)


def coded(family: str) -> str:
    return base64.b64encode(media("jpeg" if family == "image" else KINDS[family][0])).decode()


def begun(provider: str, task: str, url: str) -> Answer:
    """What a provider answers to a request."""
    if task == "automatic-speech-recognition":
        heard = {"transcription": HEARD["text"], "chunks": HEARD["chunks"]}
        return as_json({"output": heard} if provider == "replicate" else HEARD)
    family = FAMILIES[task]
    queue = "https://queue.fal.run/somebody/fal-ai-does-it/requests/r1"
    job: dict[str, Any] = {"request_id": "r1", "status": "IN_QUEUE", "response_url": queue}
    wave = "https://api.wavespeed.ai/api/v3/predictions/p1/result"
    answers: dict[str, Any] = {
        "fal-ai": result("fal-ai", family, url)
        if task in ("text-to-image", "text-to-speech")
        else job,
        "together": {"id": "v1", "status": "queued"}
        if family == "video"
        else result("together", family, url),
        "wavespeed": {
            "code": 200,
            "data": {"id": "p1", "status": "created", "urls": {"get": wave}},
        },
        "zai-org": {"id": "t1", "task_status": "PROCESSING"},
    }
    if provider in ("hf-inference", "deepinfra") or (provider, family) == ("together", "audio"):
        return made(family)
    return as_json(answers.get(provider) or result(provider, family, url))


def result(provider: str, family: str, url: str) -> dict[str, Any]:
    """What a provider answers once it is done."""
    address = f"{url}/made/{family}"
    fal = {"images": [{"url": address}], "audio": {"url": address}, "video": {"url": address}}
    coded_picture = {"data": [{"b64_json": coded("image")}]}
    results: dict[str, dict[str, Any]] = {
        "fal-ai": fal,
        "novita": {"video": {"video_url": address}},
        "nscale": coded_picture,
        "together": coded_picture
        if family == "image"
        else {"id": "v1", "status": "completed", "outputs": {"video_url": address}},
        "wavespeed": {"code": 200, "data": {"status": "completed", "outputs": [address]}},
        "zai-org": {"id": "t1", "task_status": "SUCCESS", "image_result": [{"url": address}]},
        "replicate": {
            "id": "p2",
            "status": "processing",
            "output": [address],
            "urls": {"get": "https://api.replicate.com/v1/predictions/p2"},
        },
    }
    return results[provider]


def looked(provider: str, family: str, url: str, request: Request) -> Answer:
    """What a provider answers when it is asked for its work."""
    if request.path.endswith("/status"):
        return as_json({"status": "COMPLETED"})
    return as_json(result(provider, family, url))


def providing(
    recorder: Recorder,
    provider: str,
    task: str,
    first: Answer | None = None,
    look: Callable[[Request], Answer] | None = None,
) -> Callable[[Request], Answer]:
    """The hub, the router and a provider behind it."""
    id_there = MODEL if provider == "hf-inference" else f"somebody/{provider}-does-it"
    serves = {provider: {"status": "live", "providerId": id_there, "task": task}}

    def script(request: Request) -> Answer:
        if request.path == f"/api/models/{MODEL}":
            told = {"id": MODEL, "pipeline_tag": task, "inferenceProviderMapping": serves}
            return as_json(told)
        if request.path.startswith("/made/"):
            return made(request.path.removeprefix("/made/"))
        if request.method == "POST":
            return first or begun(provider, task, recorder.url)
        return look(request) if look else looked(provider, FAMILIES[task], recorder.url, request)

    return script


@pytest.fixture(autouse=True)
def nearby(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub is the recorder too, and nobody waits long."""
    monkeypatch.setenv("HF_ENDPOINT", recorder.url)
    monkeypatch.setattr("omnibind.bindings._shared.huggingface.HuggingFace.every_s", 0.01)


def spec(recorder: Recorder, **config: Any) -> dict[str, Any]:
    told = {"api_key": TOKEN, "model_name": MODEL, **config}
    return named(recorder, "huggingface", **told)


# ── the same requests as its own package's ──

VERBS: dict[str, tuple[str, str, tuple[Any, ...], dict[str, Any]]] = {
    "text-to-image": (
        "tti.generate_image",
        "text_to_image",
        ("a fox",),
        {
            "negative_prompt": "rain",
            "width": 768,
            "height": 512,
            "steps": 30,
            "guidance_scale": 7.5,
            "scheduler": "euler",
            "seed": 7,
            "extra": {"output_quality": 90},
        },
    ),
    "image-to-image": (
        "tti.edit_image",
        "image_to_image",
        ("a fox", media("jpeg")),
        {
            "negative_prompt": "rain",
            "width": 768,
            "height": 512,
            "steps": 30,
            "guidance_scale": 7.5,
            "extra": {"output_quality": 90},
        },
    ),
    "text-to-speech": (
        "tts.generate_audio",
        "text_to_speech",
        ("Hello.", "af_nicole"),
        {"temperature": 0.5, "top_k": 20, "top_p": 0.9, "extra": {"speed": 1.5}},
    ),
    "automatic-speech-recognition": (
        "stt.transcribe_audio",
        "automatic_speech_recognition",
        (media("wav"),),
        {"extra": {"return_timestamps": True}},
    ),
    "text-to-video": (
        "ttv.generate_video",
        "text_to_video",
        ("a fox",),
        {
            "negative_prompt": "rain",
            "steps": 30,
            "guidance_scale": 7.5,
            "seed": 7,
            "extra": {"num_frames": 81},
        },
    ),
    "image-to-video": (
        "ttv.generate_video",
        "image_to_video",
        ("a fox",),
        {
            "image": media("jpeg"),
            "negative_prompt": "rain",
            "steps": 30,
            "guidance_scale": 7.5,
            "seed": 7,
            "extra": {"num_frames": 81},
        },
    ),
}
SERVED = [
    *(
        (provider, "text-to-image")
        for provider in ("fal-ai", "hf-inference", "nscale", "replicate")
    ),
    *((provider, "text-to-image") for provider in ("together", "wavespeed", "zai-org")),
    *((provider, "image-to-image") for provider in ("fal-ai", "hf-inference", "replicate")),
    *((provider, "image-to-image") for provider in ("together", "wavespeed")),
    *((provider, "text-to-speech") for provider in ("deepinfra", "fal-ai", "hf-inference")),
    *((provider, "text-to-speech") for provider in ("replicate", "together")),
    *((provider, "automatic-speech-recognition") for provider in ("deepinfra", "fal-ai")),
    *((provider, "automatic-speech-recognition") for provider in ("hf-inference", "replicate")),
    *((provider, "text-to-video") for provider in ("fal-ai", "novita", "replicate")),
    *((provider, "text-to-video") for provider in ("together", "wavespeed")),
    *((provider, "image-to-video") for provider in ("fal-ai", "together", "wavespeed")),
]
"""Every provider that the package knows for a task; a test below sees to that."""


def test_sdk_knows_the_providers_that_are_tested_here() -> None:
    from huggingface_hub.inference._providers import PROVIDERS

    known = {(one, task) for one, tasks in PROVIDERS.items() for task in tasks if task in VERBS}
    assert sorted(known) == sorted(SERVED)


@contextmanager
def official(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, provider: Any, task: str
) -> Iterator[Any]:
    """The package's own client, its hub and router at the recorder, waiting no time."""
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.inference import _providers
    from huggingface_hub.inference._providers import _common, hf_inference

    monkeypatch.setattr(constants, "ENDPOINT", recorder.url)
    monkeypatch.setattr(constants, "INFERENCE_PROXY_TEMPLATE", recorder.url + "/{provider}")
    helper = _providers.PROVIDERS[provider][task]
    if provider == "hf-inference":
        monkeypatch.setattr(helper, "base_url", f"{recorder.url}/hf-inference")
    for module in ("fal_ai", "wavespeed", "zai_org"):
        place = f"huggingface_hub.inference._providers.{module}._POLLING_INTERVAL"
        monkeypatch.setattr(place, 0)
    monkeypatch.setattr("huggingface_hub.inference._providers.together._VIDEO_POLLING_INTERVAL", 0)
    _common._fetch_inference_provider_mapping.cache_clear()
    hf_inference._check_supported_task.cache_clear()
    try:
        yield huggingface_hub.InferenceClient(provider=provider, token=TOKEN)
    finally:
        _common._fetch_inference_provider_mapping.cache_clear()
        hf_inference._check_supported_task.cache_clear()
        huggingface_hub.close_session()


def theirs(client: Any, task: str, subject: tuple[Any, ...], options: dict[str, Any]) -> None:
    from huggingface_hub.inference._common import MimeBytes

    renamed = {"steps": "num_inference_steps"}
    told = {renamed.get(name, name): value for name, value in options.items()}
    more = told.pop("extra", {})
    inputs: Any = subject[0]
    if task == "automatic-speech-recognition":
        inputs = MimeBytes(subject[0], "audio/wav")
    elif task.startswith("image-"):
        inputs = MimeBytes(told.pop("image", None) or subject[1], "image/jpeg")
        told["prompt"] = subject[0]
        if "width" in told:
            told["target_size"] = {"width": told.pop("width"), "height": told.pop("height")}
    elif task == "text-to-speech" and len(subject) > 1:
        more = {"voice": subject[1], **more}
    if task.startswith("image-"):
        told |= more
    elif more:
        told["extra_body"] = more
    getattr(client, VERBS[task][1])(inputs, model=MODEL, **told)


def body_of(request: Request) -> Any:
    if request.content_type == "application/json":
        return request.json()
    if request.content_type == "multipart/form-data":
        return [(one.name, one.filename, one.content) for one in request.form()]
    return hashlib.sha256(request.body).hexdigest()


@pytest.mark.parametrize("options", ["all", "none"])
@pytest.mark.parametrize(("provider", "task"), SERVED)
def test_sdk_sends_the_same(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, provider: str, task: str, options: str
) -> None:
    verb, _, subject, every = VERBS[task]
    kept = every if options == "all" else {k: v for k, v in every.items() if k == "image"}
    recorder.script = providing(recorder, provider, task)
    spelling = spec(recorder, provider=provider)
    told = ask(recorder, spelling, verb, *subject, verify=False, timeout_s=30, **kept)
    recorder.requests.clear()
    with official(recorder, monkeypatch, provider, task) as client:
        theirs(client, task, subject, kept)
    mine, other = told.requests, list(recorder.requests)
    assert mine[0].target == f"/api/models/{MODEL}?expand=inferenceProviderMapping"
    if provider != "hf-inference":
        assert other[0].target == mine[0].target
    ours, posted = mine[1], next(one for one in other if one.method == "POST")
    assert (ours.method, ours.target) == (posted.method, posted.target)
    assert body_of(ours) == body_of(posted)
    assert ours.content_type == posted.content_type
    shown = ("authorization", "prefer", "accept-language", "x-source-channel")
    for name in (*shown, "accept") if "-to-image" in task else shown:
        assert ours.header(name) == posted.header(name), name
    # Their package leaves the provider's name out where it doesn't see the router's own.
    looks, others = (
        [one.target.removeprefix(f"/{provider}") for one in sent if one.method == "GET"]
        for sent in (mine, other)
    )
    assert looks[1:] == [target for target in others if "/api/models/" not in target]
    assert told.result.meta.served_by == provider
    assert told.result.meta.model == MODEL


# ── who serves ──


def test_own_fake_the_first_provider_of_the_account_serves(recorder: Recorder) -> None:
    usual = providing(recorder, "nscale", "text-to-image")
    serves = [
        {"provider": "cerebras", "status": "live", "providerId": "a", "task": "conversational"},
        {"provider": "unheard-of", "status": "live", "providerId": "b", "task": "text-to-image"},
        {"provider": "nscale", "status": "live", "providerId": "c", "task": "text-to-image"},
        {"provider": "together", "status": "live", "providerId": "d", "task": "text-to-image"},
    ]

    def script(request: Request) -> Answer:
        if request.path.startswith("/api/"):
            return as_json({"id": MODEL, "inferenceProviderMapping": serves})
        return usual(request)

    recorder.script = script
    with Client(tti=spec(recorder)) as client:
        picture = client.tti.generate_image("a fox", verify=False)
        again = client.tti.generate_image("a fox", verify=False)
    assert picture.meta.served_by == again.meta.served_by == "nscale"
    assert [one.path for one in recorder.requests] == [
        f"/api/models/{MODEL}",
        *["/nscale/v1/images/generations"] * 2,
    ]
    assert {one.header("authorization") for one in recorder.requests} == {f"Bearer {TOKEN}"}
    assert picture.media_type == "image/jpeg"  # its base64 begins like a path


NOBODY: dict[str, tuple[dict[str, Any], str]] = {
    "nobody": ({}, "no provider serves somebody/does-it for text-to-image; choose another"),
    "not the one that is named": (
        {"provider": "fal-ai"},
        "fal-ai doesn't serve.*name one of nscale",
    ),
}


@pytest.mark.parametrize("case", NOBODY)
def test_own_fake_a_model_that_is_not_served_is_an_error(recorder: Recorder, case: str) -> None:
    config, words = NOBODY[case]
    task = "text-to-image" if config else "text-to-video"
    recorder.script = providing(recorder, "nscale", task)
    with (
        Client(tti=spec(recorder, **config)) as client,
        pytest.raises(UnknownModel, match=words),
    ):
        client.tti.generate_image("a fox")
    assert len(recorder.requests) == 1


@pytest.mark.parametrize("model", ["fox", "a/b/c", "https://endpoints.example/model", "/a"])
def test_own_fake_what_is_no_model_of_the_hub_is_not_asked_for(
    recorder: Recorder, model: str
) -> None:
    with (
        Client(tti=spec(recorder)) as client,
        pytest.raises(UnknownModel, match="give owner/name"),
    ):
        client.tti.generate_image("a fox", model=model)
    assert recorder.requests == []


def test_own_fake_a_key_is_tested_at_the_hub(recorder: Recorder) -> None:
    from omnibind.calls.call import Call
    from omnibind.calls.driver import run
    from omnibind.managers import TTIBindingManager

    recorder.script = [as_json({"name": "fox"})]
    spelling = spec(recorder)
    binding: Any = TTIBindingManager().create_binding(spelling.pop("binding"), **spelling)
    run(binding.test_flow(), Call())
    assert recorder.only.target == "/api/whoami-v2"
    assert recorder.only.header("authorization") == f"Bearer {TOKEN}"


# ── what goes wrong ──

PROBLEMS: dict[str, tuple[Answer, type[OmnibindError], str]] = {
    "a bad key": (
        as_json({"error": "Invalid username or password."}, 401),
        KeyRefused,
        "omnibind keys test",
    ),
    "no credit": (
        as_json({"error": "You have exceeded your monthly included credits."}, 402),
        QuotaExceeded,
        "monthly included credits",
    ),
    "a model that loads": (
        as_json({"error": "Model is currently loading", "estimated_time": 20.0}, 503),
        Unavailable,
        "currently loading",
    ),
    "JSON instead of a picture": (as_json({"error": "no"}), BadReply, "has no data"),
    "text instead of a picture": (
        Answer(200, {"content-type": "text/plain"}, b"hello"),
        BadReply,
        "instead of a picture",
    ),
    "an empty picture": (as_media(b"", "image/png"), BadReply, "empty picture"),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_own_fake_problems_are_told(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    answer, error, words = PROBLEMS[case]
    monkeypatch.setattr(retry, "REMOTE", retry.REMOTE._replace(attempts=1))
    recorder.script = providing(recorder, "nscale", "text-to-image", answer)
    with Client(tti=spec(recorder)) as client, pytest.raises(error, match=words) as raised:
        client.tti.generate_image("a fox", verify=False)
    assert TOKEN not in str(raised.value)
    assert raised.value.may_be_charged is (answer.status == 200)


def test_own_fake_a_model_that_the_hub_has_not_is_unknown(recorder: Recorder) -> None:
    recorder.script = [as_json({"error": "Repository not found"}, 404)]
    with (
        Client(tti=spec(recorder)) as client,
        pytest.raises(UnknownModel, match="the hub has no model somebody/does-it"),
    ):
        client.tti.generate_image("a fox")


FAILED: dict[str, tuple[str, Any, type[OmnibindError], str]] = {
    "wavespeed": (
        "wavespeed",
        {"data": {"status": "failed", "error": "out of memory"}},
        CallFailed,
        "failed: out of memory",
    ),
    "together": (
        "together",
        {"status": "failed", "error": {"message": "no such size"}},
        CallFailed,
        "failed: no such size",
    ),
    "refused": (
        "together",
        {"status": "failed", "error": {"message": "flagged by moderation"}},
        ContentRefused,
        "change the prompt",
    ),
    "cancelled": ("together", {"status": "cancelled"}, CallFailed, "cancelled"),
    "no address": ("together", {"status": "completed", "outputs": {}}, BadReply, "no outputs"),
}


@pytest.mark.parametrize("case", FAILED)
def test_own_fake_a_job_that_fails_is_an_error_and_not_begun_again(
    recorder: Recorder, case: str
) -> None:
    provider, told, error, words = FAILED[case]
    script = providing(recorder, provider, "text-to-video", look=lambda _: as_json(told))
    recorder.script = script
    with Client(ttv=spec(recorder)) as client, pytest.raises(error, match=words):
        client.ttv.generate_video("a fox", verify=False, timeout_s=20)
    assert [one.method for one in recorder.requests] == ["GET", "POST", "GET"]
    assert journal().jobs()[0].state == ("running" if error is BadReply else "failed")


LATE: dict[str, tuple[str, Any]] = {
    "text-to-image": ("tti.generate_image", "a fox"),
    "text-to-video": ("ttv.generate_video", "a fox"),
    "automatic-speech-recognition": ("stt.transcribe_audio", media("wav")),
}


@pytest.mark.parametrize("task", LATE)
def test_own_fake_what_replicate_has_not_finished_can_not_be_asked_for_again(
    recorder: Recorder, task: str
) -> None:
    (modality, _, verb), subject = LATE[task][0].partition("."), LATE[task][1]
    starting = as_json({"id": "p2", "status": "starting", "output": None}, 202)
    recorder.script = providing(recorder, "replicate", task, starting)
    served: dict[str, Any] = {modality: spec(recorder)}
    with (
        Client(**served) as client,
        pytest.raises(DeadlineExceeded, match="use the binding replicate"),
    ):
        getattr(getattr(client, modality), verb)(subject, verify=False)
    assert [one.method for one in recorder.requests] == ["GET", "POST"]


def test_own_fake_a_job_of_a_picture_is_waited_for_with_a_deadline(recorder: Recorder) -> None:
    pending = as_json({"data": {"status": "processing"}})
    script = providing(recorder, "wavespeed", "text-to-image", look=lambda _: pending)
    recorder.script = script
    with Client(tti=spec(recorder)) as client, pytest.raises(DeadlineExceeded):
        client.tti.generate_image("a fox", timeout_s=1.0)
    assert len([one for one in recorder.requests if one.method == "POST"]) == 1


def test_own_fake_a_transcript_has_its_segments(recorder: Recorder) -> None:
    recorder.script = providing(recorder, "hf-inference", "automatic-speech-recognition")
    heard = ask(recorder, spec(recorder), "stt.transcribe_audio", media("wav"), verify=False).result
    assert heard == "Hello there. Bye."
    assert [(one.start, one.end) for one in heard.segments] == [(0.0, 2.5), (2.5, 3.0)]


def test_own_fake_an_answer_without_a_transcript_is_an_error(recorder: Recorder) -> None:
    task = "automatic-speech-recognition"
    recorder.script = providing(recorder, "fal-ai", task, as_json({"nothing": 1}))
    with (
        Client(stt=spec(recorder)) as client,
        pytest.raises(BadReply, match="without a transcript"),
    ):
        client.stt.transcribe_audio(media("wav"), verify=False)


# ── jobs ──


@pytest.mark.parametrize("provider", ["fal-ai", "together", "novita"])
def test_own_fake_a_video_is_fetched_by_another_client(recorder: Recorder, provider: str) -> None:
    recorder.script = providing(recorder, provider, "text-to-video")
    with Client(ttv=spec(recorder)) as client:
        first = client.ttv.generate_video("a fox", verify=False)
    recorder.requests.clear()
    with Client(ttv=spec(recorder)) as client:
        again = client.jobs.resume(journal().jobs()[0].number)
    assert hashlib.sha256(first).digest() == hashlib.sha256(again).digest()
    assert first.meta.job_id == again.meta.job_id
    assert [one.method for one in recorder.requests if one.method == "POST"] == []


WRONG: dict[str, tuple[type[OmnibindError], str, dict[str, Any]]] = {
    "half a size": (BadOption, "together", {"width": 512}),
    "a vendor's word": (UnknownOption, "steps", {"num_inference_steps": 4}),
    "no such option": (UnknownOption, "unknown", {"aspect_ratio": "16:9"}),
}


@pytest.mark.parametrize("case", WRONG)
def test_own_fake_what_does_not_fit_is_refused_before_it_is_sent(
    recorder: Recorder, case: str
) -> None:
    error, words, options = WRONG[case]
    with Client(tti=spec(recorder)) as client, pytest.raises(error, match=words):
        client.tti.generate_image("a fox", **options)
    assert recorder.requests == []


def test_own_fake_a_model_from_words_takes_no_picture(recorder: Recorder) -> None:
    with Client(ttv=spec(recorder)) as client, pytest.raises(BadOption, match="has no image"):
        client.ttv.generate_video("a fox", model="tencent/HunyuanVideo", image=media("png"))
    with Client(ttv=spec(recorder)) as client, pytest.raises(BadInput):
        client.ttv.generate_video("a fox", image=b"no picture")
    assert recorder.requests == []
