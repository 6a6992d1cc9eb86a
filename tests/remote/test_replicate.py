"""Replicate's bindings."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from tests.remote.asking import KEY, ask, named
from tests.remote.judges import Panel
from tests.remote.real_media import media
from tests.remote.recorder import Answer, Recorder, Request, as_json, as_media

from omnibind import Client
from omnibind.contracts.errors import (
    BadConfig,
    BadOption,
    BadReply,
    CallFailed,
    ContentRefused,
    KeyRefused,
    OmnibindError,
    QuotaExceeded,
    UnknownModel,
    UnknownOption,
)
from omnibind.contracts.media import Source
from omnibind.remote.journal import journal

pytestmark = pytest.mark.usefixtures("home")

ID = "gm3qorzdhgbfurvjtvhg6dckhu"
MODEL = "black-forest-labs/flux-schnell"
WHISPER = "openai/whisper:8099696689d249cf8b122d833c36ac3f75505c666a395ca40ef26f68e7d3d16e"
PICTURE = media("jpeg")
FILES = {
    "/made": as_media(media("wav"), "application/octet-stream"),
    "/made.wav": as_media(media("wav"), "audio/wav"),
    "/made.png": as_media(media("png"), "image/png"),
    "/made.mp4": as_media(media("mp4"), "video/mp4"),
}
HEARD: dict[str, Any] = {
    "detected_language": "english",
    "transcription": " Hello there. Bye.",
    "translation": None,
    "segments": [
        {"id": 0, "start": 0.0, "end": 2.5, "text": " Hello there."},
        {"id": 1, "start": 2.5, "end": 3.0, "text": " Bye."},
    ],
}


def prediction(recorder: Recorder, status: str, **facts: Any) -> dict[str, Any]:
    url = f"{recorder.url}/v1/predictions/{ID}"
    return {
        "id": ID,
        "model": MODEL,
        "version": "hidden",
        "input": {"prompt": "a fox"},
        "output": None,
        "data_removed": False,
        "error": None,
        "logs": "",
        "status": status,
        "created_at": "2026-11-20T12:00:00.000Z",
        "urls": {"get": url, "cancel": f"{url}/cancel", "web": f"https://replicate.com/p/{ID}"},
        **facts,
    }


def uploaded(recorder: Recorder) -> dict[str, Any]:
    return {
        "id": "file-1",
        "name": "audio.mp3",
        "content_type": "audio/mpeg",
        "size": 300_000,
        "etag": "1",
        "checksums": {},
        "metadata": {},
        "created_at": "2026-11-20T12:00:00.000Z",
        "expires_at": None,
        "urls": {"get": f"{recorder.url}/v1/files/1"},
    }


def working(
    recorder: Recorder, output: Any, looks: Sequence[dict[str, Any]] = ()
) -> Callable[[Request], Answer]:
    """A service that gives each look in turn, for each client anew, and then the output."""
    left: list[dict[str, Any]] = []

    def script(request: Request) -> Answer:
        if request.path == "/v1/files":
            return as_json(uploaded(recorder), 201)
        if request.path in FILES:
            return FILES[request.path]
        if request.method == "POST":
            left[:] = looks
            return as_json(prediction(recorder, "starting"), 201)
        done = prediction(recorder, "succeeded", output=output)
        return as_json(left.pop(0) if left else done)

    return script


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnibind.bindings._shared.replicate.Replicate.every_s", 0.01)


ASKED: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "speech": ("tts.generate_audio", ("Hello.",), {}),
    "speech with all options": (
        "tts.generate_audio",
        ("Hello.", "af_bella"),
        {
            "model": "jaaari/kokoro-82m:9b83",
            "language": "en",
            "speed": 1.5,
            "seed": 7,
            "extra": {"pitch": 2},
        },
    ),
    "hearing": ("stt.transcribe_audio", (media("wav"),), {}),
    "hearing with all options": (
        "stt.transcribe_audio",
        (media("mp3"), "openai/whisper:8099"),
        {
            "language": "de",
            "task": "translate",
            "initial_prompt": "Ruby",
            "temperature": 0.2,
            "extra": {"transcription": "srt"},
        },
    ),
    "a picture": ("tti.generate_image", ("a fox",), {}),
    "a picture with all options": (
        "tti.generate_image",
        ("a fox",),
        {
            "model": "stability-ai/sdxl:7762",
            "negative_prompt": "rain",
            "width": 768,
            "height": 1024,
            "aspect_ratio": "3:4",
            "steps": 30,
            "guidance_scale": 7.5,
            "seed": 4294967295,
            "output_format": "jpeg",
            "extra": {"scheduler": "K_EULER"},
        },
    ),
    "an edit with all options": (
        "tti.edit_image",
        ("a fox", PICTURE),
        {
            "model": "stability-ai/sdxl:7762",
            "mask": media("png"),
            "strength": 0.8,
            "negative_prompt": "rain",
            "width": 768,
            "height": 1024,
            "aspect_ratio": "3:4",
            "steps": 30,
            "guidance_scale": 7.5,
            "seed": 0,
            "output_format": "png",
            "extra": {"scheduler": "K_EULER"},
        },
    ),
    "a video": ("ttv.generate_video", ("a fox",), {}),
    "a video with all options": (
        "ttv.generate_video",
        ("a fox",),
        {
            "model": "somebody/films",
            "image": PICTURE,
            "last_image": Source.url("https://example.com/last.png"),
            "negative_prompt": "rain",
            "width": 768,
            "height": 1024,
            "aspect_ratio": "3:4",
            "resolution": "720p",
            "duration_s": 5.0,
            "fps": 24.0,
            "steps": 30,
            "guidance_scale": 5.0,
            "seed": 1,
            "extra": {"loop": True},
        },
    ),
    "music": ("ttm.generate_music", ("a slow waltz",), {}),
    "music with all options": (
        "ttm.generate_music",
        ("a slow waltz",),
        {
            "model": "meta/musicgen:671a",
            "lyrics": "la la",
            "negative_prompt": "drums",
            "duration_s": 20,
            "temperature": 1.0,
            "top_k": 250,
            "top_p": 0.5,
            "guidance_scale": 3.0,
            "seed": 1,
            "extra": {"output_format": "wav"},
        },
    ),
}
OUTPUTS = {"tts": "made.wav", "ttm": "made.wav", "tti": "made.png", "ttv": "made.mp4"}


def asked(recorder: Recorder, case: str, **config: Any) -> tuple[Any, list[Request]]:
    verb, subject, options = ASKED[case]
    modality = verb.partition(".")[0]
    output = HEARD if modality == "stt" else f"{recorder.url}/{OUTPUTS[modality]}"
    recorder.script = working(recorder, output)
    spec = named(recorder, "replicate", **config)
    told = ask(recorder, spec, verb, *subject, verify=False, **options)
    return told.result, told.requests


@pytest.mark.parametrize("case", ASKED)
def test_spec_judges_every_request(recorder: Recorder, judges: Panel, case: str) -> None:
    result, requests = asked(recorder, case, wait_s=60)
    judged = [one for one in requests if one.path[1:] not in OUTPUTS.values()]
    judged = [one for one in judged if one.path != "/v1/files"]
    assert [one.method for one in judged] == ["POST", "GET"]
    for request in judged:
        assert judges("replicate").judge(request) == []
    assert judged[0].header("prefer") == "wait=60"
    assert result.meta.job_id == ID
    assert result.meta.model == ASKED[case][2].get("model", result.meta.model)
    (job, other) = journal().jobs()
    assert (job.state, other.state, job.job_id) == ("done", "done", ID)


def test_spec_judges_the_test_of_a_key(recorder: Recorder, judges: Panel) -> None:
    from omnibind.calls.call import Call
    from omnibind.calls.driver import run
    from omnibind.managers import TTIBindingManager

    recorder.script = [as_json({"type": "user", "username": "fox", "name": "Fox"})]
    spec = named(recorder, "replicate")
    binding: Any = TTIBindingManager().create_binding(spec.pop("binding"), **spec)
    run(binding.test_flow(), Call())
    assert judges("replicate").judge(recorder.only) == []


@contextmanager
def official(recorder: Recorder) -> Iterator[Any]:
    """The service's own package, which doesn't close its connections by itself."""
    from replicate.client import Client as Official

    client = Official(api_token=KEY, base_url=recorder.url)
    yield client
    client._client.close()


SENT: dict[str, dict[str, Any]] = {
    "speech": {"text": "Hello."},
    "speech with all options": {
        "text": "Hello.",
        "voice": "af_bella",
        "language": "en",
        "speed": 1.5,
        "seed": 7,
        "pitch": 2,
    },
    "a picture": {"prompt": "a fox"},
    "a picture with all options": {
        "prompt": "a fox",
        "negative_prompt": "rain",
        "width": 768,
        "height": 1024,
        "aspect_ratio": "3:4",
        "num_inference_steps": 30,
        "guidance_scale": 7.5,
        "seed": 4294967295,
        "output_format": "jpg",
        "scheduler": "K_EULER",
    },
    "music with all options": {
        "prompt": "a slow waltz",
        "lyrics": "la la",
        "negative_prompt": "drums",
        "duration": 20,
        "temperature": 1.0,
        "top_k": 250,
        "top_p": 0.5,
        "classifier_free_guidance": 3.0,
        "seed": 1,
        "output_format": "wav",
    },
}


@pytest.mark.parametrize("case", SENT)
def test_sdk_sends_the_same(recorder: Recorder, case: str) -> None:
    _, requests = asked(recorder, case)
    mine = requests[0]
    recorder.requests.clear()
    model = ASKED[case][2].get("model", "minimax/speech-2.8-turbo")
    model = MODEL if case == "a picture" else model
    _, _, version = model.partition(":")
    with official(recorder) as theirs:
        if version:
            theirs.predictions.create(version=version, input=SENT[case])
        else:
            theirs.models.predictions.create(model=model, input=SENT[case])
    assert (mine.method, mine.target) == (recorder.only.method, recorder.only.target)
    assert mine.header("authorization") == recorder.only.header("authorization")
    assert mine.json() == recorder.only.json()
    assert mine.header("prefer") is recorder.only.header("prefer") is None


def test_sdk_looks_and_calls_off_the_same(recorder: Recorder) -> None:
    _, requests = asked(recorder, "a picture")
    recorder.requests.clear()
    with Client(tti=named(recorder, "replicate")) as client:
        client.jobs.cancel(journal().jobs()[0].number)
    mine = [requests[1], recorder.only]
    recorder.requests.clear()
    with official(recorder) as theirs:
        theirs.predictions.get(ID)
        theirs.predictions.cancel(ID)
    assert [(one.method, one.target) for one in mine] == [
        (one.method, one.target) for one in recorder.requests
    ]
    assert {one.header("authorization") for one in (*mine, *recorder.requests)} == {f"Bearer {KEY}"}


def test_sdk_uploads_a_large_file_the_same(recorder: Recorder) -> None:
    recorder.script = working(recorder, HEARD)
    large = media("mp3", 300_000)
    spec = named(recorder, "replicate")
    sent = ask(recorder, spec, "stt.transcribe_audio", large, verify=False).requests
    recorder.requests.clear()
    with official(recorder) as theirs:
        theirs.files.create(BytesIO(large), filename="audio.mp3")
    assert (sent[0].method, sent[0].target) == (recorder.only.method, recorder.only.target)
    (mine,), (other,) = sent[0].form(), recorder.only.form()
    assert (mine.name, mine.filename, mine.content_type) == ("content", "audio.mp3", "audio/mpeg")
    assert (other.name, other.filename, other.content_type) == (
        *("content", "audio.mp3", "audio/mpeg"),
    )
    assert (mine.content == large, other.content == large) == (True, True)
    assert sent[1].json()["input"] == {"audio": f"{recorder.url}/v1/files/1"}


def test_own_fake_a_small_file_goes_whole_and_an_address_as_it_is(recorder: Recorder) -> None:
    _, requests = asked(recorder, "a video with all options")
    sent = requests[0].json()["input"]
    assert b'"duration":5,"fps":24,' in requests[0].body
    assert sent["image"].startswith("data:image/jpeg;base64,")
    assert sent["last_image"] == "https://example.com/last.png"
    _, requests = asked(recorder, "hearing")
    head, _, text = requests[0].json()["input"]["audio"].partition(",")
    same = base64.b64decode(text) == media("wav")
    assert (head, same) == ("data:audio/wav;base64", True)


NAMES: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "of a listed model": (
        "tts.generate_audio",
        {"default_voice": "Calm_Woman"},
        {},
        {"text": "a fox", "voice_id": "Calm_Woman"},
    ),
    "of a user's own": (
        "tti.generate_image",
        {"input_names": {"guidance_scale": "guidance", "prompt": "tags[]"}},
        {"model": "somebody/paints", "guidance_scale": 3.5},
        {"tags": ["a fox"], "guidance": 3.5},
    ),
    "of a user's own before the listed ones": (
        "ttv.generate_video",
        {"input_names": {"image": "first"}},
        {"image": Source.url("https://example.com/a.png"), "last_image": Source.url("https://b.c")},
        {"prompt": "a fox", "first": "https://example.com/a.png", "end_image": "https://b.c"},
    ),
}


@pytest.mark.parametrize("case", NAMES)
def test_own_fake_inputs_are_named_as_the_model_names_them(recorder: Recorder, case: str) -> None:
    verb, config, options, inputs = NAMES[case]
    recorder.script = working(recorder, f"{recorder.url}/{OUTPUTS[verb[:3]]}")
    spec = named(recorder, "replicate", **config)
    told = ask(recorder, spec, verb, "a fox", verify=False, **options)
    assert told.requests[0].json()["input"] == inputs


def test_own_fake_a_listed_model_takes_its_pictures_as_a_list(recorder: Recorder) -> None:
    recorder.script = working(recorder, f"{recorder.url}/made.png")
    told = ask(
        *(recorder, named(recorder, "replicate"), "tti.edit_image", "a fox", PICTURE),
        model="black-forest-labs/flux-2-pro",
        verify=False,
    )
    sent = told.requests[0].json()["input"]
    assert set(sent) == {"prompt", "input_images"}
    assert [one[:23] for one in sent["input_images"]] == ["data:image/jpeg;base64,"]
    assert journal().jobs()[0].verb == "edit_image"


MEDIA: dict[str, Callable[[str], Any]] = {
    "an address": lambda url: f"{url}/made.wav?sig=abc",
    "a list": lambda url: [f"{url}/made.wav", f"{url}/made.png"],
    "an object": lambda url: {"spectrogram": f"{url}/made.png", "audio": f"{url}/made.wav"},
    "an object whose name tells": lambda url: {"npz": f"{url}/x", "audio_out": f"{url}/made"},
    "a file of unknown kind": lambda url: [{"file": {"url": f"{url}/made.wav"}}],
    "a data URI": lambda url: "data:audio/wav;base64," + base64.b64encode(media("wav")).decode(),
}


@pytest.mark.parametrize("case", MEDIA)
def test_own_fake_any_output_gives_its_sound(recorder: Recorder, case: str) -> None:
    recorder.script = working(recorder, MEDIA[case](recorder.url))
    told = ask(recorder, named(recorder, "replicate"), "tts.generate_audio", "Hi.", verify=False)
    digest = hashlib.sha256(media("wav")).hexdigest()
    assert hashlib.sha256(told.result).hexdigest() == digest
    assert told.result.meta.model == "minimax/speech-2.8-turbo"
    assert told.result.meta.raw["status"] == "succeeded"
    url = told.result.meta.source_url
    made = "made" if case == "an object whose name tells" else "made.wav"
    assert url == (None if case == "a data URI" else f"{recorder.url}/{made}")


TEXTS: dict[str, tuple[Any, str, list[tuple[float, float]], str | None]] = {
    "text": (" Hello there. ", "Hello there.", [], None),
    "pieces of text": (["Hel", "lo there."], "Hello there.", [], None),
    "Whisper's": (HEARD, "Hello there. Bye.", [(0.0, 2.5), (2.5, 3.0)], "en"),
    "a translation": ({**HEARD, "translation": " Hallo."}, "Hallo.", [], "en"),
    "chunks": (
        {"text": "Hi. Bye.", "chunks": [{"text": " Hi.", "timestamp": [0.5, None]}]},
        "Hi. Bye.",
        [(0.5, 0.5)],
        None,
    ),
    "segments alone": (
        {"segments": HEARD["segments"], "language": "de"},
        "Hello there. Bye.",
        [(0.0, 2.5), (2.5, 3.0)],
        "de",
    ),
    "a list of segments": (HEARD["segments"], "Hello there. Bye.", [(0.0, 2.5), (2.5, 3.0)], None),
    "a list of one object": ([{"text": "Hi."}], "Hi.", [], None),
}


@pytest.mark.parametrize("case", TEXTS)
def test_own_fake_any_output_gives_its_text(recorder: Recorder, case: str) -> None:
    output, text, times, language = TEXTS[case]
    recorder.script = working(recorder, output)
    spec = named(recorder, "replicate")
    told = ask(recorder, spec, "stt.transcribe_audio", media("mp3"), verify=False)
    assert told.result == text
    assert [(one.start, one.end) for one in told.result.segments] == times
    assert told.result.language == language


def test_own_fake_words_and_speakers_are_read(recorder: Recorder) -> None:
    words = [{"word": "Hi", "start": 0.1, "end": 0.4}, {"word": "there.", "start": 0.4, "end": 1}]
    segment = {"start": 0, "end": 1, "text": "Hi there.", "speaker": "SPEAKER_00", "words": words}
    recorder.script = working(recorder, {"segments": [segment]})
    spec = named(recorder, "replicate")
    (found,) = ask(
        recorder, spec, "stt.transcribe_audio", media("mp3"), verify=False
    ).result.segments
    assert (found.speaker, [word.text for word in found.words]) == ("SPEAKER_00", ["Hi", "there."])


def test_own_fake_progress_is_read_from_the_log(recorder: Recorder) -> None:
    log = "Using seed: 7\n 10%|█         | 3/30\r 50%|█████     | 15/30 [00:01<00:01]"
    looks = [
        prediction(recorder, "starting"),
        prediction(recorder, "processing", logs=log),
    ]
    recorder.script = working(recorder, f"{recorder.url}/made.png", looks)
    told: list[Any] = []
    with Client(tti=named(recorder, "replicate")) as client:
        client.tti.generate_image("a fox", verify=False, on_progress=told.append)
    steps = [event.progress for event in told]
    assert [(one.step, one.fraction) for one in steps] == [
        ("starting", None),
        ("processing", 0.5),
    ]


ENDED: dict[str, tuple[dict[str, Any], type[OmnibindError], str]] = {
    "failed": ({"status": "failed", "error": "CUDA error"}, CallFailed, "failed: CUDA error"),
    "refused": (
        {"status": "failed", "error": "NSFW content detected. Try running it again."},
        ContentRefused,
        "change the prompt",
    ),
    "flagged": (
        {"status": "failed", "error": "The input or output was flagged as sensitive. (E005)"},
        ContentRefused,
        "flagged as sensitive",
    ),
    "canceled": ({"status": "canceled"}, CallFailed, "was canceled"),
    "aborted": ({"status": "aborted"}, CallFailed, "was aborted"),
    "removed": ({"status": "succeeded", "data_removed": True}, CallFailed, "after an hour"),
    "text": ({"status": "succeeded", "output": "no"}, CallFailed, "no image but no"),
    "numbers": ({"status": "succeeded", "output": [1, 2]}, CallFailed, "no image but"),
}


@pytest.mark.parametrize("case", ENDED)
def test_own_fake_a_prediction_that_gives_no_picture_is_an_error(
    recorder: Recorder, case: str
) -> None:
    facts, error, words = ENDED[case]
    recorder.script = working(recorder, None, [prediction(recorder, **facts)])
    with (
        Client(tti=named(recorder, "replicate")) as client,
        pytest.raises(error, match=words) as raised,
    ):
        client.tti.generate_image("a fox", timeout_s=20)
    assert type(raised.value) is error
    assert journal().jobs()[0].state == "failed"
    assert [one.method for one in recorder.requests] == ["POST", "GET"]


def test_own_fake_no_transcript_is_an_error(recorder: Recorder) -> None:
    recorder.script = working(recorder, {"vector": [1, 2]})
    with (
        Client(stt=named(recorder, "replicate")) as client,
        pytest.raises(CallFailed, match="gave no transcript"),
    ):
        client.stt.transcribe_audio(media("mp3"), verify=False)


def test_own_fake_something_else_behind_the_address_is_an_error(recorder: Recorder) -> None:
    recorder.script = working(recorder, f"{recorder.url}/made.png")
    with (
        Client(tts=named(recorder, "replicate")) as client,
        pytest.raises(BadReply, match="instead of a sound"),
    ):
        client.tts.generate_audio("Hi.")


PROBLEMS: dict[str, tuple[int, dict[str, Any], type[OmnibindError], str]] = {
    "a bad key": (
        401,
        {"title": "Unauthenticated", "detail": "You did not pass a valid token", "status": 401},
        KeyRefused,
        "valid token",
    ),
    "no credit": (
        402,
        {"title": "Insufficient credit", "detail": "Buy some.", "status": 402},
        QuotaExceeded,
        "Buy some",
    ),
    "no such model": (
        404,
        {"detail": "The requested resource could not be found.", "status": 404},
        UnknownModel,
        "owner/name:version",
    ),
    "an input that isn't there": (
        422,
        {
            "title": "Input validation failed",
            "detail": "- input: Additional property width is not allowed\n",
            "status": 422,
        },
        OmnibindError,
        "Additional property width is not allowed",
    ),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_own_fake_problems_are_told(recorder: Recorder, case: str) -> None:
    status, problem, error, words = PROBLEMS[case]
    recorder.script = [as_json(problem, status, {"content-type": "application/problem+json"})]
    with (
        Client(tti=named(recorder, "replicate")) as client,
        pytest.raises(error, match=words) as raised,
    ):
        client.tti.generate_image("a fox")
    assert KEY not in str(raised.value)
    assert journal().jobs()[0].state == "failed"
    assert len(recorder.requests) == 1


WRONG: dict[str, tuple[type[OmnibindError], str, dict[str, Any], dict[str, Any]]] = {
    "no owner": (UnknownModel, "owner/name", {}, {"model": "flux"}),
    "a version alone": (UnknownModel, "owner/name", {}, {"model": "9dcd6d78e7c6560c340d916fe32e"}),
    "a path": (UnknownModel, "owner/name", {}, {"model": "a/b/../../account"}),
    "a listed model's lack": (
        BadOption,
        "flux-schnell of tti/replicate has no width",
        {},
        {"width": 512},
    ),
    "a name for nothing": (BadConfig, "choose among", {"input_names": {"size": "wide"}}, {}),
    "a vendor's word": (UnknownOption, "steps", {}, {"num_inference_steps": 4}),
}


@pytest.mark.parametrize("case", WRONG)
def test_own_fake_what_does_not_fit_is_refused_before_it_is_sent(
    recorder: Recorder, case: str
) -> None:
    error, words, config, options = WRONG[case]
    with (
        Client(tti=named(recorder, "replicate", **config)) as client,
        pytest.raises(error, match=words),
    ):
        client.tti.generate_image("a fox", **options)
    assert recorder.requests == []
    assert journal().jobs() == []


def test_own_fake_a_picture_is_not_sent_to_a_model_that_takes_none(recorder: Recorder) -> None:
    with (
        Client(tti=named(recorder, "replicate")) as client,
        pytest.raises(BadOption, match="has no image"),
    ):
        client.tti.edit_image("a fox", PICTURE)
    assert recorder.requests == []


def test_own_fake_a_video_that_is_too_long_is_refused(recorder: Recorder) -> None:
    with (
        Client(ttv=named(recorder, "replicate")) as client,
        pytest.raises(BadOption, match="at most 16 s"),
    ):
        client.ttv.generate_video("a fox", duration_s=17)


def test_own_fake_a_cancelled_call_cancels_the_prediction(recorder: Recorder) -> None:
    looks = [prediction(recorder, "processing")] * 10_000
    script = working(recorder, None, looks)
    with Client(tti=named(recorder, "replicate")) as client:

        def answer(request: Request) -> Answer:
            if request.method == "GET":
                call.cancel()
            if request.path.endswith("/cancel"):
                return as_json(prediction(recorder, "canceled"))
            return script(request)

        recorder.script = answer
        call = client.submit(client.tti.generate_image, "a fox")
        with pytest.raises(OmnibindError):
            call.result(30)
    assert recorder.requests[-1].target == f"/v1/predictions/{ID}/cancel"
    assert recorder.requests[-1].method == "POST"
    assert journal().jobs()[0].state == "cancelled"


def test_own_fake_a_transcript_is_fetched_by_another_client(recorder: Recorder) -> None:
    asked(recorder, "hearing")
    number = journal().jobs()[0].number
    recorder.script = working(recorder, HEARD)
    with Client(stt=named(recorder, "replicate")) as client:
        found: Any = client.jobs.resume(number)
    assert found == "Hello there. Bye."
    assert len(found.segments) == 2
